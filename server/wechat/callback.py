"""One push, from bytes to answer: verified, read, graded, handled once, answered within WeChat's five seconds.

The row that makes it once and the work itself are one transaction, so a kill at any moment leaves both or neither; a resend
that meets the first still running waits for its lock (3 s at most) and then answers with the stored reply. The database is
only ever asked from a pool of threads: whatever it does, the answer leaves when the budget is spent.
"""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.clock import local_day
from server.db import Database, KeyTaken, vault_of
from server.errors import Unavailable
from server.logs import log
from server.vault import CannotOpen, Place, Vault
from server.wechat.crypto import CallbackCrypto, NotFromWechat
from server.wechat.inbound import Inbound, NotAMessage, parse, read_envelope
from server.wechat.models import InboundMessage
from server.wechat.replies import Reply, dump, load, render
from server.wechat.router import Route, Router

# WeChat hangs up after 5 s. A lock may be waited for 3 s; what is left is for the network and for a crowded machine.
BUDGET_SECONDS = 3.5
# Once the store has failed, the next messages do not each wait the whole budget: they may have waited for a thread already.
_DOUBT_SECONDS = 2.0
_BUDGET_IN_DOUBT = 0.7
_PURPOSE = "inbound_messages"
_Work = Callable[[], Reply | None]
_Seal = Callable[[str], str]


class AlreadyHandled(Exception):
    """The message's row is there: somebody else did the work."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` 503 makes WeChat send the event again; `success` is its word for "nothing to say"."""

    status: int
    body: str
    outcome: str


SUCCESS = "success"


class Callback:
    """Answers pushes. One per process; thread-safe."""

    def __init__(self, *, database: Database, crypto: CallbackCrypto, router: Router, threads: int = 16) -> None:
        self._database = database
        self._crypto = crypto
        self._router = router
        self._patience = _Patience(threads)

    def verify(self, query: Mapping[str, str], *, now: datetime) -> str:
        """The GET verification: the echo to send back bare. Raises NotFromWechat."""
        self._check_signature(query, now)
        return query.get("echostr", "")

    def answer(self, query: Mapping[str, str], body: bytes, *, now: datetime) -> Answer:
        """Handle one push. Raises NotFromWechat; everything else ends in an answer that WeChat accepts."""
        started = time.monotonic()
        message, seal = self._open(query, body, now)
        try:
            inbound = parse(read_envelope(message))
        except NotAMessage:
            # It came from WeChat and says nothing to us. Nothing was accepted, so nothing is lost.
            return Answer(200, SUCCESS, "not_a_message")
        route = self._router.route(inbound)
        try:
            reply, outcome = self._handle(inbound, route, now, started), route.outcome
        except Exception as fault:
            # Also a bug of ours: its row was rolled back with the work, and somebody may be waiting for a number to call.
            if not isinstance(fault, Unavailable):
                log.error("callback.bug", exc_info=fault)
            log.warning("callback.unstored", msg_type=str(inbound.kind), outcome=route.outcome)
            if route.unstored is None:
                return Answer(503, "", "unstored")
            reply, outcome = route.unstored, "unstored"
        if reply is None:
            return Answer(200, SUCCESS, outcome)
        xml = render(reply, to_openid=inbound.openid, from_account=inbound.account, now=int(now.timestamp()))
        return Answer(200, seal(xml), outcome)

    def _open(self, query: Mapping[str, str], body: bytes, now: datetime) -> tuple[bytes, _Seal]:
        """The message, and how its reply is put up: as it came. Raises NotFromWechat."""
        if query.get("encrypt_type", "raw") != "aes":
            self._check_signature(query, now)
            return body, str
        try:
            encrypted = read_envelope(body).get("Encrypt", "")
        except NotAMessage:
            raise NotFromWechat from None  # the signature covers what could not be found
        opened = self._crypto.open_body(
            encrypted=encrypted,
            msg_signature=query.get("msg_signature", ""),
            timestamp=query.get("timestamp", ""),
            nonce=query.get("nonce", ""),
            now=now.timestamp(),
        )
        return opened.message, lambda xml: opened.seal_reply(xml, timestamp=int(now.timestamp()))

    def _check_signature(self, query: Mapping[str, str], now: datetime) -> None:
        self._crypto.check_signature(
            signature=query.get("signature", ""),
            timestamp=query.get("timestamp", ""),
            nonce=query.get("nonce", ""),
            now=now.timestamp(),
        )

    def _handle(self, inbound: Inbound, route: Route, now: datetime, started: float) -> Reply | None:
        """What is answered, once the work is stored. Raises Unavailable when it was not, or not in time."""
        keys = self._database.vault.blind_indexes(_PURPOSE, inbound.identity)

        def work() -> Reply | None:
            try:
                if route.work is None and len(keys) == 1:
                    return self._keep_answer(keys[0], route, now)
                return self._database.write(lambda session: _work_once(session, keys, inbound, route, now))
            except AlreadyHandled:
                return self._database.read(lambda session: _stored_reply(session, keys))

        # One insert waits for one lock at most: it needs no thread to be waited for with, until the store is in doubt.
        is_brief = route.work is None and len(keys) == 1
        return self._patience.wait_for(work, started, is_brief=is_brief)

    def _keep_answer(self, key: bytes, route: Route, now: datetime) -> Reply | None:
        """For the many messages that only get an answer: one row, one round trip. Raises AlreadyHandled."""
        try:
            self._database.insert_alone(
                InboundMessage.__tablename__,
                {
                    "key": key,
                    "received_on": local_day(now).isoformat(),
                    "reply_sealed": _seal(self._database.vault, key, route.at_once),
                },
            )
        except KeyTaken:
            raise AlreadyHandled from None
        return route.at_once


class _Patience:
    """Threads that ask the database, so that an answer waits for it no longer than it may."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="callback")
        self._threads = threads
        self._lock = threading.Lock()
        self._unfinished = 0  # also those that nobody waits for any longer
        self._doubt_until = 0.0

    def wait_for(self, work: _Work, started: float, *, is_brief: bool) -> Reply | None:
        """The work's result. Raises Unavailable when the budget that began at `started` is spent.

        Work that is `is_brief` ends by itself within the budget: it runs on the asking thread while the store is trusted.
        """
        in_doubt = time.monotonic() < self._doubt_until
        if is_brief and not in_doubt:
            return self._note_doubt(work)
        if in_doubt and self._unfinished >= self._threads:
            raise Unavailable  # every thread hangs: who queues behind them only waits
        budget = _BUDGET_IN_DOUBT if in_doubt else BUDGET_SECONDS
        future = self._submit(work)
        try:
            return self._note_doubt(lambda: future.result(timeout=max(0.05, budget - (time.monotonic() - started))))
        except TimeoutError:
            # What has begun may still be stored, whole; what has not begun never will be.
            future.cancel()
            raise Unavailable from None

    def _note_doubt(self, work: _Work) -> Reply | None:
        try:
            result = work()
        except (Unavailable, TimeoutError):
            self._doubt_until = time.monotonic() + _DOUBT_SECONDS
            raise
        self._doubt_until = 0.0
        return result

    def _submit(self, work: _Work) -> "Future[Reply | None]":
        self._count(+1)
        future = self._pool.submit(copy_context().run, work)  # log lines keep the request's id
        future.add_done_callback(lambda _: self._count(-1))
        return future

    def _count(self, change: int) -> None:
        with self._lock:
            self._unfinished += change


# --- once -------------------------------------------------------------------------------------------------------------


def _work_once(session: Session, keys: list[bytes], inbound: Inbound, route: Route, now: datetime) -> Reply | None:
    if len(keys) > 1 and _find_row(session, keys[1:]) is not None:
        raise AlreadyHandled  # handled before the data key was changed
    vault = vault_of(session)
    try:
        row = {"key": keys[0], "received_on": local_day(now), "reply_sealed": _seal(vault, keys[0], route.at_once)}
        session.execute(_INSERT, row)
    except IntegrityError:
        raise AlreadyHandled from None
    if route.work is None:
        return route.at_once
    reply = route.work(session, inbound, now)
    session.execute(_UPDATE, {"b_key": keys[0], "b_reply": _seal(vault, keys[0], reply)})
    return reply


def _seal(vault: Vault, key: bytes, reply: Reply | None) -> bytes:
    return vault.seal_text(dump(reply), _reply_place(key))


_TABLE = InboundMessage.__table__
_INSERT = sa.insert(_TABLE)  # type: ignore[arg-type]
_UPDATE = (
    sa.update(_TABLE)  # type: ignore[arg-type]
    .where(_TABLE.c.key == sa.bindparam("b_key"))
    .values(reply_sealed=sa.bindparam("b_reply"))
)


def _find_row(session: Session, keys: list[bytes]) -> InboundMessage | None:
    return session.scalar(sa.select(InboundMessage).where(InboundMessage.key.in_(keys)))


def _stored_reply(session: Session, keys: list[bytes]) -> Reply | None:
    row = _find_row(session, keys)
    if row is None:
        raise Unavailable  # the first one failed after all; WeChat will ask again
    try:
        return load(vault_of(session).open_text(row.reply_sealed, _reply_place(row.key)))
    except CannotOpen:
        log.error("callback.reply_unreadable")
        return None


def _reply_place(key: bytes) -> Place:
    return Place("inbound_messages", key.hex(), "reply")


def purge_inbound(session: Session, now: datetime) -> None:
    """Forget what WeChat can no longer resend: everything before yesterday."""
    yesterday = local_day(now) - timedelta(days=1)
    session.execute(sa.delete(InboundMessage).where(InboundMessage.received_on < yesterday))
