"""What the use cases hand out: where a response stands, what became of an answer, what a finished one says."""

from collections.abc import Mapping
from dataclasses import dataclass

from server.assessment.definition import Instrument, Item
from server.assessment.models import Response
from server.assessment.parts import Level


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a response stands. `answers` are codes by item; `missing` are visible items still to be answered."""

    response: Response
    instrument: Instrument
    answers: Mapping[str, int]
    items: tuple[Item, ...]
    missing: tuple[Item, ...]

    @property
    def next_item(self) -> Item | None:
        """The first question without an answer; those that may be passed over come after all that may not."""
        open_items = (*self.missing, *(item for item in self.items if item.id not in self.answers))
        return open_items[0] if open_items else None

    def item_after(self, item_id: str) -> Item | None:
        """The item that follows in order; None behind the last."""
        ids = [item.id for item in self.items]
        position = ids.index(item_id) + 1 if item_id in ids else len(ids)
        return self.items[position] if position < len(ids) else None

    def item_before(self, item_id: str) -> Item | None:
        ids = [item.id for item in self.items]
        return self.items[ids.index(item_id) - 1] if item_id in ids[1:] else None


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of an answer. `is_stale`: the page was older than the answer that stands, which was kept."""

    progress: Progress
    is_stale: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished response as the person may see it."""

    progress: Progress
    total: int | None
    level: Level | None  # None: the instrument has no bands, so nothing is advised
    is_red: bool
    longer: Instrument | None
