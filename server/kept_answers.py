"""Answers to requests that must not be done twice, kept for a day for a client that lost its answer.

The row is inserted in the transaction of the work, so that a crash leaves both or neither. The answer is sealed under the
client's own Idempotency-Key, for it may hold a receipt: the server cannot open it before the client comes back with the
key. No instant is kept but the hour from which on the row is worthless, and rows keep no order: a request of an anonymous
door must not be placed in its minute.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Mapped, Session, mapped_column

from server.db import UNORDERED_TABLE, Base, Sealed, ascii_string, is_mysql
from server.errors import Conflict
from server.vault import CannotOpen, open_under, seal_under, token_hash

_KEPT = timedelta(hours=24)
_LOCK_WAIT_TIMEOUT = 1205


class KeyReused(Conflict):
    """The key came with another request before."""

    code = "idempotency.key_reused"


class InProgress(Conflict):
    """The same request is being worked on right now."""

    code = "idempotency.in_progress"


class KeptAnswer(Base):
    """`slot` is a hash of who asked what under which key; `request_hash` of what was sent, under the same key."""

    __tablename__ = "kept_answers"
    __table_args__ = UNORDERED_TABLE
    slot: Mapped[str] = mapped_column(ascii_string(64), primary_key=True)
    request_hash: Mapped[str] = mapped_column(ascii_string(64))
    answer_sealed: Mapped[Sealed]
    forget_at: Mapped[datetime] = mapped_column(index=True)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as idempotency sees it. `client` is whoever asks, empty for nobody known."""

    client: str
    method: str
    path: str
    key: str
    body: bytes

    @property
    def slot(self) -> str:
        return token_hash(json.dumps([self.client, self.method, self.path, self.key]))

    @property
    def request_hash(self) -> str:
        """Under the key, or a guess at what was sent could be tested against the row."""
        return token_hash(f"{self.key}\0{self.body.hex()}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered. `is_repeat` says that no work was done for it this time."""

    status: int
    body: Any
    is_repeat: bool = False


def answer_once(session: Session, *, asked: Asked, work: Callable[[Session], Answer], now: datetime) -> Answer:
    """The kept answer, or the work's, which is kept with it. Raises KeyReused, InProgress.

    Of two at once the second waits for the first and reads its answer; where that takes too long, InProgress.
    """
    standing = claim(session, asked=asked, now=now)
    if standing is not None:
        return standing
    answer = work(session)
    keep(session, asked=asked, answer=answer)
    return answer


def claim(session: Session, *, asked: Asked, now: datetime) -> Answer | None:
    """Take the slot, so that of two at once only one begins to work; an answer when it was given before.

    Alone in a transaction for work that calls the network in between; then `keep` or `release` follows. Who dies before
    that leaves the slot taken: what the call used up cannot be asked for again. Raises KeyReused, InProgress.
    """
    standing = _find(session, asked, now)
    if standing is not None:
        return standing
    row = KeptAnswer(slot=asked.slot, request_hash=asked.request_hash, answer_sealed=b"", forget_at=_hour(now) + _KEPT)
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        standing = _find(session, asked, now)
        if standing is None:
            raise InProgress from None
        return standing
    except OperationalError as error:
        if is_mysql(session) and error.orig is not None and error.orig.args[:1] == (_LOCK_WAIT_TIMEOUT,):
            raise InProgress from None
        raise
    return None


def keep(session: Session, *, asked: Asked, answer: Answer) -> None:
    """In the transaction of the work."""
    sealed = seal_under(asked.key, json.dumps([answer.status, answer.body]).encode(), asked.slot.encode())
    session.execute(sa.update(KeptAnswer).where(KeptAnswer.slot == asked.slot).values(answer_sealed=sealed))


def release(session: Session, *, asked: Asked) -> None:
    """Nothing was done: the same key may try again."""
    session.execute(sa.delete(KeptAnswer).where(KeptAnswer.slot == asked.slot, KeptAnswer.answer_sealed == b""))


def _find(session: Session, asked: Asked, now: datetime) -> Answer | None:
    row = session.get(KeptAnswer, asked.slot, populate_existing=True)
    if row is None:
        return None
    if row.forget_at <= now:
        session.delete(row)
        session.flush()
        return None
    if row.request_hash != asked.request_hash:
        raise KeyReused
    if not row.answer_sealed:
        raise InProgress
    try:
        status, body = json.loads(open_under(asked.key, row.answer_sealed, asked.slot.encode()))
    except CannotOpen:
        raise KeyReused from None
    return Answer(status, body, is_repeat=True)


def _hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)


def purge(session: Session, now: datetime) -> None:
    session.execute(sa.delete(KeptAnswer).where(KeptAnswer.forget_at <= now))
