"""What a domain fills in so that a list of its can be taken out, piece by piece and in the scope of whoever asks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.clock import day_bounds
from server.sheets.columns import Columns
from server.texts import text

BATCH = 500
# Below it a count could point at one person.
SMALLEST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Days:
    """The Shanghai days of a list, the last included."""

    first: date
    last: date

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        return day_bounds(self.first)[0], day_bounds(self.last)[1]


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows by the columns' keys. `after` is handed in for the next ones; None: these were the last."""

    rows: Sequence[Mapping[str, object]]
    after: Any


class ExportSource(Protocol):
    """A list. The session that it is given is narrowed already: it asks for everything and gets what may be seen."""

    kind: str
    # Whether one asks for days of it; else for all of it, as it is today.
    has_days: bool

    def columns(self) -> Columns: ...

    def count(self, session: Session, days: Days | None) -> int: ...

    def batch(self, session: Session, days: Days | None, after: Any) -> Batch:
        """Up to BATCH rows behind the key `after` (None: from the beginning), in a fixed order that an index answers."""
        ...


def shown_count(count: int) -> int | str:
    return count if count >= SMALLEST_SHOWN else text("sheets.few", limit=SMALLEST_SHOWN)


def behind(columns: tuple[Any, ...], after: Any) -> sa.ColumnElement[bool]:
    """Rows behind the key, for an order by these columns."""
    if after is None:
        return sa.true()
    first, *rest = columns
    if not rest:
        return first > after[0]  # type: ignore[no-any-return]
    return sa.or_(first > after[0], sa.and_(first == after[0], behind(tuple(rest), after[1:])))
