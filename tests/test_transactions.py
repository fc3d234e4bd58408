"""A transaction is stored whole or not at all, waits for nobody for long, and its hooks run last."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from server.db import (
    Database,
    KeyTaken,
    before_commit,
    make_engine,
    run_before_commit,
    vault_of,
)
from server.errors import Conflict
from server.jobs import Lease
from server.vault import Vault
from tests.conftest import NOW, run_together
from tests.counters import COUNTERS, add_one, counted

# --- who waits for whom -------------------------------------------------------------------------------------------


@contextmanager
def stranger(database: Database) -> Iterator[sqlite3.Connection]:
    """A connection of another process, which waits for nobody."""
    assert database.engine.url.database is not None
    connection = sqlite3.connect(database.engine.url.database, timeout=0, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


@pytest.mark.sqlite
def test_what_writes_has_the_write_lock_before_its_first_statement(database: Database) -> None:
    def work(session: Session) -> None:
        session.connection()
        with stranger(database) as other, pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")

    database.write(work)


@pytest.mark.sqlite
def test_what_reads_leaves_the_write_lock_to_others(counters: Database) -> None:
    def work(session: Session) -> int:
        session.execute(sa.select(COUNTERS)).all()
        with stranger(counters) as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("UPDATE test_counters SET n = 7")
            other.execute("COMMIT")
        return session.scalars(sa.select(COUNTERS.c.n)).first() or 0

    assert counters.read(work) == 0, "a reader sees the state in which it began"
    assert counted(counters) == [7, 7]


@pytest.mark.sqlite
def test_a_reader_does_not_wait_for_a_writer(counters: Database) -> None:
    with stranger(counters) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE test_counters SET n = 7")

        assert counted(counters) == [0, 0]


@pytest.mark.parametrize(("threads", "times"), [(4, 10), pytest.param(8, 50, marks=pytest.mark.slow)])
def test_no_increment_is_lost_between_threads(counters: Database, threads: int, times: int) -> None:
    def read_then_write(session: Session) -> None:
        n = session.scalars(sa.select(COUNTERS.c.n).where(COUNTERS.c.id == 1).with_for_update()).one()
        session.execute(COUNTERS.update().where(COUNTERS.c.id == 1).values(n=n + 1))

    def run(_: int) -> None:
        for _ in range(times):
            counters.write(read_then_write)

    run_together(threads, run)

    assert counted(counters) == [threads * times, 0]


# --- what is stored and what is not -------------------------------------------------------------------------------


def test_what_was_written_is_there_for_everybody_afterwards(counters: Database) -> None:
    assert counters.write(lambda session: (add_one(session), "result")[1]) == "result"
    assert counted(counters) == [1, 0]


def test_a_refusal_leaves_nothing_behind_and_comes_out_as_it_is(counters: Database) -> None:
    def work(session: Session) -> None:
        add_one(session)
        raise Conflict

    with pytest.raises(Conflict):
        counters.write(work)

    assert counted(counters) == [0, 0]


def test_a_reading_transaction_stores_nothing(counters: Database) -> None:
    counters.read(add_one)

    assert counted(counters) == [0, 0]


def test_objects_stay_readable_after_the_transaction(database: Database) -> None:
    def work(session: Session) -> Lease:
        lease = Lease(name="n", owner="o", until=NOW)
        session.add(lease)
        return lease

    assert database.write(work).owner == "o"


def test_the_vault_travels_with_every_session(database: Database, session: Session, vault: Vault) -> None:
    assert database.write(vault_of) is vault
    assert database.read(vault_of) is vault
    assert vault_of(session) is vault


# --- single rows, without a transaction around them ---------------------------------------------------------------


def row(name: str) -> dict[str, bytes | str | int]:
    return {"name": name, "owner": "somebody", "until": "2026-11-23 04:00:00.000000"}


def test_a_row_that_was_inserted_alone_is_there_for_everybody_at_once(database: Database) -> None:
    database.insert_alone("leases", row("a"))

    with database.engine.connect() as another:
        assert another.execute(sa.select(Lease.name, Lease.until)).all() == [("a", NOW)]


def test_of_eight_that_insert_one_key_at_once_one_succeeds(database: Database) -> None:
    def insert(_: int) -> bool:
        try:
            database.insert_alone("leases", row("a"))
        except KeyTaken:
            return False
        return True

    assert sorted(run_together(8, insert)) == [False] * 7 + [True]


def test_a_wrong_row_stays_a_bug_and_does_not_break_the_next_one(database: Database) -> None:
    with pytest.raises(DBAPIError):
        database.insert_alone("leases", {"no_such_column": 1})

    database.insert_alone("leases", row("a"))


@pytest.mark.mariadb
def test_connections_that_died_in_the_pool_cost_a_single_row_nothing(database: Database) -> None:
    database.insert_alone("leases", row("a"))
    with database.engine.connect() as other:
        mine = other.exec_driver_sql("SELECT CONNECTION_ID()").scalar()
        sleeping = other.exec_driver_sql(
            f"SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> {mine}"
        )
        for number in sleeping.scalars().all():
            other.exec_driver_sql(f"KILL {number}")

    database.insert_alone("leases", row("b"))

    assert len(database.read(lambda session: session.scalars(sa.select(Lease.name)).all())) == 2


# --- hooks before the commit --------------------------------------------------------------------------------------


def test_hooks_run_once_and_after_everything_else(database: Database) -> None:
    order: list[str] = []

    def note(word: str) -> Callable[[Session], None]:
        def hook(session: Session) -> None:
            assert session.scalars(sa.select(Lease.owner)).all() == ["o"], "what was added has been flushed"
            order.append(word)

        return hook

    def work(session: Session) -> None:
        before_commit(session, "one", note("hook one"))
        before_commit(session, "one", note("hook one again"))
        before_commit(session, "two", note("hook two"))
        session.add(Lease(name="n", owner="o", until=NOW))
        order.append("work")

    database.write(work)

    assert order == ["work", "hook one", "hook two"]


def test_what_a_hook_asks_for_runs_too_and_what_it_adds_is_stored(database: Database) -> None:
    def late(session: Session) -> None:
        session.add(Lease(name="n", owner="late", until=NOW))

    database.write(lambda session: before_commit(session, "early", lambda inner: before_commit(inner, "late", late)))

    assert database.read(lambda session: session.scalars(sa.select(Lease.owner)).all()) == ["late"]


def test_a_refused_transaction_runs_no_hook(database: Database) -> None:
    ran: list[int] = []

    def work(session: Session) -> None:
        before_commit(session, "hook", lambda _: ran.append(1))
        raise Conflict

    with pytest.raises(Conflict):
        database.write(work)

    assert ran == []


def test_a_hook_that_refuses_takes_everything_back(counters: Database) -> None:
    def refuse(_: Session) -> None:
        raise Conflict

    def work(session: Session) -> None:
        add_one(session)
        before_commit(session, "hook", refuse)

    with pytest.raises(Conflict):
        counters.write(work)

    assert counted(counters) == [0, 0]


def test_hooks_are_forgotten_once_they_ran(session: Session) -> None:
    ran: list[int] = []
    before_commit(session, "hook", lambda _: ran.append(1))

    run_before_commit(session)
    run_before_commit(session)

    assert ran == [1]


# --- bugs of ours are not called the store's -----------------------------------------------------------------------


def test_a_wrong_statement_right_after_a_migration_stays_what_it_is(counters: Database, migrated_url: str) -> None:
    """SQLite then reports that the schema has changed, which sounds as if the store were busy."""
    counters.read(lambda session: session.execute(sa.select(COUNTERS)).all())
    another = make_engine(migrated_url)
    with another.begin() as migration:
        migration.exec_driver_sql("ALTER TABLE test_counters ADD COLUMN more INTEGER")
    another.dispose()

    with pytest.raises(DBAPIError):
        counters.read(lambda session: session.execute(sa.text("SELECT no_such_column")))


@pytest.mark.parametrize(
    "statement",
    ["SELEC 1", "SELECT * FROM no_such_table", "SELECT no_such_column FROM leases", "SELECT no_such_function(1)"],
)
def test_a_wrong_statement_stays_what_it_is_and_is_not_repeated(database: Database, statement: str) -> None:
    runs: list[int] = []

    def work(session: Session) -> None:
        runs.append(1)
        session.execute(sa.text(statement))

    for run in (database.write, database.read):
        with pytest.raises(DBAPIError):
            run(work)

    assert runs == [1, 1]


def test_a_broken_rule_of_the_schema_stays_what_it_is(database: Database) -> None:
    table = sa.Table("test_checked", sa.MetaData(), sa.Column("n", sa.Integer, sa.CheckConstraint("n > 0")))
    table.create(database.engine)
    try:
        with pytest.raises(DBAPIError):
            database.write(lambda session: session.execute(table.insert().values(n=-1)))
    finally:
        table.drop(database.engine)


def test_a_row_that_is_there_already_stays_an_integrity_error(database: Database) -> None:
    def work(session: Session) -> None:
        session.execute(sa.insert(Lease).values(name="n", owner="o", until=NOW))

    database.write(work)

    with pytest.raises(IntegrityError):
        database.write(work)


def test_a_row_that_points_at_nothing_is_refused(database: Database) -> None:
    from server.accounts.staff_models import SessionKind, StaffSession

    orphan = StaffSession(
        token_hash="h", staff_id=4711, kind=SessionKind.SCREEN, created_at=NOW, last_used_at=NOW, ended_at=None
    )

    with pytest.raises(IntegrityError):
        database.write(lambda session: session.add(orphan))


def test_an_error_does_not_show_the_values_of_its_statement(database: Database) -> None:
    with pytest.raises(DBAPIError) as fault:
        database.read(
            lambda session: session.execute(
                sa.text("SELECT no_such_column WHERE :words = 1"), {"words": "secret words"}
            )
        )

    assert "secret words" not in str(fault.value)
