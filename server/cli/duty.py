"""`flask duty …`: when somebody is on duty, from which every promise to call is computed."""

import re

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

_DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_SPAN = re.compile(r"(?:(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))?\s+)?(?P<from>\d{1,2}:\d{2})-(?P<to>\d{1,2}:\d{2})")
_DAY_MINUTES = 24 * 60


def read_hours(spec: str) -> list[tuple[int, int, int]]:
    """`mon-fri 8:30-17:30, sat-sun 9:00-12:00`, or `0:00-24:00` for every day. Raises ValueError naming the part."""
    rows = []
    for part in filter(None, (piece.strip().lower() for piece in spec.split(","))):
        match = _SPAN.fullmatch(part)
        if match is None or any(match[name] not in (*_DAYS, None) for name in ("first", "last")):
            raise ValueError(part)
        first = _DAYS.index(match["first"]) if match["first"] else 0
        last = _DAYS.index(match["last"] or match["first"]) if match["first"] else 6
        opens, closes = _minutes(match["from"]), _minutes(match["to"])
        if opens >= closes or closes > _DAY_MINUTES or last < first:
            raise ValueError(part)
        rows += [(day, opens, closes) for day in range(first, last + 1)]
    return rows


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


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
        rows = read_hours(hours)
    except ValueError as fault:
        fail(f"Not understood: {fault}. Write for example: mon-fri 8:30-17:30, sat 9:00-12:00")
    now = utc_now()

    def work(session: Session) -> None:
        node = organisations.get_by_code(session, organisation) if organisation else organisations.root_of(session)
        crisis.set_duty_hours(session, organisation=node, hours=rows, now=now)
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
    click.echo(f"{len(rows)} duty windows a week are in force from today.")
