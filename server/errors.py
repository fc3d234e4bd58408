"""Faults that are facts of the domain: a stable code each, raised where they happen.

Edges give a fault its HTTP status and its Chinese sentence (`errors.<code>` in texts/zh_cn.toml); domains know neither.
Anything that is not a DomainError is a bug: logged with the request's id and answered as `internal`.
"""

from typing import ClassVar


class DomainError(Exception):
    """A refusal with a stable `code`; `facts` fill its text and never hold words or names of people."""

    code: ClassVar[str] = "internal"

    def __init__(self, **facts: object) -> None:
        super().__init__(self.code)
        self.facts = facts


class NotFound(DomainError):
    """There is no such record, or none that the asker may know of: the two must look alike."""

    code = "not_found"


class Refused(DomainError):
    """The asker is known and may not do this."""

    code = "refused"


class NotSignedIn(DomainError):
    """Nobody is known to ask: no token, or one that is over."""

    code = "not_signed_in"


class TooMany(DomainError):
    """The asker is too fast; `seconds` later it is served again."""

    code = "too_many"


class Invalid(DomainError):
    """What was sent cannot be understood or is out of range."""

    code = "invalid"


class Conflict(DomainError):
    """Somebody was faster, or the record has moved on."""

    code = "conflict"


class Unavailable(DomainError):
    """Our own store could not do it in time; repeating may help, and nothing was half done."""

    code = "unavailable"


class ConfigurationError(Exception):
    """The start is refused; the message names everything that is wrong, one line each."""
