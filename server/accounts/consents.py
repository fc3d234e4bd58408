"""What residents, and guardians for them, agreed to: by purpose and version of the text, with its history. Asking for help
never waits for any of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.accounts.ages import is_minor, needs_guardian
from server.accounts.holdings import Holding, Section
from server.accounts.log_ins import use_code
from server.accounts.models import CodeKind, Resident, ResidentConsent
from server.accounts.purposes import Purpose
from server.audit import service as audit
from server.clock import local_day
from server.errors import NotFound, Refused
from server.ids import new_public_id
from server.texts import text


class NoGuardian(Refused):
    """Nobody agrees for themselves, and a child for nobody."""

    code = "accounts.no_guardian"


class GuardianMissing(Refused):
    """Under 14 a guardian has to agree first (PIPL 31)."""

    code = "accounts.guardian_missing"


@dataclass(frozen=True, slots=True)
class Given:
    """One consent as its page lists it; `by_guardian` and `for_child` say whose it is."""

    public_id: str
    purpose: Purpose
    text_version: str
    given_on: date
    withdrawn_on: date | None
    by_guardian: bool
    for_child: bool


def give_consent(
    session: Session,
    *,
    resident: Resident,
    purpose: Purpose,
    text_version: str,
    now: datetime,
    guardian: Resident | None = None,
) -> None:
    """The resident agrees, or a guardian for them. To the same text twice is once; a newer text replaces the older."""
    key = guardian.id if guardian else 0
    standing = _find_standing(session, resident.id, key, purpose)
    if standing is not None and standing.text_version == text_version:
        return
    if standing is not None:
        _end(standing, now)
        session.flush()
    row = ResidentConsent(
        public_id=new_public_id(),
        resident_id=resident.id,
        guardian_id=guardian.id if guardian else None,
        guardian_key=key,
        purpose=purpose,
        text_version=text_version,
        given_on=local_day(now),
        withdrawn_on=None,
        standing=purpose,
    )
    session.add(row)
    session.flush()
    _note(session, "consent.given", row, guardian or resident, now)


def withdraw_consent(session: Session, *, resident: Resident, public_id: str, now: datetime) -> Resident:
    """Take a consent back: one's own, a guardian's for oneself, or one's own for a child. Returns whose it was about.

    Raises NotFound for anybody else's. Repeating it is harmless.
    """
    mine = sa.or_(ResidentConsent.resident_id == resident.id, ResidentConsent.guardian_id == resident.id)
    row = None
    if public_id.isascii():  # MySQL refuses to compare ids with letters that no id has
        query = sa.select(ResidentConsent).where(ResidentConsent.public_id == public_id, mine)
        row = session.scalar(query.with_for_update())
    if row is None:
        raise NotFound(consent=public_id)
    if row.standing is not None:
        _end(row, now)
        _note(session, "consent.withdrawn", row, resident, now)
        session.flush()
    return session.get_one(Resident, row.resident_id)


def has_consent(session: Session, *, resident: Resident, purpose: Purpose, text_version: str = "") -> bool:
    """Whether the resident's own consent stands; with a version, whether it is to this text."""
    standing = _find_standing(session, resident.id, 0, purpose)
    return standing is not None and text_version in {"", standing.text_version}


def has_guardian_consent(session: Session, *, resident: Resident, purpose: Purpose) -> bool:
    """Whether some guardian's consent stands. Features ask it for whoever is under 14."""
    query = sa.select(ResidentConsent.public_id).where(
        ResidentConsent.resident_id == resident.id,
        ResidentConsent.guardian_key != 0,
        ResidentConsent.standing == purpose,
    )
    return session.scalar(query.limit(1)) is not None


def is_allowed(session: Session, *, resident: Resident, purpose: Purpose) -> bool:
    """Their own consent, and under 14 a guardian's too."""
    if not has_consent(session, resident=resident, purpose=purpose):
        return False
    return not is_guardian_missing(session, resident=resident, purpose=purpose)


def is_guardian_missing(session: Session, *, resident: Resident, purpose: Purpose) -> bool:
    if resident.age_band is None or not needs_guardian(resident.age_band):
        return False
    return not has_guardian_consent(session, resident=resident, purpose=purpose)


def agree_as_guardian(
    session: Session, *, guardian: Resident, code: str, purpose_versions: dict[Purpose, str], now: datetime
) -> None:
    """A guardian opened the child's code and agrees. It works once. Raises LinkOver, NoGuardian."""
    used = use_code(session, code=code, kind=CodeKind.GUARDIAN, now=now)
    if used.resident_id == guardian.id or (guardian.age_band is not None and is_minor(guardian.age_band)):
        raise NoGuardian
    child = session.get(Resident, used.resident_id, with_for_update=True)
    if child is None or used.purpose is None:
        raise NoGuardian
    version = purpose_versions[used.purpose]
    give_consent(session, resident=child, purpose=used.purpose, text_version=version, now=now, guardian=guardian)


def list_consents(session: Session, *, resident: Resident) -> list[Given]:
    """The resident's own with all history, guardians' for them, and what they agreed to for children."""
    return [
        Given(
            row.public_id,
            row.purpose,
            row.text_version,
            row.given_on,
            row.withdrawn_on,
            by_guardian=row.guardian_key != 0 and row.resident_id == resident.id,
            for_child=row.resident_id != resident.id,
        )
        for row in _rows_of(session, resident)
    ]


def _find_standing(session: Session, resident_id: int, key: int, purpose: Purpose) -> ResidentConsent | None:
    return session.scalar(
        sa.select(ResidentConsent).where(
            ResidentConsent.resident_id == resident_id,
            ResidentConsent.guardian_key == key,
            ResidentConsent.standing == purpose,
        )
    )


def _end(row: ResidentConsent, now: datetime) -> None:
    row.standing, row.withdrawn_on = None, local_day(now)


def _note(session: Session, action: str, row: ResidentConsent, actor: Resident, now: datetime) -> None:
    audit.record(
        session,
        actor=("resident", actor.public_id),
        action=action,
        object_kind="consent",
        object_id=row.public_id,
        reason=f"{row.purpose} {row.text_version}"[:64],
        now=now,
    )


class ConsentHolding(Holding):
    def section(self, session: Session, *, resident: Resident) -> Section | None:
        standing = [given for given in list_consents(session, resident=resident) if given.withdrawn_on is None]
        return Section("consents", "/h5/me/consents", len(standing))

    def export(self, session: Session, *, resident: Resident) -> dict[str, Any]:
        rows = list_consents(session, resident=resident)
        return {text("data.consents"): [self._describe(given) for given in rows]} if rows else {}

    @staticmethod
    def _describe(given: Given) -> dict[str, Any]:
        whose = "by_guardian" if given.by_guardian else "for_child" if given.for_child else "own"
        return {
            text("data.purpose"): text(f"me.purpose_{given.purpose}"),
            text("data.whose"): text(f"me.consent_{whose}"),
            text("data.text_version"): given.text_version,
            text("data.given_on"): given.given_on.isoformat(),
            text("data.withdrawn_on"): given.withdrawn_on.isoformat() if given.withdrawn_on else None,
        }

    def erase(self, session: Session, *, resident: Resident, now: datetime) -> None:
        session.execute(sa.delete(ResidentConsent).where(ResidentConsent.resident_id == resident.id))
        # What they agreed to for a child ends, and no longer says by whom.
        for row in session.scalars(sa.select(ResidentConsent).where(ResidentConsent.guardian_id == resident.id)):
            if row.standing is not None:
                _end(row, now)
            row.guardian_id = None
        session.flush()

    def move(self, session: Session, *, emptied: Resident, survivor: Resident, now: datetime) -> None:
        """Of two that would stand for one purpose the newer does, and none that the person has withdrawn since."""
        moved, withdrawn, standing = [], dict[_About, date](), set[_About]()
        for row in _rows_of(session, emptied, survivor):
            about = _about(row, {emptied.id: survivor.id})
            if about.resident_id == about.guardian_key:  # nobody is their own guardian
                session.delete(row)
                continue
            moved.append((row, about))
            if row.withdrawn_on is not None:
                withdrawn[about] = max(withdrawn.get(about, row.withdrawn_on), row.withdrawn_on)
        for row, about in moved:
            if row.standing is not None:
                if about in standing or withdrawn.get(about, date.min) >= row.given_on:
                    _end(row, now)
                standing.add(about)
        session.flush()
        for row, about in moved:
            row.resident_id, row.guardian_key = about.resident_id, about.guardian_key
            row.guardian_id = about.guardian_key if row.guardian_id is not None else None
        session.flush()


class _About(NamedTuple):
    resident_id: int
    guardian_key: int
    purpose: Purpose


def _about(row: ResidentConsent, renamed: dict[int, int]) -> _About:
    return _About(
        renamed.get(row.resident_id, row.resident_id), renamed.get(row.guardian_key, row.guardian_key), row.purpose
    )


def _rows_of(session: Session, *residents: Resident) -> Sequence[ResidentConsent]:
    """Newest first."""
    ids = [resident.id for resident in residents]
    return session.scalars(
        sa.select(ResidentConsent)
        .where(sa.or_(ResidentConsent.resident_id.in_(ids), ResidentConsent.guardian_id.in_(ids)))
        .order_by(ResidentConsent.given_on.desc(), ResidentConsent.public_id)
    ).all()
