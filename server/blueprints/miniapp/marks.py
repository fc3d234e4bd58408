"""What a handler says of itself, for the guard and for the document alike."""

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def refuses(*statuses: int) -> Callable[[F], F]:
    """Refusals of this handler beyond those that its method and its guard bring along."""

    def decorate(handler: F) -> F:
        handler.refuses = statuses  # type: ignore[attr-defined]
        return handler

    return decorate


def public_content(handler: F) -> F:
    """The same for everybody, with an ETag."""
    handler.is_public_content = True  # type: ignore[attr-defined]
    return handler


def refusals_of(handler: Any) -> tuple[int, ...]:
    return tuple(getattr(handler, "refuses", ()))


def is_signed_in(handler: Any) -> bool:
    return getattr(handler, "guarded_by", None) == RESIDENT


def is_public_content(handler: Any) -> bool:
    return bool(getattr(handler, "is_public_content", False))


# What stands as `guarded_by` on a route that asks for a resident's access token.
RESIDENT = "resident_of_the_mini_program"
