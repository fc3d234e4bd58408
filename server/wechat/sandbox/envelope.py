"""One push as it goes over the wire: query, headers and body, signed and sealed; or spoilt on purpose."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from server.wechat.sandbox import markup
from server.wechat.sandbox.crypto import MessageCipher, sign
from server.wechat.sandbox.settings import Mode, SandboxSettings

HEADERS = {"Content-Type": "text/xml", "User-Agent": "Mozilla/4.0", "Accept": "*/*", "Pragma": "no-cache"}


@dataclass(frozen=True)
class Tampering:
    """How a test wants the envelope spoilt; by default not at all.

    `query` sets or replaces keys of the query, `omit` takes keys away, both after signing. `is_bare` sends the body as
    it is, unencrypted whatever the mode. `timestamp` is signed along, as in a replayed push. `pad_bytes` appends that
    many spaces to the body.
    """

    mode: Mode | None = None
    timestamp: int | None = None
    nonce: str | None = None
    is_signature_wrong: bool = False
    is_msg_signature_wrong: bool = False
    app_id: str | None = None
    is_bare: bool = False
    query: Mapping[str, str] = field(default_factory=dict)
    omit: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    pad_bytes: int = 0


UNTOUCHED = Tampering()


@dataclass(frozen=True)
class Envelope:
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    is_encrypted: bool


def pack(
    settings: SandboxSettings, openid: str, message: bytes, *, real_now: float, tampering: Tampering = UNTOUCHED
) -> Envelope:
    """Sign and seal by the account's mode, with a timestamp, nonce and ciphertext of this delivery's own."""
    mode = tampering.mode or settings.mode
    timestamp = str(int(real_now) if tampering.timestamp is None else tampering.timestamp)
    nonce = tampering.nonce or str(secrets.randbelow(9 * 10**8) + 10**8)
    query = {"signature": sign(settings.token, timestamp, nonce), "timestamp": timestamp, "nonce": nonce}
    if openid:
        query["openid"] = openid
    body, is_encrypted = message, mode != "plain" and not tampering.is_bare
    if is_encrypted:
        sealed = MessageCipher(settings.aes_key, tampering.app_id or settings.app_id).seal(message)
        query |= {"encrypt_type": "aes", "msg_signature": sign(settings.token, timestamp, nonce, sealed)}
        body = _sealed_body(settings, message, sealed, is_doubled=mode == "compatible")
    if tampering.is_signature_wrong:
        query["signature"] = sign("not the token", timestamp, nonce)
    if tampering.is_msg_signature_wrong and "msg_signature" in query:
        query["msg_signature"] = sign("not the token", timestamp, nonce)
    query |= tampering.query
    kept = {key: value for key, value in query.items() if key not in tampering.omit}
    return Envelope(kept, HEADERS | dict(tampering.headers), body + b" " * tampering.pad_bytes, is_encrypted)


def _sealed_body(settings: SandboxSettings, message: bytes, sealed: str, *, is_doubled: bool) -> bytes:
    if not is_doubled:
        return markup.compose({"ToUserName": settings.original_id, "Encrypt": sealed})
    # Compatible mode: the plain fields and their encryption side by side. The message is cut open as text, since a
    # test may send one that no parser reads.
    head, end, tail = message.rpartition(b"</xml>")
    return head + f"<Encrypt><![CDATA[{sealed}]]></Encrypt>".encode() + end + tail
