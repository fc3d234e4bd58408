"""What a domain fills in to be imported into; preview, command line and console page run it through here.

All or nothing: a sheet with one bad row changes nothing. Repeatable: what stands there already is no change.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from sqlalchemy.orm import Session

from server.errors import Conflict, Invalid
from server.sheets.columns import Columns
from server.sheets.faults import RowFault
from server.sheets.reading import Row, Sheet

T = TypeVar("T")


class RowsAtFault(Invalid):
    """Nothing was imported; `faults` says why, row by row."""

    code = "sheets.rows_at_fault"

    def __init__(self, *, faults: Sequence[RowFault], count: int) -> None:
        super().__init__(count=count)
        self.faults = tuple(faults)


class ImportOvertaken(Conflict):
    """Somebody changed the same records in the same moment, or since the preview."""

    code = "sheets.overtaken"


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """What one row would do. `before` and `after`: the columns that change, as people read them."""

    row: int
    name: str
    is_new: bool
    before: dict[str, object]
    after: dict[str, object]
    record: T


@dataclass(frozen=True, slots=True)
class Plan(Generic[T]):
    """What a sheet would do to the records as they are now."""

    changes: list[Change[T]] = field(default_factory=list)
    faults: list[RowFault] = field(default_factory=list)
    unchanged: int = 0
    ignored: tuple[str, ...] = ()

    @property
    def added(self) -> int:
        return sum(change.is_new for change in self.changes)

    @property
    def changed(self) -> int:
        return len(self.changes) - self.added


class Importer(Protocol[T]):
    """A kind of record that can be imported."""

    kind: str

    def columns(self) -> Columns: ...

    def plan(self, session: Session, rows: Sequence[Row], *, now: datetime) -> Plan[T]:
        """Compare the rows with the records that the session shows. Reads only; never raises for a row.

        A value that could not be read is None, also where one is required: its fault is known already.
        """
        ...

    def apply(self, session: Session, plan: Plan[T], *, actor: tuple[str, str], now: datetime) -> None:
        """Do all of it and record the acts. Raises ImportOvertaken."""
        ...


def plan_import(session: Session, importer: Importer[T], sheet: Sheet, *, now: datetime) -> Plan[T]:
    """What the sheet would do, and every fault of its rows, so that a clerk corrects them in one go.

    The sheet was read before (`read_sheet`): that takes seconds, and nobody waits for them with a transaction open.
    """
    plan = importer.plan(session, sheet.rows, now=now)
    faults = sorted([*sheet.faults, *plan.faults], key=lambda fault: fault.row)
    touched = {fault.row for fault in faults} | {change.row for change in plan.changes}
    return Plan(plan.changes, faults, sum(row.number not in touched for row in sheet.rows), sheet.ignored)


def run_import(
    session: Session,
    importer: Importer[T],
    sheet: Sheet,
    *,
    actor: tuple[str, str],
    now: datetime,
    previewed: str | None = None,
) -> Plan[T]:
    """Import the sheet. Raises RowsAtFault, ImportOvertaken; `previewed` is the mark of the plan that was agreed to.

    Where nothing is left to do, nothing was overtaken: a second tap on the button finds its own work.
    """
    plan = plan_import(session, importer, sheet, now=now)
    if plan.faults:
        raise RowsAtFault(faults=plan.faults, count=len({fault.row for fault in plan.faults}))
    if previewed is not None and plan.changes and previewed != mark_of(plan):
        raise ImportOvertaken
    importer.apply(session, plan, actor=actor, now=now)
    return plan


def mark_of(plan: Plan[T]) -> str:
    """The same for the same changes, so that nobody agrees to one thing and gets another."""
    said = repr([(change.row, change.is_new, change.name, change.before, change.after) for change in plan.changes])
    return hashlib.sha256(said.encode()).hexdigest()[:32]
