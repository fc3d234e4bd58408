"""Alerts from a distance: what waits, what lies with whom, and the list of all. No words, no numbers of people."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.accounts.policy import Permission
from server.accounts.scope import seen_by
from server.accounts.staff import Staff, names_of
from server.crisis.desk import AlertRow, as_row
from server.crisis.models import Alert, SourceKind
from server.organisations import service as organisations
from server.organisations.models import Organisation
from server.pagination import Asked, Listing, Page
from server.risk.grades import Grade

_PAGE = 50
# By time alone, which an index answers: any other order would sort a million rows for each page.
LISTING = Listing("alerts", {"raised_at": Alert.raised_at}, tie=Alert.id, default="-raised_at")


class AlertState(StrEnum):
    OPEN = "open"
    TAKEN = "taken"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Filters:
    """None leaves a question open. `below` is the path of a place, which stands for all below it too."""

    state: AlertState | None = None
    grade: Grade | None = None
    source: SourceKind | None = None
    is_reachable: bool | None = None
    below: str | None = None


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


def list_alerts(session: Session, *, staff: Staff, filters: Filters, asked: Asked) -> Page[AlertRow]:
    """All alerts within this colleague's scope, the newest first.

    Who asks for a place gets no alert of anybody who cannot be reached: nobody goes looking by place and time.
    """
    with seen_by(session, staff, Permission.WATCH_ALERTS):
        page = LISTING.page(session, _statement(staff, filters), asked)
        # Not joined: MySQL would begin with the places and sort every alert of theirs.
        places = organisations.names_by_id(session, {alert.organisation_id for (alert,) in page.rows})
    names = names_of(session, {alert.acknowledged_by for (alert,) in page.rows if alert.acknowledged_by})
    return page.of([as_row(alert, places.get(alert.organisation_id), None, names, staff) for (alert,) in page.rows])


def _statement(staff: Staff, filters: Filters) -> sa.Select[Any]:
    statement = sa.select(Alert).where(*_conditions(filters))
    sees_all = any(
        post.is_district_wide
        and Permission.WATCH_ALERTS in post.permissions
        and not (post.department_id or post.team_id)
        for post in staff.posts
    )
    if sees_all and filters == Filters():
        # While its statistics are young, MariaDB would rather sort the whole table.
        return statement.with_hint(Alert, "FORCE INDEX (ix_alerts_raised)", "mysql")
    return statement


def _conditions(filters: Filters) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    match filters.state:
        case AlertState.OPEN:
            conditions = [Alert.acknowledged_at.is_(None)]
        case AlertState.TAKEN:
            conditions = [Alert.closed_at.is_(None), Alert.acknowledged_at.is_not(None)]
        case AlertState.CLOSED:
            conditions = [Alert.closed_at.is_not(None)]
    if filters.grade is not None:
        conditions.append(Alert.grade == filters.grade)
    if filters.source is not None:
        conditions.append(Alert.source_kind == filters.source)
    if filters.is_reachable is not None:
        conditions.append(Alert.is_reachable.is_(filters.is_reachable))
    if filters.below is not None:
        within = sa.select(Organisation.id).where(organisations.below(filters.below))
        conditions += [Alert.is_reachable.is_(True), Alert.organisation_id.in_(within)]
    return conditions
