"""Posts: who gives which role to whom, where and until when; and what becomes of one's open work when a post ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.accounts.policy import DISTRICT_ROLES, GIVES, Role, may_be_together
from server.accounts.scope import EVERYWHERE, seen_by_nobody
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
    """One person may not hold both: `wanted`, and `held` at some day of the same time."""

    code = "accounts.roles_apart"


class HeldAlready(Conflict):
    """The same role at the same place, in the same line and team, for some of the same days: a form sent twice."""

    code = "accounts.held_already"


class DistrictRole(Invalid):
    """This role is held for the whole district, without line or team."""

    code = "accounts.district_role"


class TeamElsewhere(Invalid):
    """The team is no more, or works neither at this place nor above or below it."""

    code = "accounts.team_elsewhere"


class LineOver(Invalid):
    """This department takes no new posts."""

    code = "accounts.line_over"


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


def may_give(by: Staff, role: Role, *, path: str, department_id: int | None, team_id: int | None) -> bool:
    """Whether one of the giver's posts gives this role, there, in this line and team."""
    return any(
        role in GIVES.get(post.role, ())
        and (post.is_district_wide or path.startswith(post.path))
        and post.department_id in {None, department_id}
        and post.team_id in {None, team_id}
        for post in by.posts
    )


def roles_to_give(by: Staff, organisation: Organisation) -> list[Role]:
    """What this giver may choose from at this place."""
    given = {
        role
        for post in by.posts
        if post.is_district_wide or organisation.path.startswith(post.path)
        for role in GIVES.get(post.role, ())
    }
    return [role for role in Role if role in given and (organisation.is_root or role not in DISTRICT_ROLES)]


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
    """`by` is None for the operator at the command line.

    Raises NotYoursToGive, DistrictRole, TeamElsewhere, LineOver, BadDates, HeldAlready, RolesApart.
    """
    starts_on = wanted.starts_on or local_day(now)
    department_id, team_id = _id_of(wanted.department), _id_of(wanted.team)
    if by is not None and (
        by.id == member.id
        or not may_give(by, wanted.role, path=wanted.organisation.path, department_id=department_id, team_id=team_id)
    ):
        raise NotYoursToGive
    is_narrow = wanted.department is not None or wanted.team is not None or not wanted.organisation.is_root
    if wanted.role in DISTRICT_ROLES and is_narrow:
        raise DistrictRole
    if wanted.team is not None and not _works_at(session, wanted.team, wanted.organisation):
        raise TeamElsewhere
    if wanted.department is not None and not wanted.department.is_active:
        raise LineOver
    if wanted.ends_on is not None and wanted.ends_on <= starts_on:
        raise BadDates
    _lock(session, member)  # two givers at once must see each other's post
    for held in _posts_between(session, member, starts_on, wanted.ends_on):
        if not may_be_together(wanted.role, held.role):
            raise RolesApart(wanted=wanted.role, held=held.role)
        if (held.role, held.organisation_id, held.department_id, held.team_id) == (
            wanted.role,
            wanted.organisation.id,
            department_id,
            team_id,
        ):
            raise HeldAlready
    post = StaffPost(
        public_id=new_public_id(),
        staff_id=member.id,
        organisation_id=wanted.organisation.id,
        department_id=department_id,
        team_id=team_id,
        role=wanted.role,
        starts_on=starts_on,
        ends_on=wanted.ends_on,
        handed_over_at=None,
    )
    session.add(post)
    session.flush()
    _record(session, Action.POST_GIVEN, post, by, now)
    return post


def list_held(session: Session, *, staff: Staff, now: datetime) -> list[tuple[Role, str]]:
    """One's own posts of today, each with the name of its place."""
    rows = session.execute(
        sa.select(StaffPost.role, Organisation.name)
        .join(Organisation, Organisation.id == StaffPost.organisation_id)
        .where(StaffPost.staff_id == staff.id, held_on(local_day(now)))
        .order_by(StaffPost.id)
    )
    return [(role, name) for role, name in rows]


def end_post(
    session: Session, *, post_public_id: str, on: date, by: Staff, now: datetime, domains: Sequence[HandsOver] = ()
) -> StaffPost:
    """Let it end before `on`. Today is at once, and then `domains` give back its open work in the same transaction.

    Raises NotFound, NotYoursToGive, BadDates; repeating is harmless.
    """
    post = session.scalar(sa.select(StaffPost).where(StaffPost.public_id == post_public_id).with_for_update())
    if post is None:
        raise NotFound(post=post_public_id)
    path = session.get_one(Organisation, post.organisation_id, execution_options=EVERYWHERE).path
    if by.id == post.staff_id or not may_give(
        by, post.role, path=path, department_id=post.department_id, team_id=post.team_id
    ):
        raise NotYoursToGive
    if on < local_day(now):
        raise BadDates
    if post.ends_on is None or post.ends_on > on:
        post.ends_on = on
        _record(session, Action.POST_ENDED, post, by, now)
    session.flush()
    if post.ends_on <= local_day(now):
        # Without a mark: the worker looks once more for what was taken over in this very moment.
        _hand_over(session, post, domains, now)
    return post


def hand_over_ended(session: Session, *, domains: Sequence[HandsOver], now: datetime) -> int:
    """Give back the open work of posts that ended or whose holder is switched off. Repeatable; returns how many it was."""
    is_over = sa.or_(StaffPost.ends_on <= local_day(now), StaffMember.is_active.is_(False))
    over = session.scalars(
        sa.select(StaffPost)
        .join(StaffMember, StaffMember.id == StaffPost.staff_id)
        .where(is_over, StaffPost.handed_over_at.is_(None))
        .order_by(StaffPost.id)
        .limit(_BATCH)
        .with_for_update(skip_locked=True, of=StaffPost)
    ).all()
    for post in over:
        _hand_over(session, post, domains, now)
        post.handed_over_at = now
        _record(session, Action.POST_HANDED_OVER, post, None, now)
    session.flush()
    return len(over)


def hand_over_all(session: Session, *, member: StaffMember, domains: Sequence[HandsOver], now: datetime) -> None:
    """Give back what lies with somebody who was switched off. Their posts stay as they are."""
    with seen_by_nobody(session):
        for post in session.scalars(sa.select(StaffPost).where(StaffPost.staff_id == member.id)):
            _hand_over(session, post, domains, now)


def expect_work_again(session: Session, *, member: StaffMember, now: datetime) -> None:
    """Somebody is switched on again: posts that go on may have open work from now on."""
    going_on = sa.or_(StaffPost.ends_on.is_(None), StaffPost.ends_on > local_day(now))
    with seen_by_nobody(session):
        session.execute(
            sa.update(StaffPost).where(StaffPost.staff_id == member.id, going_on).values(handed_over_at=None)
        )


def _hand_over(session: Session, post: StaffPost, domains: Sequence[HandsOver], now: datetime) -> None:
    with seen_by_nobody(session):
        for domain in domains:
            domain.hand_over(session, staff_id=post.staff_id, organisation_id=post.organisation_id, now=now)


def _id_of(row: Department | Team | None) -> int | None:
    return None if row is None else row.id


def _works_at(session: Session, team: Team, place: Organisation) -> bool:
    """Under the team's lock: it may be switched off in this moment."""
    row = session.execute(
        sa.select(Team.is_active, Organisation.path)
        .join(Organisation, Organisation.id == Team.organisation_id)
        .where(Team.id == team.id)
        .with_for_update(of=Team),
        execution_options=EVERYWHERE,
    ).one()
    return row.is_active and (row.path.startswith(place.path) or place.path.startswith(row.path))


def _lock(session: Session, member: StaffMember) -> None:
    held = sa.select(StaffMember.id).where(StaffMember.id == member.id).with_for_update()
    session.execute(held, execution_options=EVERYWHERE)


def _posts_between(session: Session, member: StaffMember, starts_on: date, ends_on: date | None) -> Sequence[StaffPost]:
    """Also those that the giver does not see."""
    overlaps = [StaffPost.staff_id == member.id, sa.or_(StaffPost.ends_on.is_(None), StaffPost.ends_on > starts_on)]
    if ends_on is not None:
        overlaps.append(StaffPost.starts_on < ends_on)
    return session.scalars(sa.select(StaffPost).where(*overlaps), execution_options=EVERYWHERE).all()


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
