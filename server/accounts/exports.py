"""Taking a list out: asked for with a purpose, above a thousand rows approved by a second person, made anew at each download.

Two permissions are asked for, to export and to see the list, and a row comes along only where both hold. Nothing of a list is
stored. Every step is an act in the trail, with the number of rows as its reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.accounts.exchange_models import Export, ExportState, Purpose
from server.accounts.policy import Permission
from server.accounts.scope import EVERYWHERE, seen_by
from server.accounts.staff import Staff, names_of
from server.accounts.staff_models import StaffMember
from server.audit import service as audit
from server.errors import Conflict, Invalid, NotFound, Refused
from server.ids import new_public_id
from server.sheets.exporting import Batch, Days, ExportSource

ALONE = 1_000  # rows that one person may take out without a second
ASKED_FOR = timedelta(hours=72)  # then a request that nobody decided is over
READY_FOR = timedelta(hours=24)
MOST_DOWNLOADS = 3
LONGEST_WORDS = 100
LONGEST_STRETCH = timedelta(days=366)
PAGE = 30


class PurposeMissing(Invalid):
    code = "exports.purpose_missing"


class BadDays(Invalid):
    code = "exports.bad_days"


class OwnExport(Refused):
    """Four eyes are four."""

    code = "exports.own"


class AlreadyDecided(Conflict):
    """Somebody decided before, or the request has waited too long."""

    code = "exports.already_decided"


class NotDownloadable(Conflict):
    """Not decided yet, refused, a day old, or taken three times."""

    code = "exports.not_downloadable"


class ListHasGrown(Conflict):
    """It holds more rows now than may be taken out under this request."""

    code = "exports.grown"


@dataclass(frozen=True, slots=True)
class Exportable:
    """A list and what one must be allowed to see of it."""

    source: ExportSource
    permission: Permission


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for."""

    kind: str
    purpose: Purpose
    words: str
    days: Days | None = None


@dataclass(frozen=True, slots=True)
class ExportRow:
    """An export as lists show it."""

    public_id: str
    kind: str
    asked_by: str
    purpose: Purpose
    words: str
    days: Days | None
    row_count: int
    state: ExportState
    requested_at: datetime
    decided_by: str | None
    downloads_left: int
    ends_at: datetime | None  # when it can be downloaded, or decided, no longer
    is_open: bool  # now: it waits, or can be downloaded


def lists_of(lists: Sequence[Exportable], staff: Staff) -> list[ExportSource]:
    """The lists that this colleague may take out."""
    return [listed.source for listed in lists if staff.may(listed.permission) and staff.may(Permission.EXPORT)]


def request_export(session: Session, *, lists: Sequence[Exportable], staff: Staff, wish: Wish, now: datetime) -> Export:
    """Ask for a list. Raises NotFound, PurposeMissing, BadDays.

    Up to a thousand rows it is ready at once. What was taken of the same list within a day counts too, so that ten requests
    for a part each do not do without the second person.
    """
    listed = _find(lists, staff, wish.kind)
    if not wish.words or len(wish.words) > LONGEST_WORDS:
        raise PurposeMissing
    _check_days(listed.source, wish.days)
    # One request of a colleague at a time, or two at once would not see one another's rows.
    session.execute(
        sa.select(StaffMember.id).where(StaffMember.id == staff.id).with_for_update(), execution_options=EVERYWHERE
    )
    rows = _count(session, listed, staff, wish.days)
    is_ready = rows + _taken_lately(session, staff, wish.kind, now) <= ALONE
    export = Export(
        public_id=new_public_id(),
        staff_id=staff.id,
        kind=wish.kind,
        purpose=wish.purpose,
        words=wish.words,
        filters=_as_filters(wish.days),
        row_count=rows,
        state=ExportState.READY if is_ready else ExportState.REQUESTED,
        requested_at=now,
        decided_by=None,
        decided_at=None,
        ready_at=now if is_ready else None,
        downloads=0,
    )
    session.add(export)
    session.flush()
    _record(session, "export.requested", export, staff, rows, now)
    return export


def decide(session: Session, *, public_id: str, staff: Staff, is_approved: bool, now: datetime) -> None:
    """Approve or refuse somebody else's request; of two who decide, one does. Raises NotFound, OwnExport, AlreadyDecided."""
    export = session.scalar(sa.select(Export).where(Export.public_id == public_id))
    if export is None:
        raise NotFound(export=public_id)
    if export.staff_id == staff.id:
        raise OwnExport
    decided = session.execute(
        sa.update(Export)
        .where(
            Export.id == export.id,
            Export.state == ExportState.REQUESTED,
            Export.staff_id != staff.id,
            Export.requested_at > now - ASKED_FOR,
        )
        .values(
            state=ExportState.APPROVED if is_approved else ExportState.REFUSED,
            decided_by=staff.id,
            decided_at=now,
            ready_at=now if is_approved else None,
        )
        .execution_options(synchronize_session=False)
    )
    if not getattr(decided, "rowcount", 0):
        raise AlreadyDecided
    _record(session, "export.approved" if is_approved else "export.refused", export, staff, export.row_count, now)


def begin_download(
    session: Session, *, lists: Sequence[Exportable], staff: Staff, public_id: str, now: datetime
) -> tuple[Export, int]:
    """Count one download of one's own export; returns it with how many rows the list has now.

    Raises NotFound, NotDownloadable, ListHasGrown.
    """
    export = _get_own(session, staff, public_id)
    listed = _find(lists, staff, export.kind)
    begun = session.execute(
        sa.update(Export)
        .where(
            Export.id == export.id,
            Export.state.in_([ExportState.READY, ExportState.APPROVED]),
            Export.ready_at > now - READY_FOR,
            Export.downloads < MOST_DOWNLOADS,
        )
        .values(downloads=Export.downloads + 1)
        .execution_options(synchronize_session=False)
    )
    if not getattr(begun, "rowcount", 0):
        raise NotDownloadable
    rows = _count(session, listed, staff, days_of(export))
    if rows > ceiling_of(export):
        raise ListHasGrown
    _record(session, "export.downloaded", export, staff, rows, now)
    return export, rows


def ceiling_of(export: Export) -> int:
    """How many rows may leave: without a second person a thousand, with one those that they were told of and some growth."""
    return ALONE + (export.row_count if export.state is ExportState.APPROVED else 0)


def next_rows(
    session: Session, *, lists: Sequence[Exportable], staff: Staff, export: Export, after: Any = None
) -> Batch:
    """The rows behind `after`, as the list is now, within what this colleague may export and see."""
    listed = _find(lists, staff, export.kind)
    with seen_by(session, staff, Permission.EXPORT, listed.permission):
        return listed.source.batch(session, days_of(export), after)


def get_own(session: Session, *, staff: Staff, public_id: str, now: datetime) -> ExportRow:
    """Raises NotFound, alike for a colleague's."""
    return _as_rows(session, [_get_own(session, staff, public_id)], now)[0]


def list_own(session: Session, *, staff: Staff, now: datetime, before: str = "") -> list[ExportRow]:
    """One's own exports, newest first, a page behind the one named `before`."""
    query = sa.select(Export).where(Export.staff_id == staff.id).order_by(Export.id.desc()).limit(PAGE)
    if before:
        query = query.where(Export.id < _get_own(session, staff, before).id)
    return _as_rows(session, session.scalars(query).all(), now)


def list_waiting(session: Session, *, staff: Staff, now: datetime) -> list[ExportRow]:
    """Requests of others that wait for a decision, the oldest first."""
    waiting = session.scalars(
        sa.select(Export)
        .where(
            Export.state == ExportState.REQUESTED, Export.requested_at > now - ASKED_FOR, Export.staff_id != staff.id
        )
        .order_by(Export.requested_at, Export.id)
        .limit(PAGE)
    ).all()
    return _as_rows(session, waiting, now)


def days_of(export: Export) -> Days | None:
    if not export.filters:
        return None
    return Days(date.fromisoformat(export.filters["first"]), date.fromisoformat(export.filters["last"]))


def _as_filters(days: Days | None) -> dict[str, str]:
    return {"first": days.first.isoformat(), "last": days.last.isoformat()} if days else {}


def _check_days(source: ExportSource, days: Days | None) -> None:
    if source.has_days != (days is not None):
        raise BadDays
    if days is not None and not timedelta(0) <= days.last - days.first < LONGEST_STRETCH:
        raise BadDays


def _find(lists: Sequence[Exportable], staff: Staff, kind: str) -> Exportable:
    for listed in lists:
        if listed.source.kind == kind and staff.may(listed.permission) and staff.may(Permission.EXPORT):
            return listed
    raise NotFound(export=kind)


def _count(session: Session, listed: Exportable, staff: Staff, days: Days | None) -> int:
    with seen_by(session, staff, Permission.EXPORT, listed.permission):
        return listed.source.count(session, days)


def _taken_lately(session: Session, staff: Staff, kind: str, now: datetime) -> int:
    taken = session.scalar(
        sa.select(sa.func.sum(Export.row_count)).where(
            Export.staff_id == staff.id,
            Export.kind == kind,
            Export.state == ExportState.READY,
            Export.requested_at > now - READY_FOR,
        )
    )
    return int(taken or 0)


def _get_own(session: Session, staff: Staff, public_id: str) -> Export:
    export = session.scalar(sa.select(Export).where(Export.public_id == public_id, Export.staff_id == staff.id))
    if export is None:
        raise NotFound(export=public_id)
    return export


def _as_rows(session: Session, exports: Sequence[Export], now: datetime) -> list[ExportRow]:
    people = {export.staff_id for export in exports} | {export.decided_by for export in exports if export.decided_by}
    names = names_of(session, people)
    return [_as_row(export, names, now) for export in exports]


def _as_row(export: Export, names: dict[int, str], now: datetime) -> ExportRow:
    ends_at = None
    if export.state is ExportState.REQUESTED:
        ends_at = export.requested_at + ASKED_FOR
    elif export.ready_at is not None:
        ends_at = export.ready_at + READY_FOR
    left = MOST_DOWNLOADS - export.downloads
    return ExportRow(
        public_id=export.public_id,
        kind=export.kind,
        asked_by=names[export.staff_id],
        purpose=export.purpose,
        words=export.words,
        days=days_of(export),
        row_count=export.row_count,
        state=export.state,
        requested_at=export.requested_at,
        decided_by=names[export.decided_by] if export.decided_by else None,
        downloads_left=left,
        ends_at=ends_at,
        is_open=ends_at is not None and ends_at > now and left > 0,
    )


def _record(session: Session, action: str, export: Export, by: Staff, rows: int, now: datetime) -> None:
    audit.record(
        session,
        actor=by.actor,
        action=action,
        object_kind="export",
        object_id=export.public_id,
        reason=f"{export.kind} {export.purpose} {rows}",
        now=now,
    )
