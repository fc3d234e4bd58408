"""A lease has one holder, whatever the race; a heartbeat is the last sign of life."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from server.db import Database
from server.jobs import Heartbeat, Lease, beat, last_beat, release_lease, take_lease
from tests.conftest import NOW, run_together

SECOND = timedelta(seconds=1)


def take(session: Session, owner: str, *, after: float = 0, name: str = "ticks") -> bool:
    return take_lease(session, name=name, owner=owner, now=NOW + after * SECOND, seconds=120)


# --- leases -------------------------------------------------------------------------------------------------------


def test_a_lease_that_nobody_holds_is_taken(session: Session) -> None:
    assert take(session, "a")


def test_a_lease_that_somebody_holds_is_not_taken(session: Session) -> None:
    take(session, "a")

    assert not take(session, "b", after=119.999)


def test_a_lease_that_ran_out_is_taken_over(session: Session) -> None:
    take(session, "a")

    assert take(session, "b", after=120)
    assert not take(session, "a", after=121)


def test_its_holder_extends_a_lease(session: Session) -> None:
    take(session, "a")

    assert take(session, "a", after=60)
    assert not take(session, "b", after=179)
    assert take(session, "b", after=180)


def test_a_lease_that_was_given_back_is_free_at_once(session: Session) -> None:
    take(session, "a")
    release_lease(session, name="ticks", owner="a", now=NOW + SECOND)

    assert take(session, "b", after=1)


def test_nobody_gives_back_the_lease_of_another(session: Session) -> None:
    take(session, "a")
    release_lease(session, name="ticks", owner="b", now=NOW + SECOND)

    assert not take(session, "b", after=1)


def test_leases_of_different_names_do_not_meet(session: Session) -> None:
    take(session, "a")

    assert take(session, "b", name="Ticks")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(asked=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 90)), max_size=12))
def test_at_no_moment_do_two_hold_it(session: Session, asked: list[tuple[str, int]]) -> None:
    session.execute(sa.delete(Lease))  # each example begins anew
    holder, until, clock = "", 0, 0
    for owner, later in asked:
        clock += later
        taken = take(session, owner, after=clock)

        assert taken == (owner == holder or clock >= until)
        if taken:
            holder, until = owner, clock + 120


@pytest.mark.parametrize("is_new", [True, False])
def test_of_eight_that_want_it_at_once_one_gets_it(database: Database, is_new: bool) -> None:
    if not is_new:
        database.write(lambda session: take(session, "gone", after=-1000))

    taken = run_together(8, lambda number: database.write(lambda session: take(session, f"owner-{number}")))

    assert sorted(taken) == [False] * 7 + [True]


# --- heartbeats ---------------------------------------------------------------------------------------------------


def test_a_process_that_was_never_seen_has_no_heartbeat(session: Session) -> None:
    assert last_beat(session, "worker") is None


def test_the_last_sign_of_life_counts(session: Session) -> None:
    for second in (0, 10, 20):
        beat(session, process="worker", now=NOW + second * SECOND)
    beat(session, process="another", now=NOW + 90 * SECOND)

    assert last_beat(session, "worker") == NOW + 20 * SECOND


def test_workers_that_are_born_together_have_one_heartbeat(database: Database) -> None:
    run_together(8, lambda _: database.write(lambda session: beat(session, process="worker", now=NOW)))

    beats = database.read(lambda session: session.execute(sa.select(Heartbeat.process, Heartbeat.beat_at)).all())
    assert beats == [("worker", NOW)]
