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

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from ..claims import GROUPS, KIND_OF
from ..holder.match import BindingOutcome, same_person
from ..verdict import Outcome, Status, Verdict
from .evidence import Worth, judge_recovery, judge_test
from .national import judge_rules
from .recognition import Recognition, look_up
from .rulebook import Mode, Rulebook
from .series import Series, SeriesState, judge_series

_STRANGERS = {"format.citizen_id", "format.personal_code"}


class Decision(StrEnum):
    """The ends of `admit`."""

    COMPLETE = "complete"
    STARTED = "started"
    REFUSED = "refused"
    ASK = "ask"
    INCOMPLETE = "incomplete"
    LOOK_UP = "look_up"


class OnPaper(NamedTuple):
    """Evidence an officer entered or saw: a test (`entry` like one of `claims["tests"]`) or a declaration."""

    kind: str
    entry: Mapping[str, Any]


class Admission(NamedTuple):
    """The decision, stable reasons, where the series stands, what is still missing, who was recognised."""

    decision: Decision
    reasons: tuple[str, ...] = ()
    series: Series = Series(SeriesState.NONE)
    missing: tuple[str, ...] = ()
    recognition: Recognition | None = None


class _Findings:
    """Reasons by weight, gathered before anything is decided."""

    def __init__(self) -> None:
        self.refusals: list[str] = []  # definite, whatever else is there
        self.doubts: list[str] = []  # a person must look, whatever else is there
        self.unfit: list[str] = []  # why a piece of evidence does not count
        self.unsure: list[str] = []  # why it might not
        self.good: set[str] = set()  # the kinds that do count


def admit(evidence: Sequence[Verdict | OnPaper], rulebook: Rulebook, now: datetime) -> Admission:
    """The decision on all evidence of one person at `now` (aware).

    Several codes must be of one holder: who differs is refused, who cannot be compared is asked.
    """
    if now.tzinfo is None:
        raise ValueError("now must be an aware datetime")
    verdicts = [item for item in evidence if isinstance(item, Verdict)]
    if rulebook.mode is Mode.SITE and any(set(v.reasons) & _STRANGERS for v in verdicts):
        return Admission(Decision.LOOK_UP)
    found = _Findings()
    for verdict in verdicts:
        if verdict.outcome is Outcome.INVALID:
            found.refusals += verdict.reasons or (f"verdict.{verdict.outcome.value}",)
        elif verdict.outcome is Outcome.UNDETERMINED:
            found.doubts += verdict.reasons or (f"verdict.{verdict.outcome.value}",)
    _compare_holders(verdicts, found)
    counted, recognition = _recognised(verdicts, rulebook, now, found)
    papers = [item for item in evidence if isinstance(item, OnPaper)]
    series = _weigh(counted, papers, rulebook, now, found)
    decision, reasons, missing = _conclude(rulebook, now, found, series)
    return Admission(decision, tuple(dict.fromkeys(reasons)), series, missing, recognition)


def _compare_holders(verdicts: Iterable[Verdict], found: _Findings) -> None:
    """Each code against the first: whoever equals it equals the others."""
    claims = [verdict.claims for verdict in verdicts if verdict.claims is not None]
    for other in claims[1:]:
        outcome = same_person(claims[0], other).outcome
        if outcome is BindingOutcome.NO_MATCH:
            found.refusals.append("holder.codes_differ")
        elif outcome is BindingOutcome.CANNOT_TELL:
            found.doubts.append("holder.codes_cannot_tell")


def _recognised(
    verdicts: Iterable[Verdict], rulebook: Rulebook, now: datetime, found: _Findings
) -> tuple[list[Verdict], Recognition | None]:
    """The valid certificates that count here, and the answer for the last foreign one."""
    counted, answer = [], None
    for verdict in verdicts:
        if verdict.outcome is not Outcome.VALID:
            continue
        rules = judge_rules(verdict, rulebook, now)
        if rules.status is Status.FAIL:
            found.unfit += rules.reasons
        elif rules.status is Status.UNKNOWN:
            found.unsure += rules.reasons
        elif rulebook.agreements is None or verdict.issuer == rulebook.home:
            counted.append(verdict)
        elif verdict.issuer is None:
            found.unsure.append("undetermined.issuer")
        else:
            answer = look_up(rulebook.agreements, verdict.issuer, verdict.format, now.date())
            if answer is Recognition.RECOGNISED:
                counted.append(verdict)
            else:
                found.unfit.append(f"recognition.{answer.value}")
    return counted, answer


def _weigh(
    verdicts: Sequence[Verdict],
    papers: Sequence[OnPaper],
    rulebook: Rulebook,
    now: datetime,
    found: _Findings,
) -> Series:
    groups: dict[str, list[Mapping[str, Any]]] = {KIND_OF[name]: [] for name in GROUPS}
    for verdict in verdicts:
        for name in GROUPS:
            entries = (verdict.claims or {}).get(name)
            groups[KIND_OF[name]] += [entry for entry in entries or () if isinstance(entry, Mapping)]
    for paper in papers:
        if paper.kind == "declaration":
            found.good.add("declaration")
        elif paper.kind in groups:
            groups[paper.kind].append(paper.entry)
    found.unfit += [
        f"rule.{kind}_not_accepted"
        for kind, entries in groups.items()
        if entries and kind not in rulebook.accept
    ]
    ages = rulebook.max_test_age_h or {}
    _count("test", [judge_test(entry, now, ages) for entry in groups["test"]], rulebook, found)
    _count("recovery", [judge_recovery(entry, now) for entry in groups["recovery"]], rulebook, found)
    if "vaccination" not in rulebook.accept:
        return Series(SeriesState.NONE)
    series = judge_series(
        groups["vaccination"],
        now.date(),
        rule=rulebook.series_rule,
        accept_shortened=rulebook.accept_shortened,
        wait_days=rulebook.wait_days,
    )
    if series.state is SeriesState.COMPLETE:
        found.good.add("vaccination")
    return series


def _count(
    kind: str, judged: Sequence[tuple[Worth, str | None]], rulebook: Rulebook, found: _Findings
) -> None:
    """One good piece suffices; a positive test refuses whatever else is there and whatever the gate takes."""
    found.refusals += [reason for _, reason in judged if reason == "rule.test_positive"]
    if kind not in rulebook.accept:
        return
    for worth, reason in judged:
        if worth is Worth.GOOD:
            found.good.add(kind)
        elif reason is not None and reason != "rule.test_positive":
            (found.unfit if worth is Worth.BAD else found.unsure).append(reason)


def _conclude(
    rulebook: Rulebook, now: datetime, found: _Findings, series: Series
) -> tuple[Decision, Sequence[str], tuple[str, ...]]:
    """Decision, reasons and the groups of kinds still missing."""
    if found.refusals:
        return Decision.REFUSED, found.refusals, ()
    if found.doubts:
        return Decision.ASK, found.doubts, ()
    period = next((period for period in rulebook.periods if period.holds(now.date())), None)
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
