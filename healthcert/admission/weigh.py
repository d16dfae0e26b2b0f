"""What the doses, tests and recoveries of one person are worth at a gate, over certificates and paper.

Source: requirements K02, C16; architecture §3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from ..claims import GROUPS, KIND_OF
from ..model import SHC
from ..verdict import Verdict
from .certificates import Findings
from .disease import Disease, disease_of
from .doses import is_in_future
from .evidence import DETECTED, NOT_DETECTED, Worth, judge_recovery, judge_test, refuses
from .rulebook import Rulebook
from .series import Series, SeriesState, judge_series
from .when import local_day


class OnPaper(NamedTuple):
    """Evidence an officer entered or saw: a test (`entry` like one of `claims["tests"]`) or a declaration.

    An entry that names no disease answers the gate's own question and is of COVID-19.
    """

    kind: str
    entry: Mapping[str, Any]


class _Entry(NamedTuple):
    """An entry of a certificate or of paper, and the disease it speaks of."""

    kind: str
    content: Mapping[str, Any]
    disease: Disease


def weigh(
    valid: Iterable[Verdict],
    counted: Sequence[Verdict],
    papers: Sequence[OnPaper],
    rulebook: Rulebook,
    now: datetime,
    found: Findings,
) -> Series:
    """Everything that counts into `found`, and where the series stands.

    Of certificates that are valid without counting here a positive test still speaks against the holder.
    """
    on_paper = [_on_paper(paper) for paper in papers if paper.kind in KIND_OF.values()]
    told = [entry for verdict in counted for entry in _entries(verdict)] + on_paper
    groups: dict[str, list[Mapping[str, Any]]] = {KIND_OF[name]: [] for name in GROUPS}
    for entry in told:
        if entry.disease is Disease.COVID_19:
            groups[entry.kind].append(entry.content)
        elif entry.disease is Disease.OTHER:
            found.unfit.append("rule.other_disease")
        else:
            found.unsure.append("undetermined.disease")
    found.unfit += [
        f"rule.{kind}_not_accepted"
        for kind, entries in groups.items()
        if entries and kind not in rulebook.accept
    ]
    if any(paper.kind == "declaration" for paper in papers):
        found.good.add("declaration")
    everything = [entry for verdict in valid for entry in _entries(verdict)] + on_paper
    _weigh_positives(everything, groups["test"], rulebook, now, found)
    today = local_day(now, rulebook.zone)
    ages = rulebook.max_test_age_h or {}
    tests = [entry for entry in groups["test"] if entry.get("result") != DETECTED]
    _count("test", [judge_test(entry, now, ages) for entry in tests], rulebook, found)
    _count("recovery", [judge_recovery(entry, today) for entry in groups["recovery"]], rulebook, found)
    return _weigh_doses(groups["vaccination"], today, rulebook, found)


def _entries(verdict: Verdict) -> Iterator[_Entry]:
    for name in GROUPS:
        entries = (verdict.claims or {}).get(name)
        for entry in entries if isinstance(entries, list | tuple) else ():
            if isinstance(entry, Mapping):
                kind, content = KIND_OF[name], entry
                if (
                    verdict.format == SHC
                ):  # its dose numbers are those of one card, counted by us, told by nobody
                    content = {field: value for field, value in entry.items() if field != "dose"}
                yield _Entry(kind, content, disease_of(kind, entry, verdict.format))


def _on_paper(paper: OnPaper) -> _Entry:
    told = disease_of(paper.kind, paper.entry, "") if paper.entry.get("disease") else Disease.COVID_19
    return _Entry(paper.kind, paper.entry, told)


def _weigh_positives(
    entries: Iterable[_Entry],
    counted_tests: Iterable[Mapping[str, Any]],
    rulebook: Rulebook,
    now: datetime,
    found: Findings,
) -> None:
    """A positive test refuses whatever else is there and whatever the gate takes, as long as it speaks."""
    negatives = [test for test in counted_tests if test.get("result") == NOT_DETECTED]
    for kind, test, disease in entries:
        if kind != "test" or test.get("result") != DETECTED or disease is Disease.OTHER:
            continue
        if not refuses(test, negatives, now, rulebook.positive_days):
            found.unfit.append("rule.test_positive_past")
        elif disease is Disease.COVID_19:
            found.refusals.append("rule.test_positive")
        else:
            found.doubts.append("undetermined.disease")


def _count(
    kind: str, judged: Sequence[tuple[Worth, str | None]], rulebook: Rulebook, found: Findings
) -> None:
    """One good piece suffices."""
    if kind not in rulebook.accept:
        return
    for worth, reason in judged:
        if worth is Worth.GOOD:
            found.good.add(kind)
        elif reason is not None:
            (found.unfit if worth is Worth.BAD else found.unsure).append(reason)


def _weigh_doses(
    entries: Sequence[Mapping[str, Any]], today: date, rulebook: Rulebook, found: Findings
) -> Series:
    if "vaccination" not in rulebook.accept:
        return Series(SeriesState.NONE)
    if any(is_in_future(entry, today) for entry in entries):
        found.unfit.append("rule.dose_in_future")
    series = judge_series(
        entries,
        today,
        rule=rulebook.series_rule,
        accept_shortened=rulebook.accept_shortened,
        wait_days=rulebook.wait_days,
    )
    if series.state is SeriesState.COMPLETE:
        found.good.add("vaccination")
    return series
