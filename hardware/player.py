"""Plays a series of (value, seconds) steps on a thread of its own; a new series replaces the old at once."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

Key = TypeVar("Key")


class StepPlayer(Generic[Key]):
    """`apply(key, value)` is called for each step; for the first one in the caller's thread, within `play`.

    So the first edge costs the caller one GPIO call and no thread switch.
    """

    def __init__(self, name: str, apply: Callable[[Key, float], None], rest: Callable[[], None]) -> None:
        self._apply, self._rest = apply, rest
        self._wake = threading.Condition()
        self._steps: Sequence[tuple[float, float]] = ()
        self._key: Key | None = None
        self._repeat = self._closed = False
        self._index, self._due = 0, 0.0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def play(self, key: Key, steps: Sequence[tuple[float, float]], *, repeat: bool = False) -> None:
        """Begin now; returns as soon as the first step is applied."""
        with self._wake:
            self._rest()
            self._key, self._steps, self._repeat, self._index = key, steps, repeat, 0
            if steps:
                self._apply(key, steps[0][0])
                self._due = time.monotonic() + steps[0][1]
            self._wake.notify_all()

    def stop(self) -> None:
        """Rest at once."""
        with self._wake:
            self._steps, self._key = (), None
            self._rest()
            self._wake.notify_all()

    def close(self) -> None:
        """Rest and end the thread."""
        self.stop()
        with self._wake:
            self._closed = True
            self._wake.notify_all()
        self._thread.join(2)

    def _run(self) -> None:
        with self._wake:
            while not self._closed:
                wait = None if not self._steps else max(0.0, self._due - time.monotonic())
                if wait is None or wait > 0:
                    self._wake.wait(wait)
                    continue
                try:
                    self._advance()
                except Exception as error:  # a lost pin must not end the thread
                    log.warning("output step failed: %s", type(error).__name__)
                    self._steps = ()

    def _advance(self) -> None:
        self._index += 1
        if self._index >= len(self._steps):
            if not self._repeat:
                self._steps = ()
                self._rest()
                return
            self._index = 0
        level, seconds = self._steps[self._index]
        if self._key is not None:
            self._apply(self._key, level)
        self._due += seconds
