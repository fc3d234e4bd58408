"""Tables of the trail. `seq` counts without gaps; the head row is the chain's last lock and its proof of length."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from server.db import Base, Sealed, ascii_string, binary


class AuditEvent(Base):
    __tablename__ = "audit_events"
    __table_args__ = (
        # The trail's pages: each question with the order in which it is answered.
        sa.Index("ix_audit_events_action", "action", "seq"),
        sa.Index("ix_audit_events_actor", "actor_id", "seq"),
        sa.Index("ix_audit_events_object", "object_id", "seq"),
        sa.Index("ix_audit_events_at", "at"),
        Base.__table_args__,
    )
    seq: Mapped[int] = mapped_column(sa.BigInteger(), primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor_kind: Mapped[str] = mapped_column(ascii_string(16))
    actor_id: Mapped[str] = mapped_column(ascii_string(64))
    action: Mapped[str] = mapped_column(ascii_string(48))
    object_kind: Mapped[str] = mapped_column(ascii_string(32))
    object_id: Mapped[str] = mapped_column(ascii_string(64))
    reason: Mapped[str] = mapped_column(ascii_string(64))
    previous: Mapped[bytes] = mapped_column(binary(32))
    digest: Mapped[bytes] = mapped_column(binary(32))


class AuditHead(Base):
    """One row: the newest seq with its digest, and the chain's own key, sealed."""

    __tablename__ = "audit_head"
    id: Mapped[int] = mapped_column(sa.Integer(), primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(sa.BigInteger())
    digest: Mapped[bytes] = mapped_column(binary(32))
    key_sealed: Mapped[Sealed]
