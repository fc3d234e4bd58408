"""`flask staff …`: accounts of colleagues."""

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from server.accounts import posts, staff
from server.accounts.policy import Role
from server.audit import service as audit
from server.audit.actions import Action
from server.cli.common import fail, parts
from server.clock import utc_now
from server.errors import DomainError, NotFound
from server.organisations import service as organisations
from server.texts import text


@click.group("staff")
def staff_group() -> None:
    """Colleagues."""


@staff_group.command()
@click.option("--login-name", prompt=True)
@click.option("--display-name", prompt=True)
@click.option("--role", type=click.Choice([role.value for role in Role]), default=Role.DUTY_OFFICER.value)
@click.option("--organisation", default="", help="code of the node where the role is held; default: the district")
@click.option("--password", prompt=True, hide_input=True, confirmation_prompt=True, envvar="XINQIAO_STAFF_PASSWORD")
@with_appcontext
def create(login_name: str, display_name: str, role: str, organisation: str, password: str) -> None:
    """Create an account with one post. The password is asked for, or read from XINQIAO_STAFF_PASSWORD."""
    now = utc_now()

    def work(session: Session) -> None:
        node = organisations.get_by_code(session, organisation) if organisation else organisations.root_of(session)
        member = staff.create_staff(
            session, login_name=login_name, display_name=display_name, password=password, now=now
        )
        audit.record(
            session,
            actor=("cli", "-"),
            action=Action.STAFF_CREATED,
            object_kind="staff",
            object_id=member.public_id,
            reason=role,
            now=now,
        )
        posts.give_post(session, member=member, wanted=posts.Wanted(Role(role), node), by=None, now=now)

    try:
        parts().database.write(work)
    except NotFound:
        fail("There is no such organisation. Load the tree first (`flask demo load` for a trial).")
    except DomainError as refusal:
        fail(text(f"errors.{refusal.code}", **refusal.facts))
    click.echo(f"{login_name} may sign in as {role}.")
