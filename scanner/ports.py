"""What the loop asks of the world around it. Fakes and real parts meet the same contract suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from scanner.protocol import ScanReport
from scanner.signals import LampPattern, Tone

Pixels = npt.NDArray[np.uint8]


class Frame(Protocol):
    """One grey picture, uint8[height, width]."""

    @property
    def pixels(self) -> Pixels:
        """The picture."""

    @property
    def captured_ns(self) -> int:
        """Moment of exposure, CLOCK_MONOTONIC nanoseconds."""

    @property
    def sequence(self) -> int:
        """Running number of the camera."""


class Camera(Protocol):
    """Hands out its newest frame, each at most once."""

    def newest(self, timeout_s: float) -> Frame | None:
        """The newest frame, None after `timeout_s` seconds without one."""


class Lamp(Protocol):
    """Shows one pattern at a time and never makes the caller wait for it."""

    def show(self, pattern: LampPattern) -> None:
        """Light it now."""

    def off(self) -> None:
        """Dark at once."""


class Buzzer(Protocol):
    """Plays tones in the background."""

    def play(self, tones: Sequence[Tone]) -> None:
        """(hertz, seconds) pairs."""


class Outbox(Protocol):
    """Keeps reports until the service has them. Called by the lamp's thread: nothing here may take long."""

    @property
    def set_aside(self) -> int:
        """How many damaged files lie beside it."""

    def append(self, report: ScanReport) -> int:
        """Keep it durably; its sequence number. Raises OutboxError when it cannot."""

    def pending(self) -> int:
        """How many are not yet acknowledged. Raises OutboxError while it is not open."""


class Screen(Protocol):
    """The page beside the lamp; takes what it is given and never makes the caller wait."""

    def send(self, message: Mapping[str, Any]) -> None:
        """Show this state."""
