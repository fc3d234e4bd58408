"""A district's root and colleagues with posts, for the tests of accounts."""

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.accounts.policy import Role
from server.accounts.posts import Wanted, give_post
from server.accounts.second_factor import set_factor
from server.accounts.staff import Staff, as_staff, create_staff
from server.accounts.staff_models import StaffMember, StaffSession
from server.audit.models import AuditEvent
from server.db import run_before_commit
from server.organisations.models import Level, Organisation
from server.organisations.service import add_organisation
from tests import canaries
from tests.authenticator import SECRET
from tests.conftest import NOW

LONG_AGO = NOW - timedelta(days=60)


def root_of(session: Session) -> Organisation:
    found = session.scalar(sa.select(Organisation).where(Organisation.is_root))
    return found or add_organisation(session, code="D", name="榕江区", level=Level.DISTRICT, parent=None)


def hire(session: Session, login_name: str, role: Role, *, has_factor: bool = True) -> Staff:
    member = create_staff(
        session, login_name=login_name, display_name=canaries.NAME, password=canaries.PASSWORD, now=LONG_AGO
    )
    give_post(session, member=member, wanted=Wanted(role, root_of(session)), by=None, now=LONG_AGO)
    if has_factor:
        set_factor(session, who=member, secret=SECRET, now=LONG_AGO)
    return as_staff(session, member, now=NOW)


def member_of(session: Session, staff: Staff) -> StaffMember:
    return session.get_one(StaffMember, staff.id)


def open_sessions(session: Session, staff: Staff | StaffMember) -> int:
    mine = sa.select(sa.func.count()).where(StaffSession.staff_id == staff.id, StaffSession.ended_at.is_(None))
    return session.scalar(mine) or 0


def acts(session: Session, *, but: tuple[str, ...] = ("post.given",)) -> list[tuple[str, str]]:
    """(action, actor's public id) of all that the trail will hold, in order."""
    run_before_commit(session)
    rows = session.execute(sa.select(AuditEvent.action, AuditEvent.actor_id).order_by(AuditEvent.seq))
    return [(row.action, row.actor_id) for row in rows if row.action not in but]
