"""Tables of residents. Days, not instants, wherever a person meets the service: an instant could be matched
with the instant of an anonymous answer."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from server.db import Base, BigPk, BigRef, BlindIndex, PublicId, Sealed, ascii_string


class Resident(Base):
    """Somebody who follows the account or wrote to it. Never linked to an anonymous response or letter."""

    __tablename__ = "residents"
    id: Mapped[BigPk]
    public_id: Mapped[PublicId]
    created_on: Mapped[date]


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
    unfollowed_on: Mapped[date | None]
    # WeChat's own CreateTime of the newest follow or unfollow: events may arrive out of order.
    changed_at_wechat: Mapped[int] = mapped_column(sa.BigInteger())


class Throttle(Base):
    """Wrong tries against one secret, shared by all processes. `key_index` is a blind index of what was tried."""

    __tablename__ = "throttles"
    key_index: Mapped[BlindIndex] = mapped_column(primary_key=True)
    failures: Mapped[int]
    last_failed_at: Mapped[datetime] = mapped_column(index=True)
    blocked_until: Mapped[datetime | None]
