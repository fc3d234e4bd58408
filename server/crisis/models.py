"""Tables of the duty screen."""

from datetime import date, datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from server.accounts.scope import Scoped
from server.db import Base, BigPk, BigRef, BlindIndex, PublicId, Sealed, ascii_string, code_enum
from server.risk.grades import Grade


class SourceKind(StrEnum):
    """Where an alert came from. The id beside it is the source's own public id."""

    RESPONSE = "response"
    CHAT = "chat"
    CONTACT_PAGE = "contact_page"


class Outcome(StrEnum):
    """How an alert ended. What follows from it is the case's business."""

    REACHED = "reached"  # spoken with, safe for now
    REFERRED = "referred"  # handed to hospital, police, school or family
    NOT_REACHED = "not_reached"  # tried as the clocks ask, nobody answered
    SEEN = "seen"  # nobody to reach, looked at
    MISTAKEN = "mistaken"  # no danger behind it


class Alert(Scoped, Base):
    """A danger sign that a person must look at. One per source and rule: a repeated answer never rings twice."""

    __tablename__ = "alerts"
    __table_args__ = (
        sa.UniqueConstraint("source_kind", "source_public_id", "rule"),
        # The duty screen: open alerts of a subtree by lane, urgency and age.
        sa.Index("ix_alerts_open", "acknowledged_at", "is_reachable", "urgency", "raised_at"),
        # The list of all alerts, newest first: of the district by time, of a small place by place and time.
        sa.Index("ix_alerts_raised", "raised_at", "id"),
        sa.Index("ix_alerts_place", "organisation_id", "raised_at", "id"),
        # What lies with a colleague.
        sa.Index("ix_alerts_taken", "closed_at", "acknowledged_by"),
        Base.__table_args__,
    )
    id: Mapped[BigPk]
    public_id: Mapped[PublicId]
    source_kind: Mapped[SourceKind] = mapped_column(code_enum(SourceKind))
    source_public_id: Mapped[str] = mapped_column(ascii_string(64))
    rule: Mapped[str] = mapped_column(ascii_string(64))
    rule_version: Mapped[str] = mapped_column(ascii_string(64))
    grade: Mapped[Grade] = mapped_column(code_enum(Grade))
    urgency: Mapped[int]  # the grade as a number, so that the index sorts by it
    is_minor: Mapped[bool]
    is_reachable: Mapped[bool]
    raised_at: Mapped[datetime]
    rings_since: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[BigRef | None] = mapped_column(sa.ForeignKey("staff_members.id"))
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[BigRef | None] = mapped_column(sa.ForeignKey("staff_members.id"))
    outcome: Mapped[Outcome | None] = mapped_column(code_enum(Outcome))
    # Chat only: the person who wrote. An anonymous source never has one.
    resident_id: Mapped[BigRef | None] = mapped_column(sa.ForeignKey("residents.id"), index=True)


class AlertWords(Base):
    """What somebody wrote in the chat, one row a message: several in a row are one alert, and none of them is lost."""

    __tablename__ = "alert_words"
    id: Mapped[BigPk]
    public_id: Mapped[PublicId]
    alert_id: Mapped[BigRef] = mapped_column(sa.ForeignKey("alerts.id"), index=True)
    words_sealed: Mapped[Sealed]
    said_at: Mapped[datetime]


class CallWhen(StrEnum):
    """When the person wants to be called."""

    ANY = "any"
    MORNING = "morning"
    AFTERNOON = "afternoon"
    EVENING = "evening"


class ContactRequest(Base):
    """A number that somebody left so that a colleague calls. The same number twice is one request."""

    __tablename__ = "contact_requests"
    __table_args__ = (sa.UniqueConstraint("alert_id", "phone_index"), Base.__table_args__)
    id: Mapped[BigPk]
    public_id: Mapped[PublicId]
    alert_id: Mapped[BigRef] = mapped_column(sa.ForeignKey("alerts.id"))
    phone_index: Mapped[BlindIndex]
    phone_sealed: Mapped[Sealed]
    call_when: Mapped[CallWhen] = mapped_column(code_enum(CallWhen))
    created_at: Mapped[datetime]
    # What the person was told; None when no duty hours were known and nothing was promised.
    promised_by: Mapped[datetime | None]


class DutyWindow(Base):
    """Somebody is on duty on this weekday between these minutes of the Shanghai day, while the row is valid."""

    __tablename__ = "duty_windows"
    id: Mapped[BigPk]
    organisation_id: Mapped[BigRef] = mapped_column(sa.ForeignKey("organisations.id"), index=True)
    weekday: Mapped[int]  # Monday 0 … Sunday 6
    opens_minute: Mapped[int]
    closes_minute: Mapped[int]  # up to 1440, exclusive
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]
