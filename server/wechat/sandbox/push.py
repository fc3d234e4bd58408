"""The push engine: one event or message to the callback, again when nobody answers, and what came of it.

Source: wechat doc, message push: an answer within 5 s, else the connection is dropped and the same content is sent
again, three times in all. `success` and an empty body are accepted; anything that cannot be shown makes the chat say
that the account is out of service. A redelivery has its own timestamp, nonce and ciphertext.
"""

import http.client
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import urlencode, urlsplit

from server.wechat.sandbox import faults, markup, replies
from server.wechat.sandbox.core import Sandbox
from server.wechat.sandbox.envelope import UNTOUCHED, Envelope, Tampering, pack
from server.wechat.sandbox.events import Inbound
from server.wechat.sandbox.settings import SandboxSettings
from server.wechat.sandbox.state import Attempt, Entry, Fault, Push, Reply
from server.wechat.sandbox.texts import notice

# Longer answers than this are no reply; the log keeps the beginning of each.
MAX_ANSWER_BYTES = 1_000_000
LOGGED_CHARACTERS = 4_000

# After these the same content is sent again; every other answer is final.
NO_ANSWER = frozenset({"timeout", "unreachable", "http_error", "lost"})


@dataclass(frozen=True)
class _Delivery:
    """What one attempt brought: its record, and the reply where there is one to show."""

    attempt: Attempt
    reply: Reply | None = None


def send(
    box: Sandbox,
    inbound: Inbound,
    *,
    message: bytes | None = None,
    tampering: Tampering = UNTOUCHED,
    duplicates: int = 0,
) -> Push:
    """Deliver until answered, and put the answer into the chat. No lock is held while the callback works.

    `message` replaces the composed body byte by byte; `duplicates` delivers it so many times again although answered.
    """
    content = markup.compose(inbound.fields) if message is None else message
    with box.store.change() as state:
        delay = faults.take(state, (faults.PUSH_DELAY,), inbound.name)
        again = faults.take(state, (faults.PUSH_DUPLICATE,), inbound.name)
        push = Push(state.next_id(), box.real_now(), inbound.name, inbound.openid, _logged(content))
        state.add_push(push)
    if delay is not None:
        box.settings.sleep(delay.seconds)

    def deliver(number: int, *, is_duplicate: bool = False) -> _Delivery:
        return _deliver(box, inbound, content, tampering, number, is_duplicate=is_duplicate)

    push, last = _until_answered(box, push, deliver)
    for _ in range(duplicates + (again.times if again is not None else 0)):
        extra = deliver(len(push.attempts) + 1, is_duplicate=True)
        push = _noted(box, push, extra.attempt)
    return _conclude(box, inbound, push, last)


def _until_answered(box: Sandbox, push: Push, deliver: Callable[[int], _Delivery]) -> tuple[Push, _Delivery]:
    for number in range(1, box.settings.push_deliveries + 1):
        last = deliver(number)
        push = _noted(box, push, last.attempt)
        if last.attempt.verdict not in NO_ANSWER:
            break
    return push, last


def _noted(box: Sandbox, push: Push, attempt: Attempt) -> Push:
    push = replace(push, attempts=[*push.attempts, attempt])
    with box.store.change() as state:
        state.replace_push(push)
    return push


def _conclude(box: Sandbox, inbound: Inbound, push: Push, last: _Delivery) -> Push:
    """The final verdict, and in the chat what the resident sees of it."""
    if last.attempt.verdict in NO_ANSWER or (inbound.shows_reply and last.attempt.verdict == "bad_reply"):
        verdict = "failed"
    else:
        verdict = last.attempt.verdict if inbound.shows_reply else "ignored"
    is_notice_shown = inbound.shows_reply and verdict == "failed"
    push = replace(push, verdict=verdict, reply=last.reply, is_notice_shown=is_notice_shown)
    with box.store.change() as state:
        state.replace_push(push)
        resident = state.residents.get(inbound.openid)
        is_seen = resident is not None and resident.is_follower and inbound.shows_reply
        if is_seen and (is_notice_shown or push.reply is not None):
            state.add_entry(inbound.openid, _entry(state.next_id(), box.now(state), push))
    return push


def _entry(number: int, now: float, push: Push) -> Entry:
    if push.reply is None:
        code = "service_unavailable"
        return Entry(number, now, "notice", "notice", text=notice(code), notice=code, push_id=push.id)
    if push.reply.kind == "transfer_customer_service":
        code = "transferred"
        return Entry(number, now, "notice", "notice", text=notice(code), notice=code, push_id=push.id)
    shown = push.reply
    return Entry(number, now, "account", shown.kind, shown.text, shown.articles, via="reply", push_id=push.id)


def _deliver(
    box: Sandbox, inbound: Inbound, content: bytes, tampering: Tampering, number: int, *, is_duplicate: bool
) -> _Delivery:
    real_at, began = box.real_now(), time.monotonic()
    envelope = pack(box.settings, inbound.openid, content, real_now=real_at, tampering=tampering)

    def attempt(verdict: str, status: int | None = None, detail: str = "", body: bytes = b"") -> Attempt:
        seconds = round(time.monotonic() - began, 3)
        return Attempt(number, real_at, verdict, seconds, status, detail, _logged(body), is_duplicate)

    try:
        status, answer = _post(box.settings, envelope)
    except TimeoutError:
        return _Delivery(attempt("timeout", detail=f"no answer within {box.settings.push_deadline_seconds:g} s"))
    except (OSError, http.client.HTTPException) as fault:
        return _Delivery(attempt("unreachable", detail=type(fault).__name__))
    if _lost(box, inbound) is not None:
        return _Delivery(attempt("lost", status, "a fault lost the answer", answer))
    if status != 200:
        return _Delivery(attempt("http_error", status, body=answer))
    try:
        message = replies.unwrap(answer, box.settings, is_encrypted=envelope.is_encrypted)
        if message is None:
            return _Delivery(attempt("empty", status, body=answer))
        expected = replies.Expected(inbound.openid, box.settings.original_id, inbound.article_limit)
        return _Delivery(attempt("ok", status, body=message), replies.read(message, expected))
    except replies.BadReplyError as fault:
        return _Delivery(attempt("bad_reply", status, str(fault), answer))


def _lost(box: Sandbox, inbound: Inbound) -> Fault | None:
    with box.store.change() as state:
        return faults.take(state, (faults.PUSH_LOSE_ANSWER,), inbound.name)


def _post(settings: SandboxSettings, envelope: Envelope) -> tuple[int, bytes]:
    """Status and body. Raises TimeoutError also for an answer that began in time and did not end in time."""
    ends_at = time.monotonic() + settings.push_deadline_seconds
    address = urlsplit(settings.callback_url)
    connect = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    connection = connect(str(address.hostname), address.port, timeout=settings.push_deadline_seconds)

    def limit_wait() -> None:
        left = ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        wire.settimeout(left)

    try:
        connection.connect()
        wire = connection.sock
        query = "&".join(part for part in (address.query, urlencode(envelope.query)) if part)
        connection.request("POST", f"{address.path or '/'}?{query}", envelope.body, dict(envelope.headers))
        limit_wait()
        answer = connection.getresponse()
        body = b""
        while len(body) < MAX_ANSWER_BYTES:
            limit_wait()
            part = answer.read1(65_536)
            if not part:
                break
            body += part
        return answer.status, body
    finally:
        connection.close()


def _logged(content: bytes) -> str:
    return content[: LOGGED_CHARACTERS * 4].decode(errors="replace")[:LOGGED_CHARACTERS]
