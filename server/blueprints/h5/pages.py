"""The first page and the help page. Neither asks the database for anything: numbers must stand when all else is down."""

from flask import Blueprint, make_response, redirect, render_template, request
from flask import Response as Answer
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from server.blueprints.requests import parts
from server.ids import is_printed_code

bp = Blueprint("pages", __name__)


@bp.get("/")
def root() -> Response:
    return redirect("/h5/")


@bp.get("/h5/")
def home() -> str:
    """What can be done. A scanned code is handed on, so that what begins here counts for its place."""
    code = request.args.get("from", "")
    return render_template("h5/home.html", instruments=parts().startable(), code=code if is_printed_code(code) else "")


@bp.get("/h5/help")
def help_page() -> str:
    return render_template("h5/help.html")


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
def verify_file(any_name: str) -> Answer:
    """How WeChat checks that the domain of the web log-in is ours."""
    files = dict(file.split(":", 1) for file in parts().settings.wechat_verify_files)
    if f"{any_name}.txt" not in files:
        raise NotFound
    return make_response(files[f"{any_name}.txt"], 200, {"Content-Type": "text/plain"})
