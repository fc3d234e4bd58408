"""Colleagues as other colleagues see them: the list, one of them, their posts. Within whatever the session shows.

A post outside the asker's scope is not shown, though its holder may be. Nobody learns here what somebody did or read.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.accounts.policy import Permission, Role
from server.accounts.posts import may_give
from server.accounts.scope import EVERYWHERE, seen_by, seen_by_nobody
from server.accounts.staff import Staff, has_second_factor, is_over
from server.accounts.staff_models import SessionKind, StaffMember, StaffPost, StaffSession, Team
from server.clock import local_day
from server.errors import NotFound
from server.organisations import service as organisations
from server.organisations.models import Department, Organisation
from server.pagination import Asked, Listing, Page

ENDS_SOON = timedelta(days=14)
LISTING = Listing("staff", {"login_name": StaffMember.login_name}, StaffMember.id, "login_name")


class State(StrEnum):
    """Of an account."""

    ACTIVE = "active"
    INVITED = "invited"  # has not chosen a password yet
    OFF = "off"


class Term(StrEnum):
    """Of a post, seen from today."""

    HELD = "held"
    COMING = "coming"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the list is narrowed to. What is said of posts is said of one and the same post, held or to come."""

    named: str = ""
    state: State | None = None
    role: Role | None = None
    place: str = ""  # public id of a node: there or below
    department: str = ""
    ends_soon: bool = False

    @property
    def is_about_posts(self) -> bool:
        return bool(self.role or self.place or self.department or self.ends_soon)


@dataclass(frozen=True, slots=True)
class PostRow:
    public_id: str
    role: Role
    place: str
    department: str
    team: str
    starts_on: date
    ends_on: date | None
    term: Term
    ends_soon: bool


@dataclass(frozen=True, slots=True)
class Colleague:
    """`posts`: those held today first, then those to come, then those that ended."""

    id: int
    public_id: str
    login_name: str
    display_name: str
    state: State
    last_signed_in_on: date | None
    posts: tuple[PostRow, ...]

    def posts_of(self, *terms: Term) -> list[PostRow]:
        return [post for post in self.posts if post.term in terms]


@dataclass(frozen=True, slots=True)
class Account:
    """What only those see who look after accounts."""

    has_second_factor: bool
    open_sessions: int


def list_colleagues(session: Session, *, wish: Wish, asked: Asked, now: datetime) -> Page[Colleague]:
    """By login name, which is what is typed and what is unique."""
    statement = sa.select(StaffMember).where(*_limits(session, wish, now))
    page = LISTING.page(session, statement, asked)
    return page.of(_as_colleagues(session, [row[0] for row in page.rows], now))


def get_colleague(session: Session, *, public_id: str, now: datetime) -> Colleague:
    """Raises NotFound, alike for somebody whom the session does not show."""
    return _as_colleagues(session, [get_member(session, public_id=public_id)], now)[0]


def get_member(session: Session, *, public_id: str) -> StaffMember:
    member = session.scalar(sa.select(StaffMember).where(StaffMember.public_id == public_id))
    if member is None:
        raise NotFound(staff=public_id)
    return member


def get_post(session: Session, *, public_id: str, now: datetime) -> tuple[Colleague, PostRow]:
    """A post with its holder. Raises NotFound."""
    post = session.scalar(sa.select(StaffPost).where(StaffPost.public_id == public_id))
    member = session.get(StaffMember, post.staff_id) if post else None
    if post is None or member is None:
        raise NotFound(post=public_id)
    holder = _as_colleagues(session, [member], now)[0]
    return holder, next(row for row in holder.posts if row.public_id == public_id)


def find_account(session: Session, *, colleague: Colleague, by: Staff, now: datetime) -> Account | None:
    """None for whoever does not look after this colleague's account."""
    with seen_by(session, by, Permission.MANAGE_ACCOUNTS):
        if session.get(StaffMember, colleague.id, populate_existing=True) is None:
            return None
        mine = sa.select(StaffSession).where(
            StaffSession.staff_id == colleague.id,
            StaffSession.kind == SessionKind.SCREEN,
            StaffSession.ended_at.is_(None),
        )
        open_sessions = sum(not is_over(row, now) for row in session.scalars(mine))
        return Account(has_second_factor(session, staff_id=colleague.id), open_sessions)


def endable_by(session: Session, *, colleague: Colleague, by: Staff) -> set[str]:
    """Public ids of the posts that this giver may end: seen under their own permission, and theirs to give."""
    if colleague.id == by.id:
        return set()
    with seen_by(session, by, Permission.MANAGE_POSTS):
        rows = session.execute(
            sa.select(StaffPost, Organisation.path)
            .join(Organisation, Organisation.id == StaffPost.organisation_id)
            .where(StaffPost.staff_id == colleague.id)
        )
        return {
            post.public_id
            for post, path in rows
            if may_give(by, post.role, path=path, department_id=post.department_id, team_id=post.team_id)
        }


def holders_of_team(session: Session, *, team: Team, now: datetime) -> list[Colleague]:
    """Who holds a post in this team today or will."""
    in_team = sa.select(StaffPost.staff_id).where(StaffPost.team_id == team.id, _not_ended(now))
    members = session.scalars(
        sa.select(StaffMember).where(StaffMember.id.in_(in_team)).order_by(StaffMember.login_name).limit(200)
    )
    return _as_colleagues(session, members.all(), now)


def own_posts(session: Session, *, staff: Staff, now: datetime) -> list[PostRow]:
    """One's own, held today or to come, wherever they are."""
    with seen_by_nobody(session):
        mine = _as_colleagues(session, [session.get_one(StaffMember, staff.id)], now)[0]
    return mine.posts_of(Term.HELD, Term.COMING)


def _limits(session: Session, wish: Wish, now: datetime) -> list[sa.ColumnElement[bool]]:
    limits: list[sa.ColumnElement[bool]] = []
    if named := wish.named.strip().lower():
        limits.append(
            sa.or_(
                StaffMember.login_name.startswith(named, autoescape=True),
                sa.func.lower(StaffMember.display_name).contains(named, autoescape=True),
            )
        )
    if wish.state:
        limits.append(StaffMember.is_active.is_(wish.state is not State.OFF))
    if wish.state in {State.ACTIVE, State.INVITED}:
        is_invited = StaffMember.password_hash == ""
        limits.append(is_invited if wish.state is State.INVITED else ~is_invited)
    if wish.is_about_posts:
        limits.append(StaffMember.id.in_(sa.select(StaffPost.staff_id).where(*_post_limits(session, wish, now))))
    return limits


def _post_limits(session: Session, wish: Wish, now: datetime) -> list[sa.ColumnElement[bool]]:
    limits = [_not_ended(now)]
    if wish.role:
        limits.append(StaffPost.role == wish.role)
    if wish.place:
        node = session.scalar(sa.select(Organisation).where(Organisation.public_id == wish.place))
        inside = sa.select(Organisation.id).where(organisations.below(node.path) if node else sa.false())
        limits.append(StaffPost.organisation_id.in_(inside))
    if wish.department:
        line = sa.select(Department.id).where(Department.public_id == wish.department)
        limits.append(StaffPost.department_id.in_(line))
    if wish.ends_soon:
        limits.append(StaffPost.ends_on <= local_day(now) + ENDS_SOON)
    return limits


def _not_ended(now: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(StaffPost.ends_on.is_(None), StaffPost.ends_on > local_day(now))


def _as_colleagues(session: Session, members: Sequence[StaffMember], now: datetime) -> list[Colleague]:
    posts: dict[int, list[PostRow]] = {member.id: [] for member in members}
    rows = session.scalars(
        sa.select(StaffPost).where(StaffPost.staff_id.in_(posts)).order_by(StaffPost.starts_on, StaffPost.id)
    ).all()
    # A post that is seen is named in full, also where its team or its node's name lies above the asker's area.
    places = _names(session, Organisation, {row.organisation_id for row in rows})
    lines = _names(session, Department, {row.department_id for row in rows})
    teams = _names(session, Team, {row.team_id for row in rows})
    for row in rows:
        posts[row.staff_id].append(
            PostRow(
                row.public_id,
                row.role,
                places[row.organisation_id],
                lines.get(row.department_id, ""),
                teams.get(row.team_id, ""),
                row.starts_on,
                row.ends_on,
                term := _term_of(row, now),
                term is not Term.ENDED and row.ends_on is not None and row.ends_on <= local_day(now) + ENDS_SOON,
            )
        )
    return [
        Colleague(
            member.id,
            member.public_id,
            member.login_name,
            member.display_name,
            state_of(member),
            member.last_signed_in_on,
            tuple(sorted(posts[member.id], key=lambda post: list(Term).index(post.term))),
        )
        for member in members
    ]


def state_of(member: StaffMember) -> State:
    if not member.is_active:
        return State.OFF
    return State.ACTIVE if member.password_hash else State.INVITED


def _term_of(post: StaffPost, now: datetime) -> Term:
    today = local_day(now)
    if post.ends_on is not None and post.ends_on <= max(today, post.starts_on):
        return Term.ENDED  # perhaps before it began
    return Term.COMING if post.starts_on > today else Term.HELD


def _names(
    session: Session, model: type[Organisation] | type[Department] | type[Team], ids: Iterable[int | None]
) -> dict[int | None, str]:
    rows = session.execute(
        sa.select(model.id, model.name).where(model.id.in_(set(ids) - {None})), execution_options=EVERYWHERE
    )
    return {row.id: row.name for row in rows}
