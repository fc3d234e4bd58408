"""What the store promises on SQLite and on MySQL alike: types, transactions, waits, repeats."""

import enum
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from threading import Barrier, BrokenBarrierError

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from sqlalchemy.orm import Session

from server.db import (
    LOCK_WAIT_SECONDS,
    CodeEnum,
    Database,
    UtcDateTime,
    before_commit,
    make_engine,
    run_before_commit,
    vault_of,
)
from server.errors import Conflict, Unavailable
from server.jobs import Heartbeat, Lease
from server.migrations.models import METADATA
from server.vault import Vault
from tests.conftest import NOW, SERVER_URL, run_together

COUNTERS = sa.Table(
    "test_counters", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.Integer)
)


@pytest.fixture
def counters(database: Database) -> Iterator[Database]:
    """The shared database with two counters at zero."""
    COUNTERS.create(database.engine)
    try:
        with database.engine.begin() as connection:
            connection.execute(COUNTERS.insert(), [{"id": 1, "n": 0}, {"id": 2, "n": 0}])
        yield database
    finally:
        COUNTERS.drop(database.engine)


def add_one(session: Session, number: int = 1) -> None:
    session.execute(COUNTERS.update().where(COUNTERS.c.id == number).values(n=COUNTERS.c.n + 1))


def counted(database: Database) -> list[int]:
    return database.read(lambda session: list(session.scalars(sa.select(COUNTERS.c.n).order_by(COUNTERS.c.id))))


def pragma(database: Database, name: str) -> object:
    with database.engine.connect() as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


def variable(database: Database, name: str) -> object:
    with database.engine.connect() as connection:
        return connection.exec_driver_sql(f"SELECT @@SESSION.{name}").scalar()


# --- how a connection is set up -----------------------------------------------------------------------------------


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("journal_mode", "wal"),
        ("foreign_keys", 1),
        ("synchronous", 2),  # FULL
        ("secure_delete", 1),
        ("busy_timeout", LOCK_WAIT_SECONDS * 1000),
    ],
)
def test_a_connection_to_sqlite_keeps_its_promises(database: Database, name: str, value: object) -> None:
    assert pragma(database, name) == value


@pytest.mark.mariadb
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tx_isolation", "READ-COMMITTED"),
        ("innodb_lock_wait_timeout", LOCK_WAIT_SECONDS),
        ("lock_wait_timeout", LOCK_WAIT_SECONDS),
        ("time_zone", "+00:00"),
        ("character_set_connection", "utf8mb4"),
    ],
)
def test_a_connection_to_mysql_keeps_its_promises(database: Database, name: str, value: object) -> None:
    assert variable(database, name) == value


@pytest.mark.mariadb
def test_mysql_refuses_what_does_not_fit_instead_of_cutting_it(database: Database) -> None:
    assert "STRICT_TRANS_TABLES" in str(variable(database, "sql_mode"))

    with pytest.raises(DBAPIError):
        database.write(lambda session: session.add(Lease(name="x" * 65, owner="o", until=NOW)))


@pytest.mark.parametrize("url", ["mysql://u@h/d", "mysql+mysqldb://u@h/d", "mariadb://u@h/d"])
def test_every_mysql_address_is_spoken_to_through_pymysql(url: str) -> None:
    assert make_engine(url).dialect.driver == "pymysql"


@pytest.mark.sqlite
def test_eight_processes_may_open_a_new_file_at_once(tmp_path: Path, vault: Vault) -> None:
    url = f"sqlite:///{tmp_path / 'new.sqlite3'}"

    def open_and_write(number: int) -> None:
        engine = make_engine(url)
        Database(engine, vault).write(
            lambda session: session.execute(sa.text(f"CREATE TABLE t{number} (x INTEGER)"))  # type: ignore[arg-type]
        )
        engine.dispose()

    run_together(8, open_and_write)

    assert len(sa.inspect(make_engine(url)).get_table_names()) == 8


@pytest.mark.sqlite
def test_what_was_deleted_is_overwritten_in_the_file(own_database: Database) -> None:
    assert own_database.engine.url.database is not None
    file = Path(own_database.engine.url.database)
    marker = "these-words-must-not-stay"

    def shorten_wal() -> None:
        with sqlite3.connect(file) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()

    own_database.write(lambda session: session.add(Lease(name="x", owner=marker, until=NOW)))
    shorten_wal()
    was_there = marker.encode() in file.read_bytes()
    own_database.write(lambda session: session.execute(sa.delete(Lease)))
    shorten_wal()

    assert was_there
    assert marker.encode() not in file.read_bytes()


# --- types --------------------------------------------------------------------------------------------------------


def store_instant(database: Database, instant: datetime) -> datetime:
    def work(session: Session) -> None:
        session.execute(sa.delete(Heartbeat))
        session.add(Heartbeat(process="p", beat_at=instant))

    database.write(work)
    found = database.read(lambda session: session.scalars(sa.select(Heartbeat.beat_at)).one())
    assert isinstance(found, datetime)
    return found


@pytest.mark.parametrize("naive", [datetime(2026, 1, 1), datetime(2026, 1, 1, fold=1)])  # noqa: DTZ001 - that is the point
def test_a_naive_instant_is_refused(database: Database, naive: datetime) -> None:
    with pytest.raises(StatementError, match="naive"):
        store_instant(database, naive)


def test_a_naive_instant_is_refused_in_a_question_too(database: Database) -> None:
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 - that is the point

    with pytest.raises(StatementError, match="naive"):
        database.read(lambda session: session.scalars(sa.select(Heartbeat).where(Heartbeat.beat_at > naive)).all())


def test_microseconds_survive(database: Database) -> None:
    instant = datetime(2026, 11, 23, 4, 5, 6, 123457, tzinfo=UTC)

    assert store_instant(database, instant) == instant


def test_an_instant_comes_back_in_utc(database: Database) -> None:
    shanghai = datetime(2026, 11, 23, 0, 30, tzinfo=timezone(timedelta(hours=8)))

    found = store_instant(database, shanghai)

    assert found == shanghai
    assert found.tzinfo is UTC
    assert found.day == 22


offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(
    instant=st.datetimes(
        min_value=datetime(1001, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
        max_value=datetime(9998, 1, 1),  # noqa: DTZ001
        timezones=offsets,
    )
)
def test_every_aware_instant_survives_the_column_type(instant: datetime) -> None:
    kind, dialect = UtcDateTime(), sa.create_engine("sqlite://").dialect

    found = kind.process_result_value(kind.process_bind_param(instant, dialect), dialect)

    assert found == instant
    assert found is not None
    assert found.tzinfo is UTC


def test_instants_are_ordered_as_they_happened(database: Database) -> None:
    instants = [NOW + timedelta(microseconds=step) for step in (999_999, 0, 1, 1_000_000)]

    database.write(
        lambda session: session.add_all(
            [Heartbeat(process=str(number), beat_at=instant) for number, instant in enumerate(instants)]
        )
    )

    found = database.read(
        lambda session: session.scalars(sa.select(Heartbeat.beat_at).order_by(Heartbeat.beat_at)).all()
    )
    assert list(found) == sorted(instants)


def test_ids_that_differ_in_case_are_two_rows_and_a_look_up_finds_one(database: Database) -> None:
    database.write(
        lambda session: session.add_all(
            [Lease(name="aBc-_9", owner="first", until=NOW), Lease(name="AbC-_9", owner="second", until=NOW)]
        )
    )

    found = database.read(lambda session: session.scalars(sa.select(Lease.owner).where(Lease.name == "AbC-_9")).all())
    assert list(found) == ["second"]


@pytest.mark.mariadb
def test_no_column_of_any_table_folds_case(database: Database) -> None:
    with database.engine.connect() as connection:
        rows = connection.execute(
            sa.text(
                "SELECT CONCAT(table_name, '.', column_name), collation_name FROM information_schema.columns"
                " WHERE table_schema = DATABASE() AND collation_name IS NOT NULL AND table_name <> 'alembic_version'"
            )
        ).all()

    assert len(rows) > 30
    # utf8mb4_bin holds what people write; JSON is a text column of its own kind.
    assert {name: kind for name, kind in rows if kind not in {"ascii_bin", "utf8mb4_bin"}} == {}


def test_every_sign_that_people_type_survives(session: Session) -> None:
    from server.organisations.models import Level
    from server.organisations.service import add_organisation

    name = "𠮷野家社区🙂﹣é"
    node = add_organisation(session, code="x", name=name, level=Level.DISTRICT, parent=None)
    session.expire(node)

    assert node.name == name


class Colour(enum.StrEnum):
    RED = "red"


def test_a_code_is_stored_by_its_value_and_an_unknown_one_is_refused(database: Database) -> None:
    kind, dialect = CodeEnum(Colour), database.engine.dialect

    assert kind.process_bind_param(Colour.RED, dialect) == "red"
    assert kind.process_result_value("red", dialect) is Colour.RED
    for unknown in ("blue", "RED", ""):
        with pytest.raises(ValueError, match="is not a valid Colour"):
            kind.process_bind_param(unknown, dialect)


def test_every_code_of_every_enum_column_fits_its_column() -> None:
    columns = [
        column for table in METADATA.tables.values() for column in table.columns if isinstance(column.type, CodeEnum)
    ]

    assert columns
    for column in columns:
        assert isinstance(column.type, CodeEnum)
        assert max(len(code.value) for code in column.type.kind) <= column.type.impl_instance.length, column


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
    from server.accounts.models import SessionKind, StaffSession

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
        for _ in range(5):  # 1 in the pool and 4 beyond it
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
