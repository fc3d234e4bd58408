"""Slowing down guesses at a secret, counted in database rows so that all processes share the count.

The wait doubles from the fifth wrong try on and never passes MAX_WAIT: a duty officer is never locked out for good, and
nobody else can keep them out for longer than that either.
"""

import math
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.accounts.models import Throttle
from server.db import vault_of
from server.errors import Refused

_FREE_TRIES = 5
_FIRST_WAIT = timedelta(seconds=2)
MAX_WAIT = timedelta(seconds=60)
_FORGET_AFTER = timedelta(hours=1)


class WrongSecret(Refused):
    """A password or a code that does not fit. Whoever catches it at the edge counts it."""

    code = "accounts.wrong_secret"


class TooManyTries(Refused):
    code = "accounts.too_many_tries"


def check(session: Session, *, what: str, key: str, now: datetime) -> None:
    """Raises TooManyTries with `seconds` to wait."""
    row = session.get(Throttle, _index(session, what, key))
    if row is not None and row.blocked_until is not None and row.blocked_until > now:
        raise TooManyTries(seconds=math.ceil((row.blocked_until - now).total_seconds()))


def count_failure(session: Session, *, what: str, key: str, now: datetime) -> None:
    """Call in a transaction of its own: the refused one rolls back."""
    index = _index(session, what, key)
    row = session.get(Throttle, index, with_for_update=True)
    if row is None:
        try:
            with session.begin_nested():
                session.add(Throttle(key_index=index, failures=1, last_failed_at=now, blocked_until=None))
            return
        except IntegrityError:
            row = session.get_one(Throttle, index, with_for_update=True)
    row.failures = 1 if now - row.last_failed_at > _FORGET_AFTER else row.failures + 1
    row.last_failed_at = now
    beyond = row.failures - _FREE_TRIES
    row.blocked_until = now + min(_FIRST_WAIT * 2 ** min(beyond, 10), MAX_WAIT) if beyond >= 0 else None


def forget(session: Session, *, what: str, key: str) -> None:
    session.execute(sa.delete(Throttle).where(Throttle.key_index == _index(session, what, key)))


def purge(session: Session, now: datetime) -> None:
    session.execute(sa.delete(Throttle).where(Throttle.last_failed_at < now - _FORGET_AFTER))


def _index(session: Session, what: str, key: str) -> bytes:
    return vault_of(session).blind_index(f"throttles:{what}", key)
