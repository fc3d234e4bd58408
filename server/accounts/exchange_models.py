"""Tables of what goes out and comes in as sheets: exports with their purpose, and uploads between preview and consent."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from server.db import Base, BigPk, BigRef, PublicId, Sealed, ascii_string, code_enum


class Purpose(StrEnum):
    REPORT = "report"
    CHECK = "check"
    HANDOVER = "handover"
    INSPECTION = "inspection"
    OTHER = "other"


class ExportState(StrEnum):
    """What was decided. That it ended (three downloads, a day) is a question of numbers and time, and is not stored."""

    REQUESTED = "requested"  # waits for a second person
    READY = "ready"  # small: nobody has to be asked
    APPROVED = "approved"
    REFUSED = "refused"


class Export(Base):
    """Who wants which list, and what for. The list itself is kept nowhere: it is asked for anew at each download."""

    __tablename__ = "exports"
    __table_args__ = (
        sa.Index("ix_exports_own", "staff_id", "id"),
        sa.Index("ix_exports_waiting", "state", "requested_at", "id"),
        Base.__table_args__,
    )
    id: Mapped[BigPk]
    public_id: Mapped[PublicId]
    staff_id: Mapped[BigRef] = mapped_column(sa.ForeignKey("staff_members.id"))
    kind: Mapped[str] = mapped_column(ascii_string(32))
    purpose: Mapped[Purpose] = mapped_column(code_enum(Purpose))
    words: Mapped[str] = mapped_column(sa.String(100))
    filters: Mapped[dict[str, Any]] = mapped_column(sa.JSON())
    row_count: Mapped[int]  # when it was asked for
    state: Mapped[ExportState] = mapped_column(code_enum(ExportState))
    requested_at: Mapped[datetime]
    decided_by: Mapped[BigRef | None] = mapped_column(sa.ForeignKey("staff_members.id"))
    decided_at: Mapped[datetime | None]
    ready_at: Mapped[datetime | None]
    downloads: Mapped[int]


class ImportDraft(Base):
    """An upload between its preview and the consent to it: sealed, one a colleague, gone within the hour."""

    __tablename__ = "import_drafts"
    id: Mapped[BigPk]
    public_id: Mapped[PublicId]
    staff_id: Mapped[BigRef] = mapped_column(sa.ForeignKey("staff_members.id"), index=True)
    kind: Mapped[str] = mapped_column(ascii_string(32))
    content_sealed: Mapped[Sealed]
    created_at: Mapped[datetime] = mapped_column(index=True)
