"""One version of an instrument, as its YAML file in `content/instruments/` holds it.

These models give a file its shape; what its parts must agree on is in checks.py, so that every fault can be told with
its line. Unknown fields are refused rather than ignored: a rule that the engine does not know yet (skip logic, decision
tables, bands by sex, "not applicable" options, prorating, derived scores) must stop the start, not change a score.

Lists of items may be written as ranges: `phq9_1..phq9_9` stands for all items of the file from one to the other.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from server.assessment.parts import (
    Advice,
    Audience,
    Chart,
    Codes,
    Display,
    Identifier,
    Level,
    Licence,
    Name,
    Part,
    Positive,
    Quality,
    Recall,
    Retake,
    Source,
    Text,
    Translation,
    Version,
    Whole,
    Words,
    YesNo,
)
from server.assessment.rules import NextStep, RedFlag, Score, Scoring, ShowIf


class Option(Part):
    code: Whole
    zh: Words


class Item(Part):
    """A question. An unscored one counts in no score; one that is not `required` may be passed over."""

    id: Identifier
    options: Identifier
    zh: Words
    scored: YesNo = True
    required: YesNo = True
    show_if: ShowIf | None = None


class Instrument(Part):
    """A definition that passed its checks. `definition_hash` is the file's SHA-256, set by the loader."""

    schema_version: Literal[1] = Field(alias="schema")
    id: Identifier
    version: Version
    status: Literal["draft", "active", "retired"]
    name: Name
    kind: Text
    for_whom: Text
    duration_min: Positive
    codes: Codes = Codes()
    licence: Licence
    translation: Translation
    sources: tuple[Source, ...] = Field(min_length=1)
    audience: Audience
    recall: Recall
    retake: Retake
    instruction: Text
    display: Display
    option_sets: Mapping[Identifier, Annotated[tuple[Option, ...], Field(min_length=2)]]
    items: tuple[Item, ...] = Field(min_length=1)
    scoring: Scoring
    red_flags: tuple[RedFlag, ...] = ()
    next: tuple[NextStep, ...] = ()
    quality: Quality
    results: Mapping[Level, Advice]
    closing: Text
    chart: Chart | None = None
    definition_hash: str = ""

    @model_validator(mode="before")
    @classmethod
    def _expand_ranges(cls, data: Any) -> Any:
        return _with_ranges_expanded(data)

    @cached_property
    def items_by_id(self) -> Mapping[str, Item]:
        return {item.id: item for item in self.items}

    @cached_property
    def scored_items(self) -> tuple[Item, ...]:
        """The order in which a bare list of answers is read."""
        return tuple(item for item in self.items if item.scored)

    @property
    def total(self) -> Score | None:
        return next((score for score in self.scoring.scores if score.id == "total"), None)

    def options_of(self, item: Item) -> tuple[Option, ...]:
        return self.option_sets[item.options]

    def codes_of(self, item: Item) -> tuple[int, ...]:
        return tuple(option.code for option in self.options_of(item))

    def points(self, score: Score, item: Item, code: int) -> int:
        """What an answer adds to a score before its transform: the code, or its mirror image when reversed."""
        if item.id not in score.reverse:
            return code
        codes = self.codes_of(item)
        return min(codes) + max(codes) - code

    def advice_text(self, level: Level) -> str:
        return self.results[level].zh.replace("{retake}", str(self.retake.min_days))


class BlockedName(Part):
    zh: Words
    en: Words


class BlockedLicence(Part):
    status: Literal["blocked"]
    text: Words
    evidence: Words


class BlockedInstrument(Part):
    """An instrument that this project may not use: its name and the reason, never its items."""

    schema_version: Literal[1] = Field(alias="schema")
    id: Identifier
    version: Version
    status: Literal["draft", "retired"]
    name: BlockedName
    licence: BlockedLicence
    sources: tuple[Source, ...] = ()


def expand_range(reference: str, ids: Sequence[str]) -> tuple[str, ...]:
    """The items that `first..last` stands for. What is no range, or one that does not fit, comes back as it is."""
    first, dots, last = reference.partition("..")
    if dots and first in ids and last in ids and ids.index(first) <= ids.index(last):
        return tuple(ids[ids.index(first) : ids.index(last) + 1])
    return (reference,)


def _with_ranges_expanded(data: Any) -> Any:
    """A copy of the raw file with ranges written out. Wrong shapes pass: their own fields will refuse them."""
    if not isinstance(data, dict):
        return data
    data = deepcopy(data)
    items = [item for item in _list(data.get("items")) if isinstance(item, dict)]
    ids = [item["id"] for item in items if isinstance(item.get("id"), str)]
    scoring = data.get("scoring")
    scores = _list(scoring.get("scores")) if isinstance(scoring, dict) else []
    lists = [score.get(key) for score in scores if isinstance(score, dict) for key in ("items", "reverse")]
    conditions = [item["show_if"] for item in items if isinstance(item.get("show_if"), dict)]
    lists += [names[0] for names in (_list(condition.get("any_ge")) for condition in conditions) if names]
    for references in lists:
        if isinstance(references, list) and all(isinstance(reference, str) for reference in references):
            references[:] = [name for reference in references for name in expand_range(reference, ids)]
    return data


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
