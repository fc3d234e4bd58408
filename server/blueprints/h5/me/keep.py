"""存到我的: a result's copy comes from an anonymous page, waits on the phone for a log-in, and is kept when its owner says so.

Between the page and the log-in it is nowhere but in a cookie of these pages, sealed, for ten minutes.
"""

from flask import Blueprint, Response, g, make_response, redirect, render_template, request
from sqlalchemy.orm import Session

from server.accounts import consents
from server.accounts.ages import AgeBand
from server.accounts.models import Resident
from server.accounts.purposes import Purpose
from server.assessment import keeping
from server.blueprints import errors
from server.blueprints.errors import sentence_of
from server.blueprints.h5.me import guard
from server.blueprints.requests import form, parts, refuse_foreign_forms
from server.clock import utc_now
from server.texts import text

bp = Blueprint("me_keep", __name__, url_prefix="/h5/me")
bp.before_request(refuse_foreign_forms)
WAITING = "xq_me_copy"
_LONGEST_COPY = 2000
_ADDRESS = f"{guard.HOME}/keep"


@bp.post("/keep")
def bring() -> Response:
    """From the result page, by a tap of its owner's. What is brought is looked into, not stored."""
    sealed = form("copy", _LONGEST_COPY)
    keeping.look_into(parts().vault, sealed, now=utc_now())
    response = make_response(redirect(_ADDRESS, 303))
    return guard.set_cookie(response, WAITING, sealed, max_age=int(keeping.TRAVELS.total_seconds()))


@bp.get("/keep")
@guard.for_residents("keep")
def ask() -> Response:
    return _page()


@bp.post("/keep/yes")
@guard.for_residents("keep")
def keep() -> Response:
    missing = _what_is_missing()
    if missing:
        return _page(text(missing), status=422)
    try:
        guard.write(_keep)
    except consents.GuardianMissing:
        guard.write(_note_age)  # a transaction of its own: the refused one rolled back
        return make_response(redirect(f"{guard.HOME}/guardian/ask", 303))
    return guard.drop_cookie(make_response(redirect(f"{guard.HOME}/results", 303)), WAITING)


@bp.post("/keep/no")
def throw_away() -> Response:
    """Also for whoever is not logged in: the phone forgets the copy."""
    return guard.drop_cookie(make_response(redirect("/h5/", 303)), WAITING)


@bp.get("/results")
@guard.for_residents()
def results() -> Response:
    kept = guard.read(lambda session, resident: keeping.list_kept(session, resident=resident))
    page = render_template("h5/me/results.html", kept=kept, day_of=keeping.day_of, form_key=guard.form_key())
    return make_response(page)


@bp.post("/results/<public_id>/delete")
@guard.for_residents()
def delete(public_id: str) -> Response:
    guard.write(lambda session, resident: keeping.drop(session, resident=resident, public_id=public_id))
    return make_response(redirect(f"{guard.HOME}/results", 303))


@bp.errorhandler(keeping.CopyOver)
def over(fault: keeping.CopyOver) -> Response:
    errors.note(fault)
    page = render_template("h5/me/said.html", sentence=sentence_of(fault))
    return guard.drop_cookie(make_response(page, errors.status_of(fault)), WAITING)


def _keep(session: Session, resident: Resident) -> None:
    _note_age(session, resident)
    consents.give_consent(
        session,
        resident=resident,
        purpose=Purpose.KEEP_RESULTS,
        text_version=parts().consents[Purpose.KEEP_RESULTS].version,
        now=utc_now(),
    )
    keeping.keep(session, resident=resident, sealed=request.cookies.get(WAITING, ""), now=utc_now())


def _note_age(session: Session, resident: Resident) -> None:
    if resident.age_band is None:
        resident.age_band = AgeBand(form("age"))


def _what_is_missing() -> str:
    """The key of a sentence, or nothing. Agreeing to a text that has changed since is no agreement."""
    if g.resident.age_band is None and form("age") not in set(AgeBand):
        return "me.need_age"
    agreed = form("consent")
    if not agreed:
        return "me.need_consent"
    return "" if agreed == parts().consents[Purpose.KEEP_RESULTS].version else "h5.consent_changed"


def _page(fault: str = "", *, status: int = 200) -> Response:
    """The day and the name, not the result: phones are shared, and whoever logged in need not be who answered."""
    copy, _ = keeping.look_into(parts().vault, request.cookies.get(WAITING, ""), now=utc_now())
    page = render_template(
        "h5/me/keep.html",
        copy=copy,
        day=keeping.day_of(copy),
        ages=[] if g.resident.age_band else list(AgeBand),
        consent=parts().consents[Purpose.KEEP_RESULTS],
        fault=fault,
        form_key=guard.form_key(),
    )
    return make_response(page, status)
