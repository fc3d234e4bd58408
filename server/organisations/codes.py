"""Use cases of the codes' pages: list, make, revoke; and what of their counts may be shown.

Counts are of people in front of a wall, so small ones stay hidden, also by subtraction: of one code's numbers no two that
are shown lie within four of each other, no sum over codes is shown, and today is not counted yet, for whoever watches a
wall could else watch the number.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.audit import service as audit
from server.audit.actions import Action
from server.clock import local_day
from server.errors import Invalid, NotFound
from server.ids import is_printed_code
from server.organisations import service as organisations
from server.organisations.doors import Doors
from server.organisations.models import EntryPoint, EntryPointDay, Organisation
from server.organisations.service import EntryPointState, below
from server.pagination import Asked, Listing, Page

COUNTED_DAYS = 30
SMALLEST_SHOWN = 5
# A sheet of posters: each is drawn, and drawing takes a core.
MOST_AT_ONCE = 12

LISTING = Listing("entry_points", {"made": EntryPoint.id, "place": Organisation.path}, EntryPoint.id, default="-made")


class BadLastDay(Invalid):
    """A code's last day lies in the past."""

    code = "organisations.bad_last_day"


class Hidden(StrEnum):
    """Why a number is not shown."""

    SMALL = "small"
    CLOSE = "close"  # the difference to a number beside it would be small


Shown = int | Hidden


@dataclass(frozen=True, slots=True)
class Uses:
    """Scans, begun and finished self-assessments of the last days, as far as they may be shown."""

    scans: Shown
    starts: Shown
    finishes: Shown


@dataclass(frozen=True, slots=True)
class CodeRow:
    """A code as the lists show it. `opens` is None when its door has been closed since."""

    point: EntryPoint
    place: Organisation
    opens: str | None
    state: EntryPointState
    uses: Uses

    @property
    def may_be_printed(self) -> bool:
        """Nobody should hang up paper that leads nowhere."""
        return self.opens is not None and self.state in {EntryPointState.OPEN, EntryPointState.NOT_YET}


@dataclass(frozen=True, slots=True)
class Filters:
    """None asks for nothing."""

    within: Organisation | None = None
    door: str | None = None
    state: EntryPointState | None = None


def list_codes(session: Session, *, doors: Doors, filters: Filters, asked: Asked, now: datetime) -> Page[CodeRow]:
    page = LISTING.page(session, _rows().where(*_conditions(filters, now)), asked)
    return page.of(_described(session, [(point, place) for point, place in page.rows], doors, now))


def get_codes(session: Session, *, doors: Doors, codes: Sequence[str], now: datetime) -> list[CodeRow]:
    """In the order asked for, each once, at most MOST_AT_ONCE. Raises NotFound when one is missing or out of sight."""
    wanted = list(dict.fromkeys(codes))[:MOST_AT_ONCE]
    if not wanted or not all(map(is_printed_code, wanted)):
        raise NotFound(entry_point="")
    rows = session.execute(_rows().where(EntryPoint.code.in_(wanted))).all()
    found = {row.point.code: row for row in _described(session, [tuple(row) for row in rows], doors, now)}
    if len(found) < len(wanted):
        raise NotFound(entry_point="")
    return [found[code] for code in wanted]


def get_code(session: Session, *, doors: Doors, code: str, now: datetime) -> CodeRow:
    """Raises NotFound, also for a code outside what the session shows."""
    return get_codes(session, doors=doors, codes=[code], now=now)[0]


def make_code(
    session: Session,
    *,
    doors: Doors,
    place: Organisation,
    door: str,
    target: str,
    valid_until: datetime | None,
    actor: tuple[str, str],
    now: datetime,
) -> EntryPoint:
    """Raises UnknownDoor, UnknownTarget, BadLastDay."""
    if valid_until is not None and valid_until <= now:
        raise BadLastDay
    point = organisations.make_entry_point(
        session,
        doors=doors,
        organisation=place,
        door=door,
        target=target,
        now=now,
        valid_until=valid_until,
    )
    _record(session, Action.ENTRY_POINT_MADE, point, actor, now)
    return point


def revoke_code(session: Session, *, code: str, actor: tuple[str, str], now: datetime) -> None:
    """Repeatable: only the first time is an act. Raises NotFound."""
    point = organisations.find_entry_point(session, code)
    if point is None:
        raise NotFound(entry_point=code)
    if organisations.revoke_entry_point(session, code=code, now=now):
        _record(session, Action.ENTRY_POINT_REVOKED, point, actor, now)


def hide_small(scans: int, starts: int, finishes: int) -> Uses:
    """Hide what is small, and what a number that is shown would tell by the difference."""
    shown: list[int] = []
    cells: list[Shown] = []
    for count in (scans, starts, finishes):
        if count < SMALLEST_SHOWN:
            cells.append(Hidden.SMALL)
        elif any(abs(count - other) < SMALLEST_SHOWN for other in shown):
            cells.append(Hidden.CLOSE)
        else:
            cells.append(count)
            shown.append(count)
    return Uses(*cells)


def _rows() -> Any:
    return sa.select(EntryPoint, Organisation).join(Organisation, Organisation.id == EntryPoint.organisation_id)


def _conditions(filters: Filters, now: datetime) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if filters.within is not None:
        conditions.append(below(filters.within.path))
    if filters.door is not None:
        conditions.append(EntryPoint.door == filters.door)
    if filters.state is not None:
        conditions.append(organisations.is_in_state(filters.state, now))
    return conditions


def _described(
    session: Session, rows: Iterable[tuple[EntryPoint, Organisation]], doors: Doors, now: datetime
) -> list[CodeRow]:
    rows = list(rows)
    uses = _uses_of(session, [point.id for point, _ in rows], now)
    nothing = hide_small(0, 0, 0)
    return [
        CodeRow(
            point,
            place,
            doors.name_of(point.door, point.target),
            organisations.state_of(point, now),
            uses.get(point.id, nothing),
        )
        for point, place in rows
    ]


def _uses_of(session: Session, ids: Sequence[int], now: datetime) -> dict[int, Uses]:
    today = local_day(now)
    rows = session.execute(
        sa.select(
            EntryPointDay.entry_point_id,
            sa.func.sum(EntryPointDay.scans),
            sa.func.sum(EntryPointDay.starts),
            sa.func.sum(EntryPointDay.finishes),
        )
        .where(
            EntryPointDay.entry_point_id.in_(ids),
            EntryPointDay.day >= today - timedelta(days=COUNTED_DAYS),
            EntryPointDay.day < today,
        )
        .group_by(EntryPointDay.entry_point_id)
    )
    return {point_id: hide_small(*map(int, counts)) for point_id, *counts in rows}


def _record(session: Session, action: Action, point: EntryPoint, actor: tuple[str, str], now: datetime) -> None:
    audit.record(session, actor=actor, action=action, object_kind="entry_point", object_id=point.code, now=now)
