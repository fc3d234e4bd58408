"""Departments and service points from a sheet: a department is known by its code, a service point by its place and name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.audit import service as audit
from server.ids import new_public_id
from server.organisations.models import Department, HostKind, Organisation, ServicePoint
from server.sheets.columns import Column, Columns, Kind, column, yes_and_no
from server.sheets.faults import RowFault
from server.sheets.importing import Change, ImportOvertaken, Plan
from server.sheets.reading import Row

_BATCH = 500  # codes in one question


@dataclass(slots=True)
class Wanted:
    """A record as a row wants it: the one that is there (None: a new one) with the values that it shall have."""

    record: Department | ServicePoint | None
    values: dict[str, Any]


@cache
def department_columns() -> Columns:
    sheet = "departments"
    return (
        column(sheet, "code", Kind.CODE, is_required=True, longest=32),
        column(sheet, "name", is_required=True, longest=40, width=24),
        column(sheet, "is_active", Kind.BOOL, width=10),
    )


@cache
def service_point_columns() -> Columns:
    sheet = "service_points"
    return (
        column(sheet, "place", Kind.CODE, is_required=True, longest=32),
        column(sheet, "name", is_required=True, longest=60, width=28),
        column(sheet, "address", is_required=True, longest=120, width=40),
        column(sheet, "phone", Kind.PHONE, is_required=True, longest=32, width=18),
        column(sheet, "hours", is_required=True, longest=120, width=28),
        column(sheet, "host_kind", Kind.CHOICE, is_required=True, choices=HostKind),
        column(sheet, "accepts_minors", Kind.BOOL, width=12),
        column(sheet, "is_barrier_free", Kind.BOOL, width=12),
        column(sheet, "is_active", Kind.BOOL, width=10),
    )


# What a new record has where the sheet says nothing; one that is there keeps what it has.
_DEPARTMENT_DEFAULTS = {"is_active": True}
_SERVICE_POINT_DEFAULTS = {"accepts_minors": False, "is_barrier_free": False, "is_active": True}


class DepartmentImporter:
    kind = "departments"

    def columns(self) -> Columns:
        return department_columns()

    def plan(self, session: Session, rows: Sequence[Row], *, now: datetime) -> Plan[Wanted]:
        known = {
            found.code: found
            for codes in _batches({str(row.values["code"]) for row in rows})
            for found in session.scalars(sa.select(Department).where(Department.code.in_(codes)))
        }
        planning = _Planning(self.columns(), _DEPARTMENT_DEFAULTS)
        for row in rows:
            code = row.values["code"]
            if code is not None and row.values["name"] is not None:
                planning.take(row, code, known.get(str(code)))
        return planning.plan

    def apply(self, session: Session, plan: Plan[Wanted], *, actor: tuple[str, str], now: datetime) -> None:
        _apply(session, plan, Department, "department", actor=actor, now=now)


class ServicePointImporter:
    kind = "service_points"

    def columns(self) -> Columns:
        return service_point_columns()

    def plan(self, session: Session, rows: Sequence[Row], *, now: datetime) -> Plan[Wanted]:
        places = {
            code: number
            for codes in _batches({str(row.values["place"]) for row in rows})
            for code, number in session.execute(
                sa.select(Organisation.code, Organisation.id).where(Organisation.code.in_(codes))
            )
        }
        known = {
            (found.organisation_id, found.name): found
            for ids in _batches(set(places.values()))
            for found in session.scalars(sa.select(ServicePoint).where(ServicePoint.organisation_id.in_(ids)))
        }
        planning = _Planning(self.columns(), _SERVICE_POINT_DEFAULTS)
        for row in rows:
            if row.values["place"] is None:
                continue
            place = places.get(str(row.values["place"]))
            if place is None:
                planning.plan.faults.append(RowFault(row.number, "place", "no_such_place"))
                continue
            if row.values["name"] is None:
                continue
            values = {key: value for key, value in row.values.items() if key != "place"}
            found = known.get((place, str(row.values["name"])))
            planning.take(Row(row.number, values), (place, values["name"]), found, {"organisation_id": place})
        return planning.plan

    def apply(self, session: Session, plan: Plan[Wanted], *, actor: tuple[str, str], now: datetime) -> None:
        _apply(session, plan, ServicePoint, "service_point", actor=actor, now=now)


@dataclass(slots=True)
class _Planning:
    """Compares row after row with what is there; a record named twice in one sheet is a fault."""

    columns: Columns
    defaults: Mapping[str, object]
    plan: Plan[Wanted] = field(default_factory=Plan)
    _rows: dict[object, int] = field(default_factory=dict)

    def take(
        self,
        row: Row,
        key: object,
        found: Department | ServicePoint | None,
        beside: Mapping[str, object] | None = None,
    ) -> None:
        first = self._rows.setdefault(key, row.number)
        if first != row.number:
            self.plan.faults.append(RowFault(row.number, "name", "twice", {"first": first}))
            return
        said = {name: value for name, value in row.values.items() if value is not None}
        name = str(row.values["name"])
        if found is None:
            values = {**self.defaults, **said, **(beside or {})}
            shown = self._shown({**self.defaults, **said})
            self.plan.changes.append(Change(row.number, name, True, {}, shown, Wanted(None, values)))
            return
        before = {key: getattr(found, key) for key in said}
        differing = {key: value for key, value in said.items() if before[key] != value}
        if differing:
            old = self._shown({key: before[key] for key in differing})
            self.plan.changes.append(
                Change(row.number, name, False, old, self._shown(differing), Wanted(found, differing))
            )

    def _shown(self, values: Mapping[str, object]) -> dict[str, object]:
        """By the columns' names, with the words for codes."""
        by_key = {column.key: column for column in self.columns}
        return {by_key[key].header: _word(by_key[key], value) for key, value in values.items()}


def _word(column: Column, value: object) -> object:
    if isinstance(value, bool):
        return yes_and_no()[0 if value else 1]
    return next((label for label, code in column.choices if code == value), value)


def _apply(
    session: Session,
    plan: Plan[Wanted],
    model: type[Department] | type[ServicePoint],
    kind: str,
    *,
    actor: tuple[str, str],
    now: datetime,
) -> None:
    touched: list[tuple[str, Department | ServicePoint]] = []
    try:
        with session.begin_nested():
            for change in plan.changes:
                touched.append(("added" if change.is_new else "changed", _store(session, model, change.record)))
    except IntegrityError:
        raise ImportOvertaken from None
    for what, record in touched:
        audit.record(
            session,
            actor=actor,
            action=f"{kind}.{what}",
            object_kind=kind,
            object_id=record.public_id,
            reason="import",
            now=now,
        )


def _store(session: Session, model: type[Department] | type[ServicePoint], wanted: Wanted) -> Department | ServicePoint:
    if wanted.record is None:
        wanted.record = model(public_id=new_public_id(), **wanted.values)
        session.add(wanted.record)
    else:
        for name, value in wanted.values.items():
            setattr(wanted.record, name, value)
    return wanted.record


def _batches(found: set[Any]) -> list[list[Any]]:
    ordered = sorted(found)
    return [ordered[start : start + _BATCH] for start in range(0, len(ordered), _BATCH)]
