"""A resident's own number: kept only after a tap that gave it, with the version of the text that was agreed to."""

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.accounts.api_models import ResidentPhone
from server.accounts.api_tokens import Caller
from server.audit import service as audit
from server.clock import local_day
from server.db import vault_of
from server.vault import Place

_SHOWN_DIGITS = 4


@dataclass(frozen=True, slots=True)
class PhoneShown:
    """Enough to recognise one's own number."""

    ending: str
    consent_version: str
    given_on: date


def keep_phone(session: Session, *, caller: Caller, phone: str, consent_version: str, now: datetime) -> PhoneShown:
    """Keep the number, in the place of an older one."""
    values = {
        "phone_sealed": vault_of(session).seal_text(phone, phone_place(caller.resident_public_id)),
        "consent_version": consent_version,
        "given_on": local_day(now),
    }
    mine = ResidentPhone.resident_id == caller.resident_id
    if not getattr(session.execute(sa.update(ResidentPhone).where(mine).values(**values)), "rowcount", 0):
        try:
            with session.begin_nested():
                session.execute(sa.insert(ResidentPhone).values(resident_id=caller.resident_id, **values))
        except IntegrityError:  # two taps at once; the row is there now
            session.execute(sa.update(ResidentPhone).where(mine).values(**values))
    _record(session, caller, "phone.given", now)
    return PhoneShown(phone[-_SHOWN_DIGITS:], consent_version, local_day(now))


def find_phone(session: Session, *, caller: Caller) -> PhoneShown | None:
    row = session.get(ResidentPhone, caller.resident_id)
    if row is None:
        return None
    phone = vault_of(session).open_text(row.phone_sealed, phone_place(caller.resident_public_id))
    return PhoneShown(phone[-_SHOWN_DIGITS:], row.consent_version, row.given_on)


def forget_phone(session: Session, *, caller: Caller, now: datetime) -> None:
    """Take the number back; repeatable."""
    mine = ResidentPhone.resident_id == caller.resident_id
    if getattr(session.execute(sa.delete(ResidentPhone).where(mine)), "rowcount", 0):
        _record(session, caller, "phone.taken_back", now)


def phone_place(resident_public_id: str) -> Place:
    return Place("resident_phones", resident_public_id, "phone")


def _record(session: Session, caller: Caller, action: str, now: datetime) -> None:
    audit.record(
        session,
        actor=caller.actor,
        action=action,
        object_kind="resident",
        object_id=caller.resident_public_id,
        now=now,
    )
