"""The trail as a list: who did what when; ids and codes, no names and no words."""

from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.audit.models import AuditEvent
from server.sheets.columns import Columns, Kind, column
from server.sheets.exporting import BATCH, Batch, Days, behind

_TEXTS = ("actor_kind", "actor_id", "action", "object_kind", "object_id", "reason")


@cache
def _columns() -> Columns:
    texts = (column("trail", key, width=24) for key in _TEXTS)
    return (column("trail", "seq", Kind.INT, width=10), column("trail", "at", Kind.MOMENT, width=18), *texts)


class TrailSource:
    kind = "trail"
    has_days = True

    def columns(self) -> Columns:
        return _columns()

    def count(self, session: Session, days: Days | None) -> int:
        return session.scalar(sa.select(sa.func.count()).select_from(AuditEvent).where(_within(days))) or 0

    def batch(self, session: Session, days: Days | None, after: Any) -> Batch:
        found = session.scalars(
            sa.select(AuditEvent)
            .where(_within(days), behind((AuditEvent.at, AuditEvent.seq), after))
            .order_by(AuditEvent.at, AuditEvent.seq)
            .limit(BATCH)
        ).all()
        rows = [{key: getattr(event, key) for key in ("seq", "at", *_TEXTS)} for event in found]
        return Batch(rows, (found[-1].at, found[-1].seq) if len(found) == BATCH else None)


def _within(days: Days | None) -> sa.ColumnElement[bool]:
    if days is None:
        return sa.true()
    first, end = days.bounds
    return sa.and_(AuditEvent.at >= first, AuditEvent.at < end)
