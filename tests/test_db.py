"""What the store promises on SQLite and on MySQL alike: connections and column types."""

import enum
import sqlite3
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.orm import Session

from server.db import (
    LOCK_WAIT_SECONDS,
    CodeEnum,
    Database,
    UtcDateTime,
    make_engine,
)
from server.jobs import Heartbeat, Lease
from server.migrations.models import METADATA
from server.vault import Vault
from tests.conftest import NOW, run_together


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


@pytest.mark.parametrize("typed", ["陈老师", "\U0001f642", "é", "x\0", "%", "\\", "'"])
def test_whatever_somebody_types_may_be_looked_for_in_any_column(database: Database, typed: str) -> None:
    """An address or a form may hold anything: what is no id of ours is not found, and that is all."""
    columns = [
        column for table in METADATA.tables.values() for column in table.columns if isinstance(column.type, sa.String)
    ]
    failed = []
    for column in columns:
        try:
            found = database.read(lambda session, c=column: session.execute(sa.select(c).where(c == typed)).all())
        except DBAPIError:
            failed.append(str(column))
        else:
            assert found == []

    assert len(columns) > 30
    assert failed == []


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
