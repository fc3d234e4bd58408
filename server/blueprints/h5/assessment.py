"""A self-assessment, one question a page. Every form carries the response's token: it is the only authority, and it does
not expire in front of a cry for help. No page of this door is tied to a log-in or notes one.

Three rules hold in every handler. An answer is saved before anything else is asked, and a danger sign in it gets its alert
and its screen whatever stands in the way. Nothing of a response is shown before its owner said that they go on, unless they
did so a moment ago. What is sent while the store is away comes back as a page that sends it again with one tap.
"""

import contextlib
from collections.abc import Callable
from typing import TypeVar

from flask import Blueprint, Response, make_response, redirect, request
from sqlalchemy.orm import Session

from server.assessment import service as assessment
from server.assessment.definition import Instrument
from server.assessment.policy import AgeBand
from server.assessment.progress import Saved
from server.blueprints import errors
from server.blueprints.h5 import device, journey, screens
from server.blueprints.requests import form, form_number, parts, refuse_foreign_forms
from server.clock import utc_now
from server.errors import DomainError, Unavailable
from server.ids import PUBLIC_ID_LENGTH, is_printed_code
from server.organisations import service as organisations
from server.texts import text

bp = Blueprint("assessment", __name__, url_prefix="/h5/test/<instrument_id>")
bp.before_request(refuse_foreign_forms)
T = TypeVar("T")
# All that a form of this door may hold.
_FIELDS = ("token", "item", "drawn_at", "code", "go", "choice", "age", "consent", "from", "carry", "form_id")


@bp.before_request
def know_instrument() -> None:
    _instrument(_instrument_id())


# --- before the first question -----------------------------------------------------------------------------------------


@bp.get("")
def intro(instrument_id: str) -> Response:
    """What it is, age and consent. Where the device holds a response, continue or start anew is asked first."""
    entry_code = request.args.get("from", "")
    kept = journey.find_response(instrument_id, device.token_of(instrument_id))
    if kept is not None and not request.args.get("anew"):
        return screens.resume(kept, entry_code=entry_code)
    return screens.intro(_startable(instrument_id), place=_place(entry_code))


@bp.get("/<any(start, resume, answer, submit, clear):_form>")
def reopen(instrument_id: str, _form: str) -> Response:
    """A page that answered a form was killed and is opened again by its address: its form went out already."""
    return make_response(redirect(f"/h5/test/{instrument_id}", 303))


@bp.post("/start")
def start(instrument_id: str) -> Response:
    instrument, age, entry_code = _startable(instrument_id), form("age"), form("from", 20)
    missing = _what_is_missing(age)
    if missing:
        return screens.intro(instrument, place=_place(entry_code), fault=text(missing), status=422)
    token = device.token_for(form("form_id", PUBLIC_ID_LENGTH))
    try:
        token = _write(
            lambda session: assessment.start(
                session,
                parts().catalogue,
                instrument_id=instrument_id,
                age_band=AgeBand(age),
                consent_version=parts().consent.version,
                entry_code=entry_code,
                carry_token=form("carry"),
                token=token,
                now=utc_now(),
            )
        )
    except (assessment.TooYoung, assessment.GuardianNeeded) as refusal:
        return screens.too_young(instrument, refusal)
    return journey.go_on(journey.open_response(instrument_id, token), token, is_owner=True)


def _what_is_missing(age: str) -> str:
    """The key of a sentence, or nothing. Agreeing to a text that has changed since is no agreement."""
    if age not in set(AgeBand):
        return "h5.need_age"
    consent = form("consent")
    if not consent:
        return "h5.need_consent"
    return "" if consent == parts().consent.version else "h5.consent_changed"


@bp.post("/resume")
def resume(instrument_id: str) -> Response:
    """Continue with what this device holds, look at its result, or close it and begin anew."""
    token, choice, entry_code = device.token_of(instrument_id), form("choice"), form("from", 20)
    address = f"/h5/test/{instrument_id}"
    source = f"from={entry_code}" if is_printed_code(entry_code) else ""
    if choice == "anew":
        return _close(instrument_id, token, then=f"{address}?anew=1&{source}".rstrip("&"))
    progress = journey.find_response(instrument_id, token)
    if choice == "continue" and progress is not None:
        return journey.go_on(progress, token, is_owner=True)
    return make_response(redirect(f"{address}?{source}".rstrip("?"), 303))


# --- the questions -----------------------------------------------------------------------------------------------------


@bp.get("/item/<item_id>")
def item(instrument_id: str, item_id: str) -> Response:
    return journey.show_kept(
        instrument_id, lambda progress, token: screens.item(progress, token, item_id), while_answering=True
    )


@bp.post("/answer")
def answer(instrument_id: str) -> Response:
    """Keep one answer. Whatever stands in its way, a danger sign gets its alert and its screen."""
    token, item_id, code = _token(instrument_id), form("item", 40), form_number("code")
    if form("go"):
        return _turn_page(instrument_id, token, item_id, form("go"))
    if code is None:
        return _again(instrument_id, token, item_id)
    try:
        saved = _save(instrument_id, token, item_id, code)
    except (assessment.BadAnswer, assessment.Finished, assessment.Gone, assessment.Superseded) as refusal:
        return _refused_answer(instrument_id, token, item_id, code, refusal)
    progress = saved.progress
    if saved.is_stale and journey.is_answering(progress):
        notice = text("h5.item_changed")
        return journey.draw_or_ask(progress, token, lambda: screens.item(progress, token, item_id, notice=notice))
    return journey.go_on(progress, token, after=item_id, is_owner=_is_danger_sign(instrument_id, item_id, code))


def _save(instrument_id: str, token: str, item_id: str, code: int) -> Saved:
    drawn_at = form_number("drawn_at") or 0

    def work(session: Session) -> Saved:
        return assessment.save_answer(
            session, parts().catalogue, token=token, item_id=item_id, code=code, drawn_at=drawn_at, now=utc_now()
        )

    try:
        return _write(work)
    except Unavailable:
        if not _is_danger_sign(instrument_id, item_id, code):
            raise
        return _write(work)  # a danger sign is worth a second wait


def _refused_answer(instrument_id: str, token: str, item_id: str, code: int, refusal: DomainError) -> Response:
    """The answer could not be kept (finished, cleared, unknown, forged): the danger sign in it still arrives."""
    if _is_danger_sign(instrument_id, item_id, code):
        return _care_all_the_same(instrument_id, token, item_id, code)
    if isinstance(refusal, assessment.BadAnswer):
        return _again(instrument_id, token, item_id)
    if isinstance(refusal, assessment.Finished):
        return journey.go_on(journey.open_response(instrument_id, token), token, is_unchanged=True)
    raise refusal


def _care_all_the_same(instrument_id: str, token: str, item_id: str, code: int) -> Response:
    catalogue = parts().catalogue
    try:
        run = _write(
            lambda session: assessment.raise_flags(
                session, catalogue, token=token, item_id=item_id, code=code, now=utc_now()
            )
        )
    except assessment.Gone:
        run = None
    progress = journey.find_response(instrument_id, token)
    if run is not None and progress is not None:
        return journey.go_on(progress, token, is_owner=True)
    truth = screens.truth_about_contact(run, journey.promise_of(run), utc_now())
    return screens.care(run, _instrument(instrument_id), token, truth=truth, may_continue=False)


def _again(instrument_id: str, token: str, item_id: str) -> Response:
    progress = journey.open_response(instrument_id, token)
    if not journey.is_answering(progress):
        return journey.go_on(progress, token)
    notice = text("h5.item_choose")
    return journey.draw_or_ask(
        progress, token, lambda: screens.item(progress, token, item_id, notice=notice, status=422)
    )


def _turn_page(instrument_id: str, token: str, item_id: str, where: str) -> Response:
    """`back` one question, to the `last` one, or `over` one that need not be answered. Nothing is saved."""
    progress = journey.open_response(instrument_id, token)
    turned = {
        "back": progress.item_before(item_id),
        "last": progress.items[-1],
        "over": progress.item_after(item_id),
    }.get(where)
    if not journey.is_answering(progress):
        return journey.go_on(progress, token)
    if turned is not None:
        return journey.show(progress, token, f"item/{turned.id}", lambda: screens.item(progress, token, turned.id))
    if where == "over":
        return journey.show(progress, token, "end", lambda: screens.end(progress, token))
    return journey.go_on(progress, token)


# --- the red-flag screen ------------------------------------------------------------------------------------------------


@bp.get("/care")
def care(instrument_id: str) -> Response:
    return journey.show_kept(instrument_id, journey.care, care_too=True)


@bp.post("/care")
def pass_care(instrument_id: str) -> Response:
    token = _token(instrument_id)
    progress = _write(lambda session: assessment.pass_care(session, parts().catalogue, token=token))
    return journey.go_on(progress, token)


# --- the end ------------------------------------------------------------------------------------------------------------


@bp.get("/end")
def end(instrument_id: str) -> Response:
    return journey.show_kept(instrument_id, screens.end, while_answering=True)


@bp.post("/submit")
def submit(instrument_id: str) -> Response:
    token = _token(instrument_id)
    try:
        progress = _write(lambda session: assessment.submit(session, parts().catalogue, token=token, now=utc_now()))
    except assessment.Unfinished:
        progress = journey.open_response(instrument_id, token)
    return journey.go_on(progress, token)


@bp.get("/result")
def result(instrument_id: str) -> Response:
    notice = text("h5.finished_notice") if request.args.get("unchanged") else ""
    return journey.show_kept(instrument_id, lambda progress, token: journey.result(progress, token, notice))


@bp.post("/clear")
def clear(instrument_id: str) -> Response:
    """This phone forgets everything, also the short form that led to this one."""
    response = _close(instrument_id, _token(instrument_id), then="/h5/bye")
    return device.forget(response, *parts().catalogue)


# --- when something is missing -----------------------------------------------------------------------------------------


@bp.errorhandler(assessment.Gone)
@bp.errorhandler(assessment.Superseded)
def gone(fault: DomainError) -> Response:
    errors.note(fault)
    return screens.gone(_instrument(_instrument_id()), fault)


@bp.errorhandler(Unavailable)
def not_saved(fault: Unavailable) -> Response:
    if request.method != "POST":
        return errors.answer(fault)
    errors.note(fault)
    instrument_id, item_id, code = _instrument_id(), form("item", 40), form_number("code")
    response = screens.not_saved(
        _instrument(instrument_id),
        action=request.path,
        fields=[(name, request.form[name]) for name in _FIELDS if name in request.form],
        is_answer=code is not None,
        is_danger_sign=code is not None and _is_danger_sign(instrument_id, item_id, code),
    )
    # Whoever wanted to have it cleared is not kept waiting for the store: the phone forgets at once.
    return device.forget(response, *parts().catalogue) if request.path.endswith("/clear") else response


# --- shared steps -------------------------------------------------------------------------------------------------------


def _instrument_id() -> str:
    return str((request.view_args or {})["instrument_id"])


def _instrument(instrument_id: str) -> Instrument:
    found = assessment.find_instrument(parts().catalogue, instrument_id)
    if found is None:
        raise assessment.UnknownInstrument(instrument=instrument_id)
    return found


def _startable(instrument_id: str) -> Instrument:
    if instrument_id not in parts().catalogue:
        raise assessment.UnknownInstrument(instrument=instrument_id)
    return parts().catalogue[instrument_id]


def _is_danger_sign(instrument_id: str, item_id: str, code: int) -> bool:
    return assessment.is_danger_sign(parts().catalogue, instrument_id=instrument_id, item_id=item_id, code=code)


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


def _token(instrument_id: str) -> str:
    """The page's own response comes before the device's: another tab may have begun another one."""
    return form("token") or device.token_of(instrument_id)


def _write(work: Callable[[Session], T]) -> T:
    return parts().database.write(work)


def _close(instrument_id: str, token: str, *, then: str) -> Response:
    if token:
        with contextlib.suppress(assessment.Gone):  # the device may be the only one that still remembers it
            _write(lambda session: assessment.clear(session, token=token))
    return device.forget(make_response(redirect(then, 303)), instrument_id)
