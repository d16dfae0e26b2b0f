"""The certificate's own window and its signer's, and what cannot have happened yet, alike for every format.

Source: hcert-spec §3.3.5-3.3.6; requirement K08 (one verdict for all).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache

from ..policy import Policy, Severity
from ..trust import Signer
from ..verdict import Check, Stage, Status

# An event may lie a day ahead: a day begins up to 14 hours before it does in UTC, and dates tell no zone.
EVENT_SLACK_S = 86_400.0
AHEAD = "time.not_yet"  # also the reason where something signed has not happened yet
_DAY_OF_1970 = date(1970, 1, 1).toordinal()
_LAST_DAY = date.max.toordinal()
PASS_TIME = Check(Stage.TIME, Status.PASS)
# The key may sign, but only the certificate itself says for whom.
COUNTRY_UNLISTED = Check(Stage.KEY_USAGE, Status.PASS, ("key.country_unlisted",))


def last_day(instant: float) -> str:
    """The last day, `YYYY-MM-DD`, on which something may have happened by `instant` (s since 1970)."""
    return _day_after(instant // EVENT_SLACK_S)


@lru_cache(maxsize=8)
def _day_after(days: float) -> str:
    return date.fromordinal(min(_DAY_OF_1970 + int(days) + 1, _LAST_DAY)).isoformat()


def lies_ahead(day: str, instant: float) -> bool:
    """Whether an ISO 8601 date, told to the day or less precisely, lies after `last_day`."""
    last = last_day(instant)
    return day[: len(last)] > last[: len(day)]


def check_window(
    expires: float | None,
    issued: float | None,
    faults_so_far: Sequence[str],
    signer: Signer,
    policy: Policy,
    instant: float,
) -> Check:
    """Bounds inclusive, all in seconds since 1970 and finite; None: the certificate does not say.

    `faults_so_far` are the reasons reading the times already gave (`time.exp_unreadable`, ...).
    """
    if (
        not faults_so_far
        and expires is not None
        and issued is not None
        and signer.first <= issued <= instant <= expires <= signer.last
    ):
        return PASS_TIME
    faults = list(faults_so_far)
    remarks: list[str] = []
    if expires is not None and instant > expires + policy.clock_skew_s:
        faults.append("time.expired")
    if issued is not None and instant < issued - policy.clock_skew_s:
        faults.append("time.not_yet")
    early = issued is not None and issued < signer.first
    late = expires is not None and expires > signer.last
    for wrong, severity, reason in (
        (instant > signer.last, policy.signer_window, "key.expired"),
        (instant < signer.first, policy.signer_window, "key.not_yet"),
        (early, policy.issued_before_signer, "key.issued_before_signer"),
        (late, policy.expires_after_signer, "key.expires_after_signer"),
    ):
        if wrong and severity is not Severity.OFF:
            (faults if severity is Severity.REFUSE else remarks).append(reason)
    if faults:
        return Check(Stage.TIME, Status.FAIL, (*faults, *remarks))
    return Check(Stage.TIME, Status.PASS, tuple(remarks)) if remarks else PASS_TIME
