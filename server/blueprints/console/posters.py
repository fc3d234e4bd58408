"""Posters of codes: a picture to hang up, a drawing for print shops, a sheet of several to print."""

from collections.abc import Callable

from flask import Blueprint, Response, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue

from server import printing
from server.accounts.policy import Permission
from server.blueprints.console import flashes, store
from server.blueprints.console.entry_points import get_row
from server.blueprints.console.guards import guarded
from server.blueprints.requests import parts
from server.clock import utc_now
from server.errors import NotFound
from server.organisations import codes
from server.organisations.posters import Poster

bp = Blueprint("posters", __name__, url_prefix="/console/entry-points")


@bp.get("/print")
@guarded(Permission.SEE_ENTRY_POINTS)
def sheet() -> ResponseReturnValue:
    """Two labels of A5 on each sheet of A4."""
    wanted, now = request.args.getlist("code"), utc_now()
    if not wanted:
        flashes.say("choose_codes")
        return redirect("/console/entry-points", 303)
    rows = store.read(lambda session: codes.get_codes(session, doors=parts().doors, codes=wanted, now=now))
    printable = [row for row in rows if row.may_be_printed]
    return render_template(
        "console/posters.html", rows=printable, left_out=len(set(wanted)) - len(printable), most=codes.MOST_AT_ONCE
    )


@bp.get("/<entry_code>/poster.png")
@guarded(Permission.SEE_ENTRY_POINTS)
def png(entry_code: str) -> Response:
    return _file(entry_code, printing.png_of, "png", "image/png")


@bp.get("/<entry_code>/poster.svg")
@guarded(Permission.SEE_ENTRY_POINTS)
def svg(entry_code: str) -> Response:
    return _file(entry_code, printing.svg_of, "svg", "image/svg+xml")


def _file(entry_code: str, draw: Callable[[Poster], bytes], ending: str, kind: str) -> Response:
    row = get_row(entry_code)
    if not row.may_be_printed:
        raise NotFound(entry_point=entry_code)
    answer = make_response(draw(printing.poster_of(parts(), row.place.name, row.point)))
    answer.content_type = kind
    # A picture in a page is shown all the same; opened by itself it is a file to keep.
    answer.headers["Content-Disposition"] = f'attachment; filename="xinqiao-{row.point.code}.{ending}"'
    return answer
