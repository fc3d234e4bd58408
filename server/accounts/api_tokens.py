"""Use cases of the mini program's log-ins: a device signs in, its refresh token changes with every use, it is signed out.

A refresh token is good for one use. Whoever shows a used one may be a thief, or may have been robbed: the device is signed
out, and both must sign in anew. The one exception is a client that lost the answer and repeats its request within
REPEAT_SECONDS under the same key: it gets the same token again, as long as nobody has used that one.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.accounts.api_models import ApiDevice, ApiRefreshToken
from server.accounts.models import Resident
from server.audit import service as audit
from server.clock import local_day
from server.db import vault_of
from server.errors import NotFound, NotSignedIn
from server.ids import new_public_id, new_token
from server.vault import CannotOpen, Place, open_under, seal_under, token_hash

REFRESH_DAYS = 30
REPEAT_SECONDS = 30


class TokenRefused(NotSignedIn):
    """Unknown, used before, over, or of a device that was signed out: alike for whoever shows it."""

    code = "accounts.token_refused"


@dataclass(frozen=True, slots=True)
class Pair:
    """What a device gets. `issued_at` is the same when the answer is repeated, and so is everything made from it."""

    resident_public_id: str
    device_public_id: str
    refresh_token: str = field(repr=False)
    issued_at: datetime


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, with which device."""

    resident_id: int
    resident_public_id: str
    device_public_id: str
    since: date

    @property
    def actor(self) -> tuple[str, str]:
        return ("resident", self.resident_public_id)


@dataclass(frozen=True, slots=True)
class Device:
    public_id: str
    label: str
    created_on: date
    last_used_on: date


def sign_in(session: Session, *, resident: Resident, label: str, now: datetime) -> Pair:
    """A new device of this resident."""
    public_id = new_public_id()
    device = ApiDevice(
        public_id=public_id,
        resident_id=resident.id,
        label_sealed=vault_of(session).seal_text(label, label_place(public_id)),
        created_on=local_day(now),
        last_used_on=local_day(now),
        ended_on=None,
    )
    session.add(device)
    session.flush()
    return Pair(resident.public_id, public_id, _issue(session, device, now), now)


def label_place(device_public_id: str) -> Place:
    return Place("api_devices", device_public_id, "label")


def _issue(session: Session, device: ApiDevice, now: datetime) -> str:
    token = new_token()
    session.add(
        ApiRefreshToken(
            token_hash=token_hash(token),
            device_id=device.id,
            expires_on=local_day(now + timedelta(days=REFRESH_DAYS)),
            is_used=False,
            repeat_until=None,
            successor_sealed=None,
        )
    )
    session.flush()
    return token


def refresh(session: Session, *, token: str, repeat_key: str, now: datetime) -> Pair | None:
    """Use the token up and get the next one. Raises TokenRefused; None: it was used before, and its device is signed out
    from now on, which a refusal would take back."""
    row = session.get(ApiRefreshToken, token_hash(token))
    if row is None or row.expires_on <= local_day(now):
        raise TokenRefused
    device = session.get_one(ApiDevice, row.device_id)
    if device.ended_on is not None:
        raise TokenRefused
    resident = session.get_one(Resident, device.resident_id)
    until = now + timedelta(seconds=REPEAT_SECONDS)
    used_up = session.execute(
        sa.update(ApiRefreshToken)
        .where(ApiRefreshToken.token_hash == row.token_hash, ApiRefreshToken.is_used.is_(False))
        .values(is_used=True, repeat_until=until)
        .execution_options(synchronize_session=False)
    )
    if getattr(used_up, "rowcount", 0):
        following = _issue(session, device, now)
        if repeat_key:
            row.successor_sealed = seal_under(_both(token, repeat_key), following.encode(), row.token_hash.encode())
        device.last_used_on = local_day(now)
        session.flush()
        return Pair(resident.public_id, device.public_id, following, now)
    session.refresh(row)
    repeated = _repeat(session, row, token, repeat_key, now)
    if repeated is not None and row.repeat_until is not None:
        issued_at = row.repeat_until - timedelta(seconds=REPEAT_SECONDS)
        return Pair(resident.public_id, device.public_id, repeated, issued_at)
    _end(session, device, actor=audit.SYSTEM, reason="token_reused", now=now)
    return None


def _both(token: str, repeat_key: str) -> str:
    return f"{token}\0{repeat_key}"


def _repeat(session: Session, row: ApiRefreshToken, token: str, repeat_key: str, now: datetime) -> str | None:
    """The token that was lost on its way, for the same request within seconds; None for everybody else."""
    if row.repeat_until is None or row.repeat_until <= now or row.successor_sealed is None or not repeat_key:
        return None
    try:
        following = open_under(_both(token, repeat_key), row.successor_sealed, row.token_hash.encode()).decode()
    except CannotOpen:
        return None
    standing = session.get(ApiRefreshToken, token_hash(following), populate_existing=True)
    return following if standing is not None and not standing.is_used else None


def find_caller(session: Session, *, resident_public_id: str, device_public_id: str) -> Caller | None:
    """Who an access token speaks for; None once its device was signed out."""
    row = session.execute(
        sa.select(Resident.id, Resident.created_on)
        .join(ApiDevice, ApiDevice.resident_id == Resident.id)
        .where(
            ApiDevice.public_id == device_public_id,
            ApiDevice.ended_on.is_(None),
            Resident.public_id == resident_public_id,
        )
    ).one_or_none()
    return Caller(row.id, resident_public_id, device_public_id, row.created_on) if row else None


def list_devices(session: Session, *, caller: Caller) -> list[Device]:
    """Where this resident is signed in, the newest first."""
    rows = session.scalars(
        sa.select(ApiDevice)
        .where(ApiDevice.resident_id == caller.resident_id, ApiDevice.ended_on.is_(None))
        .order_by(ApiDevice.id.desc())
    )
    vault = vault_of(session)
    return [
        Device(
            row.public_id,
            vault.open_text(row.label_sealed, label_place(row.public_id)),
            row.created_on,
            row.last_used_on,
        )
        for row in rows
    ]


def sign_out(session: Session, *, caller: Caller, device_public_id: str, now: datetime) -> None:
    """End one of the caller's devices; repeatable. Raises NotFound for anybody else's."""
    device = session.scalar(
        sa.select(ApiDevice).where(ApiDevice.public_id == device_public_id, ApiDevice.resident_id == caller.resident_id)
    )
    if device is None:
        raise NotFound(device=device_public_id)
    if device.ended_on is None:
        _end(session, device, actor=caller.actor, reason="signed_out", now=now)


def _end(session: Session, device: ApiDevice, *, actor: tuple[str, str], reason: str, now: datetime) -> None:
    device.ended_on = local_day(now)
    audit.record(
        session,
        actor=actor,
        action="device.ended",
        object_kind="device",
        object_id=device.public_id,
        reason=reason,
        now=now,
    )
    session.flush()


def purge(session: Session, now: datetime) -> None:
    """Forget the seconds of repeats, tokens that are over, and devices that nobody can use any more."""
    session.execute(
        sa.update(ApiRefreshToken)
        .where(ApiRefreshToken.repeat_until < now)
        .values(repeat_until=None, successor_sealed=None)
    )
    today = local_day(now)
    session.execute(sa.delete(ApiRefreshToken).where(ApiRefreshToken.expires_on <= today))
    session.execute(sa.delete(ApiDevice).where(ApiDevice.last_used_on < today - timedelta(days=REFRESH_DAYS)))
