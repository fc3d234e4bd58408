"""`flask staff …`: accounts of colleagues."""

import click
import sqlalchemy as sa
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from server.accounts import posts, second_factor, staff
from server.accounts.policy import Role, needs_second_factor
from server.accounts.staff_models import StaffMember
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
@click.option("--role", type=click.Choice([role.value for role in Role]), default=Role.SECURITY_ADMINISTRATOR.value)
@click.option("--organisation", default="", help="code of the node where the role is held; default: the district")
@click.option("--password", prompt=True, hide_input=True, confirmation_prompt=True, envvar="XINQIAO_STAFF_PASSWORD")
@with_appcontext
def create(login_name: str, display_name: str, role: str, organisation: str, password: str) -> None:
    """Create an account with one post, by default the first security administrator, who invites all others.

    The password is asked for, or read from XINQIAO_STAFF_PASSWORD.
    """
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
    if needs_second_factor([Role(role)]):
        click.echo("An authenticator is set up at the first sign-in: have a phone with one at hand.")


@staff_group.command()
@click.argument("login_name")
@with_appcontext
def code(login_name: str) -> None:
    """Print the present code of somebody's authenticator. Development only."""
    if not parts().settings.is_development:
        fail("Codes may only be printed where XINQIAO_ENV=development.")

    def work(session: Session) -> bytes | None:
        member = session.scalar(sa.select(StaffMember).where(StaffMember.login_name == login_name.lower()))
        return second_factor.find_secret(session, who=member) if member else None

    secret = parts().database.read(work)
    if secret is None:
        fail(f"{login_name} has no authenticator.")
    click.echo(second_factor.code_at(secret, second_factor.step_of(utc_now())))
