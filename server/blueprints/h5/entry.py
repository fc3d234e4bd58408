"""/q/<code>: what a QR code on paper leads to, in any browser."""

from flask import Blueprint, Response, make_response, redirect, render_template, request
from sqlalchemy.orm import Session

from server.blueprints.requests import parts
from server.clock import utc_now
from server.errors import Unavailable
from server.ids import is_printed_code
from server.organisations import service as organisations
from server.organisations.service import Entry, EntryPointState

bp = Blueprint("entry", __name__)

_STATUS = {EntryPointState.UNKNOWN: 404, EntryPointState.NOT_YET: 403}
_GONE = 410
# A double tap or a reload is no second scan; a second person with the same phone a minute later is one.
_JUST_SCANNED = "xq_q"
_SAME_SCAN_SECONDS = 60


@bp.get("/q/<code>")
def open_code(code: str) -> Response:
    is_counted = request.method == "GET" and _JUST_SCANNED not in request.cookies
    try:
        entry = _find_entry(code, is_counted=is_counted)
    except Unavailable:
        if not is_printed_code(code):
            raise
        # The first page needs no store, and keeps the code for whatever is begun there.
        return make_response(redirect(f"/h5/?from={code}", 303))
    if entry.state is EntryPointState.OPEN:
        response = make_response(redirect(f"{entry.path}?from={code}", 303))
    else:
        page = render_template("h5/entry.html", entry=entry, instruments=parts().startable(), code=code)
        response = make_response(page, _STATUS.get(entry.state, _GONE))
    if is_counted and entry.entry_point_id is not None:
        _note_scan(response, code)
    return response


def _find_entry(code: str, *, is_counted: bool) -> Entry:
    if not is_counted:
        return parts().database.read(lambda session: _look_up(session, code))
    try:
        return parts().database.write(lambda session: _count(session, code))
    except Unavailable:
        # A count is worth nobody's way: where it cannot be written, the code still leads on.
        return parts().database.read(lambda session: _look_up(session, code))


def _look_up(session: Session, code: str) -> Entry:
    return organisations.look_up_entry(session, doors=parts().doors, code=code, now=utc_now())


def _count(session: Session, code: str) -> Entry:
    entry = _look_up(session, code)
    if entry.entry_point_id is not None:
        organisations.count_use(session, entry_point_id=entry.entry_point_id, what="scans", now=utc_now())
    return entry


def _note_scan(response: Response, code: str) -> None:
    response.set_cookie(
        _JUST_SCANNED,
        "1",
        max_age=_SAME_SCAN_SECONDS,
        path=f"/q/{code}",
        httponly=True,
        samesite="Lax",
        secure=parts().settings.public_base_url.startswith("https://"),
    )
