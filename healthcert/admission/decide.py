"""What a gate does with the evidence of one person: pure, from (evidence, rulebook, now).

  COMPLETE    let in: what is asked is there (green)
  STARTED     the primary series has begun and the gate knows that state (yellow)
  REFUSED     a definite refusal, with its reasons (red)
  ASK         we cannot know: a person decides (blue)
  INCOMPLETE  good so far, more evidence of the same person is needed (an airport's several codes)
  LOOK_UP     a code that names a person: look into today's list (a vaccination site)

A definite refusal wins over ASK, ASK over everything that lets in.
Source: requirements K02, K08, C07, C16; architecture §3.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from ..verdict import Outcome, Verdict
from .certificates import Findings, compare_holders, recognised, sort_outcomes
from .recognition import Recognition
from .rulebook import Mode, Rulebook
from .series import Series, SeriesState
from .weigh import OnPaper, weigh
from .when import local_day

__all__ = ["Admission", "Decision", "OnPaper", "admit"]

_STRANGERS = {"format.citizen_id", "format.personal_code"}


class Decision(StrEnum):
    """The ends of `admit`."""

    COMPLETE = "complete"
    STARTED = "started"
    REFUSED = "refused"
    ASK = "ask"
    INCOMPLETE = "incomplete"
    LOOK_UP = "look_up"


class Admission(NamedTuple):
    """The decision, stable reasons, where the series stands, what is still missing, who was recognised."""

    decision: Decision
    reasons: tuple[str, ...] = ()
    series: Series = Series(SeriesState.NONE)
    missing: tuple[str, ...] = ()
    recognition: Recognition | None = None


def admit(evidence: Sequence[Verdict | OnPaper], rulebook: Rulebook, now: datetime) -> Admission:
    """The decision on all evidence of one person at `now` (aware).

    Several codes must be of one holder: who differs is refused, who cannot be compared is asked. The order of
    the evidence and a code shown twice change no decision.
    """
    if now.tzinfo is None:
        raise ValueError("now must be an aware datetime")
    verdicts = [item for item in evidence if isinstance(item, Verdict)]
    papers = [item for item in evidence if isinstance(item, OnPaper)]
    found = Findings()
    sort_outcomes(verdicts, found)
    if (
        rulebook.mode is Mode.SITE
        and not found.refusals
        and any(set(verdict.reasons) & _STRANGERS for verdict in verdicts)
    ):
        return Admission(Decision.LOOK_UP)
    compare_holders(verdicts, found)
    valid = [verdict for verdict in verdicts if verdict.outcome is Outcome.VALID]
    counted, recognition = recognised(valid, rulebook, now, found)
    series = weigh(valid, counted, papers, rulebook, now, found)
    decision, reasons, missing = _conclude(rulebook, now, found, series)
    return Admission(decision, tuple(dict.fromkeys(reasons)), series, missing, recognition)


def _conclude(
    rulebook: Rulebook, now: datetime, found: Findings, series: Series
) -> tuple[Decision, Sequence[str], tuple[str, ...]]:
    """Decision, reasons and the groups of kinds still missing."""
    if found.refusals:
        return Decision.REFUSED, found.refusals, ()
    if found.doubts:
        return Decision.ASK, found.doubts, ()
    today = local_day(now, rulebook.zone)
    period = next((period for period in rulebook.periods if period.holds(today)), None)
    if rulebook.mode is Mode.AIRPORT and period is None:
        return Decision.ASK, ("rule.none_in_force",), ()
    asked = period.require if period is not None else (rulebook.accept,)
    missing = tuple("|".join(group) for group in asked if not found.good.intersection(group))
    if not missing:
        return Decision.COMPLETE, (), ()
    if rulebook.mode is not Mode.AIRPORT and series.state in _BEGUN:
        return Decision.STARTED, (_BEGUN[series.state],), ()
    if series.state is SeriesState.UNKNOWN:
        found.unsure.append("undetermined.doses")
    if found.unsure:
        return Decision.ASK, found.unsure, missing
    unfit = [*found.unfit, *([_BEGUN[series.state]] if series.state in _BEGUN else [])]
    if unfit:
        return Decision.REFUSED, unfit, missing
    if rulebook.mode is Mode.AIRPORT:
        return Decision.INCOMPLETE, (), missing
    return Decision.ASK, ("undetermined.content",), missing


_BEGUN = {SeriesState.STARTED: "rule.series_started", SeriesState.WAITING: "rule.series_waiting"}
