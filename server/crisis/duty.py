"""When somebody is on duty, and what may therefore be promised. Pure: windows and an instant in, instants out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from server.clock import day_bounds, local, local_day
from server.risk.grades import Grade

# First contact by grade, counted from the first minute on duty; the same day for minors. Defaults of the service.
CONTACT_WITHIN = {
    Grade.HIGH: timedelta(minutes=30),
    Grade.SERIOUS: timedelta(hours=24),
    Grade.GENERAL: timedelta(days=3),
    Grade.NONE: timedelta(days=3),
}
# A colleague who has just come needs this long to read the alert and to call.
LEAST_DUTY = timedelta(minutes=30)
_LOOK_AHEAD_DAYS = 14


@dataclass(frozen=True, slots=True)
class Window:
    weekday: int
    opens_minute: int
    closes_minute: int
    valid_from: date
    valid_until: date | None


@dataclass(frozen=True, slots=True)
class Duty:
    """Who can be reached: on duty now until `until`, or from `next_from` on; neither when no hours are known."""

    is_on_now: bool
    until: datetime | None
    next_from: datetime | None


def duty_at(windows: Sequence[Window], now: datetime) -> Duty:
    spans = _spans(windows, now)
    current = next((span for span in spans if span[0] <= now < span[1]), None)
    if current:
        return Duty(True, current[1], None)
    following = next((span for span in spans if span[0] > now), None)
    return Duty(False, None, following[0] if following else None)


def promised_by(windows: Sequence[Window], *, grade: Grade, is_minor: bool, now: datetime) -> datetime | None:
    """The time by which somebody on duty will have called; None when no hours are known: then nothing is promised.

    It always lies within (or at the end of) a duty window: nobody calls in an hour without anybody on duty. A minor is
    called on the day on which somebody is there first. Where a window is about to close, the promise reaches into the
    next one: two minutes before the end nobody can promise a call within two minutes.
    """
    spans = [(max(start, now), end) for start, end in _spans(windows, now) if end > now]
    if not spans:
        return None
    begins = spans[0][0]
    wanted = begins + CONTACT_WITHIN[grade]
    if is_minor:
        wanted = min(wanted, day_bounds(local_day(begins))[1])
    return max(_last_duty_before(spans, wanted), _after_duty_of(spans, LEAST_DUTY))


def _last_duty_before(spans: Sequence[tuple[datetime, datetime]], instant: datetime) -> datetime:
    """The instant itself where somebody is on duty then, else the end of the duty before it."""
    return max(min(end, instant) for start, end in spans if start < instant)


def _after_duty_of(spans: Sequence[tuple[datetime, datetime]], length: timedelta) -> datetime:
    """When so much time on duty has passed; the end of the known roster when there is less."""
    for start, end in spans:
        if end - start >= length:
            return start + length
        length -= end - start
    return spans[-1][1]


def _spans(windows: Sequence[Window], now: datetime) -> list[tuple[datetime, datetime]]:
    """Concrete [start, end) spans around now, joined where they touch (a roster over midnight is two rows)."""
    spans = []
    for offset in range(-1, _LOOK_AHEAD_DAYS):
        day = local(now).date() + timedelta(days=offset)
        start_of_day = day_bounds(day)[0]
        spans += [
            (
                start_of_day + timedelta(minutes=window.opens_minute),
                start_of_day + timedelta(minutes=window.closes_minute),
            )
            for window in windows
            if window.weekday == day.weekday()
            and window.valid_from <= day
            and (window.valid_until is None or day < window.valid_until)
        ]
    joined: list[tuple[datetime, datetime]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
