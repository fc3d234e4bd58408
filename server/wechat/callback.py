"""One push, from bytes to answer: verified, read, graded, handled once, answered within WeChat's five seconds.

once.py decides that it is handled once. Here is what stands around it: work that may wait for the database longer than one
lock runs on a pool of threads, so that the answer leaves when the budget is spent, whatever the database does.
"""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime

from server.db import Database
from server.errors import Unavailable
from server.logs import log
from server.wechat.crypto import CallbackCrypto, NotFromWechat
from server.wechat.inbound import Inbound, NotAMessage, parse, read_envelope
from server.wechat.once import handle_once, is_brief
from server.wechat.replies import Reply, render
from server.wechat.router import Route, Router

# WeChat hangs up after 5 s. A lock may be waited for 3 s; what is left is for the network and for a crowded machine.
BUDGET_SECONDS = 3.5
# Once the store has failed, the next messages do not each wait the whole budget: they may have waited for a thread already.
_DOUBT_SECONDS = 2.0
_BUDGET_IN_DOUBT = 0.5
_Work = Callable[[], Reply | None]
_Seal = Callable[[str], str]


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
        # One insert waits for one lock at most: it needs no thread to be waited for with, until the store is in doubt.
        return self._patience.wait_for(
            lambda: handle_once(self._database, inbound, route, now), started, is_brief=is_brief(self._database, route)
        )


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
