"""Use cases of staff: accounts, passwords, sessions. Posts are in posts.py."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.accounts.policy import PERMISSIONS, Permission, Role, roles_with
from server.accounts.staff_models import SessionKind, StaffMember, StaffPost, StaffSession
from server.clock import local_day
from server.errors import Conflict, Invalid, Refused
from server.ids import new_public_id, new_token
from server.organisations.models import Organisation
from server.vault import token_hash

IDLE = timedelta(minutes=15)
LONGEST = timedelta(hours=12)
BELL_LASTS = timedelta(hours=14)  # a night shift with its handover
SHORTEST_PASSWORD = 12
# Reading the session on every poll must not write on every poll.
_TOUCH_EVERY = timedelta(seconds=30)
_LOGIN_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,63}")
# Argon2id with OWASP's first recommendation (19 MiB, t=2, p=1).
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Verified when the account is unknown, so that its absence cannot be heard in the time it takes.
_NOBODY = _hasher.hash("nobody has this password")


class LoginFailed(Refused):
    code = "accounts.login_failed"


class LoginNameTaken(Conflict):
    code = "accounts.login_name_taken"


class BadLoginName(Invalid):
    code = "accounts.bad_login_name"


class WeakPassword(Invalid):
    code = "accounts.weak_password"


@dataclass(frozen=True, slots=True)
class Post:
    """A role at a node, as long as it is held; None stands for every line, every team."""

    role: Role
    path: str
    is_district_wide: bool = False
    department_id: int | None = None
    team_id: int | None = None

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


def create_staff(
    session: Session, *, login_name: str, display_name: str, password: str | None, now: datetime
) -> StaffMember:
    """Raises BadLoginName, WeakPassword, LoginNameTaken. Without a password nobody signs in until an invitation is taken."""
    if not _LOGIN_NAME.fullmatch(login_name):
        raise BadLoginName
    if password is not None:
        check_strength(password)
    member = StaffMember(
        public_id=new_public_id(),
        login_name=login_name,
        display_name=display_name,
        password_hash="" if password is None else _hasher.hash(password),
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


def check_strength(password: str) -> None:
    """Raises WeakPassword. Length is what counts; rules about characters only make people write passwords down."""
    if len(password) < SHORTEST_PASSWORD:
        raise WeakPassword(shortest=SHORTEST_PASSWORD)


def check_password(session: Session, *, login_name: str, password: str) -> StaffMember:
    """The member with this password. Raises LoginFailed, alike for a wrong name and a wrong password."""
    member = session.scalar(sa.select(StaffMember).where(StaffMember.login_name == login_name.strip().lower()))
    try:
        _hasher.verify(member.password_hash if member else _NOBODY, password)
    except (VerificationError, InvalidHashError):
        raise LoginFailed from None
    if member is None or not member.is_active:
        raise LoginFailed
    return member


def open_session(session: Session, *, member: StaffMember, kind: SessionKind, now: datetime) -> str:
    """A new session; its token is returned once and stored only as a hash."""
    token = new_token()
    session.add(
        StaffSession(
            token_hash=token_hash(token),
            public_id=new_public_id(),
            staff_id=member.id,
            kind=kind,
            created_at=now,
            last_used_at=now,
            second_factor_at=None,
            ended_at=None,
        )
    )
    session.flush()
    return token


def find_by_session(session: Session, *, token: str, kind: SessionKind, now: datetime) -> Staff | None:
    """Who holds this token; None when it is unknown, ended, idle for too long, or its owner was switched off."""
    row = session.get(StaffSession, token_hash(token))
    if row is None or row.kind is not kind or row.ended_at is not None or _is_over(row, now):
        return None
    member = session.get_one(StaffMember, row.staff_id)
    if not member.is_active:
        return None
    return as_staff(session, member, now=now)


def as_staff(session: Session, member: StaffMember, *, now: datetime) -> Staff:
    """The member with the posts of today."""
    rows = session.execute(
        sa.select(StaffPost, Organisation.path, Organisation.is_root)
        .join(Organisation, Organisation.id == StaffPost.organisation_id)
        .where(StaffPost.staff_id == member.id, held_on(local_day(now)))
        .order_by(StaffPost.id)
    ).all()
    posts = tuple(
        Post(post.role, path, bool(is_root), post.department_id, post.team_id) for post, path, is_root in rows
    )
    return Staff(member.id, member.public_id, member.display_name, posts)


def held_on(day: date) -> sa.ColumnElement[bool]:
    """Posts that are held on this day."""
    return sa.and_(StaffPost.starts_on <= day, sa.or_(StaffPost.ends_on.is_(None), StaffPost.ends_on > day))


def _is_over(row: StaffSession, now: datetime) -> bool:
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
