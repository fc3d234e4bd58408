"""Nobody can tell whose answers are whose: not by id, not by order, not by time; in the database, its log, or ours.

First the shape of the tables, then twenty people who are known to the account (they follow it) scan a code and finish a
test, one after another, over the real callback and the real pages. After that every table is compared with what it held
before, every value that was written with everything that is known of them, and every file with both.

What these tests compare is what somebody can read who copied the database with its log, and whoever holds a log file. Who
holds DATA_KEYS too can ask of a scan that is less than two days old whether it was a given openid's; the last tests show
where that ends.
"""

import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command

from server.accounts.models import Resident, WechatIdentity
from server.assessment.models import Answer, Response
from server.crisis.models import Alert
from server.db import Database, make_engine
from server.migrations import alembic_config
from server.migrations.models import METADATA
from server.scheduler import Worker
from server.vault import Vault
from server.wechat.models import InboundMessage
from server.wechat.once import purge_inbound
from tests.assessment.evening import PEOPLE, Evening, spend_an_evening
from tests.conftest import NOW, empty_database_url
from tests.wechat.helpers import make_app

# Whoever can be known: an openid, a number, a log-in.
PERSONAL = {"residents", "wechat_identities"}
# What a test leaves behind. No column of it may count, or hold a time of day.
NAMELESS = {"responses", "answers"}
# What one scan and one test may write to; anything new here has to be thought about first.
WRITTEN = {
    *NAMELESS, "inbound_messages", "entry_point_days", "instrument_versions", "alerts", "audit_events", "audit_head",
}  # fmt: skip
# An alert keeps the moment of a danger sign, because a colleague must know how long somebody has waited.
TIMED = {"alerts", "audit_events"}


# --- the shape of the tables --------------------------------------------------------------------------------------------


def faults_of(table: sa.Table) -> set[str]:
    """Why the rows of this table could be put in order, or matched with somebody."""
    found = {
        f"{column.name} holds a time"
        for column in table.columns
        if isinstance(column.type, sa.DateTime | sa.Time) or isinstance(getattr(column.type, "impl", None), sa.DateTime)
    }
    found |= {f"{column.name} counts" for column in table.primary_key if isinstance(column.type, sa.Integer)}
    found |= {f"{column.name} counts" for column in table.columns if column.identity or column.autoincrement is True}
    found |= {f"{key.column.table.name} is a person" for key in table.foreign_keys if key.column.table.name in PERSONAL}
    if table.dialect_options["sqlite"]["with_rowid"] is not False:
        found.add("rows have a rowid")
    return found


@pytest.mark.parametrize("name", sorted(NAMELESS))
def test_no_column_of_an_anonymous_table_counts_or_holds_a_time_or_points_to_a_person(name):
    assert faults_of(METADATA.tables[name]) == set()


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        (lambda table: table.append_column(sa.Column("created_at", sa.DateTime)), "created_at holds a time"),
        (lambda table: table.append_column(sa.Column("n", sa.Integer, autoincrement=True)), "n counts"),
        (lambda table: table.append_column(sa.Column("id", sa.BigInteger, primary_key=True)), "id counts"),
        (lambda table: table.append_column(_to("residents.id")), "residents is a person"),
        (lambda table: table.dialect_options["sqlite"].update(with_rowid=True), "rows have a rowid"),
    ],
)
def test_a_table_that_breaks_the_rule_would_be_found(changed, fault):
    copy = sa.MetaData()
    for table in METADATA.sorted_tables:
        table.to_metadata(copy)
    changed(copy.tables["responses"])

    assert fault in faults_of(copy.tables["responses"])


def _to(target: str) -> sa.Column:
    return sa.Column("resident_id", sa.Integer, sa.ForeignKey(target))


def test_from_an_anonymous_row_no_way_leads_to_a_person():
    """Along foreign keys in both directions, save through a place: a street is not a person."""
    places = {"organisations", "entry_points"}
    reached, found = set(NAMELESS), set(NAMELESS)
    while found:
        found = {
            other.name
            for table in METADATA.sorted_tables
            for other in METADATA.sorted_tables
            if table.name in found - places and (_points_to(table, other) or _points_to(other, table))
        } - reached
        reached |= found

    assert reached == NAMELESS | places


def _points_to(table: sa.Table, other: sa.Table) -> bool:
    return any(key.column.table is other for key in table.foreign_keys)


def test_the_database_itself_keeps_no_order_of_them(own_database):
    """Asked of the real tables, as the migrations made them."""
    with own_database.engine.connect() as connection:
        found = sa.inspect(connection)
        for name in NAMELESS:
            columns = {column["name"]: column for column in found.get_columns(name)}
            keys = found.get_pk_constraint(name)["constrained_columns"]
            assert all(isinstance(columns[key]["type"], sa.String) for key in keys)
            assert not any(isinstance(column["type"], sa.DateTime) for column in columns.values())
    if own_database.engine.dialect.name == "sqlite":
        with own_database.engine.connect() as connection:
            for name in [*NAMELESS, "inbound_messages"]:
                with pytest.raises(sa.exc.OperationalError, match="no such column"):
                    connection.execute(sa.text(f"SELECT rowid FROM {name}"))
            assert connection.execute(sa.text("SELECT rowid FROM organisations")).all() == []


# --- twenty people ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def evening(vault: Vault, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evening]:
    folder = tmp_path_factory.mktemp("evening")
    with empty_database_url(folder) as url:
        command.upgrade(alembic_config(url), "head")
        engine = make_engine(url)
        yield spend_an_evening(make_app(folder / "instance", Database(engine, vault)))
        engine.dispose()


def _marks_of(evening: Evening) -> set[bytes]:
    """Everything that is known of the twenty: what they are called by WeChat, by us, and in each column about them."""
    marks = {openid.encode() for openid in evening.openids}
    for row in evening.all(Resident):
        marks.add(row.public_id.encode())
    for row in evening.all(WechatIdentity):
        marks |= {bytes(row.openid_index), bytes(row.openid_sealed), bytes(row.openid_index).hex().encode()}
    return marks


def test_what_is_known_of_the_twenty_was_not_touched(evening):
    """No row about a person was written, so no order and no instant of that evening stands beside one."""
    assert len(evening.before["residents"]) == len(evening.before["wechat_identities"]) == PEOPLE
    assert {name for name in evening.before if evening.rows(name) != evening.before[name]} == WRITTEN
    assert PERSONAL.isdisjoint(WRITTEN)


def test_nothing_that_was_written_holds_anything_of_a_person(evening):
    marks = _marks_of(evening)
    assert len(marks) == PEOPLE * 5
    for name in WRITTEN:
        rows = evening.written(name)
        assert rows
        text = b"\0".join(value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row)
        assert [mark for mark in marks if mark in text] == [], name
    assert all(alert.resident_id is None for alert in evening.all(Alert))


def test_only_alerts_keep_the_moment_and_no_row_about_a_person_has_one_of_that_evening(evening):
    timed = {name for name in WRITTEN if any(_instants(row) for row in evening.written(name))}
    assert timed == TIMED
    for name in PERSONAL:
        for row in evening.rows(name):
            assert not any(NOW <= instant <= evening.over for instant in _instants(row)), name


def _instants(row: tuple) -> list[datetime]:
    """Every value that could be a moment: a time of day as text or value, or seconds since 1970 (and thousandths)."""
    found = []
    for value in row:
        if isinstance(value, datetime):
            found.append(value.replace(tzinfo=UTC))
        elif isinstance(value, str) and len(value) >= 19 and value[4] == value[7] == "-" and value[13] == ":":
            found.append(datetime.fromisoformat(value).replace(tzinfo=UTC))
        elif isinstance(value, int) and 10**9 < value < 10**13:
            found.append(datetime.fromtimestamp(value / (1000 if value > 10**11 else 1), UTC))
    return found


def test_a_response_knows_the_day_and_nothing_finer(evening):
    for row in evening.all(Response):
        assert (row.started_on, row.finished_on) == (date(2026, 11, 23), date(2026, 11, 23))
    assert {row.sequence for row in evening.all(Answer)} == set(range(1, 10)), "counted anew within each response"


def order_faults(arrived: list, stored: list) -> set[str]:
    """Whether the order in which rows are stored says anything about the order in which they came."""
    found = set()
    if stored in (arrived, arrived[::-1]):
        found.add("rows lie in the order in which they came")
    if stored != sorted(stored):
        found.add("rows lie in another order than that of their random ids")
    return found


def test_rows_lie_in_the_order_of_random_ids_and_not_in_the_order_in_which_they_came(evening):
    stored = [row[0] for row in evening.rows("responses")]

    assert set(evening.response_ids) == set(stored)
    assert order_faults(evening.response_ids, stored) == set()
    of_answers = list(dict.fromkeys(row[0] for row in evening.rows("answers")))
    assert order_faults(evening.response_ids, of_answers) == set()


def test_the_scans_lie_in_the_order_of_keyed_hashes(evening):
    stored = [bytes(row.key) for row in evening.all(InboundMessage)]

    assert len(stored) == PEOPLE
    assert stored == sorted(stored)
    assert {row.received_on for row in evening.all(InboundMessage)} == {date(2026, 11, 23)}


def test_a_table_that_kept_the_order_would_be_found(evening):
    """The same rows in a table as SQLite makes it by default: they lie as they came."""
    by_id = {row[0]: row for row in evening.rows("responses")}
    with sqlite3.connect(":memory:") as memory:
        memory.execute("CREATE TABLE responses (public_id TEXT UNIQUE)")
        memory.executemany("INSERT INTO responses VALUES (?)", [(found,) for found in evening.response_ids])
        stored = [row[0] for row in memory.execute("SELECT public_id FROM responses ORDER BY rowid")]
    memory.close()

    assert set(stored) == set(by_id)
    assert "rows lie in the order in which they came" in order_faults(evening.response_ids, stored)


def test_nothing_counts_the_rows_of_that_evening(evening):
    """SQLite's own counters; on MySQL a table's next number."""
    if evening.is_sqlite:
        names = [row[1] for row in evening.rows("sqlite_master")]
        assert "sqlite_sequence" not in names
        return
    with evening.database.engine.connect() as connection:
        counting = connection.execute(
            sa.text(
                "SELECT table_name FROM information_schema.tables "
                "WHERE table_schema = DATABASE() AND auto_increment IS NOT NULL"
            )
        ).scalars()
        assert NAMELESS.isdisjoint(counting)


def test_the_count_of_a_code_says_how_many_and_not_who(evening):
    assert evening.world.uses(evening.code) == (PEOPLE, PEOPLE, PEOPLE)
    [row] = evening.written("entry_point_days")
    assert not _instants(row)


def test_our_log_has_no_line_that_names_anybody_or_keeps_the_minute_of_an_answer(evening):
    kept = {row.token_hash.encode() for row in evening.all(Response)} | {
        found.encode() for found in evening.response_ids
    }

    assert evening.logged.count(b"\n") == evening.logged.count(b'"/console/duty"') == 1
    assert [mark for mark in _marks_of(evening) | kept | {evening.code.encode()} if mark in evening.logged] == []
    assert b"127.0.0.1" not in evening.logged
    assert b"/h5/test" not in evening.logged
    assert b"/wechat/callback" not in evening.logged


# --- the bytes ----------------------------------------------------------------------------------------------------------


@dataclass
class Stolen:
    """A copy of the file and of its write-ahead log, as they lay there when that evening was over."""

    file: Path
    database: Database
    evening: Evening

    def read(self, suffix: str = "") -> bytes:
        return Path(f"{self.file}{suffix}").read_bytes()

    def wait_a_minute(self) -> None:
        """What the worker does once a minute."""
        Worker(replace(self.evening.app.extensions["xinqiao"], database=self.database)).shorten_wal()


@pytest.fixture
def stolen(evening: Evening, tmp_path: Path) -> Iterator[Stolen]:
    file = tmp_path / "stolen.sqlite3"
    for suffix in ("", "-wal"):
        shutil.copy(f"{evening.file}{suffix}", f"{file}{suffix}")
    engine = make_engine(f"sqlite:///{file}")
    yield Stolen(file, Database(engine, evening.database.vault), evening)
    engine.dispose()


@pytest.mark.sqlite
def test_the_write_ahead_log_holds_no_page_about_a_person(stolen, evening):
    """Right after that evening, before anybody tidied up."""
    log = stolen.read("-wal")
    assert all(found.encode() in log for found in evening.response_ids), "the log is there, with the answers in it"

    assert [mark for mark in _marks_of(evening) if mark in log] == []


@pytest.mark.sqlite
def test_after_the_next_minute_the_write_ahead_log_is_empty(stolen, evening):
    stolen.wait_a_minute()

    assert stolen.read("-wal") == b""
    assert all(found.encode() in stolen.read() for found in evening.response_ids)


@pytest.mark.sqlite
def test_the_file_shows_no_openid_to_who_has_no_key(stolen, evening):
    everything = stolen.read() + stolen.read("-wal")

    assert [openid for openid in evening.openids if openid.encode() in everything] == []


@pytest.mark.sqlite
def test_after_two_days_the_scans_are_gone_from_every_byte_so_that_not_even_the_keys_help(stolen, evening):
    hashes = [bytes(row.key) for row in evening.all(InboundMessage)]
    assert all(found in stolen.read("-wal") for found in hashes)
    stolen.database.write(lambda session: purge_inbound(session, NOW + timedelta(days=2)))
    stolen.wait_a_minute()

    everything = stolen.read() + stolen.read("-wal")
    assert [found for found in hashes if found in everything] == []
    assert all(found.encode() in everything for found in evening.response_ids)
