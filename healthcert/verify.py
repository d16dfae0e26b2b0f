"""Decoded certificate, trust, policy and `now` to a verdict: signer, signature, then everything it covers.

Holder data are read only after a signature held. From then on key usage, time and structure are judged
independently, so that one verdict names every fault.
Source: hcert-spec §6.3; architecture §3.
"""

from __future__ import annotations

from datetime import UTC, datetime

from . import keys
from .decode import decode, passed_before
from .errors import DecodeError
from .formats import dcc as dcc_format
from .limits import MAX_SIGNERS_PER_KID, MAX_SIGNERS_WITHOUT_KID
from .model import EU_DCC, NO_FORMAT, Claims, Decoded, Envelope
from .policy import DEFAULT_POLICY, Policy, Severity
from .transport import cose, cwt
from .trust import NO_KID, Signer, TrustView
from .verdict import Check, Outcome, Stage, Status, Verdict, fold

NO_TRUST = "none"
_PASS = {stage: Check(stage, Status.PASS) for stage in Stage}
_SIGNED = _PASS[Stage.SIGNATURE]
_PASS_TIME, _PASS_USAGE, _PASS_SCHEMA = _PASS[Stage.TIME], _PASS[Stage.KEY_USAGE], _PASS[Stage.SCHEMA]


def judge(
    text: str, trust: TrustView | None, policy: Policy = DEFAULT_POLICY, now: datetime | None = None
) -> Verdict:
    """Text to verdict. Never raises: what cannot be judged is UNDETERMINED and says why.

    `now` is an aware datetime; a missing or naive one gives `clock.unusable`.
    """
    version = NO_TRUST
    if now is None or now.tzinfo is None:
        no_clock = (Check(Stage.TIME, Status.UNKNOWN, ("clock.unusable",)),)
        return _verdict(no_clock, NO_FORMAT, version, datetime.fromtimestamp(0, UTC), policy)
    try:
        version = trust.version if trust is not None else NO_TRUST
        return verify(decode(text), trust, policy, now)
    except DecodeError as fault:
        checks = (*passed_before(fault.stage), Check(fault.stage, Status.FAIL, (fault.code,)))
        return _verdict(checks, EU_DCC if len(checks) > 1 else NO_FORMAT, version, now, policy)
    except Exception:  # the last door: a fault of ours must not look like a fault of the holder
        return _verdict(
            (Check(Stage.SIGNATURE, Status.UNKNOWN, ("internal.error",)),), NO_FORMAT, version, now, policy
        )


def verify(decoded: Decoded, trust: TrustView | None, policy: Policy, now: datetime) -> Verdict:
    """The verdict on `decoded` at `now` (aware). Raises ValueError on a naive `now`, nothing else."""
    if now.tzinfo is None:
        raise ValueError("now must be an aware datetime")
    version = NO_TRUST if trust is None else trust.version
    envelope = decoded.envelope
    if envelope is None:
        unknown = Check(Stage.SIGNATURE, Status.UNKNOWN, ("format.unsupported",))
        return _verdict((*decoded.checks, unknown), decoded.format, version, now, policy)
    if trust is None:
        unknown = Check(Stage.SIGNATURE, Status.UNKNOWN, ("trust.missing",))
        return _verdict((*decoded.checks, unknown), decoded.format, version, now, policy)
    found, refusal = _resolve(envelope, trust, decoded.format)
    if not found:
        return _verdict((*decoded.checks, refusal), decoded.format, version, now, policy)
    try:
        claims, kinds, content = _read(envelope.unverified_payload, policy)
    except DecodeError as fault:
        broken = Check(fault.stage, Status.FAIL, (fault.code,))
        checks = (*decoded.checks, _SIGNED, broken)
        return _verdict(checks, decoded.format, version, now, policy, issuer=found[0].country)
    return _judge_claims(decoded, claims, kinds, content, found, version, policy, now)


def _read(payload: bytes, policy: Policy) -> tuple[Claims, tuple[str, ...], Check]:
    """The signed claims, the kinds they hold, and the check of their content. Raises DecodeError."""
    claims = cwt.read_usual(payload)
    if claims is not None:
        kind = dcc_format.usual_kind(claims.dcc)
        if kind is not None:
            return claims, (kind,), _PASS_SCHEMA
    claims = cwt.parse(payload)
    return claims, dcc_format.groups(claims.dcc), check_content(claims, policy)


def _judge_claims(
    decoded: Decoded,
    claims: Claims,
    kinds: tuple[str, ...],
    content: Check,
    found: list[Signer],
    version: str,
    policy: Policy,
    now: datetime,
) -> Verdict:
    instant = now.timestamp()
    signer = found[0]
    usage, time = check_usage(kinds, signer), check_time(claims, signer, policy, instant)
    for other in found[1:]:  # the same key may be listed twice with different limits
        if fold((usage, time)) is Outcome.VALID:
            break
        usage_other, time_other = check_usage(kinds, other), check_time(claims, other, policy, instant)
        if fold((usage_other, time_other)) is Outcome.VALID:
            signer, usage, time = other, usage_other, time_other
    checks = (*decoded.checks, _SIGNED, usage, time, content)
    return _verdict(
        checks,
        decoded.format,
        version,
        now,
        policy,
        kind=dcc_format.KINDS[kinds[0]] if kinds else None,
        issuer=signer.country or claims.issuer,
        claims=claims,
    )


def _resolve(envelope: Envelope, trust: TrustView, format: str) -> tuple[list[Signer], Check]:
    """Every signer whose signature this is, or the check that says why there is none."""
    alg, kid = envelope.alg, envelope.kid or NO_KID
    candidates = trust.signers(format, kid)
    if len(candidates) == 1 and candidates[0].algorithm == alg is not None:
        held = candidates[0].verifies(envelope.signature, cose.signed_bytes(envelope))
        return (list(candidates), _SIGNED) if held else ([], _refuse("signature.bad"))
    limit = MAX_SIGNERS_PER_KID if kid else MAX_SIGNERS_WITHOUT_KID
    if not candidates:
        return [], _refuse("trust.unknown_kid" if kid else "trust.no_signer")
    if alg is None:
        return [], _refuse("signature.alg_missing")
    if alg not in (keys.ES256, keys.PS256):
        return [], _refuse("signature.alg_unsupported")
    fitting = [signer for signer in candidates[:limit] if signer.algorithm == alg]
    data = cose.signed_bytes(envelope)
    found = [signer for signer in fitting if signer.verifies(envelope.signature, data)]
    if found:
        return found, _SIGNED
    if len(candidates) > limit:  # a key we did not try may be the one
        return [], Check(Stage.SIGNATURE, Status.UNKNOWN, ("trust.too_many_signers",))
    return [], _refuse("signature.bad" if fitting else "signature.alg_mismatch")


def _refuse(reason: str) -> Check:
    return Check(Stage.SIGNATURE, Status.FAIL, (reason,))


def check_usage(kinds: tuple[str, ...], signer: Signer) -> Check:
    """May `signer` vouch for these kinds of certificate? Source: hcert-spec A.4."""
    if signer.usage is None or signer.usage.issuperset(kinds):
        return _PASS_USAGE
    return Check(Stage.KEY_USAGE, Status.FAIL, ("key.usage",))


def check_time(claims: Claims, signer: Signer, policy: Policy, instant: float) -> Check:
    """The certificate's own window and the signer's, bounds inclusive; `instant` in s since 1970.

    Source: hcert-spec §3.3.5-3.3.6.
    """
    expires, issued = claims.expires_at, claims.issued_at
    if (
        expires is not None
        and issued is not None
        and signer.first <= issued <= instant <= expires <= signer.last
    ):
        return _PASS_TIME
    faults = list(claims.time_faults)
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
    return Check(Stage.TIME, Status.PASS, tuple(remarks)) if remarks else _PASS_TIME


def check_content(claims: Claims, policy: Policy) -> Check:
    """Structure and, where that is right, value sets."""
    faults = dcc_format.check_schema(claims.dcc)
    if faults:
        return Check(Stage.SCHEMA, Status.FAIL, faults)
    refusals, remarks = dcc_format.check_value_sets(claims.dcc, policy.value_sets)
    if refusals:
        return Check(Stage.SCHEMA, Status.FAIL, (*refusals, *remarks))
    return Check(Stage.SCHEMA, Status.PASS, remarks) if remarks else _PASS_SCHEMA


def _verdict(
    checks: tuple[Check, ...],
    format: str,
    version: str,
    now: datetime,
    policy: Policy,
    *,
    kind: str | None = None,
    issuer: str | None = None,
    claims: Claims | None = None,
) -> Verdict:
    if policy.require:
        ran = {check.stage for check in checks}
        checks += tuple(
            Check(stage, Status.UNKNOWN, (f"policy.{stage.value}_not_checked",))
            for stage in Stage
            if stage in policy.require and stage not in ran
        )
    presented = None if claims is None else dcc_format.PresentedClaims(claims)
    return Verdict(fold(checks), checks, format, kind, issuer, presented, version, now)
