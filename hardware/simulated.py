"""Twins without hardware: they record what they were told, so that a test or a demonstration can look."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from hardware.ports import COLOURS, DeviceError, Frame, LampPattern, Pixels

KEPT = 10_000  # records in memory: five kill tests of 2,000 scans


class LampRecord(NamedTuple):
    """One change of the lamp; colour and pattern are "off" when it went dark."""

    t_ns: int
    colour: str
    pattern: str


class RecordingLamp:
    """A lamp that notes each change, in memory and, if asked, as JSON lines in a file."""

    def __init__(self, journal: Path | None = None) -> None:
        self.records: deque[LampRecord] = deque(maxlen=KEPT)
        self._lock = threading.Lock()
        self._file = None
        if journal is not None:
            try:
                self._file = journal.open("ab", buffering=0)  # one write a line: whole lines after a kill
            except OSError as error:
                raise DeviceError(f"lamp journal: {error.strerror}") from error

    def show(self, pattern: LampPattern) -> None:
        """See Lamp."""
        if pattern.colour not in COLOURS:
            raise DeviceError(f"lamp: no colour {pattern.colour}")
        self._note(pattern.colour, pattern.name)

    def off(self) -> None:
        """See Lamp."""
        self._note("off", "off")

    def close(self) -> None:
        """See Lamp."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None

    def _note(self, colour: str, pattern: str) -> None:
        record = LampRecord(time.monotonic_ns(), colour, pattern)
        with self._lock:
            self.records.append(record)
            if self._file is not None:
                self._file.write(json.dumps(record._asdict(), separators=(",", ":")).encode() + b"\n")


class RecordingBuzzer:
    """A buzzer that remembers its tunes."""

    def __init__(self) -> None:
        self.tunes: deque[tuple[tuple[float, float], ...]] = deque(maxlen=KEPT)

    def play(self, tones: Sequence[tuple[float, float]]) -> None:
        """See Buzzer."""
        self.tunes.append(tuple(tones))

    def close(self) -> None:
        """See Buzzer."""


class PressableButton:
    """A button that a test presses."""

    def __init__(self) -> None:
        self._callback: Callable[[], None] | None = None

    def on_press(self, callback: Callable[[], None]) -> None:
        """See Button."""
        self._callback = callback

    def press(self) -> None:
        """Press it."""
        if self._callback is not None:
            self._callback()

    def close(self) -> None:
        """See Button."""
        self._callback = None


class HandCamera:
    """A camera whose frames a test hands over one by one; only the newest is kept."""

    def __init__(self) -> None:
        self._frame: Frame | None = None
        self._sequence = 0
        self.opened = False

    def open(self) -> None:
        """See Camera."""
        self.opened = True

    def show(self, pixels: Pixels, captured_ns: int | None = None) -> None:
        """Put a picture before the lens."""
        self._sequence += 1
        taken = time.monotonic_ns() if captured_ns is None else captured_ns
        self._frame = Frame(pixels, taken, self._sequence)

    def newest(self, timeout_s: float) -> Frame | None:
        """See Camera; never waits."""
        frame, self._frame = self._frame, None
        return frame

    def close(self) -> None:
        """See Camera."""
        self.opened, self._frame = False, None
