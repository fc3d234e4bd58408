"""Use cases of staff: accounts, passwords, sessions. Posts are in posts.py."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.accounts.factor_models import SecondFactor
from server.accounts.passwords import check_strength, hash_password, is_password
from server.accounts.policy import PERMISSIONS, Permission, Role, needs_second_factor, roles_with
from server.accounts.staff_models import SessionKind, StaffMember, StaffPost, StaffSession
from server.accounts.throttle import WrongSecret
from server.clock import local_day
from server.errors import Conflict, Invalid
from server.ids import new_public_id, new_token
from server.organisations.models import Organisation
from server.vault import token_hash

SIGN_IN = "staff_sign_in"  # what the throttle counts under the login name
IDLE = timedelta(minutes=15)
LONGEST = timedelta(hours=12)
BELL_LASTS = timedelta(hours=14)  # a night shift with its handover
# After the password: how long somebody may look for their phone.
HALF_OPEN_LASTS = timedelta(minutes=10)
# How long a code counts for acts that ask for one.
PROOF_LASTS = timedelta(minutes=15)
# Reading the session on every poll must not write on every poll.
_TOUCH_EVERY = timedelta(seconds=30)
_LOGIN_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,63}")


class LoginFailed(WrongSecret):
    code = "accounts.login_failed"


class LoginNameTaken(Conflict):
    code = "accounts.login_name_taken"


class BadLoginName(Invalid):
    code = "accounts.bad_login_name"


@dataclass(frozen=True, slots=True)
class Post:
    """A role at a node, as long as it is held; None stands for every line, every team."""

    role: Role
    path: str
    is_district_wide: bool = False
    department_id: int | None = None
    team_id: int | None = None
    place: str = ""  # the node's name, for the page's corner

    @property
    def permissions(self) -> frozenset[Permission]:
        return PERMISSIONS[self.role]


@dataclass(frozen=True, slots=True)
class Staff:
    """Who is asking: identity and the posts of today."""

    id: int
    public_id: str
    display_name: str
    posts: tuple[Post, ...]

    def may(self, permission: Permission) -> bool:
        """Somewhere; where, scope.py says."""
        return any(permission in post.permissions for post in self.posts)

    @property
    def roles(self) -> frozenset[Role]:
        return frozenset(post.role for post in self.posts)

    @property
    def actor(self) -> tuple[str, str]:
        return ("staff", self.public_id)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that somebody holds. Half open, it leads to the second factor and nowhere else."""

    staff: Staff
    session_public_id: str
    second_factor_at: datetime | None
    has_factor: bool
    is_half_open: bool

    def is_proven(self, now: datetime) -> bool:
        """Whether a code was entered a short while ago; who needs none and has none has nothing to prove."""
        return self.second_factor_at is None or now - self.second_factor_at <= PROOF_LASTS


def create_staff(
    session: Session, *, login_name: str, display_name: str, password: str | None, now: datetime
) -> StaffMember:
    """Raises BadLoginName, WeakPassword, GuessablePassword, LoginNameTaken.

    Without a password nobody signs in until an invitation is taken.
    """
    if not _LOGIN_NAME.fullmatch(login_name):
        raise BadLoginName
    if password is not None:
        check_strength(password, (login_name, display_name))
    member = StaffMember(
        public_id=new_public_id(),
        login_name=login_name,
        display_name=display_name,
        password_hash="" if password is None else hash_password(password),
        password_changed_at=None if password is None else now,
        is_active=True,
        created_at=now,
    )
    try:
        with session.begin_nested():
            session.add(member)
    except IntegrityError:
        raise LoginNameTaken from None
    return member


def check_password(session: Session, *, login_name: str, password: str) -> StaffMember:
    """The member with this password. Raises LoginFailed, alike for a wrong name and a wrong password."""
    member = session.scalar(sa.select(StaffMember).where(StaffMember.login_name == login_name.strip().lower()))
    kept = member.password_hash if member else ""
    if not is_password(kept, password) or member is None or not member.is_active:
        raise LoginFailed
    # Under the row's lock: a password changed meanwhile ends the sessions of the old one, and this would be one more.
    current = sa.select(StaffMember.password_hash).where(StaffMember.id == member.id).with_for_update()
    if session.scalar(current) != kept:
        raise LoginFailed
    return member


def open_session(
    session: Session,
    *,
    member: StaffMember | Staff,
    kind: SessionKind,
    now: datetime,
    proven_at: datetime | None = None,
) -> str:
    """A new session; its token is returned once and stored only as a hash. `proven_at`: when the second factor was."""
    token = new_token()
    session.add(
        StaffSession(
            token_hash=token_hash(token),
            public_id=new_public_id(),
            staff_id=member.id,
            kind=kind,
            created_at=now,
            last_used_at=now,
            second_factor_at=proven_at,
            ended_at=None,
        )
    )
    session.flush()
    return token


def find_by_session(session: Session, *, token: str, kind: SessionKind, now: datetime) -> Staff | None:
    """Who holds this token; None when it is unknown, half open, ended, idle for too long, or its owner switched off."""
    found = find_signed_in(session, token=token, kind=kind, now=now)
    return None if found is None or found.is_half_open else found.staff


def find_signed_in(session: Session, *, token: str, kind: SessionKind, now: datetime) -> SignedIn | None:
    """The session itself, half open or not. Whether a factor is needed is asked of today's posts, each time."""
    row = session.get(StaffSession, token_hash(token))
    if row is None or row.kind is not kind or row.ended_at is not None or is_over(row, now):
        return None
    member = session.get_one(StaffMember, row.staff_id)
    if not member.is_active:
        return None
    staff = as_staff(session, member, now=now)
    has_factor = row.second_factor_at is not None or has_second_factor(session, staff_id=member.id)
    is_half_open = row.second_factor_at is None and (has_factor or needs_second_factor(staff.roles))
    if is_half_open and now - row.last_used_at > HALF_OPEN_LASTS:
        return None
    return SignedIn(staff, row.public_id, row.second_factor_at, has_factor, is_half_open)


def has_second_factor(session: Session, *, staff_id: int) -> bool:
    confirmed = sa.select(SecondFactor.confirmed_at).where(SecondFactor.staff_id == staff_id)
    return session.scalar(confirmed) is not None


def as_staff(session: Session, member: StaffMember, *, now: datetime) -> Staff:
    """The member with the posts of today; whoever is switched off has none."""
    if not member.is_active:
        return Staff(member.id, member.public_id, member.display_name, ())
    rows = session.execute(
        sa.select(StaffPost, Organisation.path, Organisation.is_root, Organisation.name)
        .join(Organisation, Organisation.id == StaffPost.organisation_id)
        .where(StaffPost.staff_id == member.id, held_on(local_day(now)))
        .order_by(StaffPost.id)
    ).all()
    posts = tuple(
        Post(post.role, path, bool(is_root), post.department_id, post.team_id, name)
        for post, path, is_root, name in rows
    )
    return Staff(member.id, member.public_id, member.display_name, posts)


def held_on(day: date) -> sa.ColumnElement[bool]:
    """Posts that are held on this day."""
    return sa.and_(StaffPost.starts_on <= day, sa.or_(StaffPost.ends_on.is_(None), StaffPost.ends_on > day))


def is_over(row: StaffSession, now: datetime) -> bool:
    if row.kind is SessionKind.BELL:
        return now - row.created_at > BELL_LASTS
    return now - row.last_used_at > IDLE or now - row.created_at > LONGEST


def wants_touch(session: Session, *, token: str, now: datetime) -> bool:
    row = session.get(StaffSession, token_hash(token))
    return row is not None and now - row.last_used_at > _TOUCH_EVERY


def touch_session(session: Session, *, token: str, now: datetime) -> None:
    """The person did something. Polls do not count: an abandoned screen must lock."""
    session.execute(
        sa.update(StaffSession)
        .where(StaffSession.token_hash == token_hash(token), StaffSession.ended_at.is_(None))
        .values(last_used_at=now)
    )


def end_session(session: Session, *, token: str, now: datetime) -> None:
    session.execute(
        sa.update(StaffSession)
        .where(StaffSession.token_hash == token_hash(token), StaffSession.ended_at.is_(None))
        .values(ended_at=now)
    )


def purge_sessions(session: Session, now: datetime) -> None:
    """Rows older than a day past their longest life are of no use to anybody."""
    session.execute(sa.delete(StaffSession).where(StaffSession.created_at < now - BELL_LASTS - timedelta(days=1)))


def login_name_of(session: Session, *, by: Staff) -> str:
    return session.scalars(sa.select(StaffMember.login_name).where(StaffMember.id == by.id)).one()


def names_of(session: Session, ids: set[int]) -> dict[int, str]:
    if not ids:
        return {}
    wanted = sa.select(StaffMember.id, StaffMember.display_name).where(StaffMember.id.in_(ids))
    # Who took something over is told by name also across the borders of a scope.
    rows = session.execute(wanted, execution_options={"xinqiao_everywhere": True})
    return {row.id: row.display_name for row in rows}


def role_on(session: Session, *, public_id: str, permission: Permission, day: date) -> Role | None:
    """By which role somebody held this permission on a day."""
    return session.scalar(
        sa.select(StaffPost.role)
        .join(StaffMember, StaffMember.id == StaffPost.staff_id)
        .where(
            StaffMember.public_id == public_id,
            StaffPost.role.in_(roles_with(permission)),
            StaffPost.starts_on <= day,
            sa.or_(StaffPost.ends_on.is_(None), StaffPost.ends_on > day),
        )
        .order_by(StaffPost.id)
        .limit(1)
    )
