"""Tables of what proves who somebody is, beside the password: second factors, recovery codes, invitations, resets."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from server.db import Base, BigPk, BigRef, PublicId, Sealed, ascii_string, code_enum


class SecondFactor(Base):
    """One colleague's authenticator. `secret_sealed` counts; `next_sealed` was shown to one session and waits for its
    first code."""

    __tablename__ = "second_factors"
    staff_id: Mapped[BigRef] = mapped_column(sa.ForeignKey("staff_members.id"), primary_key=True, autoincrement=False)
    secret_sealed: Mapped[Sealed | None]
    confirmed_at: Mapped[datetime | None]
    # The newest step of thirty seconds whose code was taken: each code opens once.
    last_step: Mapped[int] = mapped_column(sa.BigInteger())
    next_sealed: Mapped[Sealed | None]
    next_for: Mapped[str | None] = mapped_column(ascii_string(22))  # public id of the session that began


class RecoveryCode(Base):
    """A code on paper, for the day without the phone. Kept as a hash, also after its one use."""

    __tablename__ = "recovery_codes"
    code_hash: Mapped[str] = mapped_column(ascii_string(64), primary_key=True)
    staff_id: Mapped[BigRef] = mapped_column(sa.ForeignKey("staff_members.id"), index=True)
    used_at: Mapped[datetime | None]


class Invitation(Base):
    """A one-time link with which a colleague chooses a password. Only the hash of its token is kept."""

    __tablename__ = "invitations"
    token_hash: Mapped[str] = mapped_column(ascii_string(64), primary_key=True)
    public_id: Mapped[PublicId]
    staff_id: Mapped[BigRef] = mapped_column(sa.ForeignKey("staff_members.id"), index=True)
    created_at: Mapped[datetime]
    # When it was taken, or a newer one or the switch-off ended it.
    ended_at: Mapped[datetime | None]


class ResetState(StrEnum):
    OPEN = "open"
    APPROVED = "approved"
    REFUSED = "refused"
    EXPIRED = "expired"


class FactorReset(Base):
    """Two persons take a lost second factor away: one asks, another approves, and neither is the one whose it is."""

    __tablename__ = "factor_resets"
    __table_args__ = (sa.Index("ix_factor_resets_state", "state", "id"), Base.__table_args__)
    id: Mapped[BigPk]
    public_id: Mapped[PublicId]
    staff_id: Mapped[BigRef] = mapped_column(sa.ForeignKey("staff_members.id"), index=True)
    asked_by: Mapped[BigRef] = mapped_column(sa.ForeignKey("staff_members.id"))
    asked_at: Mapped[datetime]
    reason_sealed: Mapped[Sealed]
    state: Mapped[ResetState] = mapped_column(code_enum(ResetState))
    # The colleague's id while it is open: nobody is asked for twice at a time.
    open_for: Mapped[BigRef | None] = mapped_column(unique=True)
    decided_by: Mapped[BigRef | None] = mapped_column(sa.ForeignKey("staff_members.id"))
    decided_at: Mapped[datetime | None]
