"""The document itself, and a page to read it by: drawn here, without script and without anything from elsewhere."""

from apiflask import APIBlueprint, APIFlask
from flask import Response, current_app, render_template

from server.blueprints.miniapp.caching import public
from server.blueprints.miniapp.document import Json, document

bp = APIBlueprint("docs", __name__, enable_openapi=False)


@bp.get("/openapi.json")
@bp.doc(hide=True)
def show_document() -> Response:
    return public(_document())


@bp.get("/docs")
@bp.doc(hide=True)
def show_page() -> str:
    return render_template("miniapp/docs.html", spec=_document(), by_tag=_by_tag(_document()))


def _document() -> Json:
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    assert isinstance(app, APIFlask)
    return document(app)


def _by_tag(spec: Json) -> dict[str, list[Json]]:
    found: dict[str, list[Json]] = {}
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            tag = operation.get("tags", ["-"])[0]
            found.setdefault(tag, []).append(operation | {"method": method.upper(), "path": path})
    return found
