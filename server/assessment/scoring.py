"""Scores an instrument by its published rule: a definition and answers in, a result out, nothing else touched.

A gap is never summed as zero, and a flag speaks from an unfinished form too. Answers come in two forms: by item id, or
as a bare sequence over the scored items in the order of the file. An answer is the code of the chosen option; None
means that the item was shown and not answered, SKIP that the instrument's own rule hid it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from server.assessment.definition import Instrument, Item
from server.assessment.parts import FlagLevel, Level
from server.assessment.rules import NextStep, Score

SKIP: Final = "skip"

Answers = Mapping[str, object] | Sequence[object]


class ResultStatus(StrEnum):
    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    INVALID = "invalid"


class AnswerError(StrEnum):
    """Why answers are refused as a whole. `wrong_length` only a bare sequence can be, `unknown_item` only a mapping."""

    WRONG_LENGTH = "wrong_length"
    WRONG_TYPE = "wrong_type"
    OUT_OF_RANGE = "out_of_range"
    UNEXPECTED_SKIP = "unexpected_skip"
    UNKNOWN_ITEM = "unknown_item"


class Admission(StrEnum):
    ADMITTED = "admitted"
    TOO_YOUNG = "too_young"
    TOO_OLD = "too_old"
    NEEDS_GUARDIAN = "needs_guardian"


@dataclass(frozen=True, slots=True)
class Flag:
    id: str
    level: FlagLevel


@dataclass(frozen=True, slots=True)
class Result:
    """`level` is the advice to give: that of the worst band, or red where a red flag stands, or None for neither.

    An incomplete result has no total and no band, but each subscale whose own items are all answered keeps its score.
    An invalid one has nothing but its error.
    """

    status: ResultStatus
    total: int | None = None
    band_id: str | None = None
    level: Level | None = None
    subscale_scores: Mapping[str, int | None] = field(default_factory=dict)
    subscale_bands: Mapping[str, str | None] = field(default_factory=dict)
    flags: tuple[Flag, ...] = ()
    error: AnswerError | None = None

    @property
    def red_flag(self) -> bool:
        return any(flag.level.is_red for flag in self.flags)


def score(instrument: Instrument, answers: Answers, context: Mapping[str, object] | None = None) -> Result:
    """Score by the instrument's rule. Nothing is raised: answers that cannot be read get an `invalid` Result.

    `context` holds facts of the profile (sex, age) for rules that ask for them; no rule that can be written yet does.
    """
    read = _read(instrument, answers)
    if isinstance(read, AnswerError):
        return Result(ResultStatus.INVALID, error=read)
    scores = instrument.scoring.scores
    values = {part.id: _value_of(instrument, part, read) for part in scores}
    bands = {part.id: None if (value := values[part.id]) is None else part.band_of(value) for part in scores}
    is_whole = all(item.id in read for item in instrument.scored_items)
    flags = _standing(instrument, read)
    levels = [band.level for band in bands.values() if band is not None] if is_whole else []
    if any(flag.level.is_red for flag in flags):
        levels = [Level.RED]
    band = bands.get("total") if is_whole else None
    return Result(
        status=ResultStatus.COMPLETE if is_whole else ResultStatus.INCOMPLETE,
        total=values.get("total") if is_whole else None,
        band_id=band.id if band else None,
        level=max(levels, key=lambda level: level.severity, default=None),
        subscale_scores={part.id: values[part.id] for part in scores if part.id != "total"},
        subscale_bands={
            part.id: found.id if (found := bands[part.id]) else None
            for part in scores
            if part.id != "total" and part.bands
        },
        flags=flags,
    )


def answer_error(instrument: Instrument, item_id: str, code: object) -> AnswerError | None:
    """Why `code` cannot be the answer to an item, or None when it can."""
    item = instrument.items_by_id.get(item_id)
    if item is None:
        return AnswerError.UNKNOWN_ITEM
    read = _code(instrument, item, code)
    return read if isinstance(read, AnswerError) else None


def flags_raised_by(
    instrument: Instrument, item_id: str, code: int, answers_so_far: Mapping[str, int | None]
) -> tuple[Flag, ...]:
    """The flags that stand, once this answer is given, because of it. For the moment in which it arrives.

    A flag that stood before and still does is named again; which alerts exist already is the caller's to know. A code
    that the item does not have raises nothing: ask `answer_error` first.
    """
    if answer_error(instrument, item_id, code) is not None:
        return ()
    given = {name: known for name, known in answers_so_far.items() if known is not None} | {item_id: code}
    concerned = {flag.id for flag in instrument.red_flags if item_id in flag.item_ids}
    return tuple(flag for flag in _standing(instrument, given) if flag.id in concerned)


def visible_items(instrument: Instrument, answers: Mapping[str, int | None]) -> tuple[Item, ...]:
    """The items to show, in order. An answer left on an item that is hidden now does not show another one."""
    shown: list[Item] = []
    given: dict[str, int] = {}
    for item in instrument.items:
        if item.show_if is None or item.show_if.holds(given):
            shown.append(item)
            code = answers.get(item.id)
            if code is not None:
                given[item.id] = code
    return tuple(shown)


def next_item(instrument: Instrument, answers: Mapping[str, int | None]) -> Item | None:
    """The first visible item without an answer, or None. One that may be passed over is, once its answer is None."""
    for item in visible_items(instrument, answers):
        if answers.get(item.id) is None and (item.required or item.id not in answers):
            return item
    return None


def is_complete(instrument: Instrument, answers: Mapping[str, int | None]) -> bool:
    """Whether every visible required item is answered, those too that count in no score."""
    return all(answers.get(item.id) is not None for item in visible_items(instrument, answers) if item.required)


def admits(instrument: Instrument, age_low: int, age_high: int | None) -> Admission:
    """Whether somebody of an age between both ends, both included, may start; None is an open end ("60 and over").

    The whole span must fit: where only a part does, the person may be one whom the bands do not hold for. Whoever is
    told `needs_guardian` may start once that consent is there.
    """
    audience = instrument.audience
    if age_low < audience.min_age:
        return Admission.TOO_YOUNG
    if audience.max_age is not None and (age_high is None or age_high > audience.max_age):
        return Admission.TOO_OLD
    if age_low < audience.needs_guardian_consent_below:
        return Admission.NEEDS_GUARDIAN
    return Admission.ADMITTED


def next_steps(instrument: Instrument, result: Result) -> tuple[NextStep, ...]:
    """What the bands of a complete result lead to, in the order of the file."""
    if result.status is not ResultStatus.COMPLETE:
        return ()
    bands = {**result.subscale_bands, "total": result.band_id}
    return tuple(step for step in instrument.next if bands.get(step.when.band_in[0]) in step.when.band_in[1])


def carried_answers(step: NextStep, answers: Mapping[str, int | None]) -> dict[str, int]:
    """The answers that the offered instrument need not ask again, by its own item ids."""
    carried = ((target, answers.get(source)) for source, target in step.carry_items.items())
    return {target: code for target, code in carried if code is not None}


def _read(instrument: Instrument, answers: object) -> dict[str, int] | AnswerError:
    """The codes of the answered, visible items; the first fault in the order of the file refuses them all."""
    if isinstance(answers, Mapping):
        if any(name not in instrument.items_by_id for name in answers):
            return AnswerError.UNKNOWN_ITEM
        given: Mapping[str, object] = answers
    elif isinstance(answers, Sequence) and not isinstance(answers, str | bytes | bytearray | memoryview):
        if len(answers) != len(instrument.scored_items):
            return AnswerError.WRONG_LENGTH
        given = {item.id: answer for item, answer in zip(instrument.scored_items, answers, strict=True)}
    else:
        return AnswerError.WRONG_TYPE
    codes: dict[str, int] = {}
    skipped: set[str] = set()
    for item in instrument.items:
        answer = given.get(item.id)
        if answer == SKIP:
            skipped.add(item.id)
        elif answer is not None:
            code = _code(instrument, item, answer)
            if isinstance(code, AnswerError):
                return code
            codes[item.id] = code
    visible = {item.id for item in visible_items(instrument, codes)}
    if skipped & visible:
        return AnswerError.UNEXPECTED_SKIP
    return {name: code for name, code in codes.items() if name in visible}


def _code(instrument: Instrument, item: Item, answer: object) -> int | AnswerError:
    if not isinstance(answer, int) or isinstance(answer, bool):  # True is an int to Python, and no answer to us
        return AnswerError.WRONG_TYPE
    return answer if answer in instrument.codes_of(item) else AnswerError.OUT_OF_RANGE


def _value_of(instrument: Instrument, part: Score, codes: Mapping[str, int]) -> int | None:
    if any(name not in codes for name in part.items):
        return None
    items = instrument.items_by_id
    return part.factor * sum(instrument.points(part, items[name], codes[name]) for name in part.items)


def _standing(instrument: Instrument, codes: Mapping[str, int]) -> tuple[Flag, ...]:
    return tuple(Flag(flag.id, flag.level) for flag in instrument.red_flags if flag.when.holds(codes))
