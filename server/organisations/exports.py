"""Lists of places that can be taken out: service points, and entry points with how often they were used."""

from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.organisations.doors import Doors
from server.organisations.imports import service_point_columns
from server.organisations.models import EntryPoint, EntryPointDay, Organisation, ServicePoint
from server.sheets.columns import Columns, Kind, column
from server.sheets.exporting import BATCH, Batch, Days, behind, shown_count


class ServicePointSource:
    """In the columns of the import: what was taken out can be corrected and put back in."""

    kind = "service_points"
    has_days = False

    def columns(self) -> Columns:
        return service_point_columns()

    def count(self, session: Session, days: Days | None) -> int:
        return session.scalar(sa.select(sa.func.count()).select_from(ServicePoint)) or 0

    def batch(self, session: Session, days: Days | None, after: Any) -> Batch:
        found = session.execute(
            sa.select(ServicePoint, Organisation.code)
            .join(Organisation, Organisation.id == ServicePoint.organisation_id)
            .where(behind((ServicePoint.id,), after))
            .order_by(ServicePoint.id)
            .limit(BATCH)
        ).all()
        keys = [found.key for found in self.columns() if found.key != "place"]
        rows = [{"place": code, **{key: getattr(point, key) for key in keys}} for point, code in found]
        return Batch(rows, (found[-1][0].id,) if len(found) == BATCH else None)


@cache
def _entry_point_columns() -> Columns:
    sheet = "entry_points"
    return (
        column(sheet, "code", Kind.CODE),
        column(sheet, "place", width=28),
        column(sheet, "opens", width=24),
        column(sheet, "valid_from", Kind.MOMENT, width=18),
        column(sheet, "valid_until", Kind.MOMENT, width=18),
        column(sheet, "revoked_at", Kind.MOMENT, width=18),
        column(sheet, "scans", Kind.INT, width=10),
        column(sheet, "starts", Kind.INT, width=10),
        column(sheet, "finishes", Kind.INT, width=10),
    )


class EntryPointSource:
    """Codes on walls with their uses since they were made; few uses are not told, for few are somebody."""

    kind = "entry_points"
    has_days = False  # the difference of two stretches of days would tell the few that each of them hides

    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    def columns(self) -> Columns:
        return _entry_point_columns()

    def count(self, session: Session, days: Days | None) -> int:
        return session.scalar(sa.select(sa.func.count()).select_from(EntryPoint)) or 0

    def batch(self, session: Session, days: Days | None, after: Any) -> Batch:
        found = session.execute(
            sa.select(EntryPoint, Organisation.name)
            .join(Organisation, Organisation.id == EntryPoint.organisation_id)
            .where(behind((EntryPoint.id,), after))
            .order_by(EntryPoint.id)
            .limit(BATCH)
        ).all()
        uses = self._uses(session, [point.id for point, _ in found])
        rows = [self._row(point, place, uses.get(point.id, (0, 0, 0))) for point, place in found]
        return Batch(rows, (found[-1][0].id,) if len(found) == BATCH else None)

    @staticmethod
    def _uses(session: Session, ids: list[int]) -> dict[int, tuple[int, int, int]]:
        day = EntryPointDay
        rows = session.execute(
            sa.select(day.entry_point_id, sa.func.sum(day.scans), sa.func.sum(day.starts), sa.func.sum(day.finishes))
            .where(day.entry_point_id.in_(ids))
            .group_by(day.entry_point_id)
        )
        return {key: (int(scans), int(starts), int(finishes)) for key, scans, starts, finishes in rows}

    def _row(self, point: EntryPoint, place: str, uses: tuple[int, int, int]) -> dict[str, object]:
        door = self._doors.find(point.door)
        scans, starts, finishes = map(shown_count, uses)
        return {
            "code": point.code,
            "place": place,
            "opens": door.name_of(point.target) if door else point.door,
            "valid_from": point.valid_from,
            "valid_until": point.valid_until,
            "revoked_at": point.revoked_at,
            "scans": scans,
            "starts": starts,
            "finishes": finishes,
        }
