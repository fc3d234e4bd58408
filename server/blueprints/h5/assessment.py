"""A self-assessment, one question a page. Every form carries the response's token: it is the only authority, and it does
not expire in front of a cry for help. No page of this door is tied to a log-in or notes one.

Three rules hold in every handler. An answer is saved before anything else is asked, and a danger sign in it gets its alert
and its screen whatever stands in the way. Nothing of a response is shown before its owner said that they go on, unless they
did so a moment ago. What is sent while the store is away comes back as a page that sends it again with one tap.
"""

import contextlib
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from flask import Blueprint, Response, make_response, redirect, request
from sqlalchemy.orm import Session

from server.assessment import service as assessment
from server.assessment.definition import Instrument
from server.assessment.models import Care, ResponseStatus
from server.assessment.models import Response as Run
from server.assessment.policy import AgeBand
from server.assessment.service import Progress, Saved
from server.blueprints import errors
from server.blueprints.h5 import device, screens
from server.blueprints.requests import form, form_number, parts, refuse_foreign_forms
from server.clock import utc_now
from server.errors import DomainError, Unavailable
from server.ids import PUBLIC_ID_LENGTH, is_printed_code
from server.organisations import service as organisations
from server.texts import text

bp = Blueprint("assessment", __name__, url_prefix="/h5/test/<instrument_id>")
bp.before_request(refuse_foreign_forms)
T = TypeVar("T")
Draw = Callable[[], Response]
# All that a form of this door may hold.
_FIELDS = ("token", "item", "drawn_at", "code", "go", "choice", "age", "consent", "from", "carry", "form_id")


# --- before the first question -----------------------------------------------------------------------------------------


@bp.get("")
def intro(instrument_id: str) -> Response:
    """What it is, age and consent. Where the device holds a response, continue or start anew is asked first."""
    entry_code = request.args.get("from", "")
    kept = _find(instrument_id, device.token_of(instrument_id))
    if kept is not None and not request.args.get("anew"):
        return screens.resume(kept, entry_code=entry_code)
    return screens.intro(_startable(instrument_id), place=_place(entry_code))


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
    return _go_on(_look(token), token, is_owner=True)


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
    progress = _find(instrument_id, token)
    if choice == "continue" and progress is not None:
        return _go_on(progress, token, is_owner=True)
    return make_response(redirect(f"{address}?{source}".rstrip("?"), 303))


# --- the questions -----------------------------------------------------------------------------------------------------


@bp.get("/item/<item_id>")
def item(instrument_id: str, item_id: str) -> Response:
    return _with_open_response(
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
    if saved.is_stale and _is_answering(progress):
        return _draw(progress, token, lambda: screens.item(progress, token, item_id, notice=text("h5.item_changed")))
    return _go_on(progress, token, after=item_id, is_owner=_is_danger_sign(instrument_id, item_id, code))


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
        return _go_on(_open(instrument_id, token), token, is_unchanged=True)
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
    progress = _find(instrument_id, token)
    if run is not None and progress is not None:
        return _go_on(progress, token, is_owner=True)
    truth = screens.truth_about_contact(run, _promise(run), utc_now())
    return screens.care(run, _instrument(instrument_id), token, truth=truth, may_continue=False)


def _again(instrument_id: str, token: str, item_id: str) -> Response:
    progress = _open(instrument_id, token)
    if not _is_answering(progress):
        return _go_on(progress, token)
    notice = text("h5.item_choose")
    return _draw(progress, token, lambda: screens.item(progress, token, item_id, notice=notice, status=422))


def _turn_page(instrument_id: str, token: str, item_id: str, where: str) -> Response:
    """`back` one question, to the `last` one, or `over` one that need not be answered. Nothing is saved."""
    progress = _open(instrument_id, token)
    turned = {
        "back": progress.item_before(item_id),
        "last": progress.items[-1],
        "over": progress.item_after(item_id),
    }.get(where)
    if not _is_answering(progress):
        return _go_on(progress, token)
    if turned is not None:
        return _show(progress, token, f"item/{turned.id}", lambda: screens.item(progress, token, turned.id))
    if where == "over":
        return _show(progress, token, "end", lambda: screens.end(progress, token))
    return _go_on(progress, token)


# --- the red-flag screen ------------------------------------------------------------------------------------------------


@bp.get("/care")
def care(instrument_id: str) -> Response:
    return _with_open_response(instrument_id, _care, care_too=True)


@bp.post("/care")
def pass_care(instrument_id: str) -> Response:
    token = _token(instrument_id)
    progress = _write(lambda session: assessment.pass_care(session, parts().catalogue, token=token))
    return _go_on(progress, token)


# --- the end ------------------------------------------------------------------------------------------------------------


@bp.get("/end")
def end(instrument_id: str) -> Response:
    return _with_open_response(instrument_id, screens.end, while_answering=True)


@bp.post("/submit")
def submit(instrument_id: str) -> Response:
    token = _token(instrument_id)
    try:
        progress = _write(lambda session: assessment.submit(session, parts().catalogue, token=token, now=utc_now()))
    except assessment.Unfinished:
        progress = _open(instrument_id, token)
    return _go_on(progress, token)


@bp.get("/result")
def result(instrument_id: str) -> Response:
    notice = text("h5.finished_notice") if request.args.get("unchanged") else ""
    return _with_open_response(instrument_id, lambda progress, token: _result(progress, token, notice))


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


def _look(token: str) -> Progress:
    return parts().database.read(lambda session: assessment.look_at(session, parts().catalogue, token=token))


def _open(instrument_id: str, token: str) -> Progress:
    """The response behind a token at its own address. Raises Gone, Superseded."""
    progress = _look(token)
    if progress.response.instrument_id != instrument_id:
        raise assessment.Gone
    return progress


def _find(instrument_id: str, token: str) -> Progress | None:
    try:
        return _open(instrument_id, token) if token else None
    except (assessment.Gone, assessment.Superseded):
        return None


def _is_answering(progress: Progress) -> bool:
    return progress.response.status is not ResponseStatus.COMPLETE and progress.response.care is not Care.DUE


def _with_open_response(
    instrument_id: str,
    draw: Callable[[Progress, str], Response],
    *,
    care_too: bool = False,
    while_answering: bool = False,
) -> Response:
    """Show something of the device's response, if its owner is still looking; else ask, or say that it is gone."""
    token = device.token_of(instrument_id)
    progress = _open(instrument_id, token)
    if not device.is_looking(instrument_id, token):
        return screens.resume(progress)
    if progress.response.care is Care.DUE and not care_too:
        return _go_on(progress, token)
    if while_answering and not _is_answering(progress):
        return _go_on(progress, token)
    return device.keep(draw(progress, token), instrument_id, token)


def _go_on(
    progress: Progress, token: str, *, after: str = "", is_owner: bool = False, is_unchanged: bool = False
) -> Response:
    """The page that comes next: the red-flag screen before everything, then open questions, then the end or the result."""
    response = progress.response
    if response.care is Care.DUE:
        return _show(progress, token, "care", lambda: _care(progress, token), is_owner=is_owner)
    if response.status is ResponseStatus.COMPLETE:
        notice, where = (text("h5.finished_notice"), "result?unchanged=1") if is_unchanged else ("", "result")
        return _show(progress, token, where, lambda: _result(progress, token, notice), is_owner=is_owner)
    following = (progress.item_after(after) if after else None) or progress.next_item
    if following is None:
        return _show(progress, token, "end", lambda: screens.end(progress, token), is_owner=is_owner)
    return _show(
        progress,
        token,
        f"item/{following.id}",
        lambda: screens.item(progress, token, following.id),
        is_owner=is_owner,
    )


def _show(progress: Progress, token: str, where: str, draw: Draw, *, is_owner: bool = False) -> Response:
    """Redirect, so that reload and back behave; draw at once where the device does not keep cookies.

    The mark is only renewed for somebody who was looking a moment ago, or who has just shown that it is theirs: else the
    next page asks.
    """
    instrument_id = progress.response.instrument_id
    if not device.keeps_cookies(instrument_id):
        return device.keep(draw(), instrument_id, token)
    response = make_response(redirect(f"/h5/test/{instrument_id}/{where}", 303))
    if is_owner or device.is_looking(instrument_id, token):
        return device.keep(response, instrument_id, token)
    return device.remember(response, instrument_id, token)


def _draw(progress: Progress, token: str, draw: Draw) -> Response:
    """Answer a form with a page of the response, under the rule of `_show`."""
    instrument_id = progress.response.instrument_id
    if device.keeps_cookies(instrument_id) and not device.is_looking(instrument_id, token):
        return device.remember(screens.resume(progress), instrument_id, token)
    return device.keep(draw(), instrument_id, token)


def _care(progress: Progress, token: str) -> Response:
    run = progress.response
    truth = screens.truth_about_contact(run, _promise(run), utc_now())
    return screens.care(run, progress.instrument, token, truth=truth, may_continue=True)


def _result(progress: Progress, token: str, notice: str = "") -> Response:
    run = progress.response
    if run.status is not ResponseStatus.COMPLETE:
        return screens.end(progress, token)
    outcome = parts().database.read(lambda session: assessment.read_outcome(session, parts().catalogue, token=token))
    truth = screens.truth_about_contact(run, _promise(run), utc_now()) if run.is_contact_left else ""
    return screens.result(outcome, token, truth=truth, notice=notice)


def _promise(run: Run | None) -> datetime | None:
    if run is None or not run.is_contact_left:
        return None
    return parts().database.read(lambda session: assessment.contact_promise(session, response=run))


def _close(instrument_id: str, token: str, *, then: str) -> Response:
    if token:
        with contextlib.suppress(assessment.Gone):  # the device may be the only one that still remembers it
            _write(lambda session: assessment.clear(session, token=token))
    return device.forget(make_response(redirect(then, 303)), instrument_id)
