"""A verdict as JSON (architecture §6) and as lines for a person."""

from __future__ import annotations

from typing import Any

from .verdict import Outcome, Stage, Status, Verdict

_MARK = {Status.PASS: "ok", Status.FAIL: "FAILED", Status.NOT_RUN: "not run", Status.UNKNOWN: "cannot tell"}
_OUTCOME = {
    Outcome.VALID: "VALID",
    Outcome.INVALID: "INVALID - refused",
    Outcome.UNDETERMINED: "UNDETERMINED - ask a person",
}
_MEANING = {
    "decode.not_a_certificate": "the code is not a health certificate",
    "decode.too_long": "the text is longer than any certificate",
    "decode.base45_character": "a character outside the base45 alphabet",
    "decode.zlib": "the compressed data are broken",
    "decode.zlib_too_large": "the content is larger than any certificate",
    "decode.cose": "the signed envelope is malformed",
    "format.unsupported": "a known kind of certificate that this build does not verify yet",
    "trust.missing": "no trust list was given, so the signature cannot be checked",
    "decode.vds": "the seal is not built as one",
    "decode.vds_signer": "the signer's certificate inside the code cannot be read",
    "decode.vds_signature": "the signature inside the code cannot be read",
    "decode.json_duplicate_key": "the same name stands twice, so the content has two meanings",
    "trust.no_anchor": "no trusted authority signed the signer's certificate",
    "trust.unknown_kid": "the signer is not on the trust list",
    "signature.bad": "the signature does not belong to the content",
    "signature.alg_mismatch": "the algorithm named does not fit the signer's key",
    "key.usage": "the signer may not issue this kind of certificate",
    "key.country": "the signer may not issue for the country the certificate names",
    "key.critical_extension": "the signer's certificate carries a condition this build does not know",
    "revocation.revoked": "the signer was revoked",
    "revocation.not_checkable": "there is no revocation list to ask (remark)",
    "revocation.list_bad": "the revocation list at hand is not signed by the signer's authority (remark)",
    "revocation.stale": "the revocation list is older than it should be",
    "key.expired": "the signer's own certificate has expired",
    "key.issued_before_signer": "issued before the signer was valid",
    "key.expires_after_signer": "runs longer than the signer's own certificate (remark)",
    "time.expired": "the certificate has expired",
    "time.not_yet": "the certificate is not valid yet",
    "clock.unusable": "the clock cannot be relied on",
}


def as_json(verdict: Verdict) -> dict[str, Any]:
    """The verdict in the shape of `python -m healthcert verify`; UNKNOWN prints as not_run."""
    stages = {stage.value: Status.NOT_RUN.value for stage in Stage}
    for check in verdict.checks:
        status = Status.NOT_RUN if check.status is Status.UNKNOWN else check.status
        stages[check.stage.value] = status.value
    return {
        "outcome": verdict.outcome.value,
        "reasons": list(verdict.reasons),
        "format": verdict.format,
        "kind": verdict.kind,
        "issuer": verdict.issuer,
        "stages": stages,
        "claims": None if verdict.claims is None else dict(verdict.claims),
    }


def as_lines(verdict: Verdict) -> list[str]:
    """The verdict for a person: outcome, stages, reasons in words, and signed claims if there are any."""
    lines = [_OUTCOME[verdict.outcome], f"format   {verdict.format}"]
    if verdict.kind:
        lines.append(f"kind     {verdict.kind}")
    if verdict.issuer:
        lines.append(f"issuer   {verdict.issuer}")
    lines.append(f"at       {verdict.at.isoformat()}")
    lines.append("stages")
    lines += [f"  {stage.value:<11}{_MARK[verdict.status(stage)]}" for stage in Stage]
    if verdict.reasons:
        lines.append("reasons")
        lines += [f"  {reason:<28}{_MEANING.get(reason, '')}".rstrip() for reason in verdict.reasons]
    if verdict.claims is not None:
        lines.append("signed claims")
        lines += _claim_lines(verdict.claims)
    return lines


def _claim_lines(claims: Any) -> list[str]:
    lines = [f"  {name:<18}{value}" for name, value in claims["holder"].items()]
    for group in ("vaccinations", "tests", "recoveries"):
        for entry in claims[group]:
            lines.append(f"  {group[:-1] if group != 'recoveries' else 'recovery'}")
            lines += [f"    {name:<16}{value}" for name, value in entry.items()]
    lines += [f"  {name:<18}{claims[name]}" for name in ("issued_at", "expires_at")]
    # control characters of a name must not reach a terminal
    return ["".join(c if c.isprintable() else "?" for c in line) for line in lines]
