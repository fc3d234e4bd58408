"""Alerts from a distance: what waits, what lies with whom. No words, no numbers of people."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.accounts.policy import Permission
from server.accounts.scope import seen_by
from server.accounts.staff import Staff
from server.crisis.models import Alert

_PAGE = 50


def count_ringing(session: Session, *, staff: Staff) -> tuple[int, datetime | None]:
    """How many ring within this colleague's scope, and since when the first of them does."""
    with seen_by(session, staff, Permission.WATCH_ALERTS):
        row = session.execute(
            sa.select(sa.func.count(), sa.func.min(Alert.rings_since)).where(
                Alert.acknowledged_at.is_(None), Alert.is_reachable.is_(True)
            )
        ).one()
    return row[0], row[1]


def count_unreachable(session: Session, *, staff: Staff) -> int:
    with seen_by(session, staff, Permission.WATCH_ALERTS):
        count = session.scalar(
            sa.select(sa.func.count())
            .select_from(Alert)
            .where(Alert.acknowledged_at.is_(None), Alert.is_reachable.is_(False))
        )
    return count or 0


def list_mine(session: Session, *, staff: Staff) -> list[Alert]:
    """What this colleague has taken over and not closed, the oldest first."""
    with seen_by(session, staff, Permission.ACKNOWLEDGE_ALERT):
        return list(
            session.scalars(
                sa.select(Alert)
                .where(Alert.closed_at.is_(None), Alert.acknowledged_by == staff.id)
                .order_by(Alert.acknowledged_at, Alert.id)
                .limit(_PAGE)
            )
        )
