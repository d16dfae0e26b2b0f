"""What certificates are worth as certificates, whatever stands in them: verdicts, holders, recognition.

Source: requirements K03, K08, C07; architecture §3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import combinations
from typing import Any

from ..holder.match import BindingOutcome, same_person
from ..verdict import Outcome, Status, Verdict
from .national import judge_rules
from .recognition import Recognition, look_up
from .rulebook import Rulebook
from .when import local_day

_COUNTRY_UNLISTED = "key.country_unlisted"  # the issuer is the certificate's own word, not the trust list's


class Findings:
    """Reasons by weight, gathered before anything is decided."""

    def __init__(self) -> None:
        self.refusals: list[str] = []  # definite, whatever else is there
        self.doubts: list[str] = []  # a person must look, whatever else is there
        self.unfit: list[str] = []  # why a piece of evidence does not count
        self.unsure: list[str] = []  # why it might not
        self.good: set[str] = set()  # the kinds that do count


def sort_outcomes(verdicts: Iterable[Verdict], found: Findings) -> None:
    """The reasons of every certificate that is not valid."""
    for verdict in verdicts:
        if verdict.outcome is Outcome.INVALID:
            found.refusals += verdict.reasons or (f"verdict.{verdict.outcome.value}",)
        elif verdict.outcome is Outcome.UNDETERMINED:
            found.doubts += verdict.reasons or (f"verdict.{verdict.outcome.value}",)


def compare_holders(verdicts: Iterable[Verdict], found: Findings) -> None:
    """Every certificate against every other: two that agree with a third need not agree with each other."""
    different: list[Mapping[str, Any]] = []
    for verdict in verdicts:
        if verdict.claims is not None and verdict.claims not in different:
            different.append(verdict.claims)
    for one, other in combinations(different, 2):
        outcome = same_person(one, other).outcome
        if outcome is BindingOutcome.NO_MATCH:
            found.refusals.append("holder.codes_differ")
        elif outcome is BindingOutcome.CANNOT_TELL:
            found.doubts.append("holder.codes_cannot_tell")


def recognised(
    verdicts: Iterable[Verdict], rulebook: Rulebook, now: datetime, found: Findings
) -> tuple[list[Verdict], Recognition | None]:
    """The valid certificates that count here, and the answer on foreign ones: a refusing one comes first."""
    counted, answers = [], set[Recognition]()
    today = local_day(now, rulebook.zone)
    for verdict in verdicts:
        rules = judge_rules(verdict, rulebook, now)
        if rules.status is Status.FAIL:
            found.unfit += rules.reasons
        elif rules.status is Status.UNKNOWN:
            found.unsure += rules.reasons
        elif rulebook.agreements is None:
            counted.append(verdict)
        elif verdict.issuer is None or _COUNTRY_UNLISTED in verdict.reasons:
            found.unsure.append("undetermined.issuer")
        elif verdict.issuer == rulebook.home:
            counted.append(verdict)
        else:
            answer = look_up(rulebook.agreements, verdict.issuer, verdict.format, today)
            answers.add(answer)
            if answer is Recognition.RECOGNISED:
                counted.append(verdict)
            else:
                found.unfit.append(f"recognition.{answer.value}")
    return counted, max(answers, key=list(Recognition).index, default=None)
