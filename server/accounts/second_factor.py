"""The second factor: codes of an authenticator (RFC 6238: SHA-1, six digits, thirty seconds) and codes on paper.

Each code opens once, also for two who bring it at the same instant: the newest step that was taken is moved on by a
compare-and-set. A new authenticator counts only after its first code, and the one before it until then.
"""

import base64
import binascii
import hmac
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.accounts import throttle
from server.accounts.factor_models import RecoveryCode, SecondFactor
from server.accounts.staff import Staff
from server.accounts.staff_models import StaffMember
from server.accounts.throttle import WrongSecret
from server.audit import service as audit
from server.db import vault_of
from server.errors import Conflict
from server.ids import PRINTED_ALPHABET
from server.vault import Place, token_hash

STEP_SECONDS = 30
DIGITS = 6
RECOVERY_CODES = 10
THROTTLED = "staff_code"
_HASH = SHA1()  # noqa: S303 - the one that every authenticator speaks; an HMAC does not mind
_SECRET_BYTES = 20  # as RFC 4226 recommends
_RECOVERY_LETTERS = 25  # 123 bits: from 112 on a plain hash is enough (ASVS 6.5.2)
_GROUP = 5
# A phone whose clock is half a minute off.
_SKEW_STEPS = 1
Who = Staff | StaffMember


class WrongCode(WrongSecret):
    code = "accounts.wrong_code"


class EnrolmentOver(Conflict):
    """Another page has begun anew, or it is done already."""

    code = "accounts.enrolment_over"


@dataclass(frozen=True, slots=True)
class FactorState:
    confirmed_at: datetime | None
    codes_left: int


# --- codes of an authenticator ------------------------------------------------------------------------------------


def step_of(now: datetime) -> int:
    return int(now.timestamp()) // STEP_SECONDS


def code_at(secret: bytes, step: int) -> str:
    return HOTP(secret, DIGITS, _HASH).generate(step).decode()


def as_text(secret: bytes) -> str:
    return base64.b32encode(secret).decode()


def from_text(text: str) -> bytes:
    """Raises ValueError."""
    try:
        return base64.b32decode(text)
    except binascii.Error as fault:
        raise ValueError(str(fault)) from None


def address_of(secret: str, *, account: str, issuer: str) -> str:
    """What the QR code of an enrolment says to an authenticator."""
    return TOTP(from_text(secret), DIGITS, _HASH, STEP_SECONDS).get_provisioning_uri(account, issuer)


def matching_step(secret: bytes, code: str, *, now: datetime, after: int) -> int | None:
    """The step whose code this is: the present one or a neighbour, and newer than `after`."""
    present, found = step_of(now), None
    for step in range(present - _SKEW_STEPS, present + _SKEW_STEPS + 1):
        if hmac.compare_digest(code_at(secret, step).encode(), code.encode()) and step > after:
            found = step
    return found


# --- checking -----------------------------------------------------------------------------------------------------


def check_code(session: Session, *, who: Who, code: str, now: datetime) -> None:
    """Take a code of the authenticator or of the paper. Raises TooManyTries, WrongCode."""
    throttle.check(session, what=THROTTLED, key=who.public_id, now=now)
    typed = _as_typed(code)
    is_taken = _take_code if len(typed) == DIGITS else _take_recovery_code
    if not is_taken(session, who, typed, now):
        raise WrongCode
    throttle.forget(session, what=THROTTLED, key=who.public_id)


def _as_typed(code: str) -> str:
    """Without spaces and strokes, in small letters; wide digits of a Chinese keyboard are digits."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", code).casefold() if sign.isalnum())


def _take_code(session: Session, who: Who, code: str, now: datetime) -> bool:
    row = session.get(SecondFactor, who.id, populate_existing=True)
    if row is None or row.secret_sealed is None:
        return False
    step = matching_step(_open(session, who, "secret_sealed", row.secret_sealed), code, now=now, after=row.last_step)
    if step is None:
        return False
    moved = sa.update(SecondFactor).where(
        SecondFactor.staff_id == who.id,
        SecondFactor.last_step < step,
        SecondFactor.secret_sealed == row.secret_sealed,  # not the code of an authenticator replaced meanwhile
    )
    return _rows(session, moved.values(last_step=step)) == 1


def _take_recovery_code(session: Session, who: Who, code: str, now: datetime) -> bool:
    used = sa.update(RecoveryCode).where(
        RecoveryCode.code_hash == _hash_of(who, code), RecoveryCode.staff_id == who.id, RecoveryCode.used_at.is_(None)
    )
    if _rows(session, used.values(used_at=now)) != 1:
        return False
    _record(session, who, "second_factor.recovery_code_used", now)
    return True


# --- enrolling ----------------------------------------------------------------------------------------------------


def begin_enrolment(session: Session, *, who: Who, session_public_id: str) -> str:
    """A new secret as text, shown to this session alone and of no effect until its first code is entered."""
    secret = secrets.token_bytes(_SECRET_BYTES)
    _ensure_row(session, who)
    waiting = sa.update(SecondFactor).where(SecondFactor.staff_id == who.id)
    session.execute(waiting.values(next_sealed=_seal(session, who, "next_sealed", secret), next_for=session_public_id))
    return as_text(secret)


def get_shown_secret(session: Session, *, who: Who, session_public_id: str) -> str:
    """What this session was shown, to show it again after a wrong code. Raises EnrolmentOver."""
    return as_text(_next_of(session, who, session_public_id))


def confirm_enrolment(
    session: Session, *, who: Who, session_public_id: str, code: str, replaces: bool, now: datetime
) -> list[str]:
    """The first code makes the new authenticator the one that counts. Returns new recovery codes, never shown again.

    `replaces` only for who has proven the one before: a password alone must not put another in its place.
    Raises TooManyTries, WrongCode, EnrolmentOver.
    """
    throttle.check(session, what=THROTTLED, key=who.public_id, now=now)
    secret = _next_of(session, who, session_public_id)
    step = matching_step(secret, _as_typed(code), now=now, after=-1)
    if step is None:
        raise WrongCode
    mine = [SecondFactor.staff_id == who.id, SecondFactor.next_for == session_public_id]
    if not replaces:
        mine.append(SecondFactor.confirmed_at.is_(None))
    sealed = _seal(session, who, "secret_sealed", secret)
    counts = {"secret_sealed": sealed, "confirmed_at": now, "last_step": step, "next_sealed": None, "next_for": None}
    if _rows(session, sa.update(SecondFactor).where(*mine).values(counts)) != 1:
        raise EnrolmentOver
    throttle.forget(session, what=THROTTLED, key=who.public_id)
    _record(session, who, "second_factor.enrolled", now)
    return _write_recovery_codes(session, who)


def replace_recovery_codes(session: Session, *, who: Who, now: datetime) -> list[str]:
    """Ten new codes; the ones before them open nothing any more."""
    _record(session, who, "second_factor.recovery_codes_replaced", now)
    return _write_recovery_codes(session, who)


def set_factor(session: Session, *, who: Who, secret: bytes, now: datetime) -> None:
    """An authenticator that is known beforehand: for trials, where nobody scans anything."""
    _ensure_row(session, who)
    sealed = _seal(session, who, "secret_sealed", secret)
    known = {"secret_sealed": sealed, "confirmed_at": now, "last_step": -1, "next_sealed": None, "next_for": None}
    session.execute(sa.update(SecondFactor).where(SecondFactor.staff_id == who.id).values(known))


def find_secret(session: Session, *, who: Who) -> bytes | None:
    """For the trial's own authenticator; no page asks."""
    row = session.get(SecondFactor, who.id, populate_existing=True)
    return None if row is None or row.secret_sealed is None else _open(session, who, "secret_sealed", row.secret_sealed)


def remove_factor(session: Session, *, staff_id: int) -> None:
    session.execute(sa.delete(RecoveryCode).where(RecoveryCode.staff_id == staff_id))
    session.execute(sa.delete(SecondFactor).where(SecondFactor.staff_id == staff_id))


def state_of(session: Session, *, who: Who) -> FactorState:
    confirmed = session.scalar(sa.select(SecondFactor.confirmed_at).where(SecondFactor.staff_id == who.id))
    left = sa.select(sa.func.count()).where(RecoveryCode.staff_id == who.id, RecoveryCode.used_at.is_(None))
    return FactorState(confirmed, session.scalar(left) or 0)


def _next_of(session: Session, who: Who, session_public_id: str) -> bytes:
    row = session.get(SecondFactor, who.id, populate_existing=True)
    if row is None or row.next_sealed is None or row.next_for != session_public_id:
        raise EnrolmentOver
    return _open(session, who, "next_sealed", row.next_sealed)


def _ensure_row(session: Session, who: Who) -> None:
    if session.get(SecondFactor, who.id) is not None:
        return
    try:
        with session.begin_nested():
            session.add(SecondFactor(staff_id=who.id, last_step=-1))
    except IntegrityError:
        pass  # another page of the same colleague began in the same instant


def _write_recovery_codes(session: Session, who: Who) -> list[str]:
    session.execute(sa.delete(RecoveryCode).where(RecoveryCode.staff_id == who.id))
    codes = ["".join(secrets.choice(PRINTED_ALPHABET) for _ in range(_RECOVERY_LETTERS)) for _ in range(RECOVERY_CODES)]
    session.add_all(RecoveryCode(code_hash=_hash_of(who, code), staff_id=who.id, used_at=None) for code in codes)
    session.flush()
    return ["-".join(code[at : at + _GROUP] for at in range(0, len(code), _GROUP)) for code in codes]


def _hash_of(who: Who, code: str) -> str:
    return token_hash(f"{who.public_id}:{code}")


def _seal(session: Session, who: Who, field: str, secret: bytes) -> bytes:
    return vault_of(session).seal(secret, Place("second_factors", who.public_id, field))


def _open(session: Session, who: Who, field: str, sealed: bytes) -> bytes:
    return vault_of(session).open(sealed, Place("second_factors", who.public_id, field))


def _rows(session: Session, statement: sa.Update) -> int:
    done = session.execute(statement, execution_options={"synchronize_session": False})
    return int(getattr(done, "rowcount", 0))


def _record(session: Session, who: Who, action: str, now: datetime) -> None:
    actor, kind = ("staff", who.public_id), "staff"
    audit.record(session, actor=actor, action=action, object_kind=kind, object_id=who.public_id, now=now)
