"""Posts: who gives which role to whom, where and until when; and what becomes of one's open work when a post ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.accounts.policy import DISTRICT_ROLES, GIVES, Role, may_be_together
from server.accounts.staff import Staff, held_on
from server.accounts.staff_models import StaffMember, StaffPost, Team
from server.audit import service as audit
from server.audit.actions import Action
from server.clock import local_day
from server.errors import Conflict, Invalid, NotFound, Refused
from server.ids import new_public_id
from server.organisations.models import Department, Organisation

_BATCH = 100
_PAGE = 50


class RolesApart(Conflict):
    """One person may not hold both; `other` is the role that stands against it."""

    code = "accounts.roles_apart"


class DistrictRole(Invalid):
    """This role is held for the whole district, without line or team."""

    code = "accounts.district_role"


class NotYoursToGive(Refused):
    code = "accounts.not_yours_to_give"


class BadDates(Invalid):
    code = "accounts.bad_dates"


class HandsOver(Protocol):
    """A domain whose open work may lie with a colleague."""

    def hand_over(self, session: Session, *, staff_id: int, organisation_id: int, now: datetime) -> None:
        """Give back to the node what this colleague had taken over there or below. Repeatable."""
        ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """A post that somebody is to hold."""

    role: Role
    organisation: Organisation
    department: Department | None = None
    team: Team | None = None
    starts_on: date | None = None  # None: today
    ends_on: date | None = None


@dataclass(frozen=True, slots=True)
class EndingPost:
    """A post that will end soon, and whose it is."""

    name: str
    role: Role
    place: str
    ends_on: date


def list_ending(session: Session, *, until: date, now: datetime) -> list[EndingPost]:
    """Posts held today that end on a day up to `until`, the next to end first."""
    rows = session.execute(
        sa.select(StaffMember.display_name, StaffPost.role, Organisation.name, StaffPost.ends_on)
        .join(StaffMember, StaffMember.id == StaffPost.staff_id)
        .join(Organisation, Organisation.id == StaffPost.organisation_id)
        .where(held_on(local_day(now)), StaffPost.ends_on <= until, StaffMember.is_active)
        .order_by(StaffPost.ends_on, StaffPost.id)
        .limit(_PAGE)
    )
    return [EndingPost(name, role, place, ends_on) for name, role, place, ends_on in rows if ends_on]


def give_post(session: Session, *, member: StaffMember, wanted: Wanted, by: Staff | None, now: datetime) -> StaffPost:
    """Raises NotYoursToGive, DistrictRole, BadDates, RolesApart. `by` is None for the operator at the command line."""
    starts_on = wanted.starts_on or local_day(now)
    if by is not None and (by.id == member.id or not any(wanted.role in GIVES.get(role, ()) for role in by.roles)):
        raise NotYoursToGive
    is_narrow = wanted.department is not None or wanted.team is not None or not wanted.organisation.is_root
    if wanted.role in DISTRICT_ROLES and is_narrow:
        raise DistrictRole
    if wanted.ends_on is not None and wanted.ends_on <= starts_on:
        raise BadDates
    _lock(session, member)  # two givers at once must see each other's post
    for held in _posts_between(session, member, starts_on, wanted.ends_on):
        if not may_be_together(wanted.role, held):
            raise RolesApart(other=held)
    post = StaffPost(
        public_id=new_public_id(),
        staff_id=member.id,
        organisation_id=wanted.organisation.id,
        department_id=wanted.department.id if wanted.department else None,
        team_id=wanted.team.id if wanted.team else None,
        role=wanted.role,
        starts_on=starts_on,
        ends_on=wanted.ends_on,
        handed_over_at=None,
    )
    session.add(post)
    session.flush()
    _record(session, Action.POST_GIVEN, post, by, now)
    return post


def end_post(session: Session, *, post_public_id: str, on: date, by: Staff, now: datetime) -> StaffPost:
    """Let it end before `on` (today: at once). Raises NotFound, NotYoursToGive, BadDates; repeating is harmless."""
    post = session.scalar(sa.select(StaffPost).where(StaffPost.public_id == post_public_id).with_for_update())
    if post is None:
        raise NotFound(post=post_public_id)
    if by.id == post.staff_id or not any(post.role in GIVES.get(role, ()) for role in by.roles):
        raise NotYoursToGive
    if on < local_day(now):
        raise BadDates
    if post.ends_on is None or post.ends_on > on:
        post.ends_on = on
        _record(session, Action.POST_ENDED, post, by, now)
    session.flush()
    return post


def hand_over_ended(session: Session, *, domains: Sequence[HandsOver], now: datetime) -> int:
    """Give back the open work of posts that have ended. Repeatable; returns how many posts were looked at."""
    ended = session.scalars(
        sa.select(StaffPost)
        .where(StaffPost.ends_on <= local_day(now), StaffPost.handed_over_at.is_(None))
        .order_by(StaffPost.id)
        .limit(_BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    for post in ended:
        for domain in domains:
            domain.hand_over(session, staff_id=post.staff_id, organisation_id=post.organisation_id, now=now)
        post.handed_over_at = now
        _record(session, Action.POST_HANDED_OVER, post, None, now)
    session.flush()
    return len(ended)


def _lock(session: Session, member: StaffMember) -> None:
    session.execute(sa.select(StaffMember.id).where(StaffMember.id == member.id).with_for_update())


def _posts_between(session: Session, member: StaffMember, starts_on: date, ends_on: date | None) -> set[Role]:
    overlaps = [StaffPost.staff_id == member.id, sa.or_(StaffPost.ends_on.is_(None), StaffPost.ends_on > starts_on)]
    if ends_on is not None:
        overlaps.append(StaffPost.starts_on < ends_on)
    return set(session.scalars(sa.select(StaffPost.role).where(*overlaps)))


def _record(session: Session, action: Action, post: StaffPost, by: Staff | None, now: datetime) -> None:
    actor = by.actor if by else ("cli", "-") if action is Action.POST_GIVEN else audit.SYSTEM
    audit.record(
        session,
        actor=actor,
        action=action,
        object_kind="post",
        object_id=post.public_id,
        reason=str(post.role),
        now=now,
    )
