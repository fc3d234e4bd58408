"""Lists by key: a page begins behind the last row of the one before it, so its cost does not grow with the table.

A cursor is that row's position, signed for its list: nobody makes one up, and one of another list is refused. It hides
nothing: what stands in it must be fit to be read. Pure; the query is the domain's own (`WHERE key > position ORDER BY key
LIMIT size + 1`, over an index).
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from server.errors import Invalid

DEFAULT_SIZE = 20
LARGEST_SIZE = 100
_SIGNATURE_BYTES = 16
_LONGEST_CURSOR = 300
T = TypeVar("T")
Position = tuple[str | int, ...]


class BadCursor(Invalid):
    """Not one of ours, or of another list."""

    code = "bad_cursor"


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """`next_cursor` is None at the end."""

    rows: list[T]
    next_cursor: str | None


class Cursors:
    """Writes and reads cursors under one key. `what` names the list with whatever narrows it."""

    def __init__(self, secret: str) -> None:
        self._key = hashlib.sha256(b"xinqiao cursors\0" + secret.encode()).digest()

    def write(self, what: str, position: Position) -> str:
        body = json.dumps(position, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._sign(what, body) + body).decode().rstrip("=")

    def read(self, what: str, cursor: str) -> Position:
        """Raises BadCursor."""
        try:
            if len(cursor) > _LONGEST_CURSOR:
                raise ValueError
            raw = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except ValueError:
            raise BadCursor from None
        signature, body = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._sign(what, body)):
            raise BadCursor
        return tuple(json.loads(body))

    def page(self, what: str, rows: Sequence[T], size: int, position_of: Callable[[T], Position]) -> Page[T]:
        """A page from the rows of a query that asked for one more than it shows."""
        shown = list(rows[:size])
        return Page(shown, self.write(what, position_of(shown[-1])) if len(rows) > size and shown else None)

    def _sign(self, what: str, body: bytes) -> bytes:
        return hmac.digest(self._key, what.encode() + b"\0" + body, hashlib.sha256)[:_SIGNATURE_BYTES]
