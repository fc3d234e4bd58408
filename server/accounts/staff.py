"""Use cases of staff: accounts, posts, passwords, sessions."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.accounts.policy import Permission, Role, roles_with
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
class Staff:
    """Who is asking: identity, roles by node path, and the kind of session they came with."""

    id: int
    public_id: str
    display_name: str
    posts: tuple[tuple[Role, str], ...]

    def paths_for(self, permission: Permission) -> list[str]:
        """The subtrees in which this permission holds; empty when nowhere."""
        roles = roles_with(permission)
        return sorted({path for role, path in self.posts if role in roles})

    @property
    def actor(self) -> tuple[str, str]:
        return ("staff", self.public_id)


def create_staff(session: Session, *, login_name: str, display_name: str, password: str, now: datetime) -> StaffMember:
    """Raises BadLoginName, WeakPassword, LoginNameTaken."""
    if not _LOGIN_NAME.fullmatch(login_name):
        raise BadLoginName
    if len(password) < SHORTEST_PASSWORD:
        raise WeakPassword(shortest=SHORTEST_PASSWORD)
    member = StaffMember(
        public_id=new_public_id(),
        login_name=login_name,
        display_name=display_name,
        password_hash=_hasher.hash(password),
        is_active=True,
        created_at=now,
    )
    try:
        with session.begin_nested():
            session.add(member)
    except IntegrityError:
        raise LoginNameTaken from None
    return member


def add_post(session: Session, *, member: StaffMember, organisation: Organisation, role: Role, now: datetime) -> None:
    session.add(
        StaffPost(
            staff_id=member.id, organisation_id=organisation.id, role=role, starts_on=local_day(now), ends_on=None
        )
    )
    session.flush()


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
            staff_id=member.id,
            kind=kind,
            created_at=now,
            last_used_at=now,
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
    today = local_day(now)
    posts = session.execute(
        sa.select(StaffPost.role, Organisation.path)
        .join(Organisation, Organisation.id == StaffPost.organisation_id)
        .where(
            StaffPost.staff_id == member.id,
            StaffPost.starts_on <= today,
            sa.or_(StaffPost.ends_on.is_(None), StaffPost.ends_on > today),
        )
    ).all()
    return Staff(member.id, member.public_id, member.display_name, tuple((row.role, row.path) for row in posts))


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
    rows = session.execute(sa.select(StaffMember.id, StaffMember.display_name).where(StaffMember.id.in_(ids)))
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
