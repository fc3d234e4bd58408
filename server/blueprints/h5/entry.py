"""/q/<code>: what a QR code on paper leads to, in any browser."""

from flask import Blueprint, redirect, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from server.blueprints.requests import parts
from server.clock import utc_now
from server.organisations import service as organisations
from server.organisations.service import Entry, EntryPointState

bp = Blueprint("entry", __name__)

_STATUS = {EntryPointState.UNKNOWN: 404, EntryPointState.NOT_YET: 403}
_GONE = 410


@bp.get("/q/<code>")
def open_code(code: str) -> ResponseReturnValue:
    entry = parts().database.write(lambda session: _use(session, code))
    if entry.state is EntryPointState.OPEN:
        return redirect(f"{entry.path}?from={code}", 303)
    page = render_template("h5/entry.html", entry=entry, instruments=parts().startable())
    return page, _STATUS.get(entry.state, _GONE)


def _use(session: Session, code: str) -> Entry:
    now = utc_now()
    entry = organisations.look_up_entry(session, doors=parts().doors, code=code, now=now)
    if entry.entry_point_id is not None:
        organisations.count_use(session, entry_point_id=entry.entry_point_id, what="scans", now=now)
    return entry
