"""Alerts as a list: grade, place and clocks; no words, no number, no source.

Of somebody whom nobody can reach neither place nor hour is told, as on the duty screen: nobody goes looking.
"""

from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.clock import local_day
from server.crisis.models import Alert, Outcome, SourceKind
from server.organisations.models import Organisation
from server.risk.grades import Grade
from server.sheets.columns import Columns, Kind, column
from server.sheets.exporting import BATCH, Batch, Days, behind


@cache
def _columns() -> Columns:
    sheet = "alerts"
    return (
        column(sheet, "id", Kind.CODE, width=26),
        column(sheet, "day", Kind.DATE, width=12),
        column(sheet, "raised_at", Kind.MOMENT, width=18),
        column(sheet, "place", width=28),
        column(sheet, "grade", Kind.CHOICE, choices=Grade, width=10),
        column(sheet, "source", Kind.CHOICE, choices=SourceKind),
        column(sheet, "is_reachable", Kind.BOOL, width=12),
        column(sheet, "acknowledged_at", Kind.MOMENT, width=18),
        column(sheet, "closed_at", Kind.MOMENT, width=18),
        column(sheet, "outcome", Kind.CHOICE, choices=Outcome, width=28),
    )


class AlertSource:
    kind = "alerts"
    has_days = True

    def columns(self) -> Columns:
        return _columns()

    def count(self, session: Session, days: Days | None) -> int:
        return session.scalar(sa.select(sa.func.count()).select_from(Alert).where(_within(days))) or 0

    def batch(self, session: Session, days: Days | None, after: Any) -> Batch:
        found = session.execute(
            sa.select(Alert, Organisation.name)
            .join(Organisation, Organisation.id == Alert.organisation_id)
            .where(_within(days), behind((Alert.raised_at, Alert.id), after))
            .order_by(Alert.raised_at, Alert.id)
            .limit(BATCH)
        ).all()
        last = found[-1][0] if len(found) == BATCH else None
        return Batch([_row(alert, place) for alert, place in found], (last.raised_at, last.id) if last else None)


def _row(alert: Alert, place: str) -> dict[str, object]:
    row: dict[str, object] = {
        "id": alert.public_id,
        "day": local_day(alert.raised_at),
        "grade": alert.grade,
        "source": alert.source_kind,
        "is_reachable": alert.is_reachable,
        "outcome": alert.outcome,
    }
    if alert.is_reachable:
        row |= {
            "raised_at": alert.raised_at,
            "place": place,
            "acknowledged_at": alert.acknowledged_at,
            "closed_at": alert.closed_at,
        }
    return row


def _within(days: Days | None) -> sa.ColumnElement[bool]:
    if days is None:
        return sa.true()
    first, end = days.bounds
    return sa.and_(Alert.raised_at >= first, Alert.raised_at < end)
