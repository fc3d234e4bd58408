"""The relational store: one engine for SQLite and MySQL/MariaDB, column types, and the only way to run a transaction.

What writes opens with `BEGIN IMMEDIATE` on SQLite, what reads with a plain `BEGIN`; MySQL runs at READ COMMITTED. No wait
for a lock lasts longer than LOCK_WAIT_SECONDS. See `Database.write` for what is repeated and what is not.
"""

import enum
import random
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Annotated, Any, ClassVar, TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator

from server.bulkhead import Bulkhead
from server.errors import Unavailable
from server.ids import PUBLIC_ID_LENGTH
from server.lone_inserts import LoneInserts
from server.vault import Vault

LOCK_WAIT_SECONDS = 3
# Beyond the pool's own size, for a bad minute: 8 pages that read, 8 that write and 16 pushes at most.
_OVERFLOW = 12
_READS = "xinqiao_reads"
_VAULT = "xinqiao_vault"
_BEFORE_COMMIT = "xinqiao_before_commit"
_ATTEMPTS = 5
_MYSQL_DEADLOCK, _MYSQL_NOTHING_OF_THAT_NAME = 1213, 1305
# Lock wait, too many connections, disk or table full, shutting down, broken packets, user limits, read-only, killed,
# statement time-outs.
_MYSQL_OUT_OF_REACH = {1205, 1040, 1021, 1114, 1053, 1158, 1159, 1160, 1161, 1203, 1226, 1290, 1317, 1927, 1969, 3024}
# What the driver says of the connection; above and below are the server's own numbers.
_MYSQL_CLIENT_ERRORS = range(2000, 3000)
# A wrong statement; the second where another connection has just changed the schema.
_SQLITE_WRONG_STATEMENT = {1, 17}
_LONGEST_CODE = 32
T = TypeVar("T")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant, stored as UTC with microseconds. Naive values are refused instead of guessed at."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:
        return dialect.type_descriptor(mysql.DATETIME(fsp=6) if dialect.name == "mysql" else sa.DateTime())

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime is refused: pass an aware one")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


def ascii_string(length: int) -> sa.types.TypeEngine[str]:
    """Ids, codes and tokens, compared by byte: on MySQL by the collation of every table, utf8mb4_bin.

    Not MySQL's `ascii`: to look there for what somebody typed in Chinese is an error ("illegal mix of collations").
    """
    return sa.String(length)


def binary(length: int) -> sa.types.TypeEngine[bytes]:
    """Hashes and short sealed values, with a length that MySQL can index."""
    return sa.LargeBinary(length).with_variant(mysql.VARBINARY(length), "mysql", "mariadb")


class CodeEnum(TypeDecorator[Any]):
    """A StrEnum stored by its value. No CHECK: a new code must not need a table rebuild on SQLite."""

    impl = sa.String
    cache_ok = True

    def __init__(self, kind: type[enum.StrEnum]) -> None:
        super().__init__(_LONGEST_CODE)
        self.kind = kind

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:
        return dialect.type_descriptor(ascii_string(_LONGEST_CODE))

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str | None:
        return None if value is None else self.kind(value).value

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> Any:
        return None if value is None else self.kind(value)


def code_enum(kind: type[enum.StrEnum]) -> CodeEnum:
    return CodeEnum(kind)


BigPk = Annotated[
    int, mapped_column(sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True)
]
BigRef = Annotated[int, mapped_column(sa.BigInteger().with_variant(sa.Integer, "sqlite"))]
PublicId = Annotated[str, mapped_column(ascii_string(PUBLIC_ID_LENGTH), unique=True)]
Sealed = Annotated[bytes, mapped_column(sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb"))]
BlindIndex = Annotated[bytes, mapped_column(binary(32))]

# Alembic writes and compares these names, so that both databases have the same ones.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
MYSQL_TABLE = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}
# No rowid: SQLite would keep the order in which rows came, and the order tells whose is whose.
UNORDERED_TABLE = {**MYSQL_TABLE, "sqlite_with_rowid": False}


class Base(DeclarativeBase):
    metadata = sa.MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UtcDateTime(), date: sa.Date()}
    __table_args__: Any = MYSQL_TABLE


def make_engine(url: str, *, pool_size: int = 20, read_timeout: int = 20, is_autocommit: bool = False) -> Engine:
    """An engine that keeps this module's promises. `read_timeout` bounds one MySQL answer, in seconds.

    With `is_autocommit` each statement is a transaction of its own, and nothing else travels to the server: no ping, no
    commit, no reset. For single inserts; see `Database.insert_alone`.
    """
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _make_sqlite_engine(parsed, pool_size, is_autocommit)
    # The driver is ours to choose: "mysql://" alone would ask for mysqlclient, which needs a C library.
    parsed = parsed.set(drivername="mysql+pymysql").update_query_dict({"charset": "utf8mb4"})
    return sa.create_engine(
        parsed,
        isolation_level="AUTOCOMMIT" if is_autocommit else "READ COMMITTED",
        pool_reset_on_return=None if is_autocommit else "rollback",
        pool_size=pool_size,
        max_overflow=_OVERFLOW,
        pool_timeout=LOCK_WAIT_SECONDS,
        pool_recycle=1800,
        pool_pre_ping=not is_autocommit,
        hide_parameters=True,
        connect_args={
            "connect_timeout": LOCK_WAIT_SECONDS,
            "read_timeout": read_timeout,
            "write_timeout": read_timeout,
            # lock_wait_timeout is the metadata lock's (ALTER TABLE, LOCK TABLES): a year by default.
            "init_command": f"SET SESSION innodb_lock_wait_timeout={LOCK_WAIT_SECONDS}, "
            f"lock_wait_timeout={LOCK_WAIT_SECONDS}, time_zone='+00:00', "
            "sql_mode='STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
        },
    )


def _make_sqlite_engine(url: sa.URL, pool_size: int, is_autocommit: bool) -> Engine:
    engine = sa.create_engine(
        url,
        pool_reset_on_return=None if is_autocommit else "rollback",
        pool_size=pool_size,
        max_overflow=_OVERFLOW,
        pool_timeout=LOCK_WAIT_SECONDS,
        hide_parameters=True,
        connect_args={"timeout": LOCK_WAIT_SECONDS, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def configure(dbapi_connection: Any, _entry: ConnectionPoolEntry) -> None:
        dbapi_connection.isolation_level = None  # BEGIN is ours, see below
        cursor = dbapi_connection.cursor()
        _switch_to_wal(cursor)
        for pragma in (
            "synchronous=FULL",  # in WAL mode NORMAL may lose the last commits in a power cut
            "foreign_keys=ON",
            f"busy_timeout={LOCK_WAIT_SECONDS * 1000}",
            "secure_delete=ON",  # what was deleted is overwritten, not only unlinked
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if is_autocommit:
            return
        reads = connection.get_execution_options().get(_READS, False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def _switch_to_wal(cursor: sqlite3.Cursor) -> None:
    """Once in a file's life. Of several that open a new file together SQLite refuses some at once, whatever the timeout."""
    give_up_at = time.monotonic() + LOCK_WAIT_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up_at:
                raise
            time.sleep(0.01)
        else:
            return


def before_commit(session: Session, key: str, hook: Callable[[Session], None]) -> None:
    """Run `hook` once as the transaction's last work. The audit chain's head must be the last lock that is taken."""
    session.info.setdefault(_BEFORE_COMMIT, {}).setdefault(key, hook)


def run_before_commit(session: Session) -> None:
    session.flush()
    while hooks := session.info.pop(_BEFORE_COMMIT, None):  # a hook may ask for another
        for hook in hooks.values():
            hook(session)
        session.flush()


def vault_of(session: Session) -> Vault:
    """The vault travels with the session: values are sealed where they are stored, and nowhere else."""
    vault = session.info[_VAULT]
    assert isinstance(vault, Vault)
    return vault


def is_mysql(session: Session) -> bool:
    return session.get_bind().dialect.name in {"mysql", "mariadb"}


class KeyTaken(Exception):
    """A row with this key is there already."""


class Database:
    """Runs functions in transactions. The function gets a session, may be run again, and never commits itself."""

    def __init__(self, engine: Engine, vault: Vault, *, at_once: int | None = None) -> None:
        """`at_once`: how many threads may read, and how many write; without it the pool alone bounds them."""
        self.engine = engine
        self.vault = vault
        self._reading_engine = engine.execution_options(**{_READS: True})
        # Apart, for a lock that stops who writes often lets readers through.
        self._readers = Bulkhead(at_once) if at_once else None
        self._writers = Bulkhead(at_once) if at_once else None

    def unbounded(self) -> "Database":
        """The same store for those whose number is bounded elsewhere."""
        return Database(self.engine, self.vault)

    @cached_property
    def _lone_inserts(self) -> LoneInserts:
        url = self.engine.url.render_as_string(hide_password=False)
        return LoneInserts(make_engine(url, is_autocommit=True, read_timeout=LOCK_WAIT_SECONDS, pool_size=0))

    def insert_alone(self, table: str, row: Mapping[str, bytes | str | int]) -> None:
        """Insert one row in a transaction of its own, in one round trip; see lone_inserts.py.

        Raises KeyTaken when the key is there, Unavailable as `write` does; it takes no longer than one lock's wait.
        """
        try:
            self._lone_inserts.insert(table, row)
        except sa.exc.IntegrityError:
            raise KeyTaken from None
        except DBAPIError as error:
            raise _as_fault(error) from error

    def write(self, work: Callable[[Session], T]) -> T:
        """Run `work` and commit. Repeats it after a deadlock or a connection that broke before the commit.

        Raises Unavailable when a lock or the server could not be had in time; then nothing was stored, save when the
        connection broke during the commit itself, whose outcome nobody can know: callers make repeats harmless.
        """
        with _place(self._writers):
            return self._write(work)

    def _write(self, work: Callable[[Session], T]) -> T:
        for attempt in range(1, _ATTEMPTS + 1):
            committing = False
            session = Session(self.engine, expire_on_commit=False, info={_VAULT: self.vault})
            try:
                result = work(session)
                run_before_commit(session)
                committing = True
                session.commit()
            except DBAPIError as error:
                session.rollback()
                if committing or attempt == _ATTEMPTS or not _may_repeat(error, attempt):
                    raise _as_fault(error) from error
                time.sleep(random.uniform(0.002, 0.02) * attempt)  # noqa: S311 - jitter, not a secret
            except sa.exc.TimeoutError as error:  # the pool is empty: everybody waits for the same lock
                raise Unavailable from error
            else:
                return result
            finally:
                session.close()
        raise AssertionError("unreachable")

    def read(self, work: Callable[[Session], T]) -> T:
        """Run `work` in a transaction that never writes. Raises Unavailable as `write` does."""
        try:
            with (
                _place(self._readers),
                Session(self._reading_engine, expire_on_commit=False, info={_VAULT: self.vault}) as session,
            ):
                return work(session)
        except DBAPIError as error:
            raise _as_fault(error) from error
        except sa.exc.TimeoutError as error:
            raise Unavailable from error


def _place(bulkhead: Bulkhead | None) -> AbstractContextManager[None]:
    return nullcontext() if bulkhead is None else bulkhead.place()


def _may_repeat(error: DBAPIError, attempt: int) -> bool:
    if error.connection_invalidated:
        return attempt == 1
    return _is_deadlock(error)


def _as_fault(error: DBAPIError) -> Exception:
    """A store that cannot answer in time becomes Unavailable; a bug in our own SQL stays what it is."""
    if error.connection_invalidated or isinstance(error, sa.exc.InterfaceError):
        return Unavailable()
    if not isinstance(error, OperationalError):
        return error
    sqlite_code = getattr(error.orig, "sqlite_errorcode", None)
    if sqlite_code is not None:
        # The low byte is the primary code. All others (busy, locked, full, cannot open …) are the store's state.
        return error if sqlite_code & 0xFF in _SQLITE_WRONG_STATEMENT else Unavailable()
    code, _ = _mysql_words(error)
    is_out_of_reach = code in _MYSQL_OUT_OF_REACH or code in _MYSQL_CLIENT_ERRORS or _is_deadlock(error)
    return Unavailable() if is_out_of_reach else error


def _is_deadlock(error: DBAPIError) -> bool:
    """A deadlock, or the savepoint that went down with one: MySQL then reports 1305 and hides 1213."""
    code, words = _mysql_words(error)
    return code == _MYSQL_DEADLOCK or (code == _MYSQL_NOTHING_OF_THAT_NAME and words.startswith("SAVEPOINT "))


def _mysql_words(error: DBAPIError) -> tuple[int, str]:
    """The server's number and message; (0, "") for SQLite, whose errors hold one text."""
    match getattr(error.orig, "args", ()):
        case (int() as code, str() as words):
            return code, words
    return 0, ""
