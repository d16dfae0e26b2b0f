"""Decoded certificate, trust, policy and `now` to a verdict, the same way for every format.

Holder data are read only after a signature held. From then on usage, time, structure and revocation are
judged independently, so that one verdict names every fault.
Source: hcert-spec §6.3; architecture §3.
"""

from __future__ import annotations

from datetime import UTC, datetime

from .decode import decode
from .errors import DecodeError
from .formats.table import FORMATS
from .model import NO_FORMAT, Decoded, Finding, make
from .policy import DEFAULT_POLICY, Policy
from .trust import TrustView
from .verdict import Check, Outcome, Stage, Status, Verdict, fold

NO_TRUST = "none"
_VALID = Outcome.VALID
_EPOCH = datetime.fromtimestamp(0, UTC)


def judge(
    text: str, trust: TrustView | None, policy: Policy = DEFAULT_POLICY, now: datetime | None = None
) -> Verdict:
    """Text to verdict. Never raises: what cannot be judged is UNDETERMINED and says why.

    `now` is an aware datetime; a missing or naive one gives `clock.unusable`.
    """
    version = NO_TRUST
    if now is None or now.tzinfo is None:
        return _unknown(Stage.TIME, "clock.unusable", version, _EPOCH, policy)
    try:
        version = trust.version if trust is not None else NO_TRUST
        return verify(decode(text), trust, policy, now)
    except DecodeError as fault:
        checks = (*fault.passed, Check(fault.stage, Status.FAIL, (fault.code,)))
        return _verdict(Finding(checks), fault.format, version, now, policy)
    except Exception:  # the last door: a fault of ours must not look like a fault of the holder
        return _unknown(Stage.SIGNATURE, "internal.error", version, now, policy)


def verify(decoded: Decoded, trust: TrustView | None, policy: Policy, now: datetime) -> Verdict:
    """The verdict on `decoded` at `now` (aware). Raises ValueError on a naive `now`, nothing else."""
    if now.tzinfo is None:
        raise ValueError("now must be an aware datetime")
    version = NO_TRUST if trust is None else trust.version
    if decoded.format == NO_FORMAT:
        finding = Finding(())
    elif trust is None:
        finding = Finding((Check(Stage.SIGNATURE, Status.UNKNOWN, ("trust.missing",)),))
    else:
        format = FORMATS[decoded.format]
        finding = format.verify(decoded, trust, policy, now)
        clean = format.clean
        if (
            clean is not None
            and finding.checks is clean.verified
            and decoded.checks is clean.decoded
            and not policy.require
        ):
            _, kind, issuer, claims = finding
            return make(Verdict, (_VALID, clean.all, decoded.format, kind, issuer, claims, version, now))
    return _verdict(finding, decoded.format, version, now, policy, decoded.checks)


def _unknown(stage: Stage, reason: str, version: str, now: datetime, policy: Policy) -> Verdict:
    finding = Finding((Check(stage, Status.UNKNOWN, (reason,)),))
    return _verdict(finding, NO_FORMAT, version, now, policy)


def _verdict(
    finding: Finding,
    format: str,
    version: str,
    now: datetime,
    policy: Policy,
    passed: tuple[Check, ...] = (),
) -> Verdict:
    checks = passed + finding.checks
    if policy.require:
        ran = {check.stage for check in checks if check.status is not Status.NOT_RUN}
        checks += tuple(
            Check(stage, Status.UNKNOWN, (f"policy.{stage.value}_not_checked",))
            for stage in Stage
            if stage in policy.require and stage not in ran
        )
    return Verdict(fold(checks), checks, format, finding.kind, finding.issuer, finding.claims, version, now)
