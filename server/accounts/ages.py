"""Age in bands, as far as law and instruments ask for it: nobody's birthday is kept."""

from dataclasses import dataclass
from enum import StrEnum


class AgeBand(StrEnum):
    """Bands, not birthdays: enough for the file's gate and for the law's ages 14 and 18."""

    UNDER_12 = "under_12"
    AGE_12_13 = "age_12_13"
    AGE_14_17 = "age_14_17"
    AGE_18_59 = "age_18_59"
    AGE_60_UP = "age_60_up"


@dataclass(frozen=True, slots=True)
class Span:
    """Both ends included; None is an open end."""

    low: int
    high: int | None


SPANS = {
    AgeBand.UNDER_12: Span(0, 11),
    AgeBand.AGE_12_13: Span(12, 13),
    AgeBand.AGE_14_17: Span(14, 17),
    AgeBand.AGE_18_59: Span(18, 59),
    AgeBand.AGE_60_UP: Span(60, None),
}
_OF_AGE = 18
# Below this age a guardian decides about sensitive data (PIPL 31).
_MAY_CONSENT = 14


def is_minor(band: AgeBand) -> bool:
    return SPANS[band].low < _OF_AGE


def needs_guardian(band: AgeBand) -> bool:
    return SPANS[band].low < _MAY_CONSENT
