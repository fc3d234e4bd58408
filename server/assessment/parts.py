"""The words in which a definition is written: levels, actions, and what an instrument says about itself."""

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Version = Annotated[str, Field(pattern=r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$")]
Words = Annotated[str, Field(min_length=1, pattern=r"\S")]
# Strict: YAML's `true` and "3" are slips of the pen where a code or a number of points stands.
Whole = Annotated[int, Strict()]
Positive = Annotated[int, Strict(), Field(gt=0)]
Natural = Annotated[int, Strict(), Field(ge=0)]
YesNo = Annotated[bool, Strict()]
Share = Annotated[float, Field(ge=0, le=1)]


class Level(StrEnum):
    """How much help a result advises, from `green` (none) to `red` (soon, from a professional)."""

    GREEN = "green"
    YELLOW = "yellow"
    ORANGE = "orange"
    RED = "red"

    @property
    def severity(self) -> int:
        return list(Level).index(self)


class FlagLevel(StrEnum):
    """What an answer sets off: `caution` an offer only, `urgent` and `emergency` an alert that a person must see."""

    CAUTION = "caution"
    URGENT = "urgent"
    EMERGENCY = "emergency"

    @property
    def is_red(self) -> bool:
        return self is not FlagLevel.CAUTION


class Action(StrEnum):
    """A next step for the resident. A page offers only those whose door is open; the first of a list weighs most."""

    SELF_HELP = "self_help"
    RETEST = "retest"
    CONTACT = "contact"
    HOTLINE = "hotline"
    BOOKING = "booking"
    HOSPITAL = "hospital"


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Text(Part):
    zh: Words


class Name(Part):
    """`zh` is the published name; `short` stands on the resident's screen, where a bystander may read it."""

    zh: Words
    short: Words
    en: Words


class Codes(Part):
    loinc_panel: str | None = None
    loinc_total: str | None = None


class Licence(Part):
    """The right to use the items. `evidence` quotes the grant: a link alone can vanish."""

    status: Literal["free", "non_commercial", "permission_held"]
    text: Words
    credit_line: Words
    evidence: Words
    allows_translation: YesNo


class Translation(Part):
    """Where the Chinese wording comes from; `own` wording waits for a psychologist's review."""

    source: Literal["official", "published", "own"]
    note: Words
    reviewed_by: str | None
    reviewed_on: date | None


class Source(Part):
    cite: Words
    used_for: tuple[Words, ...] = Field(alias="for", min_length=1)


class Audience(Part):
    min_age: Natural
    max_age: Natural | None
    needs_guardian_consent_below: Natural
    modes: tuple[Literal["self", "assisted", "phone"], ...] = Field(min_length=1)
    # Limits by sex are not built: a file that needs one must not load.
    sex: Literal["any"] = "any"


class Recall(Part):
    zh: Words
    days: Positive


class Retake(Part):
    min_days: Positive
    remind_days: Positive


class Display(Part):
    """`show_score` names what the resident sees beside the sentence of the level; staff see everything."""

    one_per_page: YesNo
    allow_back: YesNo
    randomise: Literal[False]
    show_score: Literal["none", "band_only", "band_and_text", "band_text_and_total"]


class StraightLine(Part):
    ignore_codes: tuple[Whole, ...]


class Quality(Part):
    """Limits for notes to staff. A note never changes a score, a flag or an alert."""

    min_ms_per_item: Positive
    straight_line: StraightLine | None = None


class Advice(Part):
    """What a level says to the resident; `{retake}` stands for the days until another test is useful."""

    zh: Words
    actions: tuple[Action, ...] = Field(min_length=1)


class Chart(Part):
    axis: tuple[Whole, Whole]
    lines: tuple[Whole, ...] = ()
    better: Literal["up", "down"]
