"""Results that residents put to their own things: copies, each on its own, that lead to no response.

The copy travels inside the page, sealed and good for ten minutes; until the person says that they want it kept, the server
knows nothing of it, and afterwards nothing of where it came from.
"""

import base64
import binascii
import json
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.accounts import consents
from server.accounts.holdings import Holding, Section
from server.accounts.models import Resident
from server.accounts.purposes import Purpose
from server.assessment.models import KeptResult
from server.assessment.progress import Outcome
from server.db import vault_of
from server.errors import Conflict, NotFound
from server.ids import PUBLIC_ID_LENGTH, new_public_id
from server.texts import text
from server.vault import CannotOpen, Place, Vault, token_hash

TRAVELS = timedelta(minutes=10)
# Read in one go and sorted by day; more than anybody takes.
MOST_KEPT = 100
_ON_THE_WAY = Place("kept_results", "on the way", "copy")
_SHOWS_TOTAL = "band_text_and_total"


class CopyOver(NotFound):
    """There is no copy on the way, or its time is over."""

    code = "assessment.copy_over"


class TooManyKept(Conflict):
    code = "assessment.too_many_kept"


@dataclass(frozen=True, slots=True)
class Copy:
    """What a result said when it was shown. `total` only where the instrument shows it."""

    instrument_id: str
    version: str
    name: str
    day: str
    band_id: str | None
    level: str | None
    sentence: str
    total: int | None
    range: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Kept:
    public_id: str
    copy: Copy


def copy_of(outcome: Outcome) -> Copy:
    progress, instrument = outcome.progress, outcome.progress.instrument
    day, result = progress.response.finished_on, progress.response.result or {}
    scale = instrument.total if instrument.display.show_score == _SHOWS_TOTAL and outcome.total is not None else None
    return Copy(
        instrument_id=instrument.id,
        version=instrument.version,
        name=instrument.name.short,
        day=day.isoformat() if day else "",
        band_id=result.get("band_id"),
        level=outcome.level,
        sentence=instrument.advice_text(outcome.level) if outcome.level else "",
        total=outcome.total if scale else None,
        range=(scale.range[0], scale.range[1]) if scale else None,
    )


def send_off(vault: Vault, copy: Copy, *, now: datetime) -> str:
    """The copy as a value for the page: sealed, without an id of the response, and over in ten minutes.

    It has a random number of its own, so that a double tap keeps it once.
    """
    until = int((now + TRAVELS).timestamp())
    packed = json.dumps({"until": until, "number": new_public_id(), "copy": asdict(copy)}, ensure_ascii=False)
    return base64.urlsafe_b64encode(vault.seal_text(packed, _ON_THE_WAY)).decode().rstrip("=")


def look_into(vault: Vault, sealed: str, *, now: datetime) -> tuple[Copy, str]:
    """The copy and its number. Raises CopyOver for what is too old, forged or none."""
    try:
        raw = base64.urlsafe_b64decode(sealed.encode() + b"=" * (-len(sealed) % 4))
        packed = json.loads(vault.open_text(raw, _ON_THE_WAY))
    except (CannotOpen, binascii.Error, ValueError):
        raise CopyOver from None
    if packed["until"] <= now.timestamp():
        raise CopyOver
    return _read(packed["copy"]), str(packed["number"])


def keep(session: Session, *, resident: Resident, sealed: str, now: datetime) -> None:
    """Keep the copy; twice is once. Raises CopyOver, TooManyKept, GuardianMissing."""
    copy, number = look_into(vault_of(session), sealed, now=now)
    if not consents.is_allowed(session, resident=resident, purpose=Purpose.KEEP_RESULTS):
        raise consents.GuardianMissing
    count = sa.select(sa.func.count()).select_from(KeptResult).where(KeptResult.resident_id == resident.id)
    if (session.scalar(count) or 0) >= MOST_KEPT:
        raise TooManyKept(most=MOST_KEPT)
    # Of the number and the resident together: the row's id says nothing about the page that it came from.
    public_id = token_hash(f"{number} {resident.public_id}")[:PUBLIC_ID_LENGTH]
    sealed_copy = vault_of(session).seal_text(json.dumps(asdict(copy), ensure_ascii=False), _place(public_id))
    try:
        with session.begin_nested():
            session.add(KeptResult(public_id=public_id, resident_id=resident.id, copy_sealed=sealed_copy))
    except IntegrityError:
        pass  # the other half of a double tap


def list_kept(session: Session, *, resident: Resident) -> list[Kept]:
    """Newest day first."""
    rows = session.scalars(sa.select(KeptResult).where(KeptResult.resident_id == resident.id).limit(MOST_KEPT))
    vault = vault_of(session)
    kept = [
        Kept(row.public_id, _read(json.loads(vault.open_text(row.copy_sealed, _place(row.public_id))))) for row in rows
    ]
    return sorted(kept, key=lambda one: (one.copy.day, one.public_id), reverse=True)


def drop(session: Session, *, resident: Resident, public_id: str) -> None:
    """Delete one; nothing happens for one that is gone or somebody else's."""
    if public_id.isascii():  # MySQL refuses to compare ids with letters that no id has
        session.execute(
            sa.delete(KeptResult).where(KeptResult.public_id == public_id, KeptResult.resident_id == resident.id)
        )


def _place(public_id: str) -> Place:
    return Place("kept_results", public_id, "copy")


def _read(values: dict[str, Any]) -> Copy:
    span = values["range"]
    return Copy(**values | {"range": (span[0], span[1]) if span else None})


def day_of(copy: Copy) -> date:
    return date.fromisoformat(copy.day)


class KeptHolding(Holding):
    def section(self, session: Session, *, resident: Resident) -> Section | None:
        count = sa.select(sa.func.count()).select_from(KeptResult).where(KeptResult.resident_id == resident.id)
        return Section("results", "/h5/me/results", session.scalar(count) or 0)

    def export(self, session: Session, *, resident: Resident) -> dict[str, Any]:
        kept = list_kept(session, resident=resident)
        return {text("data.results"): [self._describe(one.copy) for one in kept]} if kept else {}

    @staticmethod
    def _describe(copy: Copy) -> dict[str, Any]:
        return {
            text("data.instrument"): copy.name,
            text("data.day"): copy.day,
            text("data.result"): copy.sentence,
            text("data.total"): copy.total,
            "instrument": copy.instrument_id,
            "version": copy.version,
            "band": copy.band_id,
            "level": copy.level,
        }

    def erase(self, session: Session, *, resident: Resident, now: datetime) -> None:
        session.execute(sa.delete(KeptResult).where(KeptResult.resident_id == resident.id))

    def consent_ended(self, session: Session, *, resident: Resident, now: datetime) -> None:
        if not consents.is_allowed(session, resident=resident, purpose=Purpose.KEEP_RESULTS):
            self.erase(session, resident=resident, now=now)

    def move(self, session: Session, *, emptied: Resident, survivor: Resident, now: datetime) -> None:
        session.execute(
            sa.update(KeptResult).where(KeptResult.resident_id == emptied.id).values(resident_id=survivor.id)
        )
