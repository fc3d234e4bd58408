"""Signatures and AES of the callback, on wechatpy's crypto with what it lacks: constant-time comparison, the previous key,
and one fault for whatever malformed input makes it raise. WeChat doc: message push guide, "消息加解密"."""

import base64
import hashlib
import hmac
from collections.abc import Sequence

from wechatpy.crypto import PrpCrypto, WeChatCrypto

# WeChat itself sets no window; ours refuses what somebody recorded and plays again.
STALE_AFTER_SECONDS = 300


class NotFromWechat(Exception):
    """The signature is wrong, the timestamp is stale, or the body was not encrypted for this account."""


class CallbackCrypto:
    """Keys of one account. `aes_keys`: the current EncodingAESKey, then the previous one if it is still accepted."""

    def __init__(self, *, token: str, aes_keys: Sequence[str], app_id: str) -> None:
        self._token = token
        self._app_id = app_id
        self._openers = [PrpCrypto(base64.b64decode(key + "=")) for key in aes_keys]
        self._sealer = WeChatCrypto(token, aes_keys[0], app_id)

    def check_signature(self, *, signature: str, timestamp: str, nonce: str, now: float) -> None:
        """For the GET verification and plain pushes. Raises NotFromWechat."""
        self._check(signature, timestamp, nonce)
        self._check_fresh(timestamp, now)

    def open_body(self, *, encrypted: str, msg_signature: str, timestamp: str, nonce: str, now: float) -> str:
        """Check `msg_signature`, which covers the body, and decrypt. Raises NotFromWechat."""
        self._check(msg_signature, timestamp, nonce, encrypted)
        self._check_fresh(timestamp, now)
        for opener in self._openers:
            try:
                return str(opener.decrypt(encrypted, self._app_id))
            except Exception:  # noqa: S112 - garbage makes it raise ValueError, struct.error, IndexError, …
                continue
        raise NotFromWechat

    def seal_reply(self, xml: str, *, timestamp: str, nonce: str) -> str:
        return str(self._sealer.encrypt_message(xml, nonce, timestamp))

    def _check(self, signature: str, *parts: str) -> None:
        joined = "".join(sorted([self._token, *parts]))
        wanted = hashlib.sha1(joined.encode("utf-8", "surrogatepass")).hexdigest()  # noqa: S324 - WeChat's protocol
        if not hmac.compare_digest(wanted.encode(), signature.encode("utf-8", "surrogatepass")):
            raise NotFromWechat

    @staticmethod
    def _check_fresh(timestamp: str, now: float) -> None:
        if not (timestamp.isascii() and timestamp.isdigit()) or abs(now - int(timestamp[:15])) > STALE_AFTER_SECONDS:
            raise NotFromWechat
