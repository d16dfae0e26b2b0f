"""The verdict on an EU Digital COVID Certificate, Viet Nam's among them.

Viet Nam signs with RSA (PS256) under an intermediate authority and without the Union's key usages: PS256 is
one of the two algorithms of the specification, usages of other registries do not limit, and an anchor is
whoever the trust data name as one, self-signed or not. So it passes by the same rules as everybody.
Source: hcert-spec §3.3, A.4; notes/certificates-other-formats-and-vietnam §0.1.
"""

from __future__ import annotations

from datetime import datetime

from ..errors import DecodeError
from ..model import EU_DCC, Claims, Decoded, Finding
from ..policy import Policy
from ..revocation import check_hashes
from ..transport import cwt
from ..trust import Signer, TrustView
from ..verdict import Check, Outcome, Stage, Status, fold
from . import dcc
from .hcert import SIGNED, find_signers
from .presented import PresentedClaims
from .private import read_private
from .window import check_window

_PASS_USAGE, _PASS_SCHEMA = Check(Stage.KEY_USAGE, Status.PASS), Check(Stage.SCHEMA, Status.PASS)


def verify(decoded: Decoded, trust: TrustView, policy: Policy, now: datetime) -> Finding:
    """Signer, signature, then key usage, time and content, judged independently of each other."""
    found, refusal = find_signers(decoded.envelope, trust, EU_DCC)
    if not found:
        return Finding((refusal,))
    signer = found[0]
    try:
        claims, kinds, content = _read(decoded.envelope.unverified_payload, policy)
    except DecodeError as fault:
        return Finding((SIGNED, Check(fault.stage, Status.FAIL, (fault.code,))), issuer=signer.country)
    instant = now.timestamp()
    usage, time = check_usage(kinds, signer), check_time(claims, signer, policy, instant)
    for other in found[1:]:  # the same key may be listed twice with different limits
        if fold((usage, time)) is Outcome.VALID:
            break
        usage_other, time_other = check_usage(kinds, other), check_time(claims, other, policy, instant)
        if fold((usage_other, time_other)) is Outcome.VALID:
            signer, usage, time = other, usage_other, time_other
    checks: tuple[Check, ...] = (SIGNED, usage, time, content)
    listed = trust.dcc_revocations
    if listed is not None:
        checks += (check_hashes(decoded.envelope, claims.dcc, signer.country, listed, instant),)
    return Finding(
        checks,
        dcc.KINDS[kinds[0]] if kinds else None,
        signer.country or claims.issuer,
        PresentedClaims(claims),
    )


def _read(payload: bytes, policy: Policy) -> tuple[Claims, tuple[str, ...], Check]:
    """The signed claims, the kinds they hold, and the check of their content. Raises DecodeError."""
    usual = cwt.read_usual(payload, dcc.usual_kind)
    if usual is not None:
        claims, kind = usual
        return claims, (kind,), _PASS_SCHEMA if claims.private is None else _with_private((), claims)
    claims = cwt.parse(payload)
    return claims, dcc.groups(claims.dcc), check_content(claims, policy)


def check_usage(kinds: tuple[str, ...], signer: Signer) -> Check:
    """May `signer` vouch for these kinds of certificate? Source: hcert-spec A.4."""
    if signer.usage is None or signer.usage.issuperset(kinds):
        return _PASS_USAGE
    return Check(Stage.KEY_USAGE, Status.FAIL, ("key.usage",))


def check_time(claims: Claims, signer: Signer, policy: Policy, instant: float) -> Check:
    """`check_window` of these claims."""
    return check_window(claims.expires_at, claims.issued_at, claims.time_faults, signer, policy, instant)


def check_content(claims: Claims, policy: Policy) -> Check:
    """Structure and, where that is right, value sets."""
    faults = dcc.check_schema(claims.dcc)
    if faults:
        return Check(Stage.SCHEMA, Status.FAIL, faults)
    refusals, remarks = dcc.check_value_sets(claims.dcc, policy.value_sets)
    if refusals:
        return Check(Stage.SCHEMA, Status.FAIL, (*refusals, *remarks))
    return _with_private(remarks, claims)


def _with_private(remarks: tuple[str, ...], claims: Claims) -> Check:
    """A claim of ours that is malformed takes nothing from the EU payload beside it: a remark."""
    if claims.private is not None and read_private(claims.private) is None:
        remarks = (*remarks, "schema.private_claim")
    return Check(Stage.SCHEMA, Status.PASS, remarks) if remarks else _PASS_SCHEMA
