"""Pages of a list by key: what follows the last row that was seen, never the n-th hundred, and never a count of all.

A list names its columns to sort by; the row's id breaks ties, so that no row is shown twice or passed over. The cursor in
the address holds the values of a border row. It is sealed: nobody reads an inner id or a time off it, and none can be
made up. NULL stands before every value, on both databases.
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from server.db import vault_of
from server.vault import CannotOpen, Place

PAGE_SIZE = 50
_LONGEST_CURSOR = 1000
_FORWARD, _BACK = "forward", "back"
Column = InstrumentedAttribute[Any] | sa.ColumnElement[Any]
T = TypeVar("T")
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address says: `sort` is a column's name, with a minus when the largest comes first."""

    sort: str = ""
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """The rows with the cursors of the neighbouring pages; `is_restarted` when the cursor fitted nothing (any more)."""

    rows: Sequence[T]
    sort: str
    previous: str | None
    next: str | None
    is_restarted: bool = False

    def of(self, rows: Sequence[S]) -> "Page[S]":
        """The same page holding what a template shows."""
        return Page(rows, self.sort, self.previous, self.next, self.is_restarted)


@dataclass(frozen=True, slots=True)
class _Border:
    """The row beyond which a page begins."""

    direction: str
    value: Any
    row_id: Any


@dataclass(frozen=True, slots=True)
class Listing:
    """One list: its name, the closed set of its columns, the unique column that breaks ties, the order it begins with."""

    name: str
    columns: Mapping[str, Column]
    tie: Column
    default: str

    def __post_init__(self) -> None:
        if self.default.removeprefix("-") not in self.columns:
            raise ValueError(f"{self.name}: {self.default} is no column of this list")

    def sort_of(self, asked: Asked) -> str:
        return asked.sort if asked.sort.removeprefix("-") in self.columns else self.default

    def page(
        self, session: Session, statement: sa.Select[Any], asked: Asked, *, size: int = PAGE_SIZE
    ) -> Page[tuple[Any, ...]]:
        """One page of `statement` (which has no order of its own), each row as a tuple of what it selects."""
        sort = self.sort_of(asked)
        border = self._open(session, sort, asked.cursor) if asked.cursor else None
        page = self._page(session, statement, sort, border, size)
        if border is not None and not page.rows:
            border, page = None, self._page(session, statement, sort, None, size)
        return Page(page.rows, sort, page.previous, page.next, bool(asked.cursor) and border is None)

    def _page(
        self, session: Session, statement: sa.Select[Any], sort: str, border: _Border | None, size: int
    ) -> Page[tuple[Any, ...]]:
        column, is_falling = self.columns[sort.removeprefix("-")], sort.startswith("-")
        is_back = border is not None and border.direction == _BACK
        downwards = is_falling != is_back
        if border is not None:
            statement = statement.where(_beyond(column, self.tie, border, downwards))
        order = (column.desc(), self.tie.desc()) if downwards else (column.asc(), self.tie.asc())
        keyed = statement.add_columns(column.label("page_key"), self.tie.label("page_tie"))
        found = [tuple(row) for row in session.execute(keyed.order_by(*order).limit(size + 1))]
        has_more, found = len(found) > size, found[:size]
        if is_back:
            found.reverse()
        has_previous, has_next = (has_more, True) if is_back else (border is not None, has_more)
        first, last = (found[0], found[-1]) if found else ((), ())
        return Page(
            [row[:-2] for row in found],
            sort,
            self._seal(session, sort, _BACK, first) if first and has_previous else None,
            self._seal(session, sort, _FORWARD, last) if last and has_next else None,
        )

    def _place(self, sort: str) -> Place:
        return Place("cursor", self.name, sort)

    def _seal(self, session: Session, sort: str, direction: str, row: tuple[Any, ...]) -> str:
        plain = json.dumps([direction, _as_json(row[-2]), _as_json(row[-1])])
        sealed = vault_of(session).seal(plain.encode(), self._place(sort))
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def _open(self, session: Session, sort: str, cursor: str) -> _Border | None:
        """None for whatever was not sealed here, for this list and this order."""
        if len(cursor) > _LONGEST_CURSOR:
            return None
        try:
            sealed = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
            direction, value, row_id = json.loads(vault_of(session).open(sealed, self._place(sort)))
        except (CannotOpen, binascii.Error, UnicodeEncodeError):
            return None
        return _Border(direction, _from_json(value), _from_json(row_id))


def _beyond(column: Column, tie: Column, border: _Border, downwards: bool) -> sa.ColumnElement[bool]:
    """Rows after the border. NULLs come first upwards and last downwards."""
    further: Callable[[Column, Any], sa.ColumnElement[bool]] = (
        (lambda one, value: one < value) if downwards else (lambda one, value: one > value)
    )
    if border.value is None:
        within_nulls = sa.and_(column.is_(None), further(tie, border.row_id))
        return within_nulls if downwards else sa.or_(within_nulls, column.is_not(None))
    # The first term alone is a range that an index answers; with the second it is exact.
    at_least = column <= border.value if downwards else column >= border.value
    exact = sa.and_(at_least, sa.or_(further(column, border.value), further(tie, border.row_id)))
    return sa.or_(exact, column.is_(None)) if downwards and _may_be_null(column) else exact


def _may_be_null(column: Column) -> bool:
    """Of an expression nobody knows."""
    plain = sa.inspect(column).expression if isinstance(column, InstrumentedAttribute) else column
    return bool(getattr(plain, "nullable", True))


def _as_json(value: Any) -> Any:
    if isinstance(value, datetime):  # is a date too
        return {"at": value.isoformat()}
    return {"day": value.isoformat()} if isinstance(value, date) else value


def _from_json(value: Any) -> Any:
    match value:
        case {"at": at}:
            return datetime.fromisoformat(at)
        case {"day": day}:
            return date.fromisoformat(day)
    return value
