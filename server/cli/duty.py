"""`flask duty …`: when somebody is on duty, from which every promise to call is computed."""

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from server.audit import service as audit
from server.audit.actions import Action
from server.cli.common import fail, parts
from server.clock import utc_now
from server.crisis import service as crisis
from server.errors import NotFound
from server.organisations import service as organisations
from server.organisations.hours import BadHours, HoursEndEarly, read_hours


@click.group("duty")
def duty_group() -> None:
    """Duty hours."""


@duty_group.command("set")
@click.argument("hours")
@click.option("--organisation", default="", help="code of a node; default: the district")
@with_appcontext
def set_hours(hours: str, organisation: str) -> None:
    """Replace the duty hours from today on, e.g. "mon-fri 8:30-17:30, sat 9:00-12:00"."""
    try:
        read = read_hours(hours)
    except (BadHours, HoursEndEarly) as fault:
        fail(f"Not understood: {fault.facts['part']}. Write for example: mon-fri 8:30-17:30, sat 9:00-12:00")
    if read.is_closed_on_holidays:
        fail("Duty hours know no holidays: somebody is promised a call by them on every one.")
    now = utc_now()

    def work(session: Session) -> None:
        node = organisations.get_by_code(session, organisation) if organisation else organisations.root_of(session)
        crisis.set_duty_hours(session, organisation=node, hours=read.windows, now=now)
        audit.record(
            session,
            actor=("cli", "-"),
            action=Action.DUTY_HOURS_SET,
            object_kind="organisation",
            object_id=node.public_id,
            now=now,
        )

    try:
        parts().database.write(work)
    except NotFound:
        fail("There is no such organisation.")
    click.echo(f"{len(read.windows)} duty windows a week are in force from today.")
