"""The verdict on an EU Digital COVID Certificate, Viet Nam's among them.

Viet Nam signs with RSA (PS256) under an intermediate authority and without the Union's key usages: PS256 is
one of the two algorithms of the specification, usages of other registries do not limit, and an anchor is
whoever the trust data name as one, self-signed or not. So it passes by the same rules as everybody.
Source: hcert-spec §3.3, A.4; notes/certificates-other-formats-and-vietnam §0.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ..claims import LaterClaims
from ..errors import DecodeError
from ..model import EU_DCC, Claims, Decoded, Finding, make
from ..policy import Policy
from ..revocation import NOT_CHECKABLE, HashedRevocations, check_hashes
from ..rules.countries import alpha_2
from ..transport import cwt
from ..trust import Signer, TrustView
from ..verdict import Check, Stage, Status
from . import dcc
from .hcert import SIGNED, find_signers
from .listings import best_of
from .presented import present
from .private import read_private
from .window import AHEAD, COUNTRY_UNLISTED, PASS_TIME, check_window, last_day

_FAIL = Status.FAIL  # looked up once, as in `verdict`
_PASS_USAGE, _PASS_SCHEMA = Check(Stage.KEY_USAGE, Status.PASS), Check(Stage.SCHEMA, Status.PASS)
CLEAN = (
    SIGNED,
    _PASS_USAGE,
    PASS_TIME,
    _PASS_SCHEMA,
    NOT_CHECKABLE,
)  # the checks `verify` returns where nothing is found


def verify(decoded: Decoded, trust: TrustView, policy: Policy, now: datetime) -> Finding:
    """Signer, signature, then key usage, time and content, judged independently of each other."""
    found, refusal = find_signers(decoded.envelope, trust, EU_DCC)
    if not found:
        return Finding((refusal,))
    signer = found[0]
    try:
        claims, kinds, content, day = _read(decoded.envelope.unverified_payload, policy)
    except DecodeError as fault:
        return Finding((SIGNED, Check(fault.stage, Status.FAIL, (fault.code,))), issuer=signer.country)
    instant = now.timestamp()
    if day > last_day(instant):
        claims = claims._replace(time_faults=(*claims.time_faults, AHEAD))
    usage, time = check_usage(kinds, signer), check_time(claims, signer, policy, instant)
    if len(found) > 1:
        signer, usage, time = _best_of(found, kinds, claims, policy, instant)
    listed = trust.dcc_revocations
    if listed is None and usage is _PASS_USAGE and time is PASS_TIME and content is _PASS_SCHEMA:
        checks: tuple[Check, ...] = CLEAN
    else:
        revoked = (
            NOT_CHECKABLE if listed is None else _check_revocation(decoded, claims, found, listed, instant)
        )
        checks = (SIGNED, usage, time, content, revoked)
    kind = dcc.KINDS[kinds[0]] if kinds else None
    return make(Finding, (checks, kind, signer.country or claims.issuer, LaterClaims(present, claims)))


def _best_of(
    found: Sequence[Signer], kinds: tuple[str, ...], claims: Claims, policy: Policy, instant: float
) -> tuple[Signer, Check, Check]:
    """Apart, because a closure in `verify` would make every one of its variables slower to reach."""
    return best_of(found, lambda one: (check_usage(kinds, one), check_time(claims, one, policy, instant)))


def _check_revocation(
    decoded: Decoded, claims: Claims, found: Sequence[Signer], listed: HashedRevocations, instant: float
) -> Check:
    """Under every kid and country of those whose signature held."""
    kids = {kid for one in found for kid in one.kids}
    countries = {one.country for one in found if one.country}
    if not countries and alpha_2(claims.issuer) is not None:
        countries = {claims.issuer or ""}  # signed, and all there is
    return check_hashes(decoded.envelope, claims.dcc, kids, countries, listed, instant)


def _read(payload: bytes, policy: Policy) -> tuple[Claims, tuple[str, ...], Check, str]:
    """The signed claims, the kinds they hold, the check of their content, and the latest day in them.

    No day ("") where the content is refused. Raises DecodeError.
    """
    claims = cwt.read_usual(payload)
    if claims is not None:
        kind = dcc.usual_kind(claims.dcc)
        if kind is not None:
            entry = claims.dcc[kind][0]
            if cwt.announces(payload, kind, len(entry)):
                content = _PASS_SCHEMA if claims.private is None else _with_private((), claims)
                return claims, (kind,), content, entry[dcc.EVENT[kind]][:10]
    claims = cwt.parse(payload)
    kinds, content = dcc.groups(claims.dcc), check_content(claims, policy)
    return claims, kinds, content, "" if content.status is _FAIL else dcc.latest_day(claims.dcc, kinds)


def check_usage(kinds: tuple[str, ...], signer: Signer) -> Check:
    """May `signer` vouch for these kinds of certificate? Source: hcert-spec A.4."""
    if signer.usage is None or signer.usage.issuperset(kinds):
        return _PASS_USAGE if signer.country else COUNTRY_UNLISTED
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
