"""What each domain holds about a resident, asked of all domains alike: the port behind 我的, the data file, the deletion,
the joining of two residents and the unfollowing. A domain subclasses Holding; parts.py lists them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from server.accounts.models import Resident


@dataclass(frozen=True, slots=True)
class Section:
    """A row of 我的: its title is the text `me.section_<code>`."""

    code: str
    path: str
    count: int


@dataclass(frozen=True, slots=True)
class Look:
    """Somebody of the staff read something of the resident's. Never who: a role and a day."""

    day: date
    role: str
    what: str


class Holding:
    """What one domain holds. Every method may be repeated; what a domain does not have it leaves as it stands here."""

    def section(self, session: Session, *, resident: Resident) -> Section | None:
        """The domain's row of 我的; None while there is nothing behind it."""
        return None

    def looks(self, session: Session, *, resident: Resident) -> list[Look]:
        """Who of the staff read what belongs to the resident."""
        return []

    def export(self, session: Session, *, resident: Resident) -> dict[str, Any]:
        """The domain's part of the data file: titles as people read them, then what is kept."""
        return {}

    def holds(self, session: Session, *, resident_id: int, now: datetime) -> bool:
        """Whether something open forbids to forget this resident now."""
        return False

    def erase(self, session: Session, *, resident: Resident, now: datetime) -> None:
        """Delete what may be deleted, or take the person out of it. What `holds` is not touched."""

    def move(self, session: Session, *, emptied: Resident, survivor: Resident, now: datetime) -> None:
        """Two residents turned out to be one: all that is the first's becomes the second's."""

    def consent_ended(self, session: Session, *, resident: Resident, now: datetime) -> None:
        """A consent was taken back: what is kept only because of it goes."""

    def unfollowed(self, session: Session, *, resident_id: int, now: datetime) -> None:
        """The person left the account: what would be sent to them ends at once."""


class Holdings(Holding):
    """All domains as one."""

    def __init__(self, domains: Iterable[Holding] = ()) -> None:
        self._domains = tuple(domains)

    def sections(self, session: Session, *, resident: Resident) -> list[Section]:
        found = (domain.section(session, resident=resident) for domain in self._domains)
        return [section for section in found if section is not None]

    def looks(self, session: Session, *, resident: Resident) -> list[Look]:
        found = [look for domain in self._domains for look in domain.looks(session, resident=resident)]
        return sorted(found, key=lambda look: look.day, reverse=True)

    def export(self, session: Session, *, resident: Resident) -> dict[str, Any]:
        whole: dict[str, Any] = {}
        for domain in self._domains:
            whole |= domain.export(session, resident=resident)
        return whole

    def holds(self, session: Session, *, resident_id: int, now: datetime) -> bool:
        return any(domain.holds(session, resident_id=resident_id, now=now) for domain in self._domains)

    def erase(self, session: Session, *, resident: Resident, now: datetime) -> None:
        for domain in self._domains:
            domain.erase(session, resident=resident, now=now)

    def move(self, session: Session, *, emptied: Resident, survivor: Resident, now: datetime) -> None:
        for domain in self._domains:
            domain.move(session, emptied=emptied, survivor=survivor, now=now)

    def unfollowed(self, session: Session, *, resident_id: int, now: datetime) -> None:
        for domain in self._domains:
            domain.unfollowed(session, resident_id=resident_id, now=now)

    def consent_ended(self, session: Session, *, resident: Resident, now: datetime) -> None:
        for domain in self._domains:
            domain.consent_ended(session, resident=resident, now=now)
