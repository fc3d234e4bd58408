"""Tables of residents. Days, not instants, wherever a person meets the service: an instant could be matched
with the instant of an anonymous answer."""

from datetime import date, datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from server.accounts.ages import AgeBand
from server.accounts.purposes import Purpose
from server.db import (
    UNORDERED_TABLE,
    Base,
    BigPk,
    BigRef,
    BlindIndex,
    PublicId,
    Sealed,
    ascii_string,
    code_enum,
)
from server.ids import PUBLIC_ID_LENGTH


class Resident(Base):
    """Somebody who follows the account or wrote to it. Never linked to an anonymous response or letter."""

    __tablename__ = "residents"
    id: Mapped[BigPk]
    public_id: Mapped[PublicId]
    created_on: Mapped[date]
    age_band: Mapped[AgeBand | None] = mapped_column(code_enum(AgeBand))
    # They asked for it, and something (an open alert) still stands in its way.
    deletion_asked_on: Mapped[date | None] = mapped_column(index=True)


class WechatIdentity(Base):
    """One openid of one account. The index finds it, the sealed value can be sent to; neither shows it."""

    __tablename__ = "wechat_identities"
    __table_args__ = (sa.UniqueConstraint("openid_index"), Base.__table_args__)
    id: Mapped[BigPk]
    resident_id: Mapped[BigRef] = mapped_column(sa.ForeignKey("residents.id"), index=True)
    app_id: Mapped[str] = mapped_column(ascii_string(32))
    openid_index: Mapped[BlindIndex]
    openid_sealed: Mapped[Sealed]
    is_following: Mapped[bool]
    followed_on: Mapped[date | None]
    unfollowed_on: Mapped[date | None] = mapped_column(index=True)
    # WeChat's own CreateTime of the newest follow or unfollow: events may arrive out of order. After an hour only its
    # day is left, for beside an alert's instant the second would tell who the new follower was.
    changed_at_wechat: Mapped[int] = mapped_column(sa.BigInteger(), index=True)
    # Two identities of one unionid are one person. When WeChat was last asked for it: it may be learnt late.
    union_index: Mapped[BlindIndex | None] = mapped_column(index=True)
    union_checked_on: Mapped[date | None] = mapped_column(index=True)


class ResidentSession(Base):
    """A phone on which a resident is logged in. The row is the session; it ends by being deleted."""

    __tablename__ = "resident_sessions"
    __table_args__ = UNORDERED_TABLE
    token_hash: Mapped[str] = mapped_column(ascii_string(64), primary_key=True)
    public_id: Mapped[PublicId]
    resident_id: Mapped[BigRef] = mapped_column(sa.ForeignKey("residents.id"), index=True)
    created_on: Mapped[date] = mapped_column(index=True)


class CodeKind(StrEnum):
    LOG_IN = "log_in"
    GUARDIAN = "guardian"


class ResidentCode(Base):
    """A link that works once and for a short time. Whoever deletes the row has used it; no row is older than a day."""

    __tablename__ = "resident_codes"
    __table_args__ = UNORDERED_TABLE
    code_hash: Mapped[str] = mapped_column(ascii_string(64), primary_key=True)
    kind: Mapped[CodeKind] = mapped_column(code_enum(CodeKind))
    resident_id: Mapped[BigRef] = mapped_column(sa.ForeignKey("residents.id"), index=True)
    purpose: Mapped[Purpose | None] = mapped_column(code_enum(Purpose))
    expires_at: Mapped[datetime] = mapped_column(index=True)


class ResidentConsent(Base):
    """What a resident agreed to, one row each time. `standing` holds the purpose until it is taken back, so that no
    purpose stands twice. With a guardian the row says that they agreed for the resident."""

    __tablename__ = "resident_consents"
    __table_args__ = (sa.UniqueConstraint("resident_id", "guardian_key", "standing"), UNORDERED_TABLE)
    public_id: Mapped[str] = mapped_column(ascii_string(PUBLIC_ID_LENGTH), primary_key=True)
    resident_id: Mapped[BigRef] = mapped_column(sa.ForeignKey("residents.id"))
    guardian_id: Mapped[BigRef | None] = mapped_column(sa.ForeignKey("residents.id"), index=True)
    # The guardian's id, or 0: a constraint does not compare what is NULL.
    guardian_key: Mapped[BigRef]
    purpose: Mapped[Purpose] = mapped_column(code_enum(Purpose))
    text_version: Mapped[str] = mapped_column(ascii_string(40))
    given_on: Mapped[date]
    withdrawn_on: Mapped[date | None]
    standing: Mapped[Purpose | None] = mapped_column(code_enum(Purpose))


class Throttle(Base):
    """Wrong tries against one secret, shared by all processes. `key_index` is a blind index of what was tried."""

    __tablename__ = "throttles"
    key_index: Mapped[BlindIndex] = mapped_column(primary_key=True)
    failures: Mapped[int]
    last_failed_at: Mapped[datetime] = mapped_column(index=True)
    blocked_until: Mapped[datetime | None]
