"""Each push is handled once, across processes and restarts: one durable row a message decides it.

The row and the work are one transaction, so a kill at any moment leaves both or neither. A resend that meets the first
still running waits for its lock and then gets the stored reply. An answer that is the same for everybody is not stored:
the route makes it again.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.clock import local_day
from server.db import Database, KeyTaken, vault_of
from server.errors import Unavailable
from server.logs import log
from server.vault import CannotOpen, Place, Vault
from server.wechat.inbound import Inbound
from server.wechat.models import InboundMessage
from server.wechat.replies import Reply, dump, load
from server.wechat.router import Route

_PURPOSE = "inbound_messages"
_MADE_AGAIN = b""
# For a push whose CreateTime is nonsense: its row goes with the next tidying, long after the last resend.
_NO_DAY = date(1970, 1, 1)
_PLAUSIBLE = timedelta(days=1)


class AlreadyHandled(Exception):
    """The message's row is there: somebody else did the work."""


@dataclass(frozen=True, slots=True)
class MessageKey:
    """The day that WeChat gave the push, and the keyed hash of who and what under each key of the ring, newest first."""

    day: date
    hashes: tuple[bytes, ...]


def key_of(vault: Vault, inbound: Inbound, now: datetime) -> MessageKey:
    """The same for each delivery of one push: nothing in it comes from the moment at which it arrived."""
    sent_at = datetime.fromtimestamp(min(inbound.sent_at, 253_402_300_799), UTC)
    day = local_day(sent_at) if abs(sent_at - now) < _PLAUSIBLE else _NO_DAY
    return MessageKey(day, tuple(vault.blind_indexes(_PURPOSE, inbound.identity)))


def handle_once(database: Database, inbound: Inbound, route: Route, now: datetime) -> Reply | None:
    """Do the route's work if nobody did, and return its reply; else the reply of whoever did. Raises Unavailable."""
    key = key_of(database.vault, inbound, now)
    if is_brief(database, route):
        _insert_alone(database, key)  # or it is there already: the answer is the same, and nobody asks for it
        return route.at_once
    try:
        return database.write(lambda session: _work_once(session, key, inbound, route, now))
    except AlreadyHandled:
        return database.read(lambda session: _stored_reply(session, key, route))


def is_brief(database: Database, route: Route) -> bool:
    """Whether handling is one insert. While a data key is changed, older hashes have to be looked for first."""
    return route.work is None and not database.vault.is_changing


def _insert_alone(database: Database, key: MessageKey) -> None:
    row: dict[str, bytes | str | int] = {
        "received_on": key.day.isoformat(),
        "key": key.hashes[0],
        "reply_sealed": _MADE_AGAIN,
    }
    with suppress(KeyTaken):
        database.insert_alone(InboundMessage.__tablename__, row)


def _work_once(session: Session, key: MessageKey, inbound: Inbound, route: Route, now: datetime) -> Reply | None:
    if len(key.hashes) > 1 and _find_row(session, key) is not None:
        raise AlreadyHandled  # handled before the data key was changed
    own = {"received_on": key.day, "key": key.hashes[0]}
    try:
        session.execute(sa.insert(InboundMessage).values(**own, reply_sealed=_MADE_AGAIN))
    except IntegrityError:
        raise AlreadyHandled from None
    if route.work is None:
        return route.at_once
    reply = route.work(session, inbound, now)
    sealed = vault_of(session).seal_text(dump(reply), _reply_place(key.hashes[0]))
    session.execute(sa.update(InboundMessage).filter_by(**own).values(reply_sealed=sealed))
    return reply


def _find_row(session: Session, key: MessageKey) -> InboundMessage | None:
    return session.scalar(
        sa.select(InboundMessage).where(InboundMessage.received_on == key.day, InboundMessage.key.in_(key.hashes))
    )


def _stored_reply(session: Session, key: MessageKey, route: Route) -> Reply | None:
    row = _find_row(session, key)
    if row is None:
        raise Unavailable  # the first one failed after all; WeChat will ask again
    if row.reply_sealed == _MADE_AGAIN:
        return route.at_once
    try:
        return load(vault_of(session).open_text(row.reply_sealed, _reply_place(row.key)))
    except CannotOpen:
        log.error("callback.reply_unreadable")
        return None


def _reply_place(hashed: bytes) -> Place:
    return Place("inbound_messages", hashed.hex(), "reply")


def purge_inbound(session: Session, now: datetime) -> None:
    """Forget what WeChat can no longer resend: everything before yesterday."""
    yesterday = local_day(now) - timedelta(days=1)
    session.execute(sa.delete(InboundMessage).where(InboundMessage.received_on < yesterday))
