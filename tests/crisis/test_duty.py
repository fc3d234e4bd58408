"""Who is on duty, and what may be promised: no promise into an hour in which nobody is there."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from server.clock import SHANGHAI, local_day
from server.crisis.duty import CONTACT_WITHIN, LEAST_DUTY, Window, duty_at, promised_by
from server.risk.grades import Grade

LONG_AGO = date(2026, 1, 1)
MONDAY = date(2026, 11, 23)


def _at(text: str, day: date = MONDAY) -> datetime:
    hours, minutes = map(int, text.split(":"))
    return datetime(day.year, day.month, day.day, hours, minutes, tzinfo=SHANGHAI).astimezone(UTC)


def _window(weekday: int, opens: str, closes: str, **dates) -> Window:
    def minutes(text):
        hours, rest = text.split(":")
        return int(hours) * 60 + int(rest)

    return Window(weekday, minutes(opens), minutes(closes), dates.get("valid_from", LONG_AGO), dates.get("valid_until"))


def _daily(opens: str, closes: str) -> list[Window]:
    return [_window(day, opens, closes) for day in range(7)]


WORKING_DAYS = [_window(day, "8:30", "17:30") for day in range(5)]
OVER_NIGHT = [*_daily("20:00", "24:00"), *_daily("0:00", "6:00")]
ROUND_THE_CLOCK = _daily("0:00", "24:00")


# --- on duty now --------------------------------------------------------------------------------------------------------


def test_somebody_is_on_duty_from_the_first_minute_to_before_the_last():
    assert not duty_at(WORKING_DAYS, _at("8:29")).is_on_now
    assert duty_at(WORKING_DAYS, _at("8:30")).is_on_now
    assert duty_at(WORKING_DAYS, _at("17:29")).is_on_now
    assert not duty_at(WORKING_DAYS, _at("17:30")).is_on_now


def test_on_duty_says_until_when_and_off_duty_says_from_when():
    assert duty_at(WORKING_DAYS, _at("12:00")).until == _at("17:30")
    assert duty_at(WORKING_DAYS, _at("18:00")).next_from == _at("8:30", date(2026, 11, 24))


def test_a_night_watch_of_two_rows_is_one_duty():
    assert duty_at(OVER_NIGHT, _at("23:00")).until == _at("6:00", date(2026, 11, 24))
    assert duty_at(OVER_NIGHT, _at("0:30")).until == _at("6:00")


def test_after_friday_comes_monday():
    friday = date(2026, 11, 27)

    assert duty_at(WORKING_DAYS, _at("18:00", friday)).next_from == _at("8:30", date(2026, 11, 30))


def test_without_windows_nobody_is_known():
    found = duty_at([], _at("12:00"))

    assert (found.is_on_now, found.until, found.next_from) == (False, None, None)


def test_a_window_counts_from_its_first_day_to_before_its_last():
    window = [_window(0, "8:00", "9:00", valid_from=MONDAY, valid_until=MONDAY + timedelta(days=7))]

    assert duty_at(window, _at("8:30")).is_on_now
    assert not duty_at(window, _at("8:30", MONDAY - timedelta(days=7))).is_on_now
    assert not duty_at(window, _at("8:30", MONDAY + timedelta(days=7))).is_on_now


# --- what may be promised -----------------------------------------------------------------------------------------------


def test_without_duty_hours_nothing_is_promised():
    assert promised_by([], grade=Grade.HIGH, is_minor=True, now=_at("12:00")) is None
    ended = [_window(0, "8:00", "9:00", valid_until=MONDAY)]
    assert promised_by(ended, grade=Grade.HIGH, is_minor=False, now=_at("8:30")) is None


def test_a_serious_sign_is_promised_a_call_within_a_day():
    assert promised_by(ROUND_THE_CLOCK, grade=Grade.SERIOUS, is_minor=False, now=_at("12:00")) == _at(
        "12:00", date(2026, 11, 24)
    )


def test_danger_now_is_promised_a_call_within_half_an_hour():
    assert promised_by(WORKING_DAYS, grade=Grade.HIGH, is_minor=False, now=_at("12:00")) == _at("12:30")


def test_a_day_that_ends_after_hours_is_promised_the_end_of_the_duty_before():
    now = _at("17:00")
    windows = [_window(0, "8:00", "18:00"), _window(1, "8:00", "12:00")]

    assert promised_by(windows, grade=Grade.SERIOUS, is_minor=False, now=now) == _at("12:00", date(2026, 11, 24))


def test_the_day_begins_with_the_first_minute_on_duty():
    """On Friday evening nobody is there before Monday: the promise counts from then."""
    friday_evening = _at("20:00", date(2026, 11, 27))

    assert promised_by(WORKING_DAYS, grade=Grade.SERIOUS, is_minor=False, now=friday_evening) == _at(
        "17:30", date(2026, 11, 30)
    )


def test_a_minor_is_promised_the_day_on_which_somebody_is_there():
    assert promised_by(_daily("8:00", "22:00"), grade=Grade.SERIOUS, is_minor=True, now=_at("12:00")) == _at("22:00")
    assert promised_by(_daily("8:00", "22:00"), grade=Grade.GENERAL, is_minor=True, now=_at("23:00")) == _at(
        "22:00", date(2026, 11, 24)
    )
    assert promised_by(ROUND_THE_CLOCK, grade=Grade.SERIOUS, is_minor=True, now=_at("12:00")) == _at(
        "0:00", date(2026, 11, 24)
    )


def test_nobody_is_promised_a_call_within_two_minutes_because_the_duty_is_about_to_end():
    now = _at("21:58")

    assert promised_by(_daily("8:00", "22:00"), grade=Grade.HIGH, is_minor=False, now=now) == _at(
        "8:28", date(2026, 11, 24)
    )
    assert promised_by(_daily("8:00", "22:00"), grade=Grade.SERIOUS, is_minor=True, now=now) == _at(
        "8:28", date(2026, 11, 24)
    )


@st.composite
def rosters(draw):
    """Windows as an administrator could enter them: gaps, overlaps, night watches, dated ones, none at all."""
    windows = []
    for _ in range(draw(st.integers(0, 8))):
        opens = draw(st.integers(0, 1439))
        closes = draw(st.integers(opens + 1, 1440))
        valid_from = MONDAY + timedelta(days=draw(st.integers(-30, 20)))
        valid_until = draw(st.none() | st.integers(1, 40).map(lambda days, start=valid_from: start + timedelta(days)))
        windows.append(Window(draw(st.integers(0, 6)), opens, closes, valid_from, valid_until))
    return windows


INSTANTS = st.integers(0, 14 * 24 * 60).map(lambda minutes: _at("0:00") + timedelta(minutes=minutes))


def _is_duty(windows, instant: datetime) -> bool:
    """Written anew and plainly: is somebody there in this minute?"""
    there = instant.astimezone(SHANGHAI)
    minute = there.hour * 60 + there.minute
    return any(
        window.weekday == there.weekday()
        and window.opens_minute <= minute < window.closes_minute
        and window.valid_from <= there.date()
        and (window.valid_until is None or there.date() < window.valid_until)
        for window in windows
    )


@given(windows=rosters(), grade=st.sampled_from(Grade), is_minor=st.booleans(), now=INSTANTS)
def test_a_promise_never_lies_outside_duty(windows, grade, is_minor, now):
    promise = promised_by(windows, grade=grade, is_minor=is_minor, now=now)
    found = duty_at(windows, now)
    if promise is None:
        assert not found.is_on_now
        assert found.next_from is None
        return
    assert promise > now
    assert _is_duty(windows, promise - timedelta(minutes=1)), "somebody is there in the last minute before it"


@given(windows=rosters(), grade=st.sampled_from(Grade), is_minor=st.booleans(), now=INSTANTS)
def test_a_promise_is_as_near_as_the_rule_asks_unless_there_is_too_little_duty(windows, grade, is_minor, now):
    promise = promised_by(windows, grade=grade, is_minor=is_minor, now=now)
    if promise is None:
        return
    begins = now if _is_duty(windows, now) else duty_at(windows, now).next_from
    duty_until_then = sum(
        _is_duty(windows, now + timedelta(minutes=minute))
        for minute in range(int((promise - now).total_seconds() // 60))
    )
    limit = begins + CONTACT_WITHIN[grade]
    same_day = local_day(promise - timedelta(minutes=1)) == local_day(begins)
    is_near = promise <= limit and (same_day or not is_minor)
    assert is_near or duty_until_then <= LEAST_DUTY.total_seconds() / 60


@given(windows=rosters(), now=INSTANTS)
def test_more_danger_is_never_promised_a_later_call(windows, now):
    by = [promised_by(windows, grade=grade, is_minor=False, now=now) for grade in Grade]
    if by[0] is not None:
        assert by == sorted(by, reverse=True)


@given(windows=rosters(), now=INSTANTS)
def test_on_duty_now_agrees_with_the_roster_minute_by_minute(windows, now):
    found = duty_at(windows, now)

    assert found.is_on_now == _is_duty(windows, now)
    if found.is_on_now:
        assert _is_duty(windows, found.until - timedelta(minutes=1))
    elif found.next_from:
        assert _is_duty(windows, found.next_from)
        assert not _is_duty(windows, found.next_from - timedelta(minutes=1))
