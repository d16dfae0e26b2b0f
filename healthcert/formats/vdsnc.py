"""ICAO's Visible Digital Seal for non-constrained environments: from the text to what was found.

The code is the JSON itself, `{"data":{"hdr","msg"},"sig":{"alg","cer","sigvl"}}`. Signed is the canonical
form of `data`, so members may stand in any order. The signer's certificate travels in the code; what makes
it believable is an authority that signed it (`vdsnc_signer`).
Source: ICAO TR VDS-NC 1.1 §3, §5; RFC 8785; notes/certificates-other-formats-and-vietnam §1.6.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from .. import keys
from ..certificates import Certificate, parse_certificate
from ..claims import LaterClaims, build_claims
from ..errors import DecodeError, KeyMaterialError
from ..limits import MAX_REMEMBERED, MAX_SIGNER_CERTIFICATE_CHARS
from ..model import VDS_NC, Decoded, Finding
from ..policy import Policy
from ..rules.countries import alpha_2
from ..transport import jcs, strict_json
from ..trust import TrustView
from ..verdict import Check, Stage, Status
from . import vdsnc_content as content
from .listings import best_of
from .vdsnc_signer import Vouched, check_revocation, check_usage, find_signers
from .window import AHEAD, EVENT_SLACK_S, check_window

DECODE_STAGES = (Stage.PREFIX, Stage.COSE)
_PASSED = tuple(Check(stage, Status.PASS) for stage in DECODE_STAGES)
_SIGNED = Check(Stage.SIGNATURE, Status.PASS)
_MAX_SIGNATURE_CHARS = 256  # ES512 is 132 bytes: 176 characters of base64


class Seal(NamedTuple):
    """A VDS-NC as received. Signed are the canonical bytes of `unverified_data`.

    They are made only for a signer somebody stands behind: data made to be slow cost 50 ms.
    """

    unverified_data: Mapping[str, Any]
    algorithm: str
    certificate: Certificate
    signature: bytes

    def __repr__(self) -> str:
        """Without the data: a repr ends in logs and tracebacks."""
        return f"Seal({self.algorithm[:8]!r}, {self.certificate!r})"


def decode(text: str) -> Decoded:
    """The seal in `text`. Raises DecodeError at one of DECODE_STAGES."""
    try:
        whole = strict_json.loads(text)
        data, sig = _member(whole, "data", dict), _member(whole, "sig", dict)
        algorithm, cer, sigvl = (_member(sig, name, str) for name in ("alg", "cer", "sigvl"))
        _member(data, "hdr", dict)
        _member(data, "msg", dict)
        seal = Seal(data, algorithm, *_signature(cer, sigvl))
    except strict_json.JsonError as fault:
        raise DecodeError(Stage.COSE, f"decode.json_{fault.args[0]}") from None
    except ValueError:
        raise DecodeError(Stage.COSE, "decode.vds") from None
    return Decoded(VDS_NC, _PASSED, seal)


def verify(decoded: Decoded, trust: TrustView, policy: Policy, now: datetime) -> Finding:
    """Signer and signature, then usage, time, content and revocation, judged independently."""
    seal: Seal = decoded.envelope
    claimed = seal.unverified_data["hdr"].get("is")
    country = claimed if isinstance(claimed, str) else None
    listed, refusal = find_signers(seal.certificate, trust, country)
    if not listed:
        return Finding((refusal,))
    refusal = _check_signature(seal, listed[0])  # all of one key
    if refusal is not _SIGNED:
        return Finding((refusal,))
    data = seal.unverified_data  # verified from here on
    header, message = data["hdr"], data["msg"]
    kind, structure = content.check(header, message)
    found, usage, time = best_of(
        listed,
        lambda one: (check_usage(one, kind, country), _check_time(message, kind, one, policy, now)),
    )
    # a listing without a certificate must not hide that another one's was revoked
    asked = [check_revocation(one, trust, policy, now) for one in (found, *listed)]
    revocation = next((check for check in asked if check.status is Status.FAIL), asked[0])
    checks = (_SIGNED, usage, time, structure, revocation)
    readable = structure.status is Status.PASS
    return Finding(
        checks,
        kind,
        alpha_2(country) or found.signer.country,
        LaterClaims(content.claims, (kind, data)) if kind and readable else build_claims({}, vds=data),
    )


def _signature(cer: str, sigvl: str) -> tuple[Certificate, bytes]:
    try:
        certificate = _certificate(cer)
    except KeyMaterialError:
        raise DecodeError(Stage.COSE, "decode.vds_signer") from None
    try:
        return certificate, keys.decode_base64(sigvl, _MAX_SIGNATURE_CHARS)
    except KeyMaterialError:
        raise DecodeError(Stage.COSE, "decode.vds_signature") from None


def _check_signature(seal: Seal, found: Vouched) -> Check:
    if seal.algorithm not in keys.JWS_ALGORITHMS:
        return Check(Stage.SIGNATURE, Status.FAIL, ("signature.alg_unsupported",))
    verifies = keys.jws_verifier(seal.algorithm, found.signer.public_key)
    if verifies is None:
        return Check(Stage.SIGNATURE, Status.FAIL, ("signature.alg_mismatch",))
    if not verifies(seal.signature, jcs.canonical(seal.unverified_data)):
        return Check(Stage.SIGNATURE, Status.FAIL, ("signature.bad",))
    return _SIGNED


def _check_time(
    message: Mapping[str, Any], kind: str | None, found: Vouched, policy: Policy, now: datetime
) -> Check:
    """The data carry no expiry: the signer's window decides, and nothing was given or taken in the future."""
    instant = now.timestamp()
    future = content.latest(message, kind) > instant + EVENT_SLACK_S + policy.clock_skew_s
    return check_window(None, None, (AHEAD,) if future else (), found.signer, policy, instant)


def _member(parent: Any, name: str, kind: type) -> Any:
    value = parent.get(name) if isinstance(parent, dict) else None
    if type(value) is not kind:
        raise ValueError(name)
    return value


@lru_cache(maxsize=MAX_REMEMBERED)
def _certificate(text: str) -> Certificate:
    """Read once: a checkpoint meets few signers. The text alone decides what comes out."""
    return parse_certificate(keys.decode_base64(text, MAX_SIGNER_CERTIFICATE_CHARS))
