"""Acts to record, and hands to falsify them with."""

from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.audit.models import AuditEvent
from server.audit.service import Verdict, head_of, record, verify
from server.db import Database
from tests.conftest import NOW


def act(session: Session, number: int = 1, *, now: datetime = NOW) -> None:
    """One act; the number makes it different from the others."""
    record(
        session,
        actor=("staff", f"member-{number}"),
        action="alert.acknowledged",
        object_kind="alert",
        object_id=f"alert-{number}",
        now=now + timedelta(seconds=number),
    )


def acts(database: Database, count: int) -> None:
    for number in range(1, count + 1):
        database.write(partial(act, number=number))


def verdict(database: Database, *known: tuple[int, str], page_size: int = 1000) -> Verdict:
    return database.read(lambda session: verify(session, known_heads=known, page_size=page_size))


def fault(database: Database, *known: tuple[int, str]) -> str | None:
    return verdict(database, *known).fault


def tamper(database: Database, *statements: sa.Executable) -> None:
    with database.engine.begin() as connection:
        for statement in statements:
            connection.execute(statement)


def head(database: Database) -> tuple[int, str]:
    return database.read(head_of)


def change(seq: int, /, **values: object) -> sa.Update:
    return sa.update(AuditEvent).where(AuditEvent.seq == seq).values(**values)
