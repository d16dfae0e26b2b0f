"""Colour is a function of the verdict; light patterns are safe for every eye."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from hardware.ports import COLOURS, MAX_RISES_PER_S, rises_within_a_second
from healthcert.admission.rulebook import load_rulebook
from healthcert.verdict import Outcome, Verdict
from scanner.signals import SIGNALS, VERDICT_SIGNALS, Signal, decide

COVID = "840539006"
VENUE = load_rulebook("venue")


def verdict(
    outcome: Outcome, kind: str | None = "vaccination", claims: dict[str, Any] | None = None
) -> Verdict:
    return Verdict(outcome, (), "eu-dcc", kind, "AT", claims, "v1", datetime(2021, 6, 1, tzinfo=UTC))


def recovery(first: str, last: str) -> dict[str, Any]:
    return {"recoveries": [{"disease": COVID, "valid_from": first, "valid_until": last}]}


def dose(given: Any, series: Any) -> dict[str, Any]:
    return {"vaccinations": [{"disease": COVID, "dose": given, "doses_total": series}]}


def sample(result: str) -> dict[str, Any]:
    return {"tests": [{"disease": COVID, "result": result}]}


@pytest.mark.req("K02")
@pytest.mark.req("K16")
@pytest.mark.parametrize(
    ("outcome", "kind", "claims", "expected"),
    [
        (Outcome.VALID, "vaccination", dose(1, 2), Signal.STARTED),
        (Outcome.VALID, "vaccination", dose(2, 3), Signal.STARTED),
        (Outcome.VALID, "vaccination", dose(2, 2), Signal.COMPLETE),
        (Outcome.VALID, "vaccination", dose(1, 1), Signal.COMPLETE),
        (Outcome.VALID, "vaccination", dose(3, 2), Signal.COMPLETE),
        (Outcome.VALID, "vaccination", dose(1.0, 2.0), Signal.STARTED),
        (Outcome.VALID, "vaccination", dose("1", 2), Signal.ASK),
        (Outcome.VALID, "vaccination", dose(float("nan"), 2), Signal.ASK),
        (Outcome.VALID, "vaccination", {"vaccinations": []}, Signal.ASK),
        (Outcome.VALID, "vaccination", None, Signal.ASK),
        (Outcome.VALID, "test", sample("260415000"), Signal.ASK),
        (Outcome.VALID, "test", sample("260373001"), Signal.REFUSED),
        (Outcome.VALID, "recovery", {"recoveries": [{}]}, Signal.ASK),
        (Outcome.VALID, "recovery", recovery("2021-05-01", "2021-09-01"), Signal.COMPLETE),
        (Outcome.VALID, "recovery", recovery("2021-06-02", "2021-09-01"), Signal.REFUSED),
        (Outcome.VALID, "recovery", recovery("2021-01-01", "2021-05-31"), Signal.REFUSED),
        (Outcome.INVALID, "vaccination", dose(1, 2), Signal.REFUSED),
        (Outcome.INVALID, None, None, Signal.REFUSED),
        (Outcome.UNDETERMINED, "vaccination", dose(2, 2), Signal.ASK),
        (Outcome.UNDETERMINED, None, None, Signal.ASK),
    ],
)
def test_the_signal_of_a_verdict(outcome: Outcome, kind: str | None, claims: Any, expected: Signal) -> None:
    assert decide(verdict(outcome, kind, claims), VENUE)[0] is expected


def test_dose_numbers_are_told_only_of_a_valid_vaccination() -> None:
    told = decide(verdict(Outcome.VALID, claims=dose(1, 2)), VENUE)[1].series
    assert (told.given, told.needed) == (1, 2)
    assert decide(verdict(Outcome.INVALID, claims=dose(1, 2)), VENUE)[1].series.given is None


@pytest.mark.parametrize("signal", list(Signal))
def test_no_light_rises_more_than_three_times_in_a_second(signal: Signal) -> None:
    lamp = SIGNALS[signal].lamp
    assert rises_within_a_second(lamp.steps, repeat=lamp.repeat) <= MAX_RISES_PER_S


def test_the_four_verdicts_have_four_colours_and_four_rhythms() -> None:
    lamps = [SIGNALS[signal].lamp for signal in VERDICT_SIGNALS]
    assert {lamp.colour for lamp in lamps} == {"green", "yellow", "red", "blue"}
    assert len({lamp.steps for lamp in lamps}) == 4
    assert {SIGNALS[signal].lamp.colour for signal in Signal} <= set(COLOURS)


@pytest.mark.parametrize("signal", VERDICT_SIGNALS)
def test_a_verdict_light_starts_lit_and_is_over_within_its_hold(signal: Signal) -> None:
    spec = SIGNALS[signal]
    assert spec.lamp.steps[0][0] == 1.0
    assert spec.lamp.repeat or sum(seconds for _, seconds in spec.lamp.steps) <= spec.hold_s
    assert all(hertz == 0 or 110 <= hertz <= 1760 for hertz, _ in spec.tones)
