"""Encryption at rest: AES-256-GCM envelopes under a key ring, and keyed blind indexes for look-ups.

Each value has a random data key of its own, wrapped by the newest key of the ring, so that rotation re-wraps 60 bytes
instead of rewriting texts. The associated data binds a value to its table, row and field: a value copied to another
row, or a shortened one, does not open. Formats and sizes follow NIST SP 800-38D (96-bit nonces, 128-bit tags).
"""

import base64
import binascii
import hashlib
import hmac
import os
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_FORMAT = 1
_KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16
_ID_BYTES = 8
_WRAPPED_BYTES = _NONCE_BYTES + _KEY_BYTES + _TAG_BYTES
_PREFIX_BYTES = 1 + _ID_BYTES
_HEADER_BYTES = _PREFIX_BYTES + _WRAPPED_BYTES
_KEY_ID = re.compile(r"[a-z0-9]{1,8}")

BLIND_INDEX_BYTES = 32


class CannotOpen(Exception):
    """The value was changed, cut, moved to another row, or sealed under a key that is not in the ring."""


class BadKeyRing(ValueError):
    """DATA_KEYS is not `id:base64,id:base64` with 32-byte keys and distinct ids."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed value lives. `row` is a public id or another value that never changes."""

    table: str
    row: str
    field: str

    def associated_data(self) -> bytes:
        # Lengths, not separators: no choice of names can make two places look alike.
        parts = [part.encode() for part in (self.table, self.row, self.field)]
        return b"".join(len(part).to_bytes(2, "big") + part for part in parts)


class _RingKey:
    def __init__(self, key_id: str, secret: bytes) -> None:
        self.id = key_id
        self.id_bytes = key_id.encode().ljust(_ID_BYTES, b"\0")
        self.wrapping = AESGCM(self._derive(secret, b"xinqiao wrapping"))
        self.indexing = self._derive(secret, b"xinqiao blind index")

    @staticmethod
    def _derive(secret: bytes, purpose: bytes) -> bytes:
        return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=purpose).derive(secret)


class Vault:
    """Seals and opens values, and computes blind indexes. Thread-safe; holds keys in memory only."""

    def __init__(self, ring: list[tuple[str, bytes]]) -> None:
        if not ring:
            raise BadKeyRing("the ring holds no key")
        if len({key_id for key_id, _ in ring}) != len(ring):
            raise BadKeyRing("two keys of the ring have one id")
        for position, (key_id, secret) in enumerate(ring, start=1):
            # The id is not quoted: where the two halves were swapped it is the key.
            if not _KEY_ID.fullmatch(key_id):
                raise BadKeyRing(f"entry {position}: an id has 1 to 8 of a-z and 0-9")
            if len(secret) != _KEY_BYTES:
                raise BadKeyRing(f"entry {position}: the key has {len(secret)} bytes, {_KEY_BYTES} are needed")
        self._keys = [_RingKey(key_id, secret) for key_id, secret in ring]
        self._by_id = {key.id_bytes: key for key in self._keys}

    @classmethod
    def from_text(cls, data_keys: str) -> "Vault":
        """Read `DATA_KEYS`: newest key first, e.g. `k2:BASE64,k1:BASE64`. Raises BadKeyRing without showing a key."""
        ring = []
        for position, entry in enumerate(data_keys.split(","), start=1):
            key_id, colon, encoded = entry.strip().partition(":")
            try:
                secret = base64.b64decode(encoded, validate=True)
            except (binascii.Error, ValueError):
                secret = b""
            if not colon or not secret:
                raise BadKeyRing(f"entry {position} is not id:base64")
            ring.append((key_id, secret))
        return cls(ring)

    @staticmethod
    def new_key_text(key_id: str = "k1") -> str:
        return f"{key_id}:{base64.b64encode(os.urandom(_KEY_BYTES)).decode()}"

    @property
    def is_changing(self) -> bool:
        """Whether older keys are still read: look-ups then have to try each."""
        return len(self._keys) > 1

    def seal(self, plain: bytes, place: Place) -> bytes:
        data_key, nonce = os.urandom(_KEY_BYTES), os.urandom(_NONCE_BYTES)
        body = AESGCM(data_key).encrypt(nonce, plain, place.associated_data())
        return self._wrap(data_key, place) + nonce + body

    def open(self, sealed: bytes, place: Place) -> bytes:
        """Raises CannotOpen, which says nothing about why: the reason helps only somebody who tampers."""
        data_key, body = self._unwrap(sealed, place), sealed[_HEADER_BYTES:]
        try:
            return AESGCM(data_key).decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], place.associated_data())
        except InvalidTag:
            raise CannotOpen from None

    def rewrap(self, sealed: bytes, place: Place) -> bytes:
        """The same value under the newest key, without reading it: what a rotation does to each row."""
        return self._wrap(self._unwrap(sealed, place), place) + sealed[_HEADER_BYTES:]

    def _wrap(self, data_key: bytes, place: Place) -> bytes:
        key, nonce = self._keys[0], os.urandom(_NONCE_BYTES)
        prefix = bytes([_FORMAT]) + key.id_bytes
        return prefix + nonce + key.wrapping.encrypt(nonce, data_key, prefix + place.associated_data())

    def _unwrap(self, sealed: bytes, place: Place) -> bytes:
        if len(sealed) < _HEADER_BYTES + _NONCE_BYTES + _TAG_BYTES or sealed[0] != _FORMAT:
            raise CannotOpen
        prefix, wrapped = sealed[:_PREFIX_BYTES], sealed[_PREFIX_BYTES:_HEADER_BYTES]
        key = self._by_id.get(prefix[1:])
        if key is None:
            raise CannotOpen
        try:
            return key.wrapping.decrypt(
                wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], prefix + place.associated_data()
            )
        except InvalidTag:
            raise CannotOpen from None

    def seal_text(self, plain: str, place: Place) -> bytes:
        # A lone surrogate in somebody's words must not cost the whole message.
        return self.seal(plain.encode("utf-8", "surrogatepass"), place)

    def open_text(self, sealed: bytes, place: Place) -> str:
        return self.open(sealed, place).decode("utf-8", "surrogatepass")

    def blind_index(self, purpose: str, value: str) -> bytes:
        """32 bytes that stand for `value` in a look-up column: equal values meet, nobody without the key can test a guess."""
        return self._index_under(self._keys[0], purpose, value)

    def blind_indexes(self, purpose: str, value: str) -> list[bytes]:
        """The index under each key of the ring, newest first: what to look for while a rotation is under way."""
        return [self._index_under(key, purpose, value) for key in self._keys]

    @staticmethod
    def _index_under(key: _RingKey, purpose: str, value: str) -> bytes:
        message = purpose.encode() + b"\0" + value.encode("utf-8", "surrogatepass")
        return hmac.digest(key.indexing, message, hashlib.sha256)


def token_hash(token: str) -> str:
    """What is stored of a bearer token: tokens carry 256 random bits, so a plain hash cannot be turned back."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def seal_under(secret: str, plain: bytes, context: bytes) -> bytes:
    """Seal under a secret that only its holder brings along: without them the server cannot open it.

    `secret` must be unforeseeable; it is no password. `context` binds the value to its row.
    """
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(_under(secret)).encrypt(nonce, plain, context)


def open_under(secret: str, sealed: bytes, context: bytes) -> bytes:
    """Raises CannotOpen."""
    try:
        return AESGCM(_under(secret)).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context)
    except (InvalidTag, ValueError):
        raise CannotOpen from None


def _under(secret: str) -> bytes:
    message = secret.encode("utf-8", "surrogatepass")
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=b"xinqiao under a secret").derive(message)
