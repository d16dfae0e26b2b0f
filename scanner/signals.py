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
from typing import Any

from healthcert.verdict import Outcome, Verdict

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


def doses(verdict: Verdict) -> tuple[int, int] | None:
    """(given, in the series) of the vaccination in a valid EU certificate; None where none is told."""
    if verdict.outcome is not Outcome.VALID or verdict.kind != "vaccination" or verdict.claims is None:
        return None
    group = verdict.claims.get("vaccinations")
    entry: Any = group[-1] if isinstance(group, list | tuple) and group else None
    if not isinstance(entry, Mapping):
        return None
    given, series = entry.get("dose"), entry.get("doses_total")
    a, b = _count(given), _count(series)
    return None if a is None or b is None else (a, b)


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 < value < 100 and int(value) == value else None


POSITIVE = "260373001"  # SNOMED CT: detected


def decide(verdict: Verdict) -> tuple[Signal, tuple[str, ...]]:
    """The signal of a verdict, and the reasons the certificate itself gives for it beyond the verdict's.

    A signed positive test and a recovery outside its own window are refused. What no rule of this kiosk can
    judge (the age of a test, doses that are not told) is asked, never green.
    """
    if verdict.outcome is Outcome.INVALID:
        return Signal.REFUSED, ()
    if verdict.outcome is not Outcome.VALID:
        return Signal.ASK, ()
    if verdict.kind == "test":
        positive = any(entry.get("result") == POSITIVE for entry in _entries(verdict, "tests"))
        return (
            (Signal.REFUSED, ("rule.test_positive",))
            if positive
            else (Signal.ASK, ("undetermined.test_age",))
        )
    if verdict.kind == "recovery":
        return _recovery(verdict)
    counted = doses(verdict)
    if counted is None:
        return Signal.ASK, ("undetermined.doses",)
    return (Signal.STARTED if counted[0] < counted[1] else Signal.COMPLETE), ()


def _recovery(verdict: Verdict) -> tuple[Signal, tuple[str, ...]]:
    today = verdict.at.date().isoformat()  # ISO dates compare as text
    windows = [
        (str(entry.get("valid_from", ""))[:10], str(entry.get("valid_until", ""))[:10])
        for entry in _entries(verdict, "recoveries")
    ]
    if not windows or not all(first and last for first, last in windows):
        return Signal.ASK, ("undetermined.recovery_window",)
    if any(first <= today <= last for first, last in windows):
        return Signal.COMPLETE, ()
    return Signal.REFUSED, ("rule.recovery_window",)


def _entries(verdict: Verdict, group: str) -> list[Mapping[str, Any]]:
    found = verdict.claims.get(group) if verdict.claims is not None else None
    return [entry for entry in found if isinstance(entry, Mapping)] if isinstance(found, list | tuple) else []
