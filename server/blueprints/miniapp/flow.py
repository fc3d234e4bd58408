"""Where a response stands, as the API tells it. The order of steps is that of the pages: care, questions, end, result."""

from datetime import datetime
from typing import Any

from flask import request
from sqlalchemy.orm import Session

from server.assessment import service as assessment
from server.assessment.definition import Instrument, Item
from server.assessment.models import Care, ResponseStatus
from server.assessment.models import Response as Run
from server.assessment.progress import Outcome, Progress
from server.blueprints.h5.journey import promise_of
from server.blueprints.h5.screens import open_actions, truth_about_contact
from server.blueprints.json_errors import lines_out
from server.blueprints.miniapp.schemas import CareOut, ItemOut, OptionOut, ResultOut, StateOut
from server.blueprints.requests import parts
from server.clock import utc_now
from server.texts import text
from server.texts.hotlines import spoken


def token() -> str:
    """The response's own token: the only authority at this door. A log-in that is sent beside it is not looked at."""
    return request.headers.get("X-Response-Token", "")


def open_response(instrument_id: str) -> Progress:
    """Raises Gone, Superseded."""
    return parts().database.read(lambda session: look(session, instrument_id, token()))


def look(session: Session, instrument_id: str, response_token: str) -> Progress:
    if not response_token:
        raise assessment.Gone
    progress = assessment.look_at(session, parts().catalogue, token=response_token)
    if progress.response.instrument_id != instrument_id:
        raise assessment.Gone
    return progress


def state_of(progress: Progress, *, after: str = "", at: str = "") -> StateOut:
    """`after` is the item that was just answered, `at` one that is wished for."""
    run = progress.response
    state = StateOut(
        instrument_id=run.instrument_id,
        status=run.status,
        step="end",
        revision=run.revision,
        missing=len(progress.missing),
        item=None,
        care=None,
        result=None,
    )
    if run.care is Care.DUE:
        return state.model_copy(update={"step": "care", "care": care_of(run, may_continue=True)})
    if run.status is ResponseStatus.COMPLETE:
        return state.model_copy(update={"step": "result", "result": _result_of(progress)})
    wished = next((item for item in progress.items if item.id == at), None)
    shown = wished or (progress.item_after(after) if after else None) or progress.next_item
    if shown is None:
        return state
    return state.model_copy(update={"step": "item", "item": _item_of(progress, shown)})


def care_of(run: Run | None, *, may_continue: bool, promise: datetime | None = None) -> CareOut:
    """The red-flag screen. `run` None: no response was found for the sign, or the store is away; it asks nothing then."""
    promise = promise or promise_of(run)
    return CareOut.model_validate(
        {
            "message": text("h5.care_thanks"),
            "danger": text("h5.care_danger", **spoken(parts().lines)),
            "contact": truth_about_contact(run, promise, utc_now()),
            "is_contact_left": run is not None and run.is_contact_left,
            "may_continue": may_continue,
            "hotlines": lines_out(parts().lines),
        }
    )


def _item_of(progress: Progress, item: Item) -> ItemOut:
    instrument = progress.instrument
    scored = [candidate for candidate in progress.items if candidate.scored]
    before = progress.item_before(item.id) if instrument.display.allow_back else None
    after = progress.item_after(item.id)
    return ItemOut(
        id=item.id,
        text=item.zh,
        options=[OptionOut(code=option.code, text=option.zh) for option in instrument.options_of(item)],
        is_required=item.required,
        number=scored.index(item) + 1 if item in scored else None,
        count=len(scored),
        chosen=progress.answers.get(item.id),
        previous_item_id=before.id if before else None,
        next_item_id=after.id if after else None,
    )


def _result_of(progress: Progress) -> ResultOut:
    run, instrument = progress.response, progress.instrument
    outcome = parts().database.read(lambda session: assessment.read_outcome(session, parts().catalogue, token=token()))
    contact = truth_about_contact(run, promise_of(run), utc_now(), where="result") if run.is_contact_left else ""
    return ResultOut(
        level=outcome.level,
        is_red=outcome.is_red,
        **_score_of(outcome, instrument),
        advice=instrument.advice_text(outcome.level) if outcome.level else "",
        closing=instrument.closing.zh,
        actions=open_actions(outcome),
        longer_instrument_id=outcome.longer.id if outcome.longer and not outcome.is_red else None,
        retake_days=instrument.retake.min_days,
        contact=contact,
    )


def _score_of(outcome: Outcome, instrument: Instrument) -> dict[str, Any]:
    """The number stands only where the instrument's file shows it to the person."""
    total = instrument.total
    if outcome.total is None or total is None or instrument.display.show_score != "band_text_and_total":
        return {"score": None, "lowest": None, "highest": None}
    return {"score": outcome.total, "lowest": total.range[0], "highest": total.range[1]}
