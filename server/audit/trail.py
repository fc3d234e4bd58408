"""Reading the trail: acts by page, the newest first. What somebody may see of it, accounts decide (`who`)."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.audit.models import AuditEvent
from server.clock import day_bounds
from server.pagination import Asked, Listing, Page

LISTING = Listing("trail", {"seq": AuditEvent.seq}, tie=AuditEvent.seq, default="-seq")


@dataclass(frozen=True, slots=True)
class Filters:
    """None leaves a question open."""

    action: str | None = None
    actor_id: str | None = None
    object_id: str | None = None
    day: date | None = None

    @property
    def used(self) -> str:
        """The names of the questions that were asked, as the trail keeps them."""
        given = {"action": self.action, "actor": self.actor_id, "object": self.object_id, "day": self.day}
        return ",".join(name for name, value in given.items() if value is not None)


@dataclass(frozen=True, slots=True)
class Act:
    at: datetime
    actor_kind: str
    actor_id: str
    action: str
    object_kind: str
    object_id: str
    reason: str


def list_acts(session: Session, *, filters: Filters, asked: Asked, who: sa.ColumnElement[bool] | None) -> Page[Act]:
    """`who` narrows to the actors that the asker may follow; None for everybody."""
    conditions: list[sa.ColumnElement[bool]] = [] if who is None else [who]
    if filters.action is not None:
        conditions.append(AuditEvent.action == filters.action)
    if filters.actor_id is not None:
        conditions.append(AuditEvent.actor_id == filters.actor_id)
    if filters.object_id is not None:
        conditions.append(AuditEvent.object_id == filters.object_id)
    if filters.day is not None:
        start, end = day_bounds(filters.day)
        conditions += [AuditEvent.at >= start, AuditEvent.at < end]
    columns: list[Any] = [getattr(AuditEvent, name) for name in Act.__slots__]
    page = LISTING.page(session, sa.select(*columns).where(*conditions), asked)
    return page.of([Act(*row) for row in page.rows])
