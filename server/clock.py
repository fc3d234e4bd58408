"""Time: instants are aware UTC, calendar days and opening hours are Asia/Shanghai.

Services get `now` as an argument; only edges and jobs read the clock here, so that tests need no patched time.
"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")


def utc_now() -> datetime:
    return datetime.now(UTC)


def local(instant: datetime) -> datetime:
    """The instant on a Shanghai wall clock. Naive values are refused: they have no meaning here."""
    if instant.tzinfo is None:
        raise ValueError("a naive datetime has no place on the clock")
    return instant.astimezone(SHANGHAI)


def local_day(instant: datetime) -> date:
    return local(instant).date()


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """The UTC range [start, end) of one Shanghai calendar day."""
    start = datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)
    following = day + timedelta(days=1)
    end = datetime(following.year, following.month, following.day, tzinfo=SHANGHAI)
    return start.astimezone(UTC), end.astimezone(UTC)
