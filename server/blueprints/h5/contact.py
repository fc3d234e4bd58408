"""请老师联系我: leaving a number, with a response or without one. Never refused for a stale page or a missing cookie."""

from collections.abc import Callable
from datetime import datetime

from flask import Blueprint, Response, make_response, redirect, render_template, request
from sqlalchemy.orm import Session

from server.assessment import service as assessment
from server.blueprints.errors import sentence_of
from server.blueprints.h5 import device
from server.blueprints.requests import form, parts
from server.clock import utc_now
from server.crisis import duty
from server.crisis import service as crisis
from server.crisis.models import CallWhen, SourceKind
from server.errors import Unavailable
from server.ids import new_public_id
from server.organisations import service as organisations
from server.texts import text
from server.texts.moments import say_when

bp = Blueprint("contact", __name__, url_prefix="/h5")
_FORM_ID_LENGTH = 22


@bp.get("/contact")
def contact() -> Response:
    return _page(action="/h5/contact", form_id=new_public_id())


@bp.post("/contact")
def leave_contact() -> Response:
    """A number without a response. The form's own random id makes a double tap one request."""
    form_id = form("form_id", _FORM_ID_LENGTH)
    if len(form_id) != _FORM_ID_LENGTH or not form_id.isascii():
        form_id = new_public_id()
    return _leave(lambda session: _leave_nameless(session, form_id), action="/h5/contact", form_id=form_id)


@bp.get("/test/<instrument_id>/contact")
def contact_with_response(instrument_id: str) -> Response:
    token = device.token_of(instrument_id)
    if not token or not device.is_looking(instrument_id, token):
        return make_response(redirect("/h5/contact", 303))
    return _page(action=f"/h5/test/{instrument_id}/contact", token=token)


@bp.post("/test/<instrument_id>/contact")
def leave_contact_with_response(instrument_id: str) -> Response:
    """The response stops being anonymous. One that cannot be found any more does not cost the person their call."""
    token, form_id = form("token") or device.token_of(instrument_id), new_public_id()
    response = _leave(
        lambda session: _leave_with_response(session, token, form_id),
        action=f"/h5/test/{instrument_id}/contact",
        token=token,
    )
    return device.keep(response, instrument_id, token) if token else response


def _leave(work: Callable[[Session], datetime | None], *, action: str, token: str = "", form_id: str = "") -> Response:
    try:
        promise = parts().database.write(work)
    except (crisis.BadPhone, Unavailable) as fault:
        status = 422 if isinstance(fault, crisis.BadPhone) else 503
        sentence = sentence_of(fault) if status == 422 else text("h5.not_saved_contact")
        return _page(action=action, token=token, form_id=form_id, fault=sentence, status=status)
    by = say_when(promise, utc_now()) if promise else None
    back = request.form.get("back", "")
    page = render_template("h5/contact_done.html", by=by, back=back if back.startswith("/h5/") else "/h5/")
    return make_response(page)


def _call_when() -> CallWhen:
    given = form("call_when", 20)
    return CallWhen(given) if given in set(CallWhen) else CallWhen.ANY


def _leave_nameless(session: Session, form_id: str) -> datetime | None:
    return crisis.leave_contact(
        session,
        source_kind=SourceKind.CONTACT_PAGE,
        source_public_id=form_id,
        organisation_id=organisations.root_of(session).id,
        phone=form("phone", 40),
        call_when=_call_when(),
        is_minor=bool(form("minor")),
        now=utc_now(),
    )


def _leave_with_response(session: Session, token: str, form_id: str) -> datetime | None:
    try:
        return assessment.leave_contact(
            session, token=token, phone=form("phone", 40), call_when=_call_when(), now=utc_now()
        )
    except assessment.Gone:
        return _leave_nameless(session, form_id)


def _page(*, action: str, token: str = "", form_id: str = "", fault: str = "", status: int = 200) -> Response:
    page = render_template(
        "h5/contact.html",
        action=action,
        token=token,
        form_id=form_id,
        fault=fault,
        phone=form("phone", 40),
        call_when=_call_when(),
        minor=bool(form("minor")),
        call_times=list(CallWhen),
        on_duty=_duty_sentence(),
    )
    return make_response(page, status)


def _duty_sentence() -> str:
    """Who can be reached, as far as the roster knows; without the store nothing is claimed."""
    now = utc_now()
    try:
        found = parts().database.read(
            lambda session: duty.duty_at(
                crisis.duty_windows(session, organisation_id=organisations.root_of(session).id, now=now), now
            )
        )
    except Unavailable:
        return text("h5.contact_duty_unknown")
    if found.is_on_now and found.until:
        return text("h5.contact_duty_on", until=say_when(found.until, now))
    if found.next_from:
        return text("h5.contact_duty_off", next=say_when(found.next_from, now))
    return text("h5.contact_duty_unknown")
