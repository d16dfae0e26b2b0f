"""What a test or a recovery is worth at a moment.

Source: requirement C16 (PCR or rapid test before arrival); hcert value sets (test types, results).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from .series import day_of

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
    sampled = moment_of(entry.get("sampled_at"))
    if sampled is None:
        return Worth.UNKNOWN, "undetermined.test_time"
    if sampled > now + MAX_CLOCK_LEAD:
        return Worth.BAD, "rule.test_in_future"
    if now - sampled > timedelta(hours=max_age_h[kind]):
        return Worth.BAD, "rule.test_too_old"
    return Worth.GOOD, None


def judge_recovery(entry: Mapping[str, Any], now: datetime) -> tuple[Worth, str | None]:
    """Is `now` inside the recovery's own window, both days included (UTC)?

    Reasons: `rule.recovery_window`, `undetermined.recovery_window`.
    """
    first, last = day_of(entry.get("valid_from")), day_of(entry.get("valid_until"))
    if first is None or last is None:
        return Worth.UNKNOWN, "undetermined.recovery_window"
    if first <= now.astimezone(UTC).date() <= last:
        return Worth.GOOD, None
    return Worth.BAD, "rule.recovery_window"


def moment_of(value: object) -> datetime | None:
    """An RFC 3339 text as an aware datetime (no offset = UTC); None for a bare day or anything else."""
    if not isinstance(value, str) or not 11 < len(value) <= 40:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
