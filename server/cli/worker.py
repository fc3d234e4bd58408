"""`flask worker`: the ticks that keep tokens fresh and forget what may be forgotten."""

import click
from flask.cli import with_appcontext

from server.cli.common import parts
from server.scheduler import Worker


@click.command("worker")
@with_appcontext
def worker_command() -> None:
    """Run the scheduled work until stopped."""
    Worker(parts()).run()
