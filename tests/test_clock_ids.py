"""Days begin at midnight in Shanghai; ids are random, and what is printed can be read out."""

import string
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.clock import SHANGHAI, day_bounds, local, local_day, utc_now
from server.ids import (
    PRINTED_CODE_LENGTH,
    PUBLIC_ID_LENGTH,
    is_printed_code,
    new_printed_code,
    new_public_id,
    new_token,
)

NAIVE = datetime(2026, 11, 23, 12, 0)  # noqa: DTZ001 - that is the point
days = st.dates(min_value=date(1992, 1, 1), max_value=date(2200, 1, 1))  # from the last summer time of China on
instants = st.datetimes(
    min_value=datetime(1992, 1, 2),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2199, 12, 31),  # noqa: DTZ001
    timezones=st.integers(-720, 840).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)

# --- the clock ----------------------------------------------------------------------------------------------------


def test_the_clock_tells_utc() -> None:
    before = datetime.now(UTC)
    now = utc_now()

    assert now.tzinfo is UTC
    assert before <= now <= datetime.now(UTC)


def test_noon_in_shanghai_is_four_in_utc() -> None:
    assert local(datetime(2026, 11, 23, 4, 0, tzinfo=UTC)).strftime("%d %H:%M") == "23 12:00"


@pytest.mark.parametrize("function", [local, local_day])
def test_a_naive_instant_has_no_place_on_the_clock(function: object) -> None:
    assert callable(function)
    with pytest.raises(ValueError, match="naive"):
        function(NAIVE)


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        (datetime(2026, 11, 22, 15, 59, 59, 999999, tzinfo=UTC), date(2026, 11, 22)),
        (datetime(2026, 11, 22, 16, 0, tzinfo=UTC), date(2026, 11, 23)),
        (datetime(2026, 12, 31, 16, 0, tzinfo=UTC), date(2027, 1, 1)),
        (datetime(2028, 2, 28, 16, 0, tzinfo=UTC), date(2028, 2, 29)),
    ],
)
def test_the_day_changes_at_midnight_in_shanghai(instant: datetime, day: date) -> None:
    assert local_day(instant) == day


@given(instants)
def test_an_instant_keeps_its_place_in_time_on_any_wall_clock(instant: datetime) -> None:
    assert local(instant) == instant
    assert local(instant).tzinfo is SHANGHAI


@given(instants)
def test_every_instant_lies_within_the_bounds_of_its_day(instant: datetime) -> None:
    start, end = day_bounds(local_day(instant))

    assert start <= instant < end


@given(days)
def test_days_follow_each_other_without_gap_or_overlap(day: date) -> None:
    start, end = day_bounds(day)

    assert end - start == timedelta(hours=24)
    assert end == day_bounds(day + timedelta(days=1))[0]
    assert (start.tzinfo, end.tzinfo) == (UTC, UTC)
    assert (local_day(start), local_day(end)) == (day, day + timedelta(days=1))


# --- ids ----------------------------------------------------------------------------------------------------------


def test_a_public_id_fits_its_column_and_an_address() -> None:
    made = {new_public_id() for _ in range(500)}

    assert len(made) == 500
    assert {len(public_id) for public_id in made} == {PUBLIC_ID_LENGTH}
    assert set("".join(made)) <= set(string.ascii_letters + string.digits + "-_")


def test_a_token_carries_256_bits() -> None:
    made = {new_token() for _ in range(500)}

    assert len(made) == 500
    assert {len(token) for token in made} == {43}  # 32 bytes in base64url


def test_ids_do_not_tell_which_came_first() -> None:
    """Sorted by their value they are not in the order in which they were made."""
    made = [new_public_id() for _ in range(100)]

    assert made not in (sorted(made), sorted(made, reverse=True))


def test_a_printed_code_has_no_letter_that_looks_like_another() -> None:
    made = {new_printed_code() for _ in range(2000)}

    assert len(made) == 2000
    assert {len(code) for code in made} == {PRINTED_CODE_LENGTH}
    used = set("".join(made))
    assert not used & set("01loiIO" + string.ascii_uppercase)
    assert len(used) == 31, "every letter of the alphabet is used"


def test_what_is_printed_is_known_as_a_code() -> None:
    assert all(is_printed_code(new_printed_code()) for _ in range(200))


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "2345678",
        "23456789abc",
        "23456789aB",
        "23456789a0",
        "23456789a ",
        "23456789a\n",
        "二三四五六七八九十十",
        "２３４５６７８９ab",
    ],
)
def test_what_is_no_code_is_not_taken_for_one(typed: str) -> None:
    assert not is_printed_code(typed)


@given(st.text(max_size=12))
def test_only_the_printed_alphabet_makes_a_code(typed: str) -> None:
    assert is_printed_code(typed) == (len(typed) == 10 and set(typed) <= set("23456789abcdefghjkmnpqrstuvwxyz"))
