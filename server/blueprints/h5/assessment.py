"""A self-assessment, one question a page. Every form carries the response's token: it is the only authority, and it does
not expire in front of a cry for help. No page of this door is tied to a log-in or notes one."""

import contextlib
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from flask import Blueprint, Response, make_response, redirect, request
from sqlalchemy.orm import Session

from server.assessment import service as assessment
from server.assessment.definition import Instrument
from server.assessment.models import Care, ResponseStatus
from server.assessment.policy import AgeBand
from server.assessment.service import Progress
from server.blueprints.errors import sentence_of
from server.blueprints.h5 import device, screens
from server.blueprints.requests import form, form_number, parts
from server.clock import utc_now
from server.errors import DomainError, Unavailable
from server.organisations import service as organisations
from server.texts import text

bp = Blueprint("assessment", __name__, url_prefix="/h5/test/<instrument_id>")
T = TypeVar("T")


# --- before the first question -----------------------------------------------------------------------------------------


@bp.get("")
def intro(instrument_id: str) -> Response:
    """What it is, age and consent. Where the device holds a response, continue or start anew is asked first."""
    instrument = _instrument(instrument_id)
    kept = _find(device.token_of(instrument_id))
    if kept is not None and not request.args.get("anew"):
        return screens.resume(instrument, kept)
    return screens.intro(instrument, place=_place(request.args.get("from", "")))


@bp.post("/start")
def start(instrument_id: str) -> Response:
    instrument = _instrument(instrument_id)
    age, entry_code = form("age"), form("from", 20)
    if age not in set(AgeBand) or not form("consent"):
        missing = text("h5.need_age") if age not in set(AgeBand) else text("h5.need_consent")
        return screens.intro(instrument, place=_place(entry_code), fault=missing, status=422)
    try:
        token = parts().database.write(
            lambda session: assessment.start(
                session,
                parts().catalogue,
                instrument_id=instrument_id,
                age_band=AgeBand(age),
                consent_version=parts().consent.version,
                entry_code=entry_code,
                carry_token=form("carry"),
                now=utc_now(),
            )
        )
    except (assessment.TooYoung, assessment.GuardianNeeded) as refusal:
        return screens.too_young(instrument, refusal)
    except Unavailable:
        return screens.intro(instrument, place=None, fault=text("errors.unavailable"), status=503)
    return _go_on(_look(token), token)


@bp.post("/resume")
def resume(instrument_id: str) -> Response:
    """Continue with what this device holds, look at its result, or close it and begin anew."""
    token = device.token_of(instrument_id) or form("token")
    if form("choice") == "continue" and _find(token) is not None:
        return _go_on(_look(token), token)
    return _close(instrument_id, token, then=f"/h5/test/{instrument_id}?anew=1")


# --- the questions -----------------------------------------------------------------------------------------------------


@bp.get("/item/<item_id>")
def item(instrument_id: str, item_id: str) -> Response:
    return _with_open_response(instrument_id, lambda progress, token: screens.item(progress, token, item_id))


@bp.post("/answer")
def answer(instrument_id: str) -> Response:
    """Keep one answer. Whatever stands in its way, a danger sign gets its alert and its screen."""
    token, item_id, code = form("token") or device.token_of(instrument_id), form("item", 40), form_number("code")
    if form("go"):
        return _turn_page(instrument_id, token, item_id, form("go"))
    if code is None:
        return _again(instrument_id, token, item_id, text("h5.item_choose"))
    drawn_at = form_number("drawn_at") or 0
    try:
        saved = parts().database.write(
            lambda session: assessment.save_answer(
                session, parts().catalogue, token=token, item_id=item_id, code=code, drawn_at=drawn_at, now=utc_now()
            )
        )
    except Unavailable:
        return screens.not_saved(_instrument(instrument_id), token, item_id, code, drawn_at)
    except DomainError as refusal:
        return _refused_answer(instrument_id, token, item_id, code, refusal)
    if saved.is_stale and saved.progress.response.care is not Care.DUE:
        notice = text("h5.item_changed")
        return device.keep(screens.item(saved.progress, token, item_id, notice=notice), instrument_id, token)
    return _go_on(saved.progress, token, after=item_id)


def _refused_answer(instrument_id: str, token: str, item_id: str, code: int, refusal: DomainError) -> Response:
    """The answer could not be kept (finished, cleared, unknown, forged): the danger sign in it still arrives."""
    is_sign = assessment.is_danger_sign(parts().catalogue, instrument_id=instrument_id, item_id=item_id, code=code)
    if is_sign:
        raised = _raise_anyway(token, item_id, code)
        return screens.care_without_response(_instrument(instrument_id), token if raised else "")
    if isinstance(refusal, assessment.BadAnswer):
        return _again(instrument_id, token, item_id, text("h5.item_choose"))
    if isinstance(refusal, assessment.Finished):
        return _go_on(_look(token), token)
    return screens.gone(_instrument(instrument_id), sentence_of(refusal))


def _raise_anyway(token: str, item_id: str, code: int) -> bool:
    catalogue = parts().catalogue
    try:
        return parts().database.write(
            lambda session: assessment.raise_flags(
                session, catalogue, token=token, item_id=item_id, code=code, now=utc_now()
            )
        )
    except DomainError:
        return False


def _again(instrument_id: str, token: str, item_id: str, notice: str) -> Response:
    progress = _find(token)
    if progress is None:
        return screens.gone(_instrument(instrument_id), text("h5.gone_lead"))
    if progress.response.status is not ResponseStatus.IN_PROGRESS or progress.response.care is Care.DUE:
        return _go_on(progress, token)
    return device.keep(screens.item(progress, token, item_id, notice=notice, status=422), instrument_id, token)


def _turn_page(instrument_id: str, token: str, item_id: str, where: str) -> Response:
    """`back` one question, to the `last` one, or `over` one that need not be answered. Nothing is saved."""
    progress = _find(token)
    if progress is None:
        return screens.gone(_instrument(instrument_id), text("h5.gone_lead"))
    turned = {
        "back": progress.item_before(item_id),
        "last": progress.items[-1],
        "over": progress.item_after(item_id),
    }.get(where)
    is_open = progress.response.status is ResponseStatus.IN_PROGRESS and progress.response.care is not Care.DUE
    if is_open and where == "over" and turned is None:
        return _show(progress, token, "end", lambda: screens.end(progress, token))
    if turned is None or not is_open:
        return _go_on(progress, token)
    return _show(progress, token, f"item/{turned.id}", lambda: screens.item(progress, token, turned.id))


# --- the red-flag screen ------------------------------------------------------------------------------------------------


@bp.get("/care")
def care(instrument_id: str) -> Response:
    return _with_open_response(instrument_id, _care, care_too=True)


@bp.post("/care")
def pass_care(instrument_id: str) -> Response:
    token = form("token") or device.token_of(instrument_id)
    try:
        progress = _write(lambda session: assessment.pass_care(session, parts().catalogue, token=token))
    except DomainError as refusal:
        return screens.gone(_instrument(instrument_id), sentence_of(refusal))
    return _go_on(progress, token)


# --- the end ------------------------------------------------------------------------------------------------------------


@bp.get("/end")
def end(instrument_id: str) -> Response:
    return _with_open_response(instrument_id, screens.end)


@bp.post("/submit")
def submit(instrument_id: str) -> Response:
    token = form("token") or device.token_of(instrument_id)
    try:
        progress = _write(lambda session: assessment.submit(session, parts().catalogue, token=token, now=utc_now()))
    except (assessment.Unfinished, Unavailable):
        progress = _look(token)
    except DomainError as refusal:
        return screens.gone(_instrument(instrument_id), sentence_of(refusal))
    return _go_on(progress, token)


@bp.get("/result")
def result(instrument_id: str) -> Response:
    return _with_open_response(instrument_id, _result)


@bp.post("/clear")
def clear(instrument_id: str) -> Response:
    return _close(instrument_id, form("token") or device.token_of(instrument_id), then="/h5/bye")


# --- shared steps -------------------------------------------------------------------------------------------------------


def _instrument(instrument_id: str) -> Instrument:
    found = parts().catalogue.get(instrument_id)
    if found is None:
        raise assessment.UnknownInstrument(instrument=instrument_id)
    return found


def _place(entry_code: str) -> str | None:
    """The name of the place whose code was scanned; a page is worth showing without it."""
    if not entry_code:
        return None
    try:
        return parts().database.read(
            lambda session: (
                organisations.look_up_entry(session, doors=parts().doors, code=entry_code, now=utc_now()).place
            )
        )
    except Unavailable:
        return None


def _find(token: str) -> Progress | None:
    try:
        return _look(token) if token else None
    except (assessment.Gone, assessment.Superseded):
        return None


def _look(token: str) -> Progress:
    return parts().database.read(lambda session: assessment.look_at(session, parts().catalogue, token=token))


def _write(work: Callable[[Session], T]) -> T:
    return parts().database.write(work)


def _with_open_response(
    instrument_id: str, draw: Callable[[Progress, str], Response], *, care_too: bool = False
) -> Response:
    """Show something of the device's response, if its owner is still looking; else ask, or say that it is gone."""
    token = device.token_of(instrument_id)
    progress = _find(token)
    if progress is None:
        return screens.gone(_instrument(instrument_id), text("h5.gone_lead"))
    if not device.is_looking(instrument_id, token):
        return screens.resume(progress.instrument, progress)
    if progress.response.care is Care.DUE and not care_too:
        return make_response(redirect(f"/h5/test/{instrument_id}/care", 303))
    return device.keep(draw(progress, token), instrument_id, token)


def _go_on(progress: Progress, token: str, *, after: str = "") -> Response:
    """The page that comes next: the red-flag screen before everything, then open questions, then the end or the result."""
    response = progress.response
    if response.care is Care.DUE:
        return _show(progress, token, "care", lambda: _care(progress, token))
    if response.status is ResponseStatus.COMPLETE:
        return _show(progress, token, "result", lambda: _result(progress, token))
    following = progress.item_after(after) if after else progress.next_item
    if following is None:
        following = progress.next_item
    if following is None:
        return _show(progress, token, "end", lambda: screens.end(progress, token))
    return _show(progress, token, f"item/{following.id}", lambda: screens.item(progress, token, following.id))


def _show(progress: Progress, token: str, where: str, draw: Callable[[], Response]) -> Response:
    """Redirect, so that reload and back behave; draw at once where the device does not keep cookies."""
    instrument_id = progress.response.instrument_id
    if device.keeps_cookies(instrument_id) or request.method == "GET":
        response = make_response(redirect(f"/h5/test/{instrument_id}/{where}", 303))
    else:
        response = draw()
    return device.keep(response, instrument_id, token)


def _care(progress: Progress, token: str) -> Response:
    return screens.care(progress, token, promise=_promise(progress))


def _promise(progress: Progress) -> datetime | None:
    if not progress.response.is_contact_left:
        return None
    return parts().database.read(lambda session: assessment.contact_promise(session, response=progress.response))


def _result(progress: Progress, token: str) -> Response:
    if progress.response.status is not ResponseStatus.COMPLETE:
        return screens.end(progress, token)
    outcome = parts().database.read(lambda session: assessment.read_outcome(session, parts().catalogue, token=token))
    return screens.result(outcome, token, _promise(progress))


def _close(instrument_id: str, token: str, *, then: str) -> Response:
    if token:
        with contextlib.suppress(assessment.Gone):  # the device may be the only one that still remembers it
            _write(lambda session: assessment.clear(session, token=token))
    return device.forget(make_response(redirect(then, 303)), instrument_id)
