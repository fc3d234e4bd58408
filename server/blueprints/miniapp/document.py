"""The OpenAPI document: what APIFlask reads from the routes, completed by what holds for all of them.

Only /api/v1 stands in it. Refusals, who may ask, what is limited and what may be repeated are told by the same marks on
the handlers by which they are enforced.
"""

import re
from collections.abc import Iterator
from typing import Any

from apiflask import APIBlueprint, APIFlask
from werkzeug.routing import Rule

from server.blueprints.miniapp import examples, limits, marks
from server.blueprints.miniapp.schemas import ErrorOut

PREFIX = "/api/v1"
ACCESS = "access"
Json = dict[str, Any]
_WITH_BODY = ("post", "put", "patch")
_SAYS = {
    400: "No JSON",
    401: "Not signed in, or no longer",
    403: "Refused",
    404: "There is none, or none for the asker",
    409: "It has moved on, or a key was used for something else",
    413: "Too large",
    415: "Not application/json",
    422: "A field is wrong; `fields` says which",
    429: "Too fast; Retry-After says for how long",
    500: "A fault of ours, with numbers to call",
    503: "Out of reach for now; nothing was half done",
}


def configure(app: APIFlask) -> None:
    app.config.update(
        OPENAPI_VERSION="3.1.0",
        AUTO_SERVERS=False,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
        AUTO_AUTH_ERROR_RESPONSE=False,
        AUTO_404_RESPONSE=False,
        SECURITY_SCHEMES={ACCESS: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
    )
    app.servers = [{"url": "/", "description": "This installation"}]
    app.description = (
        "Everything but the log-in, the profile and its devices works without a log-in. Numbers to call, "
        "self-assessments and requests to be called are never limited. Instants carry +08:00."
    )


def document(app: APIFlask) -> Json:
    """Made once for an application and kept."""
    kept = app.extensions.get("xinqiao_document")
    if kept is None:
        kept = app.extensions["xinqiao_document"] = _make(app)
    assert isinstance(kept, dict)
    return kept


def _make(app: APIFlask) -> Json:
    for blueprint in app.blueprints.values():
        if not isinstance(blueprint, APIBlueprint):
            blueprint.enable_openapi = False  # type: ignore[attr-defined]  # APIFlask asks every blueprint that has a before_request
    made = app.spec
    assert isinstance(made, dict)
    made["components"]["schemas"]["ErrorOut"] = ErrorOut.model_json_schema(
        ref_template="#/components/schemas/ErrorOut.{model}", mode="serialization"
    )
    _lift_definitions(made["components"]["schemas"])
    for path, method, rule in _operations(app):
        operation = made["paths"][path][method]
        view = app.view_functions[rule.endpoint]
        operation["operationId"] = _camel(rule.endpoint.rpartition(".")[2])
        _complete(operation, method, path, view)
    return dict(_flattened(made))


def _operations(app: APIFlask) -> Iterator[tuple[str, str, Rule]]:
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        if rule.rule.startswith(PREFIX) and not getattr(view, "_spec", {}).get("hide"):
            path = re.sub(r"<(?:[^<:]+:)?([^>]+)>", r"{\1}", rule.rule)
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield path, method.lower(), rule


def _complete(operation: Json, method: str, path: str, view: Any) -> None:
    possible = {500, 503} | set(marks.refusals_of(view))
    if operation["parameters"]:
        possible |= {422} if any(one["in"] == "query" for one in operation["parameters"]) else set()
    if "{" in path:
        possible.add(404)
    if method in _WITH_BODY:
        possible |= {413, 415}
    if "requestBody" in operation:
        operation["requestBody"]["required"] = True
        possible |= {400, 422}
    if marks.is_signed_in(view):
        operation["security"] = [{ACCESS: []}]
        possible.add(401)
    if limits.is_limited(path):
        possible.add(429)
    for status in sorted(possible):
        operation["responses"][str(status)] = _refusal(status)
    if marks.is_public_content(view):
        operation["responses"]["200"]["headers"] = {"ETag": {"schema": {"type": "string"}}}
        operation["responses"]["304"] = {"description": "What you have is still right"}


def _refusal(status: int) -> Json:
    reference = {"$ref": "#/components/schemas/ErrorOut"}
    body = {"schema": reference, "example": examples.error(status)}
    return {"description": _SAYS[status], "content": {"application/json": body}}


def _camel(name: str) -> str:
    first, *more = name.split("_")
    return first + "".join(word.title() for word in more)


def _lift_definitions(schemas: Json) -> None:
    for name, schema in list(schemas.items()):
        for inner, definition in schema.pop("$defs", {}).items():
            schemas.setdefault(f"{name}.{inner}", definition)


def _flattened(value: Any) -> Any:
    """One name for one model: APIFlask writes `Outer.Inner` for each place where Inner stands."""
    if isinstance(value, dict):
        return {
            name.rpartition(".")[2] if _is_schema(inner) else name: (
                f"#/components/schemas/{inner.rpartition('/')[2].rpartition('.')[2]}"
                if name == "$ref"
                else _flattened(inner)
            )
            for name, inner in value.items()
        }
    return [_flattened(one) for one in value] if isinstance(value, list) else value


def _is_schema(value: Any) -> bool:
    return isinstance(value, dict) and "title" in value
