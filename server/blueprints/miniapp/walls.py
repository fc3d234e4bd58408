"""What a request must be before anybody looks into it: JSON, small, and not nested without end."""

import re

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from server.blueprints.json_errors import Malformed, WrongMediaType

MOST_BYTES = 16 * 1024
DEEPEST = 8
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)
# An answer may be a danger sign: how it is labelled does not matter.
_ANY_LABEL = {"api.responses.save_answer"}


def refuse_what_is_no_json() -> None:
    """Raises WrongMediaType, Malformed; 413 for what is too large."""
    if request.method in {"GET", "HEAD", "OPTIONS"}:
        return
    if (request.content_length or 0) > MOST_BYTES:
        raise RequestEntityTooLarge
    body = request.get_data(cache=True)
    if len(body) > MOST_BYTES:  # sent in pieces, without a length
        raise RequestEntityTooLarge
    if not body:
        return
    if request.mimetype != "application/json" and request.endpoint not in _ANY_LABEL:
        raise WrongMediaType
    if _depth(body) > DEEPEST:
        raise Malformed


def _depth(body: bytes) -> int:
    """How deep the brackets go, outside of strings. Python's own reader would end in a RecursionError."""
    depth = deepest = 0
    for letter in _STRINGS.sub(b"", body):
        if letter in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif letter in b"]}":
            depth -= 1
    return deepest
