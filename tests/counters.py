"""Two numbers in a table of their own, for tests of the store itself: what is lost or stored twice shows at once."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.db import Database

COUNTERS = sa.Table(
    "test_counters",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("n", sa.Integer),
)


def add_one(session: Session, number: int = 1) -> None:
    session.execute(COUNTERS.update().where(COUNTERS.c.id == number).values(n=COUNTERS.c.n + 1))


def counted(database: Database) -> list[int]:
    return database.read(lambda session: list(session.scalars(sa.select(COUNTERS.c.n).order_by(COUNTERS.c.id))))
