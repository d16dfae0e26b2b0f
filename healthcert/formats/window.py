"""The certificate's own window and its signer's, judged alike for every format.

Source: hcert-spec §3.3.5-3.3.6; requirement K08 (one verdict for all).
"""

from __future__ import annotations

from collections.abc import Sequence

from ..policy import Policy, Severity
from ..trust import Signer
from ..verdict import Check, Stage, Status

PASS_TIME = Check(Stage.TIME, Status.PASS)
# The key may sign, but only the certificate itself says for whom.
COUNTRY_UNLISTED = Check(Stage.KEY_USAGE, Status.PASS, ("key.country_unlisted",))


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
        expires is not None
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
