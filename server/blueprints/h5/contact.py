"""请老师联系我: leaving a number, with a response or without one. Never refused for a stale page or a missing cookie."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

from flask import Blueprint, Response, make_response, redirect, render_template, request
from sqlalchemy.orm import Session

from server.assessment import service as assessment
from server.blueprints import errors
from server.blueprints.errors import sentence_of
from server.blueprints.h5 import device
from server.blueprints.requests import form, parts, refuse_foreign_forms
from server.clock import utc_now
from server.crisis import duty
from server.crisis import service as crisis
from server.crisis.models import CallWhen, SourceKind
from server.errors import NotFound, Unavailable
from server.ids import PUBLIC_ID_LENGTH, new_public_id
from server.organisations import service as organisations
from server.texts import text
from server.texts.moments import say_when
from server.vault import token_hash

bp = Blueprint("contact", __name__, url_prefix="/h5")
bp.before_request(refuse_foreign_forms)
# The pages of a response that lead here; nothing else is a way back.
_BACK = re.compile(r"/h5/test/[a-z0-9_]+/(?:care|result)")
_LONGEST_NUMBER = 40


@bp.get("/contact")
def contact() -> Response:
    return _page(action="/h5/contact")


@bp.post("/contact")
def leave_contact() -> Response:
    """A number without a response. The form's own random id makes a double tap one request."""
    given = form("form_id", PUBLIC_ID_LENGTH)
    form_id = given if len(given) == PUBLIC_ID_LENGTH and given.isascii() else new_public_id()
    return _leave(lambda session: _leave_nameless(session, form_id), action="/h5/contact")


@bp.get("/test/<instrument_id>/contact")
def contact_with_response(instrument_id: str) -> Response:
    token = device.token_of(instrument_id)
    if not token or not device.is_looking(instrument_id, token):
        return make_response(redirect("/h5/contact", 303))
    return _page(action=f"/h5/test/{instrument_id}/contact", token=token, back=f"/h5/test/{instrument_id}/result")


@bp.post("/test/<instrument_id>/contact")
def leave_contact_with_response(instrument_id: str) -> Response:
    """The response stops being anonymous. One that cannot be found any more does not cost the person their call."""
    token = form("token") or device.token_of(instrument_id)
    return _leave(
        lambda session: _leave_with_response(session, token), action=f"/h5/test/{instrument_id}/contact", token=token
    )


def _leave(work: Callable[[Session], datetime | None], *, action: str, token: str = "") -> Response:
    try:
        promise = parts().database.write(work)
    except crisis.BadPhone as fault:
        return _page(action=action, token=token, fault=sentence_of(fault), status=422)
    except Unavailable as fault:
        errors.note(fault)
        return _page(action=action, token=token, fault=text("h5.not_saved_contact"), status=503)
    by = say_when(promise, utc_now()) if promise else None
    return make_response(render_template("h5/contact_done.html", by=by, back=_back() or "/h5/"))


def _leave_nameless(session: Session, form_id: str) -> datetime | None:
    return crisis.leave_contact(
        session,
        source_kind=SourceKind.CONTACT_PAGE,
        source_public_id=form_id,
        organisation_id=_place(session),
        phone=form("phone", _LONGEST_NUMBER),
        call_when=_call_when(),
        is_minor=bool(form("minor")),
        now=utc_now(),
    )


def _leave_with_response(session: Session, token: str) -> datetime | None:
    try:
        return assessment.leave_contact(
            session, token=token, phone=form("phone", _LONGEST_NUMBER), call_when=_call_when(), now=utc_now()
        )
    except assessment.Gone:
        # The page's token, though it opens nothing, still tells a double tap.
        return _leave_nameless(session, token_hash(token)[:PUBLIC_ID_LENGTH] if token else new_public_id())


def _page(*, action: str, token: str = "", back: str = "", fault: str = "", status: int = 200) -> Response:
    page = render_template(
        "h5/contact.html",
        action=action,
        token=token,
        back=back or _back(),
        entry_code=_entry_code(),
        form_id=form("form_id", PUBLIC_ID_LENGTH) or new_public_id(),
        fault=fault,
        phone=form("phone", _LONGEST_NUMBER),
        call_when=_call_when(),
        minor=bool(form("minor")),
        call_times=list(CallWhen),
        on_duty=_duty_sentence(token),
    )
    return make_response(page, status)


def _back() -> str:
    back = form("back")
    return back if _BACK.fullmatch(back) else ""


def _call_when() -> CallWhen:
    given = form("call_when", 20)
    return CallWhen(given) if given in set(CallWhen) else CallWhen.ANY


def _entry_code() -> str:
    """The code that was scanned, for the place whose colleagues call."""
    return (request.values.get("from") or "")[:20]


def _place(session: Session) -> int:
    point = organisations.find_entry_point(session, _entry_code())
    return point.organisation_id if point else organisations.root_of(session).id


def _duty_sentence(token: str) -> str:
    """Who can be reached, as far as the roster knows; without the store nothing is claimed."""
    now = utc_now()
    try:
        found = parts().database.read(lambda session: _duty(session, token, now))
    except (Unavailable, NotFound):
        return text("h5.contact_duty_unknown")
    if found.is_on_now and found.until:
        is_always = found.until - now > timedelta(days=1)
        return text("h5.contact_duty_always" if is_always else "h5.contact_duty_on", until=say_when(found.until, now))
    if found.next_from:
        return text("h5.contact_duty_off", next=say_when(found.next_from, now))
    return text("h5.contact_duty_unknown")


def _duty(session: Session, token: str, now: datetime) -> duty.Duty:
    place = assessment.find_place(session, token=token) or _place(session)
    return duty.duty_at(crisis.duty_windows(session, organisation_id=place, now=now), now)
