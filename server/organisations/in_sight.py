"""Whether there is a place to walk into, as this process saw it last.

For the residents' first page and the help page, which ask the store for nothing: they must stand when all else is down.
What they show is as old as the last look, and the look is taken after their answer has gone out.
"""

from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from server.db import Database
from server.errors import Unavailable
from server.organisations.service_points import is_any_open

_LASTS = timedelta(minutes=1)


class PlacesInSight:
    """Of one process; threads may look at once, and what the last one saw stands."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen_at: datetime | None = None
        self.is_any = False

    def is_stale(self, now: datetime) -> bool:
        return self._seen_at is None or now - self._seen_at >= _LASTS

    def note(self, is_any: bool, now: datetime) -> None:
        """What somebody saw on the way."""
        self.is_any, self._seen_at = is_any, now

    def look(self, now: datetime) -> None:
        """Never raises for a store that is away: what was seen before stands."""
        self._seen_at = now  # first: of many pages at once, one looks
        try:
            self.is_any = self._database.read(is_any_open)
        except (Unavailable, SQLAlchemyError):
            return
