"""The first page and the help page. Neither asks the database for anything: numbers must stand when all else is down."""

from flask import Blueprint, redirect, render_template, request
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
