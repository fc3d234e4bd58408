"""Tables of responses. None of them has a time of day, a counter or a rowid: order would tell whose is whose."""

from datetime import date
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from server.assessment.policy import AgeBand
from server.db import UNORDERED_TABLE, Base, BigRef, Sealed, ascii_string, code_enum
from server.ids import PUBLIC_ID_LENGTH


class ResponseStatus(StrEnum):
    """FHIR's words where it has them. A cleared response is closed to its device and still counted."""

    IN_PROGRESS = "in_progress"
    COMPLETE = "complete"
    ABANDONED = "abandoned"


class Care(StrEnum):
    """The red-flag screen: due before anything else is shown, or passed by the person."""

    NONE = "none"
    DUE = "due"
    PASSED = "passed"


class Response(Base):
    """One anonymous run through one version of an instrument."""

    __tablename__ = "responses"
    __table_args__ = UNORDERED_TABLE
    public_id: Mapped[str] = mapped_column(ascii_string(PUBLIC_ID_LENGTH), primary_key=True)
    token_hash: Mapped[str] = mapped_column(ascii_string(64), unique=True)
    instrument_id: Mapped[str] = mapped_column(ascii_string(40))
    instrument_version: Mapped[str] = mapped_column(ascii_string(20))
    definition_hash: Mapped[str] = mapped_column(ascii_string(64))
    status: Mapped[ResponseStatus] = mapped_column(code_enum(ResponseStatus))
    care: Mapped[Care] = mapped_column(code_enum(Care))
    is_cleared: Mapped[bool]
    is_contact_left: Mapped[bool]
    consent_version: Mapped[str] = mapped_column(ascii_string(40))
    age_band: Mapped[AgeBand] = mapped_column(code_enum(AgeBand))
    mode: Mapped[str] = mapped_column(ascii_string(16))
    organisation_id: Mapped[BigRef] = mapped_column(sa.ForeignKey("organisations.id"), index=True)
    entry_point_id: Mapped[BigRef | None] = mapped_column(sa.ForeignKey("entry_points.id"), index=True)
    # Counts the accepted changes; a page carries the number at which it was drawn.
    revision: Mapped[int]
    started_on: Mapped[date] = mapped_column(index=True)
    finished_on: Mapped[date | None]
    # The result as it was shown, with the definition that made it; recomputable from the answers.
    result: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON())


class Answer(Base):
    """The code chosen for an item. `sequence` is the response's revision at which it was accepted."""

    __tablename__ = "answers"
    __table_args__ = UNORDERED_TABLE
    response_id: Mapped[str] = mapped_column(
        ascii_string(PUBLIC_ID_LENGTH), sa.ForeignKey("responses.public_id", ondelete="CASCADE"), primary_key=True
    )
    item_id: Mapped[str] = mapped_column(ascii_string(40), primary_key=True)
    code: Mapped[int]
    sequence: Mapped[int]


class KeptResult(Base):
    """A copy of a result that somebody put to their own things. Nothing leads from it to the response, or back: all that
    the copy says, also its day, is sealed."""

    __tablename__ = "kept_results"
    __table_args__ = UNORDERED_TABLE
    public_id: Mapped[str] = mapped_column(ascii_string(PUBLIC_ID_LENGTH), primary_key=True)
    resident_id: Mapped[BigRef] = mapped_column(sa.ForeignKey("residents.id"), index=True)
    copy_sealed: Mapped[Sealed]


class InstrumentVersion(Base):
    """Which file stood behind a version when it was first used: the same version with another text must not start."""

    __tablename__ = "instrument_versions"
    instrument_id: Mapped[str] = mapped_column(ascii_string(40), primary_key=True)
    version: Mapped[str] = mapped_column(ascii_string(20), primary_key=True)
    definition_hash: Mapped[str] = mapped_column(ascii_string(64))
