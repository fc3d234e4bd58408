"""A crowd that moves gets through, one that hangs is not joined, and a place is always given back."""

import contextlib
import threading
import time
from collections.abc import Iterator

import pytest

from server.bulkhead import Bulkhead
from server.errors import Unavailable
from tests.conftest import run_together


@contextlib.contextmanager
def everybody_inside(bulkhead: Bulkhead, places: int, *, leaves_as: type[Exception] | None = None) -> Iterator[None]:
    """All places are taken until the block ends; then each leaves, by a fault where one is named."""
    may_leave, are_in = threading.Event(), threading.Barrier(places + 1)

    def stay() -> None:
        with contextlib.suppress(Exception), bulkhead.place():
            are_in.wait()
            may_leave.wait()
            if leaves_as:
                raise leaves_as

    threads = [threading.Thread(target=stay) for _ in range(places)]
    for thread in threads:
        thread.start()
    are_in.wait()
    try:
        yield
    finally:
        may_leave.set()
        for thread in threads:
            thread.join()


def seconds_until_refused(bulkhead: Bulkhead) -> float:
    began = time.monotonic()
    with pytest.raises(Unavailable), bulkhead.place():
        pass
    return time.monotonic() - began


def test_never_more_are_inside_than_there_are_places_and_a_crowd_that_moves_gets_through():
    bulkhead, lock = Bulkhead(3), threading.Lock()
    inside, most, through = 0, 0, 0

    def pass_through(_: int) -> None:
        nonlocal inside, most, through
        for _ in range(20):
            with bulkhead.place():
                with lock:
                    inside += 1
                    most = max(most, inside)
                time.sleep(0.002)
                with lock:
                    inside -= 1
                    through += 1

    run_together(24, pass_through)

    assert (most, through) == (3, 24 * 20)


def test_who_meets_a_crowd_that_hangs_waits_briefly_and_the_next_one_hardly_at_all():
    bulkhead = Bulkhead(2)
    with everybody_inside(bulkhead, 2):
        first, second = seconds_until_refused(bulkhead), seconds_until_refused(bulkhead)

    assert 0.4 < first < 2
    assert second < first / 2


def test_once_somebody_got_through_a_full_bulkhead_is_worth_waiting_for_again():
    bulkhead = Bulkhead(2)
    with everybody_inside(bulkhead, 2):
        seconds_until_refused(bulkhead)
    with everybody_inside(bulkhead, 2):
        assert seconds_until_refused(bulkhead) > 0.4


def test_who_gave_up_inside_is_no_sign_that_it_moves():
    bulkhead = Bulkhead(2)
    with everybody_inside(bulkhead, 2, leaves_as=Unavailable):
        seconds_until_refused(bulkhead)
    with everybody_inside(bulkhead, 2):
        assert seconds_until_refused(bulkhead) < 0.4


@pytest.mark.parametrize("fault", [Unavailable, ValueError, KeyboardInterrupt])
def test_a_fault_gives_its_place_back(fault):
    bulkhead = Bulkhead(1)
    for _ in range(3):
        with pytest.raises(fault), bulkhead.place():
            raise fault
