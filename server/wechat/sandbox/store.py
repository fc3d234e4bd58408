"""Where the state lives: in memory behind one lock, and in a file from which a restart goes on."""

import atexit
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from server.wechat.sandbox.state import State

WRITE_PAUSE_SECONDS = 0.25
# A large state is written more rarely, so that writing never takes more than about a tenth of the time.
PAUSE_PER_WRITE_TIME = 10

_STATE = TypeAdapter(State)
_log = logging.getLogger(__name__)


class Store:
    """The one State. Hold the lock for moments only, and never while a network is called.

    Raises ValueError with a sentence when the file is there and cannot be read: it holds QR tickets that the server's
    database knows, so it is not silently begun anew.
    """

    def __init__(self, path: Path | None, make_fresh: Callable[[], State]) -> None:
        self.writes = 0
        self._path = path
        self._make_fresh = make_fresh
        self._lock = threading.RLock()
        self._dirty = threading.Event()
        self._closed = threading.Event()
        self._write_lock = threading.Lock()
        self._writer: threading.Thread | None = None
        self._state = self._load() or make_fresh()
        if path is not None:
            atexit.register(self.close)

    def _load(self) -> State | None:
        if self._path is None or not self._path.exists():
            return None
        try:
            return _STATE.validate_json(self._path.read_bytes())
        except ValidationError:
            raise ValueError(
                f"The sandbox cannot read its state file {self._path}. Move it away to begin with an empty WeChat."
            ) from None

    @contextmanager
    def read(self) -> Iterator[State]:
        """Look without changing anything."""
        with self._lock:
            yield self._state

    @contextmanager
    def change(self) -> Iterator[State]:
        """Look and change; the file follows a moment later."""
        with self._lock:
            try:
                yield self._state
            finally:
                self._state.revision += 1
                self._note_change()

    def reset(self) -> None:
        """Begin anew. The numbers go on: a page or test that counts by them must not meet an old one again."""
        with self._lock:
            sequence, revision = self._state.sequence, self._state.revision
            self._state = self._make_fresh()
            self._state.sequence = sequence + self._state.sequence
            self._state.revision = revision + 1
            self._note_change()

    def _note_change(self) -> None:
        if self._path is None or self._closed.is_set():
            return
        self._dirty.set()
        if self._writer is None:
            # Started with the first change, not at construction: a fork in between would leave it behind.
            self._writer = threading.Thread(target=self._write_on, name="sandbox-state", daemon=True)
            self._writer.start()

    def _write_on(self) -> None:
        while not self._closed.is_set():
            self._dirty.wait()
            began = time.monotonic()
            self.flush()
            self._closed.wait(max(WRITE_PAUSE_SECONDS, PAUSE_PER_WRITE_TIME * (time.monotonic() - began)))

    def flush(self) -> None:
        """Write now if anything changed. Readers of the file see the old one or the new one, whole.

        A full disk does not end the imitation: it is logged, and what was not written is tried again.
        """
        if self._path is None:
            return
        with self._write_lock:
            if not self._dirty.is_set():
                return
            self._dirty.clear()
            with self._lock:
                document = _STATE.dump_json(self._state)
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                draft = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
                draft.write_bytes(document)
                draft.replace(self._path)
            except OSError:
                self._dirty.set()
                _log.exception("The sandbox cannot write its state file.")
                return
            self.writes += 1

    def close(self) -> None:
        """Write what is left and stop. The state can still be looked at, for what it is worth."""
        if self._path is None or self._closed.is_set():
            return
        self._closed.set()
        self.flush()
        self._dirty.set()  # wakes the writer, which sees that it is over
        if self._writer is not None:
            self._writer.join(timeout=5)
        atexit.unregister(self.close)
