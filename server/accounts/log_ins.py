"""Log-ins of residents: a phone holds a token for 30 days, the store holds its hash and the day."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.accounts.models import CodeKind, Resident, ResidentCode, ResidentSession
from server.accounts.purposes import Purpose
from server.clock import local_day
from server.errors import NotFound
from server.ids import new_public_id, new_token
from server.vault import token_hash

KEEP_DAYS = 30
LINK_LASTS = timedelta(minutes=10)
INVITE_LASTS = timedelta(hours=24)
# More phones than anybody has; the oldest log-in makes room.
MOST_PHONES = 10
_LASTS = {CodeKind.LOG_IN: LINK_LASTS, CodeKind.GUARDIAN: INVITE_LASTS}


class LinkOver(NotFound):
    """The link was used, is too old, or never was one: the three must look alike."""

    code = "accounts.link_over"


class LoggedOut(NotFound):
    """The log-in ended while the page was open."""

    code = "accounts.logged_out"


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone on which the resident is logged in."""

    public_id: str
    since: date
    is_this: bool


def open_session(session: Session, *, resident: Resident, now: datetime) -> str:
    """A new log-in; its token is returned once and stored only as a hash."""
    token = new_token()
    phones = list_phones(session, resident=resident, token="", now=now)
    for phone in phones[MOST_PHONES - 1 :]:
        end_phone(session, resident=resident, public_id=phone.public_id)
    row = ResidentSession(
        token_hash=token_hash(token), public_id=new_public_id(), resident_id=resident.id, created_on=local_day(now)
    )
    session.add(row)
    session.flush()
    return token


def find_resident(session: Session, *, token: str, now: datetime) -> Resident | None:
    """Who is logged in with this token."""
    return session.scalar(_resident_of(token, now))


def get_resident(session: Session, *, token: str, now: datetime) -> Resident:
    """The same for a transaction that writes: nobody joins or deletes this resident meanwhile. Raises LoggedOut."""
    resident = session.scalar(_resident_of(token, now).with_for_update(of=Resident))
    if resident is None:
        raise LoggedOut
    return resident


def _resident_of(token: str, now: datetime) -> sa.Select[Resident]:
    return (
        sa.select(Resident)
        .join(ResidentSession, ResidentSession.resident_id == Resident.id)
        .where(ResidentSession.token_hash == token_hash(token), ResidentSession.created_on > _oldest(now))
    )


def _oldest(now: datetime) -> date:
    return local_day(now) - timedelta(days=KEEP_DAYS)


def end_session(session: Session, *, token: str) -> None:
    session.execute(sa.delete(ResidentSession).where(ResidentSession.token_hash == token_hash(token)))


def list_phones(session: Session, *, resident: Resident, token: str, now: datetime) -> list[Phone]:
    """Newest day first."""
    rows = session.scalars(
        sa.select(ResidentSession)
        .where(ResidentSession.resident_id == resident.id, ResidentSession.created_on > _oldest(now))
        .order_by(ResidentSession.created_on.desc(), ResidentSession.public_id)
    )
    mine = token_hash(token)
    return [Phone(row.public_id, row.created_on, row.token_hash == mine) for row in rows]


def end_phone(session: Session, *, resident: Resident, public_id: str) -> None:
    """End the log-in on another phone; nothing happens for one that is over or somebody else's."""
    if public_id.isascii():  # MySQL refuses to compare ids with letters that no id has
        session.execute(
            sa.delete(ResidentSession).where(
                ResidentSession.resident_id == resident.id, ResidentSession.public_id == public_id
            )
        )


def make_code(
    session: Session, *, resident: Resident, kind: CodeKind, now: datetime, purpose: Purpose | None = None
) -> str:
    """A link's secret. It is stored as a hash."""
    code = new_token()
    row = ResidentCode(
        code_hash=token_hash(code),
        kind=kind,
        resident_id=resident.id,
        purpose=purpose,
        expires_at=now + _LASTS[kind],
    )
    session.add(row)
    session.flush()
    return code


def find_code(session: Session, *, code: str, kind: CodeKind, now: datetime) -> ResidentCode:
    """What the link stands for, without using it up: previews of links open them too. Raises LinkOver."""
    row = session.get(ResidentCode, token_hash(code))
    if row is None or row.kind is not kind or row.expires_at <= now:
        raise LinkOver
    return row


def use_code(session: Session, *, code: str, kind: CodeKind, now: datetime) -> ResidentCode:
    """Use the link up. Of several at once one gets it. Raises LinkOver."""
    row = find_code(session, code=code, kind=kind, now=now)
    used = session.execute(sa.delete(ResidentCode).where(ResidentCode.code_hash == row.code_hash))
    session.expunge(row)
    if not getattr(used, "rowcount", 0):
        raise LinkOver
    return row


def log_in_by_code(session: Session, *, code: str, now: datetime) -> str:
    """Open a log-in with the link from the chat. Raises LinkOver."""
    used = use_code(session, code=code, kind=CodeKind.LOG_IN, now=now)
    resident = session.get(Resident, used.resident_id, with_for_update=True)
    if resident is None:
        raise LinkOver
    return open_session(session, resident=resident, now=now)


def purge(session: Session, now: datetime) -> None:
    """Log-ins and links whose time is over are of no use to anybody."""
    session.execute(sa.delete(ResidentSession).where(ResidentSession.created_on <= _oldest(now)))
    session.execute(sa.delete(ResidentCode).where(ResidentCode.expires_at <= now))
