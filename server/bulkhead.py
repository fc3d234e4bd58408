"""How many threads may be in one place at once. When a database hangs, every thread that asks it hangs with it: a bulkhead
keeps the others free for what needs no database, and for WeChat's pushes."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from server.errors import Unavailable

# Nobody got through for so long while all places were taken: whoever is inside hangs.
_STUCK_AFTER_SECONDS = 0.5
# Then nobody queues behind them, or the queue takes the threads that the bulkhead keeps free.
_PATIENCE_WHEN_STUCK = 0.02
# A crowd that moves is worth waiting in, as long as one would wait for a lock.
_LONGEST_WAIT = 3.0


class Bulkhead:
    """Thread-safe; not re-entrant."""

    def __init__(self, places: int) -> None:
        self._places = threading.BoundedSemaphore(places)
        self._moved_at = 0.0
        self._is_stuck = False

    @contextmanager
    def place(self) -> Iterator[None]:
        """One place for as long as the block runs. Raises Unavailable when none becomes free in time."""
        if not self._places.acquire(blocking=False):
            self._wait()
        try:
            yield
        except Unavailable:
            raise  # who gave up has not got through
        except BaseException:
            self._note_movement()
            raise
        else:
            self._note_movement()
        finally:
            self._places.release()

    def _note_movement(self) -> None:
        self._moved_at, self._is_stuck = time.monotonic(), False

    def _wait(self) -> None:
        began = time.monotonic()
        while not self._places.acquire(timeout=_PATIENCE_WHEN_STUCK if self._is_stuck else _STUCK_AFTER_SECONDS):
            now = time.monotonic()
            self._is_stuck = self._is_stuck or now - max(self._moved_at, began) >= _STUCK_AFTER_SECONDS
            if self._is_stuck or now - began >= _LONGEST_WAIT:
                raise Unavailable
