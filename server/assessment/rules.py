"""The rules of a definition: how items become scores and bands, when an answer raises a flag, what comes next."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from server.assessment.parts import (
    Action,
    FlagLevel,
    Identifier,
    Level,
    Natural,
    Part,
    Positive,
    Share,
    Text,
    Whole,
    Words,
)


class ShowIf(Part):
    """Shown once any of the named earlier items has at least the named code."""

    any_ge: tuple[tuple[str, ...], Whole]

    def holds(self, answers: Mapping[str, int]) -> bool:
        names, least = self.any_ge
        return any(name in answers and answers[name] >= least for name in names)


class Multiply(Part):
    multiply: Positive


class Band(Part):
    id: Identifier
    lowest: Whole = Field(alias="from")
    highest: Whole = Field(alias="to")
    level: Level
    label: Text


class CutoffWhen(Part):
    age_ge: Natural


class Cutoff(Part):
    """A published referral line for one population, for staff; it never moves a band."""

    id: Identifier
    at_least: Whole
    population: Words
    n: Positive | None = None
    when: CutoffWhen | None = None
    sens: Share
    spec: Share
    cite: Words
    note: Words | None = None


class TScore(Part):
    mean: float
    sd: Annotated[float, Field(gt=0)]


class Norm(Part):
    population: Words
    n: Positive
    mean: float
    sd: Annotated[float, Field(gt=0)]
    cite: Words
    t_score: TScore | None = None


class Change(Part):
    """The least difference between two totals that is worth telling the resident."""

    reliable: Positive
    cite: Words


class Score(Part):
    """A sum over items. The one with the id `total` is the instrument's total, all others are its subscales."""

    id: Identifier
    method: Literal["sum"]
    items: tuple[str, ...] = Field(min_length=1)
    reverse: tuple[str, ...] = ()
    transform: tuple[Multiply, ...] = ()
    range: tuple[Whole, Whole]
    direction: Literal["higher_is_worse", "higher_is_better"]
    missing: Literal["complete"]
    bands: tuple[Band, ...] = ()
    cutoffs: tuple[Cutoff, ...] = ()
    norms: tuple[Norm, ...] = ()
    change: Change | None = None

    @property
    def factor(self) -> int:
        product = 1
        for step in self.transform:
            product *= step.multiply
        return product

    def band_of(self, value: int) -> Band | None:
        return next((band for band in self.bands if band.lowest <= value <= band.highest), None)


class Scoring(Part):
    scores: tuple[Score, ...] = Field(min_length=1)


class ItemCondition(Part):
    """An unanswered item meets no condition."""

    item: str
    ge: Whole | None = None
    eq: Whole | None = None

    @model_validator(mode="after")
    def _compares_once(self) -> Self:
        if (self.ge is None) == (self.eq is None):
            raise ValueError("needs exactly one of ge and eq")
        return self

    def holds(self, answers: Mapping[str, int]) -> bool:
        code = answers.get(self.item)
        if code is None:
            return False
        return code == self.eq if self.ge is None else code >= self.ge

    def leaves(self) -> tuple["ItemCondition", ...]:
        return (self,)


class AllCondition(Part):
    all: tuple["Condition", ...] = Field(min_length=1)

    def holds(self, answers: Mapping[str, int]) -> bool:
        return all(part.holds(answers) for part in self.all)

    def leaves(self) -> tuple[ItemCondition, ...]:
        return tuple(leaf for part in self.all for leaf in part.leaves())


class AnyCondition(Part):
    any: tuple["Condition", ...] = Field(min_length=1)

    def holds(self, answers: Mapping[str, int]) -> bool:
        return any(part.holds(answers) for part in self.any)

    def leaves(self) -> tuple[ItemCondition, ...]:
        return tuple(leaf for part in self.any for leaf in part.leaves())


def _shape_of(value: object) -> str:
    """The tag of a condition. Angle brackets, because the tag stands in a fault's path and must not look like a key."""
    if isinstance(value, AllCondition) or (isinstance(value, Mapping) and "all" in value):
        return "<all>"
    if isinstance(value, AnyCondition) or (isinstance(value, Mapping) and "any" in value):
        return "<any>"
    return "<item>"


Condition = Annotated[
    Annotated[ItemCondition, Tag("<item>")]
    | Annotated[AllCondition, Tag("<all>")]
    | Annotated[AnyCondition, Tag("<any>")],
    Discriminator(_shape_of),
]
AllCondition.model_rebuild()
AnyCondition.model_rebuild()


class FlagResponse(Part):
    """What follows a flag at once: the crisis screen, and perhaps the offer of another instrument."""

    screen: Literal["crisis"] | None = None
    offer: Identifier | None = None


class RedFlag(Part):
    id: Identifier
    level: FlagLevel
    when: Condition
    evaluate: Literal["on_answer"]
    then: FlagResponse = FlagResponse()

    @property
    def item_ids(self) -> frozenset[str]:
        return frozenset(leaf.item for leaf in self.when.leaves())


class BandIn(Part):
    band_in: tuple[str, tuple[str, ...]]


class NextStep(Part):
    """What a band leads to: a door (an Action) or another instrument, into which equal items are carried."""

    when: BandIn
    offer: Identifier
    carry_items: Mapping[str, str] = {}

    @property
    def offers_instrument(self) -> bool:
        return self.offer not in set(Action)
