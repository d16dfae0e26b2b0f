"""What a test or a recovery is worth at a moment.

A sample time without a zone may be from any zone: a test counts only if it is young enough in the least
favourable one, is refused only if it is too old in the most favourable one, and is asked in between.
Source: requirement C16 (PCR or rapid test before arrival); hcert value sets (test types, results).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from .when import span_of, written_days

NAAT, RAPID = "LP6464-4", "LP217198-3"  # LOINC: nucleic acid amplification, rapid immunoassay
DETECTED, NOT_DETECTED = "260373001", "260415000"  # SNOMED CT
MAX_CLOCK_LEAD = timedelta(minutes=15)  # clocks of laboratories differ


class Worth(StrEnum):
    """The ends of judging one piece of evidence."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"


def judge_test(
    entry: Mapping[str, Any], now: datetime, max_age_h: Mapping[str, float]
) -> tuple[Worth, str | None]:
    """Is this negative test of a kind and age the policy takes? `max_age_h`: hours by test type code.

    Returns the worth and a stable reason: `rule.test_positive`, `rule.test_too_old`, `rule.test_type`,
    `rule.test_in_future`, `undetermined.test_result`, `undetermined.test_time`, `undetermined.test_age`.
    """
    result = entry.get("result")
    if result == DETECTED:
        return Worth.BAD, "rule.test_positive"
    if result != NOT_DETECTED:
        return Worth.UNKNOWN, "undetermined.test_result"
    if not max_age_h:
        return Worth.UNKNOWN, "undetermined.test_age"
    kind = entry.get("test_type")
    if not isinstance(kind, str) or kind not in max_age_h:
        return Worth.BAD, "rule.test_type"
    sampled = span_of(entry.get("sampled_at"))
    if sampled is None or not sampled.timed:
        return Worth.UNKNOWN, "undetermined.test_time"
    if sampled.earliest - now > MAX_CLOCK_LEAD:
        return Worth.BAD, "rule.test_in_future"
    limit = timedelta(hours=max_age_h[kind])
    if now - sampled.latest > limit:
        return Worth.BAD, "rule.test_too_old"
    if now - sampled.earliest > limit:
        return Worth.UNKNOWN, "undetermined.test_time"
    return Worth.GOOD, None


def refuses(
    positive: Mapping[str, Any], negatives: Sequence[Mapping[str, Any]], now: datetime, days: int
) -> bool:
    """Whether a positive test still speaks against its holder.

    Not once it is certainly older than `days`, nor after a later negative that is no weaker: a nucleic-acid
    test answers every positive, a rapid one only a rapid one. An undated positive always refuses.
    """
    taken = span_of(positive.get("sampled_at"))
    if taken is None:
        return True
    if now - taken.latest > timedelta(days=days):
        return False
    kind = positive.get("test_type")
    for negative in negatives:
        later = span_of(negative.get("sampled_at"))
        if negative.get("result") != NOT_DETECTED or later is None:
            continue
        own = negative.get("test_type")
        in_time = taken.latest < later.earliest and later.earliest - now <= MAX_CLOCK_LEAD
        if in_time and (own == NAAT or (own == RAPID and kind == RAPID)):
            return False
    return True


def judge_recovery(entry: Mapping[str, Any], today: date) -> tuple[Worth, str | None]:
    """Is `today` inside the recovery's own window, both days included?

    Reasons: `rule.recovery_window`, `undetermined.recovery_window`.
    """
    first, last = written_days(entry.get("valid_from")), written_days(entry.get("valid_until"))
    if first is None or last is None:
        return Worth.UNKNOWN, "undetermined.recovery_window"
    if first.last <= today <= last.first:
        return Worth.GOOD, None
    if first.first <= today <= last.last:  # only the month is told
        return Worth.UNKNOWN, "undetermined.recovery_window"
    return Worth.BAD, "rule.recovery_window"
