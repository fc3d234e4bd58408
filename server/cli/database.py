"""`flask db …`: migrations."""

import click
from alembic import command
from flask.cli import with_appcontext

from server.cli.common import parts
from server.migrations import alembic_config, head_revision


@click.group("db")
def db_group() -> None:
    """The database's shape."""


@db_group.command()
@click.argument("revision", default="head")
@with_appcontext
def upgrade(revision: str) -> None:
    """Bring the database to REVISION (head)."""
    command.upgrade(alembic_config(parts().settings.resolved_database_url()), revision)
    click.echo(f"The database is at {head_revision() if revision == 'head' else revision}.")


@db_group.command()
@click.argument("revision")
@with_appcontext
def downgrade(revision: str) -> None:
    """Take the database back to REVISION (base: nothing)."""
    command.downgrade(alembic_config(parts().settings.resolved_database_url()), revision)
    click.echo(f"The database is at {revision}.")
