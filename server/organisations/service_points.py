"""Use cases of service points: the houses one can walk into. Kept by the console, shown to everybody."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.audit import service as audit
from server.audit.actions import Action
from server.errors import Conflict, Invalid, NotFound
from server.ids import new_public_id
from server.organisations.hours import read_hours, say_hours
from server.organisations.models import HostKind, Organisation, ServicePoint
from server.organisations.phones import dialled, read_service_phone
from server.organisations.service import below, names_by_id
from server.pagination import Asked, Listing, Page

LONGEST_NAME, LONGEST_ADDRESS, LONGEST_HOURS = 60, 120, 120

LISTING = Listing(
    "service_points", {"place": Organisation.path, "name": ServicePoint.name}, ServicePoint.id, default="place"
)
_PUBLIC = Listing("h5_places", {"place": Organisation.path}, ServicePoint.id, default="place")


class NameTaken(Conflict):
    """The place has a service point of this name."""

    code = "organisations.service_point_taken"


class HoursTooLong(Invalid):
    """So many different spans do not fit on a sign."""

    code = "organisations.hours_too_long"


class Switch(StrEnum):
    ON = "on"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody typed about a service point."""

    name: str
    address: str
    phone: str
    hours: str
    host_kind: HostKind
    accepts_minors: bool
    is_barrier_free: bool


@dataclass(frozen=True, slots=True)
class Filters:
    """None and False ask for nothing."""

    within: Organisation | None = None
    host_kind: HostKind | None = None
    accepts_minors: bool = False
    is_barrier_free: bool = False
    switch: Switch | None = None


@dataclass(frozen=True, slots=True)
class OpenPoint:
    """A service point as residents see it, with the names of the places down to it, without the district's."""

    point: ServicePoint
    way: tuple[str, ...]

    @property
    def dialled(self) -> str:
        return dialled(self.point.phone)


@dataclass(frozen=True, slots=True)
class PointRow:
    """A service point with its place."""

    point: ServicePoint
    place: Organisation


def list_service_points(session: Session, *, filters: Filters, asked: Asked) -> Page[PointRow]:
    page = LISTING.page(session, _rows().where(*_conditions(filters)), asked)
    return page.of([PointRow(*row) for row in page.rows])


def get_service_point(session: Session, public_id: str) -> PointRow:
    """Raises NotFound, also for one outside what the session shows."""
    row = session.execute(_rows().where(ServicePoint.public_id == public_id)).one_or_none()
    if row is None:
        raise NotFound(service_point=public_id)
    return PointRow(*row)


def as_typed(point: ServicePoint) -> dict[str, object]:
    """What stands in the form that edits it."""
    return {field.name: getattr(point, field.name) for field in fields(Wanted)}


def add_service_point(
    session: Session, *, place: Organisation, wanted: Wanted, actor: tuple[str, str], now: datetime
) -> ServicePoint:
    """Raises BadServicePhone, BadHours, HoursEndEarly, HoursTooLong, NameTaken."""
    point = ServicePoint(public_id=new_public_id(), organisation_id=place.id, is_active=True)
    _store(session, point, _values(wanted))
    _record(session, Action.SERVICE_POINT_ADDED, point, actor, now)
    return point


def change_service_point(
    session: Session, *, point: ServicePoint, wanted: Wanted, actor: tuple[str, str], now: datetime
) -> None:
    """Raises what adding raises. Its place stays: another place is another service point."""
    values = _values(wanted)
    if any(getattr(point, name) != value for name, value in values.items()):
        _store(session, point, values)
        _record(session, Action.SERVICE_POINT_CHANGED, point, actor, now)


def switch_service_point(
    session: Session, *, point: ServicePoint, is_active: bool, actor: tuple[str, str], now: datetime
) -> None:
    """Off, residents no longer see it. Repeatable: only what changes is an act."""
    changed = session.execute(
        sa.update(ServicePoint)
        .where(ServicePoint.id == point.id, ServicePoint.is_active.is_(not is_active))
        .values(is_active=is_active)
    )
    if getattr(changed, "rowcount", 0):
        _record(
            session,
            Action.SERVICE_POINT_SWITCHED_ON if is_active else Action.SERVICE_POINT_SWITCHED_OFF,
            point,
            actor,
            now,
        )


# --- for everybody ----------------------------------------------------------------------------------------------------


def is_any_open(session: Session) -> bool:
    return session.scalar(sa.select(ServicePoint.id).where(ServicePoint.is_active.is_(True)).limit(1)) is not None


def list_open(session: Session, *, near: Organisation | None, asked: Asked) -> Page[OpenPoint]:
    """What is open, area by area; nearest first where it is known at which place somebody stands.

    Near is what the tree says: the place and what lies below it, then its neighbours, then the rest.
    """
    listing = _PUBLIC if near is None else Listing("h5_near", {"way": _way_from(near)}, ServicePoint.id, default="way")
    page = listing.page(session, _rows().where(ServicePoint.is_active.is_(True)), asked)
    steps = {point.id: place.path.strip("/").split("/")[1:] for point, place in page.rows}
    names = names_by_id(session, {int(step) for way in steps.values() for step in way})
    return page.of([OpenPoint(point, tuple(names[int(step)] for step in steps[point.id])) for point, _ in page.rows])


def _way_from(place: Organisation) -> sa.ColumnElement[str]:
    """A key to sort by: how many steps up before the way down begins, then the order of the tree."""
    steps = place.path.strip("/").split("/")
    above = [f"/{'/'.join(steps[:count])}/" for count in range(len(steps), 0, -1)]
    up = sa.case(*((below(path), str(number)) for number, path in enumerate(above)))
    return up + Organisation.path


# --- what they share --------------------------------------------------------------------------------------------------


def _rows() -> Any:
    return sa.select(ServicePoint, Organisation).join(Organisation, Organisation.id == ServicePoint.organisation_id)


def _conditions(filters: Filters) -> Sequence[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if filters.within is not None:
        conditions.append(below(filters.within.path))
    if filters.host_kind is not None:
        conditions.append(ServicePoint.host_kind == filters.host_kind)
    if filters.accepts_minors:
        conditions.append(ServicePoint.accepts_minors.is_(True))
    if filters.is_barrier_free:
        conditions.append(ServicePoint.is_barrier_free.is_(True))
    if filters.switch is not None:
        conditions.append(ServicePoint.is_active.is_(filters.switch is Switch.ON))
    return conditions


def _values(wanted: Wanted) -> dict[str, object]:
    hours = say_hours(read_hours(wanted.hours))
    if len(hours) > LONGEST_HOURS:
        raise HoursTooLong(longest=LONGEST_HOURS)
    return {
        "name": wanted.name,
        "address": wanted.address,
        "phone": read_service_phone(wanted.phone),
        "hours": hours,
        "host_kind": wanted.host_kind,
        "accepts_minors": wanted.accepts_minors,
        "is_barrier_free": wanted.is_barrier_free,
    }


def _store(session: Session, point: ServicePoint, values: Mapping[str, object]) -> None:
    try:
        with session.begin_nested():
            for name, value in values.items():
                setattr(point, name, value)
            session.add(point)
    except IntegrityError:
        raise NameTaken from None


def _record(session: Session, action: Action, point: ServicePoint, actor: tuple[str, str], now: datetime) -> None:
    audit.record(session, actor=actor, action=action, object_kind="service_point", object_id=point.public_id, now=now)
