"""Instants and lengths of time are said as people say them, in Shanghai."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.texts.moments import say_length, say_when

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)  # a Monday in Shanghai


@pytest.mark.parametrize(
    ("instant", "words"),
    [
        (NOON, "今天 12:00"),
        (NOON.replace(hour=15, minute=59), "今天 23:59"),
        (NOON.replace(hour=16, minute=0), "明天 00:00"),
        (NOON - timedelta(hours=11), "今天 01:00"),
        (NOON - timedelta(days=1), "11月22日 周日 12:00"),
        (NOON + timedelta(days=2), "11月25日 周三 12:00"),
    ],
)
def test_an_instant_is_said_as_people_say_it(instant: datetime, words: str) -> None:
    assert say_when(instant, NOON) == words


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(seconds=-5), "不到 1 分钟"),
        (timedelta(seconds=59), "不到 1 分钟"),
        (timedelta(minutes=1), "1 分钟"),
        (timedelta(minutes=59, seconds=59), "59 分钟"),
        (timedelta(hours=2), "2 小时"),
        (timedelta(hours=2, minutes=5), "2 小时 5 分钟"),
        (timedelta(hours=23, minutes=59), "23 小时 59 分钟"),
        (timedelta(days=3, hours=7), "3 天"),
    ],
)
def test_a_length_is_said_in_its_two_largest_units(length: timedelta, words: str) -> None:
    assert say_length(length) == words


@given(st.timedeltas(min_value=timedelta(days=-1), max_value=timedelta(days=4000)))
def test_every_length_can_be_said(length: timedelta) -> None:
    assert say_length(length)
