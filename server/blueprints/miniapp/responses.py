"""A self-assessment over the API: the same use cases as the pages, and the same three promises.

An answer is saved before anything else is asked, and a danger sign in it gets its alert and its numbers in the answer to
that very call, whatever stands in the way. The response's token is the only authority; no log-in is looked at. Nothing
here is ever limited.
"""

import contextlib

from apiflask import APIBlueprint
from flask import Response, make_response, request
from pydantic import ValidationError
from sqlalchemy.orm import Session

from server.assessment import service as assessment
from server.assessment.progress import Progress, Saved
from server.blueprints import errors, json_errors
from server.blueprints.miniapp import examples, flow
from server.blueprints.miniapp.idempotency import IdempotencyKey, once
from server.blueprints.miniapp.marks import refuses
from server.blueprints.miniapp.schemas import AnswerIn, AnswerOut, ResponseToken, StartedOut, StartIn, StateOut
from server.blueprints.requests import parts
from server.clock import utc_now
from server.errors import Conflict, DomainError, Unavailable
from server.ids import new_token
from server.texts import text

bp = APIBlueprint("responses", __name__, tag="Self-assessment", url_prefix="/instruments/<instrument_id>")


class ConsentChanged(Conflict):
    """Agreeing to a text that has changed since is no agreement."""

    code = "api.consent_changed"


@bp.before_request
def know_instrument() -> None:
    if assessment.find_instrument(parts().catalogue, _instrument_id()) is None:
        raise assessment.UnknownInstrument(instrument=_instrument_id())


@bp.post("/responses")
@bp.input(StartIn, example=examples.START)
@bp.input(IdempotencyKey, location="headers")
@bp.output(StartedOut, status_code=201, example=examples.STARTED)
@refuses(403, 404, 409)
def start(instrument_id: str, json_data: StartIn, headers_data: IdempotencyKey) -> Response:
    """Begin, with age band and consent

    Who is too young gets 403 with numbers to call, the young people's line first.
    """
    if json_data.consent_version != parts().consent.version:
        raise ConsentChanged
    return once("", headers_data, 201, lambda session: _start(session, instrument_id, json_data))


def _start(session: Session, instrument_id: str, wanted: StartIn) -> StartedOut:
    token = assessment.start(
        session,
        parts().catalogue,
        instrument_id=instrument_id,
        age_band=wanted.age_band,
        consent_version=wanted.consent_version,
        entry_code=wanted.entry_code,
        carry_token=wanted.carry_token,
        token=new_token(),
        now=utc_now(),
    )
    return StartedOut(token=token, state=flow.state_of(flow.look(session, instrument_id, token)))


@bp.get("/response")
@bp.input(ResponseToken, location="headers")
@bp.output(StateOut, example=examples.STATE)
@refuses(409)
def show(instrument_id: str, headers_data: ResponseToken) -> StateOut:
    """Where the response stands, with the result once it is finished"""
    return flow.state_of(flow.open_response(instrument_id))


@bp.get("/response/items/<item_id>")
@bp.input(ResponseToken, location="headers")
@bp.output(StateOut, example=examples.STATE)
@refuses(409)
def show_item(instrument_id: str, item_id: str, headers_data: ResponseToken) -> StateOut:
    """One question, to look back at or to pass on to; the red-flag screen still comes first"""
    return flow.state_of(flow.open_response(instrument_id), at=item_id)


@bp.put("/response/answers/<item_id>")
@bp.input(ResponseToken, location="headers")
@bp.input(AnswerIn, example=examples.ANSWER)
@bp.output(AnswerOut, example=examples.ANSWERED)
@refuses(404, 409)
def save_answer(instrument_id: str, item_id: str, json_data: AnswerIn, headers_data: ResponseToken) -> AnswerOut:
    """Keep one answer

    Repeating it changes nothing. Where it is a danger sign, `care` stands in this answer, whatever became of the rest: a
    response that is finished, cleared or unknown gives 200 with `is_kept` false, a store that is away 503 with `care`.
    """
    is_danger_sign = _is_danger_sign(instrument_id, item_id, json_data.code)
    try:
        saved = _save(instrument_id, item_id, json_data, tries=2 if is_danger_sign else 1)
    except (assessment.BadAnswer, assessment.Finished, assessment.Gone, assessment.Superseded):
        if not is_danger_sign:
            raise
        return _care_all_the_same(instrument_id, item_id, json_data.code)
    state = flow.state_of(saved.progress, after=item_id)
    care = state.care or (flow.care_of(saved.progress.response, may_continue=True) if is_danger_sign else None)
    return AnswerOut(is_kept=not saved.is_stale, is_stale=saved.is_stale, care=care, state=state)


def _save(instrument_id: str, item_id: str, answer: AnswerIn, *, tries: int) -> Saved:
    """A danger sign is worth a second wait."""

    def work(session: Session) -> Saved:
        return assessment.save_answer(
            session,
            parts().catalogue,
            token=flow.token(),
            item_id=item_id,
            code=answer.code,
            drawn_at=answer.revision,
            now=utc_now(),
        )

    try:
        return parts().database.write(work)
    except Unavailable:
        if tries == 1:
            raise
        return _save(instrument_id, item_id, answer, tries=tries - 1)


def _care_all_the_same(instrument_id: str, item_id: str, code: int) -> AnswerOut:
    catalogue = parts().catalogue
    run, progress = None, None
    with contextlib.suppress(assessment.Gone, assessment.Superseded):
        run = parts().database.write(
            lambda session: assessment.raise_flags(
                session, catalogue, token=flow.token(), item_id=item_id, code=code, now=utc_now()
            )
        )
        progress = flow.open_response(instrument_id)
    care = flow.care_of(run, may_continue=run is not None and progress is not None)
    return AnswerOut(
        is_kept=False, is_stale=False, care=care, state=flow.state_of(progress) if run and progress else None
    )


@bp.post("/response/care")
@bp.input(ResponseToken, location="headers")
@bp.output(StateOut, example=examples.STATE)
@refuses(409)
def pass_care(instrument_id: str, headers_data: ResponseToken) -> StateOut:
    """The person says that they are safe and goes on; the alert stays"""

    def work(session: Session) -> Progress:
        flow.look(session, instrument_id, flow.token())
        return assessment.pass_care(session, parts().catalogue, token=flow.token())

    return flow.state_of(parts().database.write(work))


@bp.post("/response/submission")
@bp.input(ResponseToken, location="headers")
@bp.output(StateOut, example=examples.STATE)
@refuses(404, 409)
def submit(instrument_id: str, headers_data: ResponseToken) -> StateOut:
    """Finish and read the result; 409 while questions are open"""

    def work(session: Session) -> Progress:
        flow.look(session, instrument_id, flow.token())
        return assessment.submit(session, parts().catalogue, token=flow.token(), now=utc_now())

    return flow.state_of(parts().database.write(work))


@bp.delete("/response")
@bp.input(ResponseToken, location="headers")
@bp.output({}, status_code=204)
def clear(instrument_id: str, headers_data: ResponseToken) -> Response:
    """Forget: the token opens nothing any more"""
    with contextlib.suppress(assessment.Gone):  # the device may be the only one that still remembers it
        parts().database.write(lambda session: assessment.clear(session, token=flow.token()))
    return make_response("", 204)


# --- refusals with a hand held out --------------------------------------------------------------------------------------


@bp.errorhandler(assessment.TooYoung)
@bp.errorhandler(assessment.GuardianNeeded)
def too_young(refusal: DomainError) -> Response:
    """No cold refusal: somebody to talk to, and the young people's own line first."""
    errors.note(refusal)
    is_guardian_needed = isinstance(refusal, assessment.GuardianNeeded)
    lead = text("h5.guardian_lead", age=refusal.facts["age"]) if is_guardian_needed else text("h5.young_lead")
    talk = text("h5.guardian_talk" if is_guardian_needed else "h5.young_talk")
    return json_errors.answer(403, refusal.code, f"{lead}{talk}", lines=parts().young_lines)


@bp.errorhandler(Unavailable)
def not_saved(fault: Unavailable) -> Response:
    """The store is away. Whoever has just given a danger sign reads the numbers and the words that go with it."""
    if not _has_danger_sign():
        return errors.answer(fault)
    errors.note(fault)
    care = flow.care_of(None, may_continue=False).model_dump(mode="json")
    return json_errors.answer(503, fault.code, errors.sentence_of(fault), care=care)


def _instrument_id() -> str:
    return str((request.view_args or {})["instrument_id"])


def _is_danger_sign(instrument_id: str, item_id: str, code: int) -> bool:
    return assessment.is_danger_sign(parts().catalogue, instrument_id=instrument_id, item_id=item_id, code=code)


def _has_danger_sign() -> bool:
    """Whether this request brought one; the store is not asked."""
    item_id = (request.view_args or {}).get("item_id")
    if request.method != "PUT" or item_id is None:
        return False
    try:
        answer = AnswerIn.model_validate(request.get_json(silent=True, force=True))
    except ValidationError:
        return False
    return _is_danger_sign(_instrument_id(), item_id, answer.code)
