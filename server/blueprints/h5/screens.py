"""The pages of a self-assessment as values in, Response out. No handler logic, no store."""

from datetime import datetime

from flask import Response, make_response, render_template

from server.assessment.definition import Instrument
from server.assessment.parts import Action
from server.assessment.policy import AgeBand
from server.assessment.service import GuardianNeeded, Outcome, Progress
from server.blueprints.h5 import device
from server.blueprints.requests import parts
from server.crisis.models import CallWhen
from server.errors import DomainError
from server.organisations.doors import DoorCode

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
    )
    return device.probe(make_response(page, status))


def resume(instrument: Instrument, progress: Progress) -> Response:
    return make_response(render_template("h5/resume.html", instrument=instrument, progress=progress))


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


def care(
    progress: Progress,
    token: str,
    *,
    promise: datetime | None = None,
    fault: str = "",
    phone: str = "",
    status: int = 200,
) -> Response:
    page = render_template(
        "h5/care.html",
        instrument=progress.instrument,
        token=token,
        may_continue=True,
        is_contact_left=progress.response.is_contact_left,
        promise=promise,
        fault=fault,
        phone=phone,
        call_times=list(CallWhen),
    )
    return make_response(page, status)


def care_without_response(instrument: Instrument, token: str) -> Response:
    """A danger sign whose response is finished, cleared or unknown: numbers first, the rest can wait."""
    page = render_template(
        "h5/care.html",
        instrument=instrument,
        token=token,
        may_continue=False,
        is_contact_left=False,
        promise=None,
        fault="",
        phone="",
        call_times=list(CallWhen),
    )
    return make_response(page, 200)


def end(progress: Progress, token: str) -> Response:
    page = render_template("h5/end.html", instrument=progress.instrument, progress=progress, token=token)
    return make_response(page)


def result(outcome: Outcome, token: str, promise: datetime | None) -> Response:
    instrument = outcome.progress.instrument
    advised = instrument.results[outcome.level].actions if outcome.level else (Action.CONTACT, Action.HOTLINE)
    open_actions = [action for action in advised if action in _ALWAYS or parts().doors.is_open(_BEHIND_DOORS[action])]
    page = render_template(
        "h5/result.html",
        instrument=instrument,
        outcome=outcome,
        sentence=instrument.advice_text(outcome.level) if outcome.level else "",
        actions=open_actions,
        token=token,
        promise=promise,
    )
    return make_response(page)


def not_saved(instrument: Instrument, token: str, item_id: str, code: int, drawn_at: int) -> Response:
    """The store is away: what was chosen stands in the form and is sent again with one tap. It never asks the store."""
    page = render_template(
        "h5/not_saved.html",
        instrument=instrument,
        token=token,
        item_id=item_id,
        code=code,
        drawn_at=drawn_at,
    )
    return make_response(page, 503)


def gone(instrument: Instrument, sentence: str) -> Response:
    return make_response(render_template("h5/gone.html", instrument=instrument, sentence=sentence), 404)
