"""Tables of the mini program's log-ins. Days, not instants, as everywhere where a person meets the service; the one
instant ends after seconds and is wiped."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from server.db import Base, BigPk, BigRef, PublicId, Sealed, ascii_string


class ApiDevice(Base):
    """A device that is signed in: one family of refresh tokens. It ends as a whole."""

    __tablename__ = "api_devices"
    id: Mapped[BigPk]
    public_id: Mapped[PublicId]
    resident_id: Mapped[BigRef] = mapped_column(sa.ForeignKey("residents.id"), index=True)
    label_sealed: Mapped[Sealed]
    created_on: Mapped[date]
    last_used_on: Mapped[date] = mapped_column(index=True)
    ended_on: Mapped[date | None]


class ApiRefreshToken(Base):
    """One link of a family, by its hash. `successor_sealed` opens only with this token and the key of that request, for
    a client that lost the answer; it goes with `repeat_until`."""

    __tablename__ = "api_refresh_tokens"
    token_hash: Mapped[str] = mapped_column(ascii_string(64), primary_key=True)
    device_id: Mapped[BigRef] = mapped_column(sa.ForeignKey("api_devices.id", ondelete="CASCADE"), index=True)
    expires_on: Mapped[date] = mapped_column(index=True)
    is_used: Mapped[bool]
    repeat_until: Mapped[datetime | None] = mapped_column(index=True)
    successor_sealed: Mapped[Sealed | None]


class ResidentPhone(Base):
    """A number that its owner gave by a tap of their own, under the text that they agreed to."""

    __tablename__ = "resident_phones"
    resident_id: Mapped[BigRef] = mapped_column(sa.ForeignKey("residents.id"), primary_key=True, autoincrement=False)
    phone_sealed: Mapped[Sealed]
    consent_version: Mapped[str] = mapped_column(ascii_string(40))
    given_on: Mapped[date]
