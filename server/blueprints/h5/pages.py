"""The first page and the help page. Neither asks the database for anything: numbers must stand when all else is down."""

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as Redirect

from server.blueprints.requests import parts
from server.clock import utc_now
from server.ids import is_printed_code

bp = Blueprint("pages", __name__)


@bp.get("/")
def root() -> Redirect:
    return redirect("/h5/")


@bp.get("/h5/")
def home() -> Response:
    """What can be done. A scanned code is handed on, so that what begins here counts for its place."""
    page = render_template(
        "h5/home.html", instruments=parts().startable(), code=_scanned(), has_places=parts().places_in_sight.is_any
    )
    return _then_look(make_response(page))


@bp.get("/h5/help")
def help_page() -> Response:
    page = render_template("h5/help.html", code=_scanned(), has_places=parts().places_in_sight.is_any)
    return _then_look(make_response(page))


@bp.get("/h5/bye")
def bye() -> str:
    return render_template("h5/bye.html")


@bp.get("/h5/notice/<name>")
def notice(name: str) -> str:
    """Privacy, minors, complaint: texts with a version."""
    if name not in parts().notices:
        raise NotFound
    return render_template("h5/notice.html", notice=parts().notices[name])


@bp.get("/<any_name>.txt")
def verify_file(any_name: str) -> Response:
    """How WeChat checks that the domain of the web log-in is ours."""
    files = dict(file.split(":", 1) for file in parts().settings.wechat_verify_files)
    if f"{any_name}.txt" not in files:
        raise NotFound
    return make_response(files[f"{any_name}.txt"], 200, {"Content-Type": "text/plain"})


def _scanned() -> str:
    code = request.args.get("from", "")
    return code if is_printed_code(code) else ""


def _then_look(response: Response) -> Response:
    """Whether there are places is looked up when the page has gone out: it waits for no store."""
    in_sight, now = parts().places_in_sight, utc_now()
    if in_sight.is_stale(now):
        response.call_on_close(lambda: in_sight.look(now))
    return response
