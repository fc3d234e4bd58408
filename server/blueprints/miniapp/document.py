"""The OpenAPI document: what APIFlask reads from the routes, completed by what holds for all of them.

Only /api/v1 stands in it. Refusals, who may ask, what is limited and what may be repeated are told by the same marks on
the handlers by which they are enforced.
"""

import json
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
_REFERENCE = "#/components/schemas/"
_WITH_BODY = ("post", "put", "patch")
_TOO_MANY = 429
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
        ref_template=f"{_REFERENCE}ErrorOut.{{model}}"
    )
    _lift_definitions(made["components"]["schemas"])
    for path, method, rule in _operations(app):
        operation = made["paths"][path][method]
        view = app.view_functions[rule.endpoint]
        operation["operationId"] = _camel(rule.endpoint.rpartition(".")[2])
        _complete(operation, method, path, view)
    return _one_name_each(made)


def _operations(app: APIFlask) -> Iterator[tuple[str, str, Rule]]:
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        if rule.rule.startswith(PREFIX) and not getattr(view, "_spec", {}).get("hide"):
            path = re.sub(r"<(?:[^<:]+:)?([^>]+)>", r"{\1}", rule.rule)
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield path, method.lower(), rule


def _complete(operation: Json, method: str, path: str, view: Any) -> None:
    possible = {500, 503} | set(marks.refusals_of(view))
    for parameter in operation["parameters"]:
        if parameter["in"] == "header":
            parameter["name"] = parameter["name"].title()  # APIFlask writes them small
        elif parameter["in"] == "query":
            possible.add(422)
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
    reference = {"$ref": f"{_REFERENCE}ErrorOut"}
    body = {"schema": reference, "example": examples.error(status)}
    said: Json = {"description": _SAYS[status], "content": {"application/json": body}}
    if status == _TOO_MANY:
        said["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds"}}
    return said


def _camel(name: str) -> str:
    first, *more = name.split("_")
    return first + "".join(word.title() for word in more)


def _lift_definitions(schemas: Json) -> None:
    for name, schema in list(schemas.items()):
        for inner, definition in schema.pop("$defs", {}).items():
            schemas.setdefault(f"{name}.{inner}", definition)


def _one_name_each(made: Json) -> Json:
    """APIFlask writes `Outer.Inner` for each place where Inner stands: one model gets one name, and two that only share
    theirs stay two."""
    schemas = made["components"]["schemas"]
    by_short: dict[str, list[str]] = {}
    for name in schemas:
        by_short.setdefault(name.rpartition(".")[2], []).append(name)
    renamed: dict[str, str] = {}
    for short, names in by_short.items():
        is_one = all(_bare(schemas[name]) == _bare(schemas[names[0]]) for name in names)
        renamed |= {name: short if is_one else name.replace(".", "") for name in names}
    made["components"]["schemas"] = {renamed[name]: schema for name, schema in schemas.items()}
    text = json.dumps(made)
    for name, newer in renamed.items():
        text = text.replace(f'"{_REFERENCE}{name}"', f'"{_REFERENCE}{newer}"')
    return dict(json.loads(text))


def _bare(schema: Json) -> str:
    """Without the outer names in its references."""
    return re.sub(rf'"{_REFERENCE}[^"]*\.', f'"{_REFERENCE}', json.dumps(schema, sort_keys=True))
