"""What every driver promises: frames that are fresh, lamps that never make the caller wait.

Nothing here knows what a certificate is. Patterns and tones arrive as plain data.
Times: `captured_ns` is CLOCK_MONOTONIC in nanoseconds; every other time is in seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

COLOURS = ("green", "yellow", "red", "blue", "white")
MAX_RISES_PER_S = 3  # WCAG 2.3.1: nothing flashes more often than three times in any second


class DeviceError(Exception):
    """A device could not be opened or was lost; the message names device and cause, nothing else."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One grey picture, uint8[height, width], with the moment of its exposure and a running number."""

    pixels: Pixels
    captured_ns: int
    sequence: int


@runtime_checkable
class Camera(Protocol):
    """A source that keeps only its newest frame; a frame is handed out at most once."""

    def open(self) -> None:
        """Start capturing. Raises DeviceError."""

    def newest(self, timeout_s: float) -> Frame | None:
        """The newest frame not yet handed out, waiting at most `timeout_s`; None when there is none."""

    def close(self) -> None:
        """Stop capturing and give the device back; harmless when closed or never opened."""


class LampPattern(Protocol):
    """A light as a time series: `steps` of (level 0..1, seconds), played once or until replaced."""

    @property
    def name(self) -> str:
        """Stable name of the pattern."""

    @property
    def colour(self) -> str:
        """One of COLOURS."""

    @property
    def steps(self) -> Sequence[tuple[float, float]]:
        """(level, seconds) pairs; the level is 0 (off) to 1 (full)."""

    @property
    def repeat(self) -> bool:
        """True: start again after the last step until another pattern is shown."""


@runtime_checkable
class Lamp(Protocol):
    """Coloured lamps of which one colour is lit at a time; the first edge is out when `show` returns."""

    def show(self, pattern: LampPattern) -> None:
        """Light the first step now and play the rest in the background."""

    def off(self) -> None:
        """Dark at once."""

    def close(self) -> None:
        """Dark, and give the pins back."""


@runtime_checkable
class Buzzer(Protocol):
    """Plays a few tones in the background."""

    def play(self, tones: Sequence[tuple[float, float]]) -> None:
        """(hertz, seconds) pairs; 0 Hz is a rest. A new tune replaces the one that is playing."""

    def close(self) -> None:
        """Silent, and give the pin back."""


@runtime_checkable
class Button(Protocol):
    """A push button."""

    def on_press(self, callback: Callable[[], None]) -> None:
        """Call `callback` on each press, from the driver's own thread."""

    def close(self) -> None:
        """Give the pin back."""


def rises_within_a_second(steps: Sequence[tuple[float, float]], *, repeat: bool) -> int:
    """The most dark-to-light edges in any second of a pattern, over three rounds when it repeats."""
    rises: list[float] = []
    at, before = 0.0, 0.0
    for level, seconds in list(steps) * (3 if repeat else 1):
        if level > 0 and before == 0:
            rises.append(at)
        at, before = at + seconds, level
    return max((sum(1 for r in rises if start <= r < start + 1) for start in rises), default=0)
