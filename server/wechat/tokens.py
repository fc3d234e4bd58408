"""The access token of one app id: a sealed row that all processes share, and one refresher at a time.

Whoever finds the token old takes a lease in the row with a compare-and-set, in a transaction that ends before WeChat is
called; a refresher that was killed loses its lease by time. Nobody waits while the old token still works. WeChat doc:
getStableAccessToken, whose normal mode repeats the current token and whose forced mode kills it.
"""

import copy
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.clock import local_day, utc_now
from server.db import Database, vault_of
from server.errors import Unavailable
from server.logs import log
from server.vault import CannotOpen, Place
from server.wechat.api_errors import Act, Unreachable, WeChatError
from server.wechat.models import AccessToken

TOKEN_API = "cgi-bin/stable_token"  # noqa: S105 - a path
REFRESH_EARLY = timedelta(minutes=5)
# Longer than one token call may take, so that only a refresher which is gone loses its lease.
LEASE = timedelta(seconds=15)
# Longer than a lease: a refresher that was killed costs the others time, but no error.
WAIT_SECONDS = 16.0
FORCED_A_DAY = 20
BETWEEN_FORCED = timedelta(seconds=30)

# An old token that WeChat has just repeated is not asked about again at once: clocks differ by seconds.
_ASK_AGAIN_AFTER = timedelta(seconds=10)
# What WeChat refused a human must mend; what failed on the way may be well again soon.
_REST_WHEN_REFUSED = timedelta(seconds=60)
_REST_WHEN_FAILED = timedelta(seconds=2)
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.05, 0.5


@dataclass(frozen=True, slots=True)
class Issued:
    """A token as WeChat hands it out, with the time that it has left."""

    token: str = field(repr=False)
    expires_in_seconds: int


# Asks WeChat for the token, forced or not. Raises WeChatError.
Fetch = Callable[[bool], Issued]


@dataclass(frozen=True, slots=True)
class _Held:
    """The row as one look found it; `sealed` is what the compare-and-set compares."""

    is_there: bool = False
    sealed: bytes | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    fetched_at: datetime | None = None
    expires_at: datetime | None = None
    leased_until: datetime | None = None

    def usable(self, now: datetime, bad: str | None) -> str | None:
        if self.token is None or self.token == bad or self.expires_at is None or self.expires_at <= now:
            return None
        return self.token

    def is_due(self, now: datetime) -> bool:
        """Is it time for the next one?"""
        if self.expires_at is None or self.fetched_at is None or self.expires_at <= now:
            return True
        return self.expires_at - now <= REFRESH_EARLY and now - self.fetched_at > _ASK_AGAIN_AFTER

    def is_leased(self, now: datetime) -> bool:
        return self.leased_until is not None and self.leased_until > now


class TokenStore:
    """Gives out the token and sees that it is renewed once. Thread-safe; no transaction is open while `fetch` runs."""

    def __init__(
        self,
        database: Database,
        app_id: str,
        *,
        clock: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], None] = time.sleep,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self._database = database
        self._app_id = app_id
        self._clock = clock
        self._sleep = sleep
        self._wait_seconds = wait_seconds
        self._failure: tuple[WeChatError, datetime] | None = None

    def get(self, fetch: Fetch) -> str:
        """The token to send. Raises WeChatError when none works and none can be had, Unavailable without a database."""
        token = self._obtain(fetch, bad=None)
        if token is None:
            raise AssertionError("only a refused token can end without a new one")
        return token

    def replace(self, bad: str, fetch: Fetch) -> str | None:
        """Another token than the one that WeChat refused: one that somebody has fetched meanwhile, or a new one.

        When WeChat hands out the refused one again, a new one is forced; None when the ration for that is used up.
        """
        return self._obtain(fetch, bad=bad)

    def _obtain(self, fetch: Fetch, bad: str | None) -> str | None:
        give_up_at = time.monotonic() + self._wait_seconds
        pause = _FIRST_PAUSE_SECONDS
        while True:
            now = self._clock()
            held = self._database.read(self._look)
            usable = held.usable(now, bad)
            if usable is not None and (not held.is_due(now) or held.is_leased(now)):
                return usable
            resting = self._failure_at(now)
            if resting is not None:
                if usable is not None:
                    return usable
                raise resting
            owner = secrets.token_hex(16)
            if not held.is_leased(now) and self._take_lease(owner, held, now):
                return self._refresh(owner, fetch, bad, usable)
            if time.monotonic() >= give_up_at:
                raise Unreachable(TOKEN_API, "leased")
            self._sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)

    def _refresh(self, owner: str, fetch: Fetch, bad: str | None, usable: str | None) -> str | None:
        failure: WeChatError | None = None
        try:
            return self._renew(owner, fetch, bad)
        except WeChatError as error:
            failure = error
        finally:
            self._release_lease(owner)
        is_long = failure.act is Act.ALERT or failure.rest_seconds > 0
        rest = _REST_WHEN_REFUSED if is_long else _REST_WHEN_FAILED
        self._failure = (failure, self._clock() + rest)
        if usable is None:
            raise failure
        return usable  # it still works for some minutes; the next caller tries again

    def _renew(self, owner: str, fetch: Fetch, bad: str | None) -> str | None:
        asked_at = self._clock()
        issued = fetch(False)
        if issued.token == bad:
            # WeChat refuses this token and hands it out all the same.
            asked_at = self._clock()
            if not self._take_forced(owner, asked_at):
                log.warning("wechat.token_force_rationed", api=TOKEN_API)
                return None
            issued = fetch(True)
        self._keep(owner, issued, asked_at)
        self._failure = None
        return issued.token

    def _failure_at(self, now: datetime) -> WeChatError | None:
        """What the last attempt of this process ended with, for as long as another would be too soon."""
        if self._failure is None or self._failure[1] <= now:
            return None
        return copy.copy(self._failure[0])  # one exception raised by many threads would gather their frames

    # --- the row: each function is one short transaction ---------------------------------------------------------

    def _look(self, session: Session) -> _Held:
        row = session.get(AccessToken, self._app_id)
        if row is None:
            return _Held()
        token = None
        if row.token_sealed is not None:
            with suppress(CannotOpen):  # sealed under a key that is gone: as good as none
                token = vault_of(session).open_text(row.token_sealed, self._place)
        return _Held(True, row.token_sealed, token, row.fetched_at, row.expires_at, row.leased_until)

    def _take_lease(self, owner: str, seen: _Held, now: datetime) -> bool:
        """Take the lease of the row as it was seen; False when it is another by now, or somebody was faster."""

        def work(session: Session) -> bool:
            if seen.is_there:
                is_free = sa.or_(AccessToken.leased_until.is_(None), AccessToken.leased_until <= now)
                is_as_seen = AccessToken.token_sealed.is_not_distinct_from(seen.sealed)
                taking = sa.update(AccessToken).where(AccessToken.app_id == self._app_id, is_free, is_as_seen)
                return _changed(session, taking.values(leased_by=owner, leased_until=now + LEASE))
            row = AccessToken(app_id=self._app_id, leased_by=owner, leased_until=now + LEASE, forced_count=0)
            try:
                with session.begin_nested():
                    session.add(row)
            except IntegrityError:
                return False
            return True

        return self._database.write(work)

    def _release_lease(self, owner: str) -> None:
        """Harmless when it is no longer ours."""
        freeing = self._leased_by(owner).values(leased_by=None, leased_until=None)
        with suppress(Unavailable):  # it ends by time, and what came before counts more than this
            self._database.write(lambda session: _changed(session, freeing))

    def _take_forced(self, owner: str, now: datetime) -> bool:
        """Count one forced refresh before it is asked for: one whose answer is lost was one too."""

        def work(session: Session) -> bool:
            mine = sa.select(AccessToken).where(AccessToken.app_id == self._app_id, AccessToken.leased_by == owner)
            row = session.scalar(mine.with_for_update())
            if row is None:
                return False  # we were too slow, and somebody else is at it
            is_today = row.forced_at is not None and local_day(row.forced_at) == local_day(now)
            used = row.forced_count if is_today else 0
            if used >= FORCED_A_DAY or (row.forced_at is not None and now - row.forced_at < BETWEEN_FORCED):
                return False
            row.forced_at, row.forced_count = now, used + 1
            row.leased_until = now + LEASE
            return True

        return self._database.write(work)

    def _keep(self, owner: str, issued: Issued, asked_at: datetime) -> None:
        """Store it and give the lease back in one step. Nothing is stored by somebody whose lease was taken over."""

        def work(session: Session) -> bool:
            keeping = self._leased_by(owner).values(
                token_sealed=vault_of(session).seal_text(issued.token, self._place),
                fetched_at=asked_at,
                expires_at=asked_at + timedelta(seconds=issued.expires_in_seconds),
                leased_by=None,
                leased_until=None,
            )
            return _changed(session, keeping)

        self._database.write(work)

    def _leased_by(self, owner: str) -> sa.Update:
        return sa.update(AccessToken).where(AccessToken.app_id == self._app_id, AccessToken.leased_by == owner)

    @property
    def _place(self) -> Place:
        return Place("wechat_access_tokens", self._app_id, "token")


def token_age_left(session: Session, *, app_id: str, now: datetime) -> timedelta | None:
    """How long the stored token still lives, negative when it is over; None while there is none."""
    row = session.get(AccessToken, app_id)
    if row is None or row.token_sealed is None or row.expires_at is None:
        return None
    return row.expires_at - now


def _changed(session: Session, statement: sa.Update) -> bool:
    return bool(getattr(session.execute(statement), "rowcount", 0))
