"""Single rows, durable, in one round trip: the hot path of the callback, where a transaction would be three.

Each thread keeps a connection that commits by itself, as a bare driver would; SQLAlchemy makes it and knows its faults.
"""

import threading
import time
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError

_ATTEMPTS = 3
# A connection that fails at once was closed while nobody used it; one that fails later has waited long enough.
_SOON_SECONDS = 0.5
Row = Mapping[str, bytes | str | int]


class LoneInserts:
    """Inserts rows with a key of their own. `engine` must be one that `make_engine(is_autocommit=True)` made."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._here = threading.local()

    def insert(self, table: str, row: Row) -> None:
        """Raises DBAPIError as SQLAlchemy would: IntegrityError when the key is there."""
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
        connection = self._connection()
        try:
            cursor = connection.cursor()
            try:
                cursor.execute(statement, values)
            finally:
                cursor.close()
        except dialect.loaded_dbapi.Error as error:
            is_gone = dialect.is_disconnect(error, connection.dbapi_connection, None)
            if is_gone:
                self._here.connection = None
                connection.invalidate(error)
            raise DBAPIError.instance(
                statement,
                None,
                error,
                dialect.loaded_dbapi.Error,
                True,
                connection_invalidated=is_gone,
                dialect=dialect,
            ) from error

    def _connection(self) -> "sa.PoolProxiedConnection | Any":
        held = getattr(self._here, "connection", None)
        if held is None:
            held = self._here.connection = self._engine.raw_connection()
        return held
