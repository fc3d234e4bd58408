"""An office to take lists out of: a clerk, two who may approve, and service points."""

from collections.abc import Mapping
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.accounts import exports
from server.accounts import staff as accounts
from server.accounts.exchange_models import Export, Purpose
from server.accounts.policy import Permission, Role
from server.accounts.staff import Staff
from server.audit.exports import TrailSource
from server.audit.models import AuditEvent
from server.crisis.exports import AlertSource
from server.db import Database
from server.organisations.doors import Doors
from server.organisations.exports import EntryPointSource, ServicePointSource
from server.organisations.models import HostKind, ServicePoint
from server.sheets.exporting import Days
from tests.accounts.test_scope import Held, Tree
from tests.conftest import NOW

DAYS = Days(date(2026, 11, 1), date(2026, 11, 30))
LISTS = (
    exports.Exportable(ServicePointSource(), Permission.SEE_PLACES),
    exports.Exportable(EntryPointSource(Doors([])), Permission.SEE_ENTRY_POINTS),
    exports.Exportable(AlertSource(), Permission.WATCH_ALERTS),
    exports.Exportable(TrailSource(), Permission.SEE_TRAIL),
)
POINTS = exports.Wish("service_points", Purpose.CHECK, "给街道核对")


class Office:
    """A tree with some service points, a clerk for all of it, and two managers who may approve."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.root_id, self.clerk, self.first, self.second = database.write(self._build)

    @staticmethod
    def _build(session: Session):
        tree = Tree(session, [0], [], [])
        people = []
        for name, role in (
            ("clerk", Role.CLERK),
            ("first", Role.DISTRICT_MANAGER),
            ("second", Role.RESPONSIBLE_PERSON),
        ):
            member = accounts.create_staff(session, login_name=name, display_name=name, password=None, now=NOW)
            session.add(tree._post(member, Held(role, 0, None, None)))
            session.flush()
            people.append(accounts.as_staff(session, member, now=NOW))
        return tree.nodes[0].id, *people

    def open_points(self, count: int, begin: int = 0) -> None:
        rows = [
            {
                "public_id": f"{number:022}", "organisation_id": self.root_id, "name": f"P{number}", "address": "a",
                "phone": "1", "hours": "h", "host_kind": HostKind.SCHOOL, "accepts_minors": True,
                "is_barrier_free": False, "is_active": True,
            }
            for number in range(begin, begin + count)
        ]  # fmt: skip
        self.database.write(lambda session: session.execute(sa.insert(ServicePoint), rows))

    def ask(self, wish=POINTS, by: Staff | None = None, now=NOW) -> Export:
        return self.database.write(
            lambda session: exports.request_export(session, lists=LISTS, staff=by or self.clerk, wish=wish, now=now)
        )

    def decide(self, export: Export, by: Staff, *, is_approved=True, now=NOW) -> None:
        self.database.write(
            lambda session: exports.decide(
                session, public_id=export.public_id, staff=by, is_approved=is_approved, now=now
            )
        )

    def download(self, export: Export, by: Staff | None = None, now=NOW) -> list[Mapping[str, object]]:
        by = by or self.clerk
        export, _ = self.database.write(
            lambda session: exports.begin_download(session, lists=LISTS, staff=by, public_id=export.public_id, now=now)
        )
        return self.database.read(lambda session: all_rows(session, by, export))

    def acts(self) -> list[tuple[str, str]]:
        rows = sa.select(AuditEvent.action, AuditEvent.reason).order_by(AuditEvent.seq)
        return self.database.read(lambda session: [tuple(row) for row in session.execute(rows)])


def all_rows(session: Session, staff: Staff, export: Export) -> list[Mapping[str, object]]:
    rows, after = [], None
    while True:
        batch = exports.next_rows(session, lists=LISTS, staff=staff, export=export, after=after)
        rows += batch.rows
        after = batch.after
        if after is None:
            return rows
