"""Asking to be called, with a response or without one. Never limited, and refused for nothing but a number that is none."""

from collections.abc import Callable
from datetime import datetime

from apiflask import APIBlueprint
from sqlalchemy.orm import Session

from server.assessment import service as assessment
from server.blueprints.miniapp import examples, flow
from server.blueprints.miniapp.schemas import (
    SHORTEST_KEY,
    ContactIn,
    ContactOut,
    NamelessContactIn,
    RepeatKey,
    ResponseToken,
)
from server.blueprints.requests import parts
from server.clock import utc_now
from server.crisis import service as crisis
from server.crisis.models import SourceKind
from server.ids import PUBLIC_ID_LENGTH, new_public_id
from server.organisations import service as organisations
from server.texts import text
from server.texts.moments import say_when
from server.vault import token_hash

bp = APIBlueprint("contacts", __name__, tag="Please call me", url_prefix="")


@bp.post("/contacts")
@bp.input(NamelessContactIn, example=examples.NAMELESS_CONTACT)
@bp.input(RepeatKey, location="headers")
@bp.output(ContactOut, example=examples.CONTACT_LEFT)
def leave_contact(json_data: NamelessContactIn, headers_data: RepeatKey) -> ContactOut:
    """Leave a number to be called

    The same Idempotency-Key makes a repeat one request; it never gets a 409.
    """
    return _leave(lambda session: _leave_nameless(session, json_data, headers_data.idempotency_key))


@bp.post("/instruments/<instrument_id>/response/contact")
@bp.input(ContactIn, example=examples.CONTACT)
@bp.input(ResponseToken, location="headers")
@bp.output(ContactOut, example=examples.CONTACT_LEFT)
def leave_contact_with_response(instrument_id: str, json_data: ContactIn, headers_data: ResponseToken) -> ContactOut:
    """Leave a number with a response, which stops being anonymous

    A response that cannot be found any more does not cost the person their call.
    """
    return _leave(lambda session: _leave_with_response(session, json_data))


def _leave(work: Callable[[Session], datetime | None]) -> ContactOut:
    promise, now = parts().database.write(work), utc_now()
    by = text("h5.contact_done", by=say_when(promise, now)) if promise else text("h5.contact_done_unpromised")
    return ContactOut(promised_by=promise, message=by)


def _leave_with_response(session: Session, wanted: ContactIn) -> datetime | None:
    token = flow.token()
    try:
        return assessment.leave_contact(
            session, token=token, phone=wanted.phone, call_when=wanted.call_when, now=utc_now()
        )
    except assessment.Gone:
        # The token, though it opens nothing, still tells a double tap.
        return _leave_nameless(session, NamelessContactIn(phone=wanted.phone, call_when=wanted.call_when), token)


def _leave_nameless(session: Session, wanted: NamelessContactIn, repeat_key: str) -> datetime | None:
    point = organisations.find_entry_point(session, wanted.entry_code)
    return crisis.leave_contact(
        session,
        source_kind=SourceKind.CONTACT_PAGE,
        source_public_id=_source_of(repeat_key),
        organisation_id=point.organisation_id if point else organisations.root_of(session).id,
        phone=wanted.phone,
        call_when=wanted.call_when,
        is_minor=wanted.is_minor,
        now=utc_now(),
    )


def _source_of(repeat_key: str) -> str:
    """A key that others might use too would put two people into one alert."""
    return token_hash(repeat_key)[:PUBLIC_ID_LENGTH] if len(repeat_key) >= SHORTEST_KEY else new_public_id()
