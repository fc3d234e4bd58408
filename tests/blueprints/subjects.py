"""For the walker: a record behind each kind of id in an address, and the form that a page wants.

A route with a parameter of a new kind adds its subject here, a route whose form must be filled its form. The walker does
the rest: it calls every route as every role and as a stranger.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.accounts import staff as accounts
from server.accounts.policy import Role
from server.accounts.staff_models import SessionKind, StaffMember, StaffPost, StaffSession, Team
from server.db import Base
from server.ids import new_public_id
from server.organisations.models import Organisation
from server.vault import token_hash
from tests.blueprints.world import World
from tests.canaries import PASSWORD, PHONE
from tests.conftest import NOW

_numbers = itertools.count()


@dataclass(frozen=True)
class Subject:
    """`own` makes a record in the first street, `foreign` one in the second, both anew at each call; they return the id.

    What is the same for everybody (an instrument) has no foreign one. What is somebody's alone (a session) is
    `personal`: whoever walks has none, and that of another is a foreign one.
    """

    own: Callable[[World], str]
    foreign: Callable[[World], str] | None = None
    missing: Callable[[], str] = new_public_id
    is_personal: bool = False


def personal(make: Callable[[World], str]) -> Subject:
    return Subject(own=lambda world: new_public_id(), foreign=make, is_personal=True)


def colleague_at(world: World, place: Organisation) -> str:
    return world.hire(f"n{next(_numbers)}", role=Role.CLERK, at=place)


def row_id(world: World, make: Callable[[Session], Base]) -> str:
    def work(session: Session) -> str:
        row = make(session)
        session.add(row)
        session.flush()
        return str(row.public_id)  # type: ignore[attr-defined]

    return world.parts.database.write(work)


def post_at(world: World, place: Organisation) -> str:
    staff_id = colleague_at(world, place)
    member = world.only(StaffMember, StaffMember.public_id == staff_id)
    return str(world.only(StaffPost, StaffPost.staff_id == member.id).public_id)


def team_at(world: World, place: Organisation) -> str:
    name = f"小组{next(_numbers)}"
    return row_id(world, lambda _: Team(public_id=new_public_id(), organisation_id=place.id, name=name, is_active=True))


def session_of_another(world: World) -> str:
    def work(session: Session) -> str:
        member = accounts.create_staff(
            session, login_name=f"n{next(_numbers)}", display_name="x", password=PASSWORD, now=NOW
        )
        token = accounts.open_session(session, member=member, kind=SessionKind.SCREEN, now=NOW)
        return session.scalars(
            sa.select(StaffSession.public_id).where(StaffSession.token_hash == token_hash(token))
        ).one()

    return world.parts.database.write(work)


SUBJECTS: dict[str, Subject] = {
    "alert_id": Subject(
        own=lambda world: world.raise_alert(world.communities[0], number=PHONE),
        foreign=lambda world: world.raise_alert(world.communities[1], number=PHONE),
    ),
    "code": Subject(own=lambda world: world.print_code(world.communities[0]), missing=lambda: "2222222222"),
    "entry_code": Subject(
        own=lambda world: world.print_code(world.communities[0]),
        foreign=lambda world: world.print_code(world.communities[1]),
        missing=lambda: "2222222222",
    ),
    "organisation_id": Subject(
        own=lambda world: world.communities[0].public_id, foreign=lambda world: world.communities[1].public_id
    ),
    "department_id": Subject(own=lambda world: world.add_department()),
    "service_point_id": Subject(
        own=lambda world: world.open_service_point(world.communities[0]),
        foreign=lambda world: world.open_service_point(world.communities[1]),
    ),
    "staff_id": Subject(
        own=lambda world: colleague_at(world, world.communities[0]),
        foreign=lambda world: colleague_at(world, world.communities[1]),
    ),
    "post_id": Subject(
        own=lambda world: post_at(world, world.communities[0]),
        foreign=lambda world: post_at(world, world.communities[1]),
    ),
    "team_id": Subject(
        own=lambda world: team_at(world, world.communities[0]),
        foreign=lambda world: team_at(world, world.communities[1]),
    ),
    "session_id": personal(session_of_another),
    "reset_id": Subject(own=lambda world: new_public_id(), is_personal=True),
    "export_id": Subject(own=lambda world: new_public_id(), is_personal=True),
    "draft_id": Subject(own=lambda world: new_public_id(), is_personal=True),
    "kind": Subject(own=lambda world: "departments", missing=lambda: "nothing"),
    "invitation_token": Subject(own=lambda world: new_public_id()),
    "name": Subject(own=lambda world: "privacy", missing=lambda: "nothing"),
    "any_name": Subject(own=lambda world: "MP_verify_x", missing=lambda: "nothing"),
    "instrument_id": Subject(own=lambda world: "phq9", missing=lambda: "nothing"),
    "item_id": Subject(own=lambda world: "phq9_1", missing=lambda: "nothing"),
    "_form": Subject(own=lambda world: "start", missing=lambda: "nothing"),
}

POINT = {
    "name": "驿站",
    "address": "新村路 1 号",
    "phone": "020-88886666",
    "hours": "每天 9:00-17:00",
    "host_kind": "community_centre",
}
# Fields without which a page refuses the form before it looks for its record.
FORMS: dict[str, dict[str, str]] = {
    "duty.close": {"outcome": "reached"},
    "people.staff_accounts.switch_off": {"reason": "left"},
    "people.staff_accounts.ask_for_reset": {"reason": "手机丢了，已经当面核实"},
    "people.staff_posts.give": {"role": "clerk"},
    "people.staff_posts.end": {"on": "2026-12-24"},
    "teams.rename": {"name": "新小组"},
    "duty.read_contact": {"purpose": "call"},
    "organisations.add": {"name": "新村", "level": "community", "code": "N1"},
    "organisations.rename": {"name": "新村", "level": "community"},
    "departments.rename": {"name": "教育"},
    "service_points.add": POINT,
    "service_points.change": POINT,
    "entry_points.make": {"opens": "contact:", "kind": "plain"},
}
