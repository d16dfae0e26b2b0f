"""The envelope EU DCC and WHO DDCC share: base45, zlib, COSE, and the search for who signed.

Source: hcert-spec §4, §3.3.3 (every signer of a kid is tried); notes/certificates-eu-dcc §2.
"""

from __future__ import annotations

from collections.abc import Sequence

from .. import keys
from ..limits import MAX_SIGNERS_PER_KID, MAX_SIGNERS_WITHOUT_KID
from ..model import EU_DCC, WHO_DDCC, Decoded, Envelope, make
from ..transport import base45, cose, cwt
from ..transport.inflate import inflate
from ..trust import NO_KID, Signer, TrustView
from ..verdict import Check, Stage, Status
from .identify import HCERT_PREFIX

DECODE_STAGES = (Stage.PREFIX, Stage.BASE45, Stage.ZLIB, Stage.COSE)
PASSED = tuple(Check(stage, Status.PASS) for stage in DECODE_STAGES)
SIGNED = Check(Stage.SIGNATURE, Status.PASS)
ALGORITHMS = (keys.ES256, keys.PS256)  # hcert-spec §3.3.2; a trust list may hold keys for others


def decode(text: str) -> Decoded:
    """The envelope in `text`. Raises DecodeError at one of DECODE_STAGES."""
    envelope = cose.parse(inflate(base45.decode(text[len(HCERT_PREFIX) :])))
    name = WHO_DDCC if cwt.looks_like_ddcc(envelope.unverified_payload) else EU_DCC
    return make(Decoded, (name, PASSED, envelope))


def find_signers(envelope: Envelope, trust: TrustView, format: str) -> tuple[Sequence[Signer], Check]:
    """Every signer whose signature this is, or the check that says why there is none."""
    alg, kid = envelope.alg, envelope.kid or NO_KID
    candidates = trust.signers(format, kid)
    if len(candidates) == 1 and alg in ALGORITHMS:
        (signer,) = candidates
        if signer.algorithm == alg:
            held = signer.verifies(envelope.signature, cose.signed_bytes(envelope))
            return (candidates, SIGNED) if held else ((), _refuse("signature.bad"))
    limit = MAX_SIGNERS_PER_KID if kid else MAX_SIGNERS_WITHOUT_KID
    if not candidates:
        return (), _refuse("trust.unknown_kid" if kid else "trust.no_signer")
    if alg is None:
        return (), _refuse("signature.alg_missing")
    if alg not in ALGORITHMS:
        return (), _refuse("signature.alg_unsupported")
    fitting = [signer for signer in candidates[:limit] if signer.algorithm == alg]
    data = cose.signed_bytes(envelope)
    found = [signer for signer in fitting if signer.verifies(envelope.signature, data)]
    if found:
        return found, SIGNED
    if len(candidates) > limit:  # a key we did not try may be the one
        return (), Check(Stage.SIGNATURE, Status.UNKNOWN, ("trust.too_many_signers",))
    return (), _refuse("signature.bad" if fitting else "signature.alg_mismatch")


def _refuse(reason: str) -> Check:
    return Check(Stage.SIGNATURE, Status.FAIL, (reason,))
