"""Guesses at a secret become slow and never impossible; all processes share the count."""

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from server.accounts.models import Throttle
from server.accounts.throttle import MAX_WAIT, TooManyTries, check, count_failure, forget, purge
from server.db import Database, make_engine
from server.vault import Vault
from tests.conftest import NOW, run_together

SECOND = timedelta(seconds=1)


def fail(session: Session, times: int = 1, *, key: str = "chen", now: datetime = NOW) -> None:
    for _ in range(times):
        count_failure(session, what="sign_in", key=key, now=now)


def wait(session: Session, *, key: str = "chen", now: datetime = NOW) -> int:
    """The seconds that this person is told to wait; 0 when they may try."""
    try:
        check(session, what="sign_in", key=key, now=now)
    except TooManyTries as refusal:
        seconds = refusal.facts["seconds"]
        assert isinstance(seconds, int)
        return seconds
    return 0


def test_somebody_who_never_failed_may_try(session: Session) -> None:
    assert wait(session) == 0


def test_four_wrong_tries_cost_nothing_and_the_fifth_costs_two_seconds(session: Session) -> None:
    fail(session, 4)
    after_four = wait(session)
    fail(session)

    assert (after_four, wait(session)) == (0, 2)


def test_the_wait_doubles_up_to_a_minute_and_no_further(session: Session) -> None:
    fail(session, 4)
    waits = []
    for _ in range(12):
        fail(session)
        waits.append(wait(session))

    assert waits == [2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60, 60]


def test_after_the_wait_one_may_try_again(session: Session) -> None:
    fail(session, 5)

    assert wait(session, now=NOW + 1.999 * SECOND) == 1
    assert wait(session, now=NOW + 2 * SECOND) == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(failures=st.integers(0, 12), passed=st.floats(0, 70))
def test_whoever_waits_as_long_as_they_are_told_may_try(session: Session, failures: int, passed: float) -> None:
    forget(session, what="sign_in", key="chen")
    fail(session, failures)
    asked_at = NOW + passed * SECOND

    told = wait(session, now=asked_at)

    assert 0 <= told <= MAX_WAIT.total_seconds()
    assert wait(session, now=asked_at + told * SECOND) == 0


@pytest.mark.parametrize("times", [5, 100, 5000])
def test_nobody_is_locked_out_for_good(session: Session, times: int) -> None:
    fail(session)
    session.execute(sa.update(Throttle).values(failures=times))
    fail(session)

    assert 0 < wait(session) <= 60
    assert wait(session, now=NOW + MAX_WAIT) == 0


def test_a_success_forgets_all_wrong_tries(session: Session) -> None:
    fail(session, 9)
    forget(session, what="sign_in", key="chen")
    fail(session, 4)

    assert wait(session) == 0


def test_an_hour_without_a_wrong_try_forgets_them_too(session: Session) -> None:
    fail(session, 9)
    fail(session, 4, now=NOW + timedelta(hours=1, seconds=1))

    assert wait(session, now=NOW + timedelta(hours=1, seconds=1)) == 0


def test_wrong_tries_within_the_hour_add_up(session: Session) -> None:
    fail(session, 4)
    fail(session, now=NOW + timedelta(minutes=59))

    assert wait(session, now=NOW + timedelta(minutes=59)) == 2


def test_one_persons_wrong_tries_do_not_slow_another(session: Session) -> None:
    fail(session, 9, key="chen")

    assert wait(session, key="wang") == 0


def test_one_secret_does_not_slow_the_tries_at_another(session: Session) -> None:
    fail(session, 9)

    check(session, what="receipt", key="chen", now=NOW)


def test_a_key_that_no_column_could_hold_is_counted_all_the_same(session: Session) -> None:
    strange = "陈" * 500 + "\x00\ud83d"
    fail(session, 5, key=strange)

    assert wait(session, key=strange) == 2


def test_what_was_tried_does_not_stand_in_the_table(session: Session) -> None:
    fail(session, key="chen-with-a-name")
    session.flush()

    row = session.execute(sa.select(Throttle.__table__)).one()
    assert "chen-with-a-name" not in repr(tuple(row))


def test_a_refused_try_can_be_counted_after_its_own_transaction_was_taken_back(database: Database) -> None:
    def refused(session: Session) -> None:
        fail(session, 9)
        raise TooManyTries(seconds=1)

    with pytest.raises(TooManyTries):
        database.write(refused)

    assert database.read(wait) == 0
    database.write(lambda session: fail(session, 5))
    assert database.read(wait) == 2


def test_processes_share_the_count(database: Database, migrated_url: str, vault: Vault) -> None:
    another = Database(make_engine(migrated_url), vault)
    for number in range(5):
        [database, another][number % 2].write(fail)

    waits = [database.read(wait), another.read(wait)]
    another.write(lambda session: forget(session, what="sign_in", key="chen"))
    another.engine.dispose()

    assert waits == [2, 2]
    assert database.read(wait) == 0


def test_of_eight_wrong_tries_at_once_none_is_lost(database: Database) -> None:
    run_together(8, lambda _: database.write(fail))

    assert database.read(lambda session: session.scalars(sa.select(Throttle.failures)).one()) == 8


def test_rows_that_are_of_no_use_any_more_are_forgotten(session: Session) -> None:
    fail(session, key="long ago", now=NOW - timedelta(hours=1, seconds=1))
    fail(session, key="just now", now=NOW - timedelta(minutes=59))
    session.flush()

    purge(session, NOW)

    assert session.scalar(sa.select(sa.func.count()).select_from(Throttle)) == 1
