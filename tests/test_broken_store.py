"""A store that cannot be had is Unavailable and has stored nothing; what can be repeated is."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Barrier, BrokenBarrierError

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.db import (
    LOCK_WAIT_SECONDS,
    Database,
    before_commit,
    make_engine,
)
from server.errors import Unavailable
from server.vault import Vault
from tests.conftest import SERVER_URL, run_together
from tests.counters import COUNTERS, add_one, counted

# --- a store that cannot be had -----------------------------------------------------------------------------------


def test_a_store_that_cannot_be_opened_is_unavailable(tmp_path: Path, vault: Vault) -> None:
    nowhere = f"sqlite:///{tmp_path / 'no-such-folder' / 'x.sqlite3'}"
    url = "mysql://root@127.0.0.1:9/test" if SERVER_URL else nowhere
    database = Database(make_engine(url), vault)

    for run in (database.write, database.read):
        with pytest.raises(Unavailable):
            run(lambda session: session.execute(sa.text("SELECT 1")))


@pytest.mark.sqlite
def test_a_damaged_file_is_not_something_to_wait_for(tmp_path: Path, vault: Vault) -> None:
    file = tmp_path / "damaged.sqlite3"
    file.write_bytes(b"this is no database" * 1000)
    database = Database(make_engine(f"sqlite:///{file}"), vault)

    with pytest.raises(sa.exc.DatabaseError, match="not a database"):
        database.read(lambda session: session.execute(sa.text("SELECT 1")))


@contextmanager
def held_row(database: Database) -> Iterator[None]:
    """Somebody else has changed counter 1 and does not commit."""
    with database.engine.connect() as other:
        other.execute(COUNTERS.update().where(COUNTERS.c.id == 1).values(n=99))
        yield
        other.rollback()


@pytest.mark.slow
def test_a_lock_that_somebody_holds_makes_it_unavailable_after_three_seconds(counters: Database) -> None:
    with held_row(counters):
        began = time.monotonic()
        with pytest.raises(Unavailable):
            counters.write(lambda session: (add_one(session, 2), add_one(session, 1)))
        waited = time.monotonic() - began

    assert LOCK_WAIT_SECONDS - 0.5 < waited < LOCK_WAIT_SECONDS + 2
    assert counted(counters) == [0, 0]


@pytest.mark.slow
def test_a_lock_that_is_given_back_in_time_is_waited_for(counters: Database) -> None:
    def work(number: int) -> None:
        if number == 0:
            with held_row(counters):
                time.sleep(1)
        else:
            time.sleep(0.2)
            counters.write(add_one)

    run_together(2, work)

    assert counted(counters) == [1, 0]


@pytest.mark.slow
def test_an_empty_pool_is_unavailable_instead_of_a_long_queue(migrated_url: str, vault: Vault) -> None:
    engine = make_engine(migrated_url, pool_size=1)
    small = Database(engine, vault)
    with ExitStack() as taken:
        for _ in range(13):  # 1 in the pool and 12 beyond it
            taken.enter_context(engine.connect())
        began = time.monotonic()
        for run in (small.read, small.write):
            with pytest.raises(Unavailable):
                run(lambda session: session.connection())
        waited = time.monotonic() - began
    engine.dispose()

    assert waited < 2 * LOCK_WAIT_SECONDS + 2


# --- deadlocks and broken connections -----------------------------------------------------------------------------


def crossed_updates(database: Database, change: Callable[[Session, int], None]) -> list[int]:
    """Two threads that change two rows in opposite order, so that one must be thrown out; how often each was run."""
    both_have_one = Barrier(2)
    runs = [0, 0]

    def run(number: int) -> None:
        first, second = (1, 2) if number == 0 else (2, 1)

        def work(session: Session) -> None:
            runs[number] += 1
            change(session, first)
            with suppress(BrokenBarrierError):  # the repeat finds nobody waiting
                both_have_one.wait(1 if runs == [1, 1] else 0.01)
            change(session, second)

        database.write(work)

    run_together(2, run)
    return runs


@pytest.mark.mariadb
def test_after_a_deadlock_the_loser_is_run_again_and_nothing_is_lost(counters: Database) -> None:
    runs = crossed_updates(counters, add_one)

    assert sum(runs) > 2, "there was no deadlock"
    assert counted(counters) == [2, 2]


@pytest.mark.mariadb
def test_a_deadlock_that_takes_a_savepoint_with_it_is_still_seen_as_one(counters: Database) -> None:
    def in_a_savepoint(session: Session, number: int) -> None:
        with session.begin_nested():
            add_one(session, number)

    runs = crossed_updates(counters, in_a_savepoint)

    assert sum(runs) > 2, "there was no deadlock"
    assert counted(counters) == [2, 2]


def kill(database: Database, session: Session) -> None:
    """The server ends the session's connection, as it does when it goes down."""
    number = session.execute(sa.text("SELECT CONNECTION_ID()")).scalar()
    with database.engine.connect() as other:
        other.exec_driver_sql(f"KILL {number}")


@pytest.mark.mariadb
@pytest.mark.parametrize("in_savepoint", [False, True])
def test_a_connection_that_broke_before_the_commit_costs_one_repeat(counters: Database, in_savepoint: bool) -> None:
    runs: list[int] = []

    def work(session: Session) -> None:
        runs.append(1)
        add_one(session, 1)
        if len(runs) == 1 and not in_savepoint:
            kill(counters, session)
        if in_savepoint:
            with session.begin_nested():
                if len(runs) == 1:
                    kill(counters, session)
                add_one(session, 2)
        add_one(session, 2)

    counters.write(work)

    assert len(runs) == 2
    assert counted(counters) == [1, 2 if in_savepoint else 1]


@pytest.mark.mariadb
def test_a_connection_that_breaks_again_and_again_is_unavailable_and_stores_nothing(counters: Database) -> None:
    runs: list[int] = []

    def work(session: Session) -> None:
        runs.append(1)
        add_one(session)
        kill(counters, session)
        add_one(session)

    with pytest.raises(Unavailable):
        counters.write(work)

    assert len(runs) == 2
    assert counted(counters) == [0, 0]


@pytest.mark.mariadb
def test_a_connection_that_breaks_in_the_commit_is_not_repeated_for_it_may_have_been_stored(counters: Database) -> None:
    runs: list[int] = []

    def work(session: Session) -> None:
        runs.append(1)
        add_one(session)
        before_commit(session, "last", lambda inner: kill(counters, inner))

    with pytest.raises(Unavailable):
        counters.write(work)

    assert len(runs) == 1


@pytest.mark.mariadb
def test_a_connection_that_breaks_while_reading_is_unavailable(counters: Database) -> None:
    def work(session: Session) -> None:
        kill(counters, session)
        session.execute(sa.select(COUNTERS))

    with pytest.raises(Unavailable):
        counters.read(work)


@pytest.mark.mariadb
def test_connections_that_died_in_the_pool_are_replaced_before_anybody_notices(counters: Database) -> None:
    def work(session: Session) -> int:
        return int(session.execute(sa.text("SELECT CONNECTION_ID()")).scalar_one())

    dead = counters.read(work)
    with counters.engine.connect() as first, counters.engine.connect() as second:
        for connection in (first, second):
            if connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar() != dead:
                connection.exec_driver_sql(f"KILL {dead}")
                break

    assert counters.read(work) != dead


@pytest.mark.mariadb
def test_a_table_that_is_full_is_the_stores_state_and_no_bug(database: Database) -> None:
    def work(session: Session) -> None:
        session.execute(sa.text("SET SESSION max_heap_table_size = 16384"))
        session.execute(sa.text("CREATE TEMPORARY TABLE test_full (words CHAR(200)) ENGINE=MEMORY"))
        try:
            for _ in range(1000):
                session.execute(sa.text("INSERT INTO test_full VALUES ('x')"))
        finally:
            session.execute(sa.text("DROP TEMPORARY TABLE test_full"))
            session.execute(sa.text("SET SESSION max_heap_table_size = DEFAULT"))

    with pytest.raises(Unavailable):
        database.write(work)
