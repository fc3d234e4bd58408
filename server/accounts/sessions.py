"""How a colleague gets in and out: password, then code, then a screen with its bell; the list of them, and their end.

Each step ends the session before it and opens another: a token that somebody learned before a step is worth nothing after.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.accounts import second_factor, throttle
from server.accounts.passwords import check_strength, hash_password, is_password
from server.accounts.policy import needs_second_factor
from server.accounts.scope import EVERYWHERE
from server.accounts.staff import (
    SIGN_IN,
    SignedIn,
    Staff,
    as_staff,
    check_password,
    end_session,
    has_second_factor,
    is_over,
    open_session,
)
from server.accounts.staff_models import SessionKind, StaffMember, StaffPost, StaffSession
from server.accounts.throttle import WrongSecret
from server.audit import service as audit
from server.clock import local_day
from server.errors import NotFound, Refused
from server.organisations.models import Organisation
from server.vault import token_hash

_MOST_LISTED = 50  # of one person in a day and a half; older rows are purged


class SessionOver(Refused):
    """Another request with the same session was faster."""

    code = "accounts.session_over"


class WrongOldPassword(WrongSecret):
    code = "accounts.wrong_old_password"


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the browser keeps from here on; no bell where there is none or the one before goes on."""

    screen: str
    bell: str | None


@dataclass(frozen=True, slots=True)
class SessionRow:
    public_id: str
    kind: SessionKind
    began_at: datetime
    last_used_at: datetime
    is_this_one: bool


def find_hash_to_try(session: Session, *, login_name: str, now: datetime) -> str:
    """What a password is compared with before `sign_in`; empty where there is nothing. Raises TooManyTries."""
    throttle.check(session, what=SIGN_IN, key=login_name, now=now)
    kept = session.scalar(sa.select(StaffMember.password_hash).where(StaffMember.login_name == login_name))
    return kept or ""


def sign_in(session: Session, *, login_name: str, password: str, before: Tokens, now: datetime) -> Tokens:
    """By password. Where a second factor is needed the screen is half open, and the bell before it goes on ringing.

    `before` is what the browser brought. Raises TooManyTries, LoginFailed.
    """
    throttle.check(session, what=SIGN_IN, key=login_name, now=now)
    member = check_password(session, login_name=login_name, password=password)
    throttle.forget(session, what=SIGN_IN, key=login_name)
    return open_screen(session, member=member, before=before, now=now)


def open_screen(session: Session, *, member: StaffMember, before: Tokens, now: datetime) -> Tokens:
    """For who has just shown or chosen their password."""
    end_session(session, token=before.screen, now=now)
    screen = open_session(session, member=member, kind=SessionKind.SCREEN, now=now)
    staff = as_staff(session, member, now=now)
    if needs_second_factor(staff.roles) or has_second_factor(session, staff_id=staff.id):
        return Tokens(screen, None)
    return Tokens(screen, _let_in(session, staff, before, proven_at=None, now=now))


def prove(session: Session, *, by: SignedIn, code: str, before: Tokens, now: datetime) -> Tokens:
    """By a code: the next session of the same shift. Whoever had only given their password gets their bell now.

    Raises TooManyTries, WrongCode, SessionOver.
    """
    second_factor.check_code(session, who=by.staff, code=code, now=now)
    screen = _renew(session, by.staff, before.screen, proven_at=now, now=now)
    return Tokens(screen, _let_in(session, by.staff, before, proven_at=now, now=now) if by.is_half_open else None)


def begin_enrolment(session: Session, *, by: SignedIn) -> str:
    """A new secret. Raises EnrolmentOver for who has a second factor and has not proven it."""
    if by.is_half_open and by.has_factor:
        raise second_factor.EnrolmentOver
    return second_factor.begin_enrolment(session, who=by.staff, session_public_id=by.session_public_id)


def enrol(session: Session, *, by: SignedIn, code: str, before: Tokens, now: datetime) -> tuple[Tokens, list[str]]:
    """The first code of a new authenticator ends every other session. Returns the recovery codes, never shown again.

    Raises TooManyTries, WrongCode, EnrolmentOver, SessionOver.
    """
    codes = second_factor.confirm_enrolment(
        session,
        who=by.staff,
        session_public_id=by.session_public_id,
        code=code,
        replaces=not by.is_half_open,
        now=now,
    )
    screen = _renew(session, by.staff, before.screen, proven_at=now, now=now)
    end_all(session, staff_id=by.staff.id, but={token_hash(screen)}, now=now)
    if by.is_half_open:
        return Tokens(screen, _let_in(session, by.staff, before, proven_at=now, now=now)), codes
    return Tokens(screen, _open_bell(session, by.staff, proven_at=now, now=now)), codes


def change_password(session: Session, *, by: SignedIn, old: str, new: str, before: Tokens, now: datetime) -> Tokens:
    """Ends every other session and bell. Raises TooManyTries, WrongOldPassword, WeakPassword, GuessablePassword."""
    member = session.scalars(sa.select(StaffMember).where(StaffMember.id == by.staff.id).with_for_update()).one()
    throttle.check(session, what=SIGN_IN, key=member.login_name, now=now)
    if not is_password(member.password_hash, old):
        raise WrongOldPassword
    throttle.forget(session, what=SIGN_IN, key=member.login_name)
    set_password(session, member=member, password=new, now=now)
    screen = _renew(session, by.staff, before.screen, proven_at=by.second_factor_at, now=now)
    end_all(session, staff_id=member.id, but={token_hash(screen)}, now=now)
    _record(session, by.staff, "staff.password_changed", now)
    return Tokens(screen, _open_bell(session, by.staff, proven_at=by.second_factor_at, now=now))


def set_password(session: Session, *, member: StaffMember, password: str, now: datetime) -> None:
    """Raises WeakPassword, GuessablePassword."""
    check_strength(password, known_of(session, member))
    member.password_hash = hash_password(password)
    member.password_changed_at = now
    session.flush()


def known_of(session: Session, member: StaffMember) -> set[str]:
    """What others know of a colleague: the names, and the places of their posts."""
    held = sa.select(StaffPost.organisation_id).where(StaffPost.staff_id == member.id)
    places = sa.select(Organisation.name).where(sa.or_(Organisation.id.in_(held), Organisation.is_root.is_(True)))
    return {member.login_name, member.display_name, *session.scalars(places)}


# --- the list, and ends -------------------------------------------------------------------------------------------


def list_own(session: Session, *, by: Staff, here: Tokens, now: datetime) -> list[SessionRow]:
    """One's open screens and bells, the newest first. `here` is what this browser brought."""
    rows = session.scalars(
        sa.select(StaffSession)
        .where(StaffSession.staff_id == by.id, StaffSession.ended_at.is_(None))
        .order_by(StaffSession.created_at.desc(), StaffSession.token_hash)
        .limit(_MOST_LISTED)
    )
    mine = _hashes(here)
    return [
        SessionRow(row.public_id, row.kind, row.created_at, row.last_used_at, row.token_hash in mine)
        for row in rows
        if not is_over(row, now)
    ]


def end_own(session: Session, *, by: Staff, session_public_id: str, now: datetime) -> None:
    """Raises NotFound for a session that is not one's own; repeating is harmless."""
    row = session.scalar(
        sa.select(StaffSession).where(StaffSession.public_id == session_public_id, StaffSession.staff_id == by.id)
    )
    if row is None:
        raise NotFound(session=session_public_id)
    if row.ended_at is None:
        row.ended_at = now
        session.flush()
        _record(session, by, "staff.session_ended", now)


def end_others(session: Session, *, by: Staff, here: Tokens, now: datetime) -> None:
    end_all(session, staff_id=by.id, but=_hashes(here), now=now)
    _record(session, by, "staff.sessions_ended", now)


def end_all(session: Session, *, staff_id: int, now: datetime, but: set[str] | None = None) -> None:
    """Screens and bells, at once: each request asks the row."""
    session.execute(
        sa.update(StaffSession)
        .where(
            StaffSession.staff_id == staff_id,
            StaffSession.ended_at.is_(None),
            StaffSession.token_hash.not_in(but or set()),
        )
        .values(ended_at=now)
    )


def _hashes(tokens: Tokens) -> set[str]:
    return {token_hash(token) for token in (tokens.screen, tokens.bell) if token}


def _renew(session: Session, staff: Staff, token: str, *, proven_at: datetime | None, now: datetime) -> str:
    """The same shift goes on under another token: a code makes no day longer."""
    row = session.get_one(StaffSession, token_hash(token))
    ended = (
        sa.update(StaffSession)
        .where(StaffSession.token_hash == row.token_hash, StaffSession.ended_at.is_(None))
        .values(ended_at=now)
    )
    if getattr(session.execute(ended), "rowcount", 0) != 1:
        raise SessionOver
    screen = open_session(session, member=staff, kind=row.kind, now=now, proven_at=proven_at)
    renewed = sa.update(StaffSession).where(StaffSession.token_hash == token_hash(screen))
    session.execute(renewed.values(created_at=row.created_at))
    return screen


def _let_in(session: Session, staff: Staff, before: Tokens, *, proven_at: datetime | None, now: datetime) -> str:
    if before.bell:
        end_session(session, token=before.bell, now=now)
    # The day alone: who looks after colleagues asks which accounts nobody uses, not when somebody comes to work.
    came = sa.update(StaffMember).where(StaffMember.id == staff.id).values(last_signed_in_on=local_day(now))
    session.execute(came, execution_options=EVERYWHERE)
    _record(session, staff, "staff.signed_in", now)
    return _open_bell(session, staff, proven_at=proven_at, now=now)


def _open_bell(session: Session, staff: Staff, *, proven_at: datetime | None, now: datetime) -> str:
    return open_session(session, member=staff, kind=SessionKind.BELL, now=now, proven_at=proven_at)


def _record(session: Session, staff: Staff, action: str, now: datetime) -> None:
    audit.record(session, actor=staff.actor, action=action, object_kind="staff", object_id=staff.public_id, now=now)
