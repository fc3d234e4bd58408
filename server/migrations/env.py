"""Runs migrations through the engine that the application uses, so that both keep the same promises."""

import sqlalchemy as sa
from alembic import context

from server.db import make_engine
from server.migrations.models import METADATA


class OrphanedRows(RuntimeError):
    """A migration left rows that point at nothing; it was taken back."""


def run() -> None:
    engine = make_engine(context.config.get_main_option("sqlalchemy.url") or "", read_timeout=600)
    try:
        with engine.connect() as connection:
            _run_on(connection, is_sqlite=engine.dialect.name == "sqlite")
            connection.commit()
    finally:
        engine.dispose()


def _run_on(connection: sa.Connection, *, is_sqlite: bool) -> None:
    if is_sqlite:
        # To alter a table SQLite makes it anew and drops the old one, which would take along every row that points at
        # it ("ON DELETE CASCADE"). Off before the transaction, where it can be switched; checked before the commit.
        connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        render_as_batch=True,
        compare_type=True,
        # SQLite's DDL rolls back where BEGIN is ours, so all steps are one; MySQL commits at each statement.
        transactional_ddl=is_sqlite,
    )
    with context.begin_transaction():
        context.run_migrations()
        if is_sqlite:
            orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
            if orphans:
                raise OrphanedRows(f"{len(orphans)} rows of {', '.join(sorted({row[0] for row in orphans}))}")


run()
