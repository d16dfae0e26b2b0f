"""From verdict to what a person sees and hears: one table, no colour is named anywhere else.

Colour is a pure function of outcome and dose numbers. Blue is "ask a person"; amber is not used, because
yellow and amber lamps cannot be told apart. No pattern rises more than three times in a second.
Source: requirement K02, K16; WCAG 2.3.1; ISO 3864 for the meaning of colours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from healthcert.admission.decide import Admission, Decision, admit
from healthcert.admission.rulebook import Rulebook
from healthcert.verdict import Verdict

Step = tuple[float, float]  # (level 0..1, seconds)
Tone = tuple[float, float]  # (hertz, seconds)


class Signal(StrEnum):
    """What the kiosk says."""

    COMPLETE = "complete"
    STARTED = "started"
    REFUSED = "refused"
    ASK = "ask"
    IDLE = "idle"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class LampPattern:
    """A light as a time series of (level, seconds)."""

    name: str
    colour: str
    steps: tuple[Step, ...]
    repeat: bool = False


@dataclass(frozen=True, slots=True)
class SignalSpec:
    """One row: lamp, tones, seconds on show; `until_button`: a press of the button ends it earlier."""

    lamp: LampPattern
    tones: tuple[Tone, ...]
    hold_s: float
    until_button: bool = False


def _blink(on_ms: int, off_ms: int, times: int) -> tuple[Step, ...]:
    return ((1.0, on_ms / 1000), (0.0, off_ms / 1000)) * times


def _breathe(low: float, high: float, period_s: float, parts: int = 20) -> tuple[Step, ...]:
    middle, swing = (low + high) / 2, (high - low) / 2
    return tuple(
        (round(middle - swing * math.cos(2 * math.pi * i / parts), 4), period_s / parts) for i in range(parts)
    )


_ASK = ((1.0, 0.12), (0.0, 0.12), (1.0, 0.12), (0.0, 0.64))
ASK_HOLD_S = 8.0

SIGNALS: Mapping[Signal, SignalSpec] = MappingProxyType(
    {
        Signal.COMPLETE: SignalSpec(
            LampPattern("complete", "green", ((1.0, 2.0),)), ((880, 0.09), (1320, 0.09)), 2.0
        ),
        Signal.STARTED: SignalSpec(
            LampPattern("started", "yellow", _blink(600, 300, 2)), ((880, 0.12), (0, 0.06), (880, 0.12)), 2.5
        ),
        Signal.REFUSED: SignalSpec(LampPattern("refused", "red", _blink(180, 220, 4)), ((220, 0.5),), 3.0),
        Signal.ASK: SignalSpec(
            LampPattern("ask", "blue", _ASK, repeat=True),
            ((990, 0.12), (784, 0.12), (660, 0.12)),
            ASK_HOLD_S,
            until_button=True,
        ),
        Signal.IDLE: SignalSpec(
            LampPattern("idle", "white", _breathe(0.08, 0.20, 5.0), repeat=True), (), math.inf
        ),
        Signal.FAULT: SignalSpec(
            LampPattern("fault", "white", ((1.0, 0.2), (0.0, 1.8)), repeat=True), ((660, 0.2),), math.inf
        ),
    }
)
VERDICT_SIGNALS = (Signal.COMPLETE, Signal.STARTED, Signal.REFUSED, Signal.ASK)


_OF_DECISION = {
    Decision.COMPLETE: Signal.COMPLETE,
    Decision.STARTED: Signal.STARTED,
    Decision.REFUSED: Signal.REFUSED,
    Decision.ASK: Signal.ASK,
    # A gate that looks at one code at a time can neither wait for more nor look into a list: a person can.
    Decision.INCOMPLETE: Signal.ASK,
    Decision.LOOK_UP: Signal.ASK,
}


def decide(verdict: Verdict, rulebook: Rulebook) -> tuple[Signal, Admission]:
    """The signal of a verdict at this gate, and the admission it shows. The rules are `healthcert.admission`.

    What no rule of this gate can judge (the age of a test, doses that are not told) is asked, never green.
    """
    admission = admit([verdict], rulebook, verdict.at)
    return _OF_DECISION[admission.decision], admission
