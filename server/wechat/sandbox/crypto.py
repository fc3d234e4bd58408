"""Signatures and message encryption of the push protocol, written from WeChat's description of it.

Source: developers.weixin.qq.com, message push, "verify the server" and "message encryption"; the official vectors are
in the tests. Only the AES primitive is borrowed, from `cryptography`.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

# WeChat pads to 32 bytes although an AES block has 16.
PAD_BLOCK = 32
RANDOM_BYTES = 16


class CryptoError(Exception):
    """The text does not open with this key, or was made for another account."""


def sign(*parts: str) -> str:
    """SHA-1 over the sorted parts: (token, timestamp, nonce), with the Encrypt element as fourth where there is one."""
    joined = b"".join(sorted(part.encode() for part in parts))
    return hashlib.sha1(joined, usedforsecurity=False).hexdigest()


def is_signed(signature: str, *parts: str) -> bool:
    return hmac.compare_digest(signature.encode(), sign(*parts).encode())


class MessageCipher:
    """AES-256-CBC with the IV taken from the key; a message carries its length and the app id of its account."""

    def __init__(self, aes_key: str, app_id: str) -> None:
        key = base64.b64decode(aes_key + "=")
        self._cipher = Cipher(algorithms.AES(key), modes.CBC(key[:16]))
        self._app_id = app_id.encode()

    def seal(self, message: bytes, *, random: bytes | None = None) -> str:
        """Encrypt for the wire. `random` is given only where a published vector has to come out."""
        head = secrets.token_bytes(RANDOM_BYTES) if random is None else random
        plain = head + struct.pack(">I", len(message)) + message + self._app_id
        fill = PAD_BLOCK - len(plain) % PAD_BLOCK
        encryptor = self._cipher.encryptor()
        return base64.b64encode(encryptor.update(plain + bytes([fill]) * fill) + encryptor.finalize()).decode()

    def open(self, text: str) -> bytes:
        """The message inside. Raises CryptoError naming the first thing that is wrong."""
        try:
            sealed = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise CryptoError("Encrypt is not base64") from None
        if not sealed or len(sealed) % 16:
            raise CryptoError("Encrypt is not a whole number of AES blocks")
        decryptor = self._cipher.decryptor()
        padded = decryptor.update(sealed) + decryptor.finalize()
        fill = padded[-1]
        if not 1 <= fill <= PAD_BLOCK or padded[-fill:] != bytes([fill]) * fill:
            raise CryptoError("the padding is wrong: another EncodingAESKey?")
        plain = padded[:-fill]
        if len(plain) < RANDOM_BYTES + 4:
            raise CryptoError("the message is shorter than its head")
        (length,) = struct.unpack(">I", plain[RANDOM_BYTES : RANDOM_BYTES + 4])
        message, app_id = plain[RANDOM_BYTES + 4 :][:length], plain[RANDOM_BYTES + 4 :][length:]
        if len(message) != length or not hmac.compare_digest(app_id, self._app_id):
            raise CryptoError("the message was not made for this app id")
        return message
