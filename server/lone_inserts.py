"""Single rows, durable, in one round trip: the hot path of the callback, where a transaction would be three.

It keeps connections that commit by themselves, as a bare driver would; SQLAlchemy makes them and knows their faults.
"""

import contextlib
import time
from collections.abc import Mapping

from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import PoolProxiedConnection

from server.bulkhead import Bulkhead

# Each is a connection of the process. Many more would only wait for the same disk, and a server has 151 for all.
_AT_ONCE = 24
_ATTEMPTS = 3
# A connection that fails at once was closed while nobody used it; one that fails later has waited long enough.
_SOON_SECONDS = 0.5
Row = Mapping[str, bytes | str | int]


class LoneInserts:
    """Inserts rows with a key of their own. `engine` must be one that `make_engine(is_autocommit=True)` made."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._bulkhead = Bulkhead(_AT_ONCE)
        # Last in, first out: a quiet process keeps few connections awake. A list's append and pop are one step each.
        self._idle: list[PoolProxiedConnection] = []

    def insert(self, table: str, row: Row) -> None:
        """Raises DBAPIError as SQLAlchemy would: IntegrityError when the key is there. Unavailable: too many wait already."""
        with self._bulkhead.place():
            self._insert(table, row)

    def _insert(self, table: str, row: Row) -> None:
        began = time.monotonic()
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                self._execute(self._statement(table, row), tuple(row.values()))
                return
            except DBAPIError as error:
                is_late = time.monotonic() - began > _SOON_SECONDS
                if is_late or attempt == _ATTEMPTS or not error.connection_invalidated:
                    raise

    def _statement(self, table: str, row: Row) -> str:
        dialect = self._engine.dialect
        mark = "?" if dialect.paramstyle == "qmark" else "%s"
        quote = dialect.identifier_preparer.quote
        columns, marks = ", ".join(map(quote, row)), ", ".join([mark] * len(row))
        return f"INSERT INTO {quote(table)} ({columns}) VALUES ({marks})"  # noqa: S608 - names of ours, quoted

    def _execute(self, statement: str, values: tuple[bytes | str | int, ...]) -> None:
        dialect = self._engine.dialect
        connection = self._take_connection()
        try:
            with contextlib.closing(connection.cursor()) as cursor:
                cursor.execute(statement, values)
        except dialect.loaded_dbapi.Error as error:
            is_gone = dialect.is_disconnect(error, connection.dbapi_connection, None)
            if is_gone:
                connection.invalidate(error)
                self._forget_idle()  # what ended one of them has ended the others
            else:
                self._idle.append(connection)
            raise DBAPIError.instance(
                statement,
                None,
                error,
                dialect.loaded_dbapi.Error,
                True,
                connection_invalidated=is_gone,
                dialect=dialect,
            ) from error
        self._idle.append(connection)

    def _take_connection(self) -> PoolProxiedConnection:
        try:
            return self._idle.pop()
        except IndexError:
            return self._engine.raw_connection()

    def _forget_idle(self) -> None:
        with contextlib.suppress(IndexError):
            while True:
                self._idle.pop().invalidate()
