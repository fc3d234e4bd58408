"""The pages of a self-assessment as values in, Response out. No handler logic, no store."""

from collections.abc import Iterable
from datetime import datetime

from flask import Response, make_response, render_template

from server.assessment import keeping
from server.assessment.definition import Instrument
from server.assessment.models import Response as Run
from server.assessment.parts import Action
from server.assessment.policy import AgeBand
from server.assessment.progress import Outcome, Progress
from server.assessment.service import GuardianNeeded, Superseded
from server.blueprints.h5 import device
from server.blueprints.requests import form, parts
from server.clock import utc_now
from server.crisis.models import CallWhen
from server.errors import DomainError
from server.ids import PUBLIC_ID_LENGTH, new_public_id
from server.organisations.doors import DoorCode
from server.texts import text
from server.texts.moments import say_when

# Which of an instrument's advised actions this installation can offer; the others' doors are not open.
_ALWAYS = {Action.SELF_HELP, Action.RETEST, Action.CONTACT, Action.HOTLINE, Action.HOSPITAL}
_BEHIND_DOORS = {Action.BOOKING: DoorCode.BOOKING}


def intro(instrument: Instrument, *, place: str | None, fault: str = "", status: int = 200) -> Response:
    page = render_template(
        "h5/intro.html",
        instrument=instrument,
        place=place,
        fault=fault,
        ages=list(AgeBand),
        consent=parts().consent,
        form_id=form("form_id", PUBLIC_ID_LENGTH) or new_public_id(),
    )
    return device.probe(make_response(page, status))


def resume(progress: Progress, *, entry_code: str = "") -> Response:
    page = render_template("h5/resume.html", instrument=progress.instrument, progress=progress, entry_code=entry_code)
    return make_response(page)


def too_young(instrument: Instrument, refusal: DomainError) -> Response:
    """No cold refusal: somebody to talk to, and the young people's own line first."""
    page = render_template(
        "h5/young.html",
        instrument=instrument,
        needs_guardian=isinstance(refusal, GuardianNeeded),
        age=refusal.facts["age"],
        lines=parts().young_lines,
    )
    return make_response(page, 200)


def item(progress: Progress, token: str, item_id: str, *, notice: str = "", status: int = 200) -> Response:
    shown = next((candidate for candidate in progress.items if candidate.id == item_id), None) or progress.next_item
    if shown is None:
        return end(progress, token)
    scored = [candidate for candidate in progress.items if candidate.scored]
    page = render_template(
        "h5/item.html",
        instrument=progress.instrument,
        progress=progress,
        item=shown,
        options=progress.instrument.options_of(shown),
        chosen=progress.answers.get(shown.id),
        number=scored.index(shown) + 1 if shown in scored else None,
        count=len(scored),
        token=token,
        notice=notice,
    )
    return make_response(page, status)


def care(run: Run | None, instrument: Instrument, token: str, *, truth: str, may_continue: bool) -> Response:
    """The red-flag screen. `run` None: no response was found for the sign; then there is nothing to join a number to."""
    page = render_template(
        "h5/care.html",
        instrument=instrument,
        token=token if run is not None else "",
        truth=truth,
        is_contact_left=run is not None and run.is_contact_left,
        may_continue=may_continue,
        fault="",
        phone="",
        call_times=list(CallWhen),
    )
    return make_response(page)


def truth_about_contact(run: Run | None, promise: datetime | None, now: datetime, *, where: str = "care") -> str:
    """The one line that says whether anybody can call, and by when. `where` is the page: care or result."""
    if run is None or not run.is_contact_left:
        return text("h5.care_anonymous")
    if promise is None:
        return text(f"h5.{where}_unpromised")
    return text(f"h5.{where}_promised", by=say_when(promise, now)) if promise > now else text(f"h5.{where}_overdue")


def end(progress: Progress, token: str) -> Response:
    page = render_template("h5/end.html", instrument=progress.instrument, progress=progress, token=token)
    return make_response(page)


def result(outcome: Outcome, token: str, *, truth: str, notice: str = "") -> Response:
    instrument = outcome.progress.instrument
    page = render_template(
        "h5/result.html",
        instrument=instrument,
        outcome=outcome,
        sentence=instrument.advice_text(outcome.level) if outcome.level else "",
        actions=open_actions(outcome),
        token=token,
        truth=truth,
        notice=notice,
        form_id=new_public_id(),
        copy=keeping.send_off(parts().vault, keeping.copy_of(outcome), now=utc_now()),
    )
    return make_response(page)


def open_actions(outcome: Outcome) -> list[Action]:
    """What the level advises, as far as its doors are open here."""
    results = outcome.progress.instrument.results
    advised = results[outcome.level].actions if outcome.level else (Action.CONTACT, Action.HOTLINE)
    return [action for action in advised if action in _ALWAYS or parts().doors.is_open(_BEHIND_DOORS[action])]


def not_saved(
    instrument: Instrument, *, action: str, fields: Iterable[tuple[str, str]], is_answer: bool, is_danger_sign: bool
) -> Response:
    """The store is away: what was sent stands in the page and goes out again with one tap. It never asks the store."""
    page = render_template(
        "h5/not_saved.html",
        instrument=instrument,
        action=action,
        fields=fields,
        is_answer=is_answer,
        is_danger_sign=is_danger_sign,
    )
    return make_response(page, 503)


def gone(instrument: Instrument, fault: DomainError) -> Response:
    what = "superseded" if isinstance(fault, Superseded) else "gone"
    return make_response(render_template("h5/gone.html", instrument=instrument, what=what), 404)
