"""The first page and the help page. Neither asks the database for anything: numbers must stand when all else is down."""

from flask import Blueprint, redirect, render_template
from werkzeug.wrappers import Response

from server.blueprints.requests import parts

bp = Blueprint("pages", __name__)


@bp.get("/")
def root() -> Response:
    return redirect("/h5/")


@bp.get("/h5/")
def home() -> str:
    return render_template("h5/home.html", instruments=parts().startable())


@bp.get("/h5/help")
def help_page() -> str:
    return render_template("h5/help.html")


@bp.get("/h5/bye")
def bye() -> str:
    return render_template("h5/bye.html")
