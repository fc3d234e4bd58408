"""The store as whoever is asking may see it. Console pages use nothing else; a test holds them to it."""

from collections.abc import Callable
from typing import TypeVar

from flask import g
from sqlalchemy.orm import Session

from server.accounts import throttle
from server.accounts.scope import seen_by
from server.accounts.throttle import WrongSecret
from server.blueprints.requests import parts
from server.clock import utc_now

T = TypeVar("T")


def read(work: Callable[[Session], T]) -> T:
    """Run `work` within the asker's scope under the permission that the page's guard names."""
    return parts().database.read(_narrowed(work))


def write(work: Callable[[Session], T]) -> T:
    return parts().database.write(_narrowed(work))


def write_counting(work: Callable[[Session], T], *, what: str, key: str) -> T:
    """`write` for what checks a secret: a wrong one is counted in a transaction of its own, for the refused one rolls back."""
    try:
        return write(work)
    except WrongSecret:
        parts().database.write(lambda session: throttle.count_failure(session, what=what, key=key, now=utc_now()))
        raise


def _narrowed(work: Callable[[Session], T]) -> Callable[[Session], T]:
    def narrowed(session: Session) -> T:
        with seen_by(session, g.staff, g.permission):
            return work(session)

    return narrowed
