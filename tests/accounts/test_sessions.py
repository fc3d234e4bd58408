"""A session ends by itself, at a word, and with its owner; only a hash of its token is kept."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from server.accounts.staff import (
    create_staff,
    end_session,
    find_by_session,
    open_session,
    purge_sessions,
    touch_session,
    wants_touch,
)
from server.accounts.staff_models import SessionKind, StaffMember, StaffSession
from server.vault import token_hash
from tests import canaries
from tests.conftest import NOW

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SCREEN, BELL = SessionKind.SCREEN, SessionKind.BELL


@pytest.fixture
def member(session: Session) -> StaffMember:
    return create_staff(
        session, login_name="chen.duty", display_name=canaries.NAME, password=canaries.PASSWORD, now=NOW
    )


@pytest.fixture
def token(session: Session, member: StaffMember) -> str:
    return open_session(session, member=member, kind=SCREEN, now=NOW)


def is_open(session: Session, token: str, after: timedelta, kind: SessionKind = SCREEN) -> bool:
    return find_by_session(session, token=token, kind=kind, now=NOW + after) is not None


def test_a_screen_that_nobody_touches_locks_after_fifteen_minutes(session: Session, token: str) -> None:
    assert is_open(session, token, 15 * MINUTE)
    assert not is_open(session, token, 15 * MINUTE + timedelta(microseconds=1))


def test_a_poll_keeps_no_screen_open(session: Session, token: str) -> None:
    """Looking the session up is all that a poll does."""
    for minute in range(16):
        assert is_open(session, token, minute * MINUTE)

    assert not is_open(session, token, 16 * MINUTE)


def test_whoever_does_something_keeps_their_screen_open(session: Session, token: str) -> None:
    for minute in range(10, 60, 10):
        touch_session(session, token=token, now=NOW + minute * MINUTE)

    assert is_open(session, token, 65 * MINUTE)
    assert not is_open(session, token, 66 * MINUTE)


def test_no_screen_stays_open_longer_than_twelve_hours(session: Session, token: str) -> None:
    for minute in range(0, 13 * 60, 10):
        touch_session(session, token=token, now=NOW + minute * MINUTE)

    assert is_open(session, token, 12 * HOUR)
    assert not is_open(session, token, 12 * HOUR + MINUTE)


def test_a_bell_rings_through_a_night_shift_untouched_and_no_longer(session: Session, member: StaffMember) -> None:
    bell = open_session(session, member=member, kind=BELL, now=NOW)

    assert is_open(session, bell, 14 * HOUR, BELL)
    assert not is_open(session, bell, 14 * HOUR + MINUTE, BELL)


def test_a_bell_opens_no_screen_and_a_screen_rings_no_bell(session: Session, member: StaffMember, token: str) -> None:
    bell = open_session(session, member=member, kind=BELL, now=NOW)

    assert not is_open(session, bell, MINUTE)
    assert not is_open(session, token, MINUTE, BELL)


def test_a_session_that_was_ended_is_over_and_cannot_be_touched_back(session: Session, token: str) -> None:
    end_session(session, token=token, now=NOW + MINUTE)
    touch_session(session, token=token, now=NOW + 2 * MINUTE)

    assert not is_open(session, token, 2 * MINUTE)


def test_ending_one_session_leaves_the_others_open(session: Session, member: StaffMember, token: str) -> None:
    phone = open_session(session, member=member, kind=SCREEN, now=NOW)
    end_session(session, token=token, now=NOW)

    assert is_open(session, phone, MINUTE)


def test_whoever_is_switched_off_is_out_at_once(session: Session, member: StaffMember, token: str) -> None:
    bell = open_session(session, member=member, kind=BELL, now=NOW)
    member.is_active = False
    session.flush()

    assert not is_open(session, token, MINUTE)
    assert not is_open(session, bell, MINUTE, BELL)


@pytest.mark.parametrize("strange", ["", "x", "汉", "x" * 5000, "\x00", "\ud83d"])
def test_an_unknown_token_opens_nothing(session: Session, token: str, strange: str) -> None:
    assert not is_open(session, strange, MINUTE)
    assert not is_open(session, token.swapcase(), MINUTE)


def test_the_table_holds_the_hash_of_a_token_and_not_the_token(session: Session, token: str) -> None:
    row = session.execute(sa.select(StaffSession.__table__)).one()

    assert row.token_hash == token_hash(token)
    assert token not in repr(tuple(row))


def test_reading_a_session_every_few_seconds_does_not_write_every_few_seconds(session: Session, token: str) -> None:
    wanted = [wants_touch(session, token=token, now=NOW + timedelta(seconds=second)) for second in (0, 30, 31)]

    touch_session(session, token=token, now=NOW + timedelta(seconds=31))

    assert wanted == [False, False, True]
    assert not wants_touch(session, token=token, now=NOW + timedelta(seconds=61))
    assert not wants_touch(session, token="unknown", now=NOW + HOUR)


def test_rows_that_are_of_no_use_any_more_are_purged_and_no_other(session: Session, member: StaffMember) -> None:
    old = open_session(session, member=member, kind=BELL, now=NOW - 38 * HOUR - MINUTE)
    young = open_session(session, member=member, kind=BELL, now=NOW - 13 * HOUR)

    purge_sessions(session, NOW)

    left = session.scalars(sa.select(StaffSession.token_hash)).all()
    assert left == [token_hash(young)]
    assert token_hash(old) not in left
    assert find_by_session(session, token=young, kind=BELL, now=NOW) is not None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(gaps=st.lists(st.integers(1, 30), max_size=40))
def test_a_screen_is_open_only_while_every_pause_was_short_and_the_day_is_not_over(
    session: Session, member: StaffMember, gaps: list[int]
) -> None:
    token, minute, alive = open_session(session, member=member, kind=SCREEN, now=NOW), 0, True
    for gap in gaps:
        minute += gap
        alive = alive and gap <= 15 and minute <= 12 * 60

        assert is_open(session, token, minute * MINUTE) == alive
        if alive:  # the edge touches only what it has found
            touch_session(session, token=token, now=NOW + minute * MINUTE)
