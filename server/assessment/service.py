"""Use cases of a resident who takes an instrument. Every function takes the response's token: it is the only key."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.assessment import scoring
from server.assessment.definition import Instrument
from server.assessment.loader import InstrumentCatalogue
from server.assessment.models import Answer, Care, InstrumentVersion, Response, ResponseStatus
from server.assessment.parts import Level
from server.assessment.policy import SPANS, AgeBand, is_minor
from server.assessment.progress import Outcome, Progress, Saved
from server.assessment.scoring import Admission
from server.assessment.signs import raise_alerts
from server.clock import local_day
from server.crisis import service as crisis
from server.crisis.models import CallWhen, SourceKind
from server.errors import Conflict, Invalid, NotFound, Refused
from server.ids import new_public_id, new_token
from server.organisations import service as organisations
from server.vault import token_hash


class UnknownInstrument(NotFound):
    code = "assessment.unknown_instrument"


class Gone(NotFound):
    """No response has this token, or it was cleared."""

    code = "assessment.gone"


class TooYoung(Refused):
    code = "assessment.too_young"


class GuardianNeeded(Refused):
    code = "assessment.guardian_needed"


class BadAnswer(Invalid):
    code = "assessment.bad_answer"


class Finished(Conflict):
    code = "assessment.finished"


class Unfinished(Conflict):
    code = "assessment.unfinished"


class Superseded(Conflict):
    """The definition by which this response began is no longer there."""

    code = "assessment.superseded"


def start(
    session: Session,
    catalogue: InstrumentCatalogue,
    *,
    instrument_id: str,
    age_band: AgeBand,
    consent_version: str,
    entry_code: str,
    now: datetime,
    carry_token: str = "",
    token: str = "",
) -> str:
    """Begin an anonymous response; returns its token. Raises UnknownInstrument, TooYoung, GuardianNeeded.

    `token` is the one that the form would give it: the same form sent twice begins one response. Once that response has
    moved on, the form comes from the page's history, and begins another.
    """
    if instrument_id not in catalogue:
        raise UnknownInstrument(instrument=instrument_id)
    instrument = catalogue[instrument_id]
    _check_age(instrument, age_band)
    token = token or new_token()
    standing = session.scalar(sa.select(Response).where(Response.token_hash == token_hash(token)))
    if standing is not None:
        if _is_untouched(standing, instrument, age_band):
            return token
        token = new_token()
    point = organisations.find_entry_point(session, entry_code)
    _remember_version(session, instrument)
    response = Response(
        public_id=new_public_id(),
        token_hash=token_hash(token),
        instrument_id=instrument.id,
        instrument_version=instrument.version,
        definition_hash=instrument.definition_hash,
        status=ResponseStatus.IN_PROGRESS,
        care=Care.NONE,
        is_cleared=False,
        is_contact_left=False,
        consent_version=consent_version,
        age_band=age_band,
        mode="self",
        organisation_id=point.organisation_id if point else organisations.root_of(session).id,
        entry_point_id=point.id if point else None,
        revision=0,
        started_on=local_day(now),
        finished_on=None,
        result=None,
    )
    try:
        with session.begin_nested():
            session.add(response)
    except IntegrityError:
        return token  # a double tap, whose other half was faster
    if carry_token:
        _carry(session, catalogue, carry_token, instrument, response.public_id)
    if point is not None:
        organisations.count_use(session, entry_point_id=point.id, what="starts", now=now)
    return token


def _is_untouched(response: Response, instrument: Instrument, age_band: AgeBand) -> bool:
    """Begun by the same choices, and nothing answered in it yet: what it was given to carry is no answer."""
    return (
        response.status is ResponseStatus.IN_PROGRESS
        and not response.is_cleared
        and response.revision == 0
        and response.definition_hash == instrument.definition_hash
        and response.age_band is age_band
    )


def _check_age(instrument: Instrument, age_band: AgeBand) -> None:
    span = SPANS[age_band]
    admission = scoring.admits(instrument, span.low, span.high)
    if admission is Admission.NEEDS_GUARDIAN:
        raise GuardianNeeded(age=instrument.audience.needs_guardian_consent_below)
    if admission is not Admission.ADMITTED:
        raise TooYoung(age=instrument.audience.min_age)


def _remember_version(session: Session, instrument: Instrument) -> None:
    key = {"instrument_id": instrument.id, "version": instrument.version}
    if session.get(InstrumentVersion, tuple(key.values())) is None:
        try:
            with session.begin_nested():
                session.add(InstrumentVersion(**key, definition_hash=instrument.definition_hash))
        except IntegrityError:
            pass  # two first responses at once


def find_instrument(catalogue: InstrumentCatalogue, instrument_id: str) -> Instrument | None:
    """The newest definition, also of an instrument that was withdrawn: pages of it may still be open."""
    published = [
        version for version in catalogue.versions() if version.id == instrument_id and version.status != "draft"
    ]
    return published[-1] if published else None


def known_versions(session: Session) -> dict[tuple[str, str], str]:
    rows = session.scalars(sa.select(InstrumentVersion)).all()
    return {(row.instrument_id, row.version): row.definition_hash for row in rows}


def _carry(
    session: Session, catalogue: InstrumentCatalogue, token: str, instrument: Instrument, public_id: str
) -> None:
    """Take over the answers of the short form that led here; what does not fit is simply asked again."""
    try:
        source = look_at(session, catalogue, token=token)
    except (Gone, Superseded):
        return
    result = scoring.score(source.instrument, source.answers)
    for step in scoring.next_steps(source.instrument, result):
        if step.offer == instrument.id:
            for item_id, code in scoring.carried_answers(step, source.answers).items():
                session.add(Answer(response_id=public_id, item_id=item_id, code=code, sequence=0))
    session.flush()


def look_at(session: Session, catalogue: InstrumentCatalogue, *, token: str) -> Progress:
    """Where the response stands. Raises Gone, Superseded."""
    response = _get(session, token)
    if response.is_cleared:
        raise Gone
    return _progress(session, catalogue, response)


def _get(session: Session, token: str, *, lock: bool = False) -> Response:
    query = sa.select(Response).where(Response.token_hash == token_hash(token))
    response = session.scalar(query.with_for_update() if lock else query)
    if response is None:
        raise Gone
    return response


def _progress(session: Session, catalogue: InstrumentCatalogue, response: Response) -> Progress:
    instrument, answers = _definition(catalogue, response), _answers(session, response)
    items = scoring.visible_items(instrument, answers)
    missing = tuple(item for item in items if item.required and item.id not in answers)
    return Progress(response, instrument, answers, items, missing)


def _definition(catalogue: InstrumentCatalogue, response: Response) -> Instrument:
    try:
        return catalogue.get_version(response.instrument_id, response.instrument_version)
    except NotFound:
        raise Superseded from None


def _answers(session: Session, response: Response) -> dict[str, int]:
    rows = session.execute(sa.select(Answer.item_id, Answer.code).where(Answer.response_id == response.public_id))
    return {row.item_id: row.code for row in rows}


def save_answer(
    session: Session,
    catalogue: InstrumentCatalogue,
    *,
    token: str,
    item_id: str,
    code: int,
    drawn_at: int,
    now: datetime,
) -> Saved:
    """Keep one answer; `drawn_at` is the revision at which its page was drawn.

    A flag raises its alert in this transaction, also when the answer itself is refused (finished, cleared, an older page):
    a danger sign always arrives. Raises Gone, Superseded, BadAnswer, Finished: `raise_flags` is for those.
    """
    response = _get(session, token, lock=True)
    if response.is_cleared:
        raise Gone
    progress = _progress(session, catalogue, response)
    if item_id not in {item.id for item in progress.items} or scoring.answer_error(progress.instrument, item_id, code):
        raise BadAnswer(item=item_id)
    if response.status is ResponseStatus.COMPLETE:
        raise Finished
    response.status = ResponseStatus.IN_PROGRESS  # whoever comes back after weeks has not abandoned it
    standing = session.get(Answer, (response.public_id, item_id))
    is_stale = standing is not None and standing.code != code and drawn_at < standing.sequence
    is_new = standing is None or standing.code != code
    if is_new and not is_stale:
        response.revision += 1
        if standing is None:
            session.add(Answer(response_id=response.public_id, item_id=item_id, code=code, sequence=response.revision))
        else:
            standing.code, standing.sequence = code, response.revision
    if is_new:
        raise_alerts(session, progress, item_id, code, now)
    session.flush()
    return Saved(_progress(session, catalogue, response), is_stale)


def raise_flags(
    session: Session, catalogue: InstrumentCatalogue, *, token: str, item_id: str, code: int, now: datetime
) -> Response | None:
    """For an answer that could not be kept: raise what it sets off all the same.

    Returns the response if it was a danger sign in it. Raises Gone.
    """
    response = _get(session, token, lock=True)
    instrument: Instrument | None
    try:
        instrument = _definition(catalogue, response)
    except Superseded:
        instrument = find_instrument(catalogue, response.instrument_id)
    if instrument is None:
        return None
    progress = Progress(response, instrument, _answers(session, response), (), ())
    return response if raise_alerts(session, progress, item_id, code, now) else None


def is_danger_sign(catalogue: InstrumentCatalogue, *, instrument_id: str, item_id: str, code: int) -> bool:
    """Whether this answer alone sets off a red flag, for the moment when no response can be found for it."""
    instrument = find_instrument(catalogue, instrument_id)
    return instrument is not None and any(
        flag.level.is_red for flag in scoring.flags_raised_by(instrument, item_id, code, {})
    )


def pass_care(session: Session, catalogue: InstrumentCatalogue, *, token: str) -> Progress:
    """The person says that they are safe and goes on. The alert stays."""
    response = _get(session, token, lock=True)
    if response.is_cleared:
        raise Gone
    if response.care is Care.DUE:
        response.care = Care.PASSED
    session.flush()
    return _progress(session, catalogue, response)


def leave_contact(session: Session, *, token: str, phone: str, call_when: CallWhen, now: datetime) -> datetime | None:
    """The person gives up being anonymous: number and response stand together from now on. Raises Gone, BadPhone.

    Also from a page whose response was finished or cleared meanwhile: somebody who asks for a call is never refused.
    """
    response = _get(session, token, lock=True)
    promise = crisis.leave_contact(
        session,
        source_kind=SourceKind.RESPONSE,
        source_public_id=response.public_id,
        organisation_id=response.organisation_id,
        phone=phone,
        call_when=call_when,
        is_minor=is_minor(response.age_band),
        now=now,
    )
    response.is_contact_left = True
    session.flush()
    return promise


def find_place(session: Session, *, token: str) -> int | None:
    """The organisation whose colleagues would call."""
    return session.scalar(sa.select(Response.organisation_id).where(Response.token_hash == token_hash(token)))


def contact_promise(session: Session, *, response: Response) -> datetime | None:
    """What was promised last; None when no duty hours were known."""
    return crisis.promise_for(session, source_kind=SourceKind.RESPONSE, source_public_id=response.public_id)


def submit(session: Session, catalogue: InstrumentCatalogue, *, token: str, now: datetime) -> Progress:
    """Score and finish. Repeating it changes nothing. Raises Gone, Unfinished."""
    response = _get(session, token, lock=True)
    if response.is_cleared:
        raise Gone
    progress = _progress(session, catalogue, response)
    if response.status is ResponseStatus.COMPLETE:
        return progress
    result = scoring.score(progress.instrument, progress.answers)
    if progress.missing or result.status is not scoring.ResultStatus.COMPLETE:
        raise Unfinished(missing=len(progress.missing))
    response.status, response.finished_on = ResponseStatus.COMPLETE, local_day(now)
    response.result = _as_kept(result)
    if response.entry_point_id is not None:
        organisations.count_use(session, entry_point_id=response.entry_point_id, what="finishes", now=now)
    session.flush()
    return progress


def _as_kept(result: scoring.Result) -> dict[str, object]:
    return {
        "total": result.total,
        "band_id": result.band_id,
        "level": result.level,
        "subscale_scores": dict(result.subscale_scores),
        "subscale_bands": dict(result.subscale_bands),
        "flags": [{"id": flag.id, "level": flag.level} for flag in result.flags],
    }


def read_outcome(session: Session, catalogue: InstrumentCatalogue, *, token: str) -> Outcome:
    """The result for the person's own eyes. Raises Gone, Unfinished."""
    progress = look_at(session, catalogue, token=token)
    if progress.response.status is not ResponseStatus.COMPLETE:
        raise Unfinished(missing=len(progress.missing))
    result = scoring.score(progress.instrument, progress.answers)
    # Whoever was shown the red-flag screen reads the red text, even if they took the answer back: the alert stands.
    is_red = result.red_flag or progress.response.care is not Care.NONE
    level = Level.RED if is_red else result.level
    steps = scoring.next_steps(progress.instrument, result)
    longer = next((catalogue[step.offer] for step in steps if step.offer in catalogue), None)
    return Outcome(progress, result.total, level, is_red, longer)


def clear(session: Session, *, token: str) -> None:
    """The device forgets: the response opens nothing any more. What was answered stays counted, nameless as it was."""
    response = _get(session, token, lock=True)
    response.is_cleared = True
    session.flush()


def abandon_stale(session: Session, *, before: date) -> None:
    """Unfinished responses of long ago are marked, so that figures do not wait for them."""
    session.execute(
        sa.update(Response)
        .where(Response.status == ResponseStatus.IN_PROGRESS, Response.started_on < before)
        .values(status=ResponseStatus.ABANDONED)
    )
