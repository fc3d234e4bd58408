"""What the duty desk holds about a resident: what they wrote in the chat when in danger, and the numbers they left there.

While a colleague may still be at it, nothing of it goes. Afterwards the words and numbers can be erased; the alert stays as
a count, without the person.
"""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.accounts import staff
from server.accounts.holdings import Holding, Look
from server.accounts.models import Resident
from server.accounts.policy import Permission
from server.audit.models import AuditEvent
from server.clock import local, local_day
from server.crisis.models import Alert, AlertWords, ContactRequest
from server.db import vault_of
from server.texts import text
from server.vault import Place

# An alert that was taken over is being worked on: somebody calls, asks back, writes it up.
STILL_AT_WORK = timedelta(days=7)


class CrisisHolding(Holding):
    def looks(self, session: Session, *, resident: Resident) -> list[Look]:
        rows = session.execute(
            sa.select(AuditEvent.at, AuditEvent.actor_id)
            .join(Alert, Alert.public_id == AuditEvent.object_id)
            .where(
                Alert.resident_id == resident.id,
                AuditEvent.object_kind == "alert",
                AuditEvent.action == "contact.read",
            )
        ).all()
        looks = set()
        for at, actor in rows:
            day = local_day(at)
            role = staff.role_on(session, public_id=actor, permission=Permission.READ_CONTACT, day=day)
            looks.add(Look(day, role or "former", "contact"))
        return list(looks)

    def export(self, session: Session, *, resident: Resident) -> dict[str, Any]:
        alerts = session.scalars(sa.select(Alert).where(Alert.resident_id == resident.id).order_by(Alert.id))
        told = [self._describe(session, alert) for alert in alerts]
        return {text("data.help"): told} if told else {}

    @staticmethod
    def _describe(session: Session, alert: Alert) -> dict[str, Any]:
        vault = vault_of(session)
        words = session.scalars(sa.select(AlertWords).where(AlertWords.alert_id == alert.id).order_by(AlertWords.id))
        numbers = session.scalars(
            sa.select(ContactRequest).where(ContactRequest.alert_id == alert.id).order_by(ContactRequest.id)
        )
        return {
            text("data.at"): local(alert.raised_at).isoformat(timespec="minutes"),
            text("data.is_taken"): alert.acknowledged_at is not None,
            text("data.words"): [
                vault.open_text(row.words_sealed, Place("alert_words", row.public_id, "words")) for row in words
            ],
            text("data.numbers"): [
                vault.open_text(row.phone_sealed, Place("contact_requests", row.public_id, "phone")) for row in numbers
            ],
        }

    def holds(self, session: Session, *, resident_id: int, now: datetime) -> bool:
        return session.scalar(_open_alerts(resident_id, now).limit(1)) is not None

    def erase(self, session: Session, *, resident: Resident, now: datetime) -> None:
        held = list(session.scalars(_open_alerts(resident.id, now)))
        over = list(session.scalars(sa.select(Alert.id).where(Alert.resident_id == resident.id, Alert.id.not_in(held))))
        session.execute(sa.delete(AlertWords).where(AlertWords.alert_id.in_(over)))
        session.execute(sa.delete(ContactRequest).where(ContactRequest.alert_id.in_(over)))
        session.execute(sa.update(Alert).where(Alert.id.in_(over)).values(resident_id=None))

    def move(self, session: Session, *, emptied: Resident, survivor: Resident, now: datetime) -> None:
        session.execute(sa.update(Alert).where(Alert.resident_id == emptied.id).values(resident_id=survivor.id))


def _open_alerts(resident_id: int, now: datetime) -> sa.Select[int]:
    """Not taken over yet, or taken over so lately that a colleague may still be at it."""
    return sa.select(Alert.id).where(
        Alert.resident_id == resident_id,
        sa.or_(Alert.acknowledged_at.is_(None), Alert.acknowledged_at > now - STILL_AT_WORK),
    )
