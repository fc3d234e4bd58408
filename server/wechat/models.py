"""Tables of the protocol: messages that were handled, and the access token."""

from datetime import date, datetime

from sqlalchemy.orm import Mapped, mapped_column

from server.db import UNORDERED_TABLE, Base, BlindIndex, Sealed, ascii_string


class InboundMessage(Base):
    """A message or event that was handled, with the reply that it got: WeChat resends what it did not hear answered.

    The key is a keyed hash of who and what, the day is all the time that is kept, and rows have no order: a scan must not
    be matched with the anonymous answers that follow it.
    """

    __tablename__ = "inbound_messages"
    __table_args__ = UNORDERED_TABLE
    # The day first: the newest rows lie together, and forgetting a day is one range. It is WeChat's CreateTime's, so
    # that every delivery of a push has the same.
    received_on: Mapped[date] = mapped_column(primary_key=True)
    key: Mapped[BlindIndex] = mapped_column(primary_key=True)
    reply_sealed: Mapped[Sealed]


class AccessToken(Base):
    """The one access token of an app id, sealed, with the lease of whoever fetches the next."""

    __tablename__ = "wechat_access_tokens"
    app_id: Mapped[str] = mapped_column(ascii_string(32), primary_key=True)
    token_sealed: Mapped[Sealed | None]
    fetched_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    leased_by: Mapped[str | None] = mapped_column(ascii_string(32))
    leased_until: Mapped[datetime | None]
    # force_refresh is rationed by WeChat: 20 a day, 30 seconds apart.
    forced_at: Mapped[datetime | None]
    forced_count: Mapped[int]
