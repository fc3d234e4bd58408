"""Runs migrations through the engine that the application uses, so that both keep the same promises."""

import sqlalchemy as sa
from alembic import context

from server.db import make_engine
from server.migrations.models import METADATA

options = context.config


def run() -> None:
    connection: sa.Connection | None = options.attributes.get("connection")
    if connection is not None:
        _run_on(connection)
        return
    engine = make_engine(options.get_main_option("sqlalchemy.url") or "", read_timeout=600)
    try:
        with engine.connect() as own:
            _run_on(own)
            own.commit()
    finally:
        engine.dispose()


def _run_on(connection: sa.Connection) -> None:
    context.configure(connection=connection, target_metadata=METADATA, render_as_batch=True, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()


run()
