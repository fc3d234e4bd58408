"""Signatures and AES of the callback, on wechatpy's crypto with what it lacks: constant-time comparison, the previous key,
checks of what came out, and one fault for everything that is wrong. WeChat doc: message push guide, "消息加解密"."""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from wechatpy.crypto.base import WeChatCipher
from wechatpy.crypto.pkcs7 import PKCS7Encoder

# WeChat itself sets no window; ours refuses what somebody recorded and plays again.
STALE_AFTER_SECONDS = 300
_RANDOM_BYTES = 16
_LENGTH_BYTES = 4
_PAD_BLOCK = 32  # although an AES block has 16


class NotFromWechat(Exception):
    """The signature is wrong, the timestamp is stale, or the body was not encrypted for this account."""


def _signature(*parts: str) -> str:
    joined = "".join(sorted(parts))
    return hashlib.sha1(joined.encode("utf-8", "surrogatepass")).hexdigest()  # noqa: S324 - WeChat's protocol


class _AccountKey:
    """One EncodingAESKey of the account."""

    def __init__(self, token: str, aes_key: str, app_id: str) -> None:
        self._app_id = app_id.encode()
        self._token = token
        self._cipher = WeChatCipher(base64.b64decode(aes_key + "="))

    def open(self, encrypted: str) -> bytes | None:
        """The message inside; None when it was not sealed with this key for this account."""
        try:
            padded: bytes = self._cipher.decrypt(base64.b64decode(encrypted, validate=True))
        except (binascii.Error, ValueError):
            return None
        pad = padded[-1] if padded else 0
        if not 1 <= pad <= _PAD_BLOCK:
            return None
        framed = padded[_RANDOM_BYTES:-pad]
        length = int.from_bytes(framed[:_LENGTH_BYTES], "big")
        message, app_id = framed[_LENGTH_BYTES:][:length], framed[_LENGTH_BYTES:][length:]
        return message if hmac.compare_digest(app_id, self._app_id) else None

    def seal(self, xml: str, timestamp: int) -> str:
        """The reply's envelope. wechatpy's own fills the random bytes from a generator that can be foretold."""
        message = xml.encode()
        framed = (
            secrets.token_bytes(_RANDOM_BYTES) + len(message).to_bytes(_LENGTH_BYTES, "big") + message + self._app_id
        )
        encrypted = base64.b64encode(self._cipher.encrypt(PKCS7Encoder.encode(framed))).decode()
        nonce = secrets.token_hex(8)
        signature = _signature(self._token, str(timestamp), nonce, encrypted)
        return (
            f"<xml><Encrypt><![CDATA[{encrypted}]]></Encrypt><MsgSignature><![CDATA[{signature}]]></MsgSignature>"
            f"<TimeStamp>{timestamp}</TimeStamp><Nonce><![CDATA[{nonce}]]></Nonce></xml>"
        )


@dataclass(frozen=True, slots=True)
class Opened:
    """A message with the key that opened it. The reply is sealed with the same one: while a key is being changed it is the
    only one of which both sides are known to have it."""

    message: bytes = field(repr=False)
    _key: _AccountKey

    def seal_reply(self, xml: str, *, timestamp: int) -> str:
        return self._key.seal(xml, timestamp)


class CallbackCrypto:
    """Keys of one account. `aes_keys`: the current EncodingAESKey, then the previous one if it is still accepted."""

    def __init__(self, *, token: str, aes_keys: Sequence[str], app_id: str) -> None:
        self._token = token
        self._keys = [_AccountKey(token, key, app_id) for key in aes_keys]

    def check_signature(self, *, signature: str, timestamp: str, nonce: str, now: float) -> None:
        """For the GET verification and plain pushes. Raises NotFromWechat."""
        self._check(signature, timestamp, nonce)
        self._check_fresh(timestamp, now)

    def open_body(self, *, encrypted: str, msg_signature: str, timestamp: str, nonce: str, now: float) -> Opened:
        """Check `msg_signature`, which covers the body, and decrypt. Raises NotFromWechat."""
        self._check(msg_signature, timestamp, nonce, encrypted)
        self._check_fresh(timestamp, now)
        for key in self._keys:
            message = key.open(encrypted)
            if message is not None:
                return Opened(message, key)
        raise NotFromWechat

    def _check(self, signature: str, *parts: str) -> None:
        wanted = _signature(self._token, *parts)
        if not hmac.compare_digest(wanted.encode(), signature.encode("utf-8", "surrogatepass")):
            raise NotFromWechat

    @staticmethod
    def _check_fresh(timestamp: str, now: float) -> None:
        if not (timestamp.isascii() and timestamp.isdigit()) or abs(now - int(timestamp[:15])) > STALE_AFTER_SECONDS:
            raise NotFromWechat
