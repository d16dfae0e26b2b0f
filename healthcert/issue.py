"""From a request to bytes that lack only a signature, and from those to the text of a code.

The scarce thing is the signing key: it may lie in a token that signs a few certificates a second. So
everything that can go wrong goes wrong before it is touched, against a throw-away key of the same algorithm.
Source: requirement C20; hcert-spec §3.3, §4.
"""

from __future__ import annotations

import zlib
from functools import cache, lru_cache
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from . import keys
from .errors import IssueError, KeyMaterialError
from .formats.identify import HCERT_PREFIX
from .formats.private import write_private
from .issuing.lint import complete, payload_faults
from .issuing.request import MAX_QR_CHARS, CertificateRequest, Prepared, request_faults
from .issuing.signers import LocalSigner, Signer
from .issuing.uvci import with_check
from .limits import MIN_RSA_BITS
from .model import EU_DCC, Envelope
from .policy import Policy, ValueSetMode
from .transport import base45, cose, cwt
from .trust import Signer as TrustedSigner
from .trust import StaticTrust
from .verdict import Outcome
from .verify import judge

__all__ = [
    "CertificateRequest",
    "IssueError",
    "LocalSigner",
    "Prepared",
    "Signer",
    "prepare",
    "redeem",
    "with_check",
]

_STRICT = Policy(value_sets=ValueSetMode.STRICT)
_SIGNERS_REMEMBERED = 16  # an issuer signs with one or two keys at a time


def prepare(request: CertificateRequest) -> Prepared:
    """The certificate `request` asks for, checked and rehearsed, ready to be signed.

    Raises IssueError with every fault found.
    """
    faults = request_faults(request)
    if faults:
        raise IssueError(faults)
    dcc = complete(request.dcc)
    faults = payload_faults(dcc, request.issuer, request.issued_at)
    if faults:
        raise IssueError(tuple(dict.fromkeys(faults)))
    prepared = _build(request, dcc)
    _rehearse(prepared, request, dcc)
    return prepared


def redeem(prepared: Prepared, signer: Signer) -> str:
    """The text of the code, signed by `signer`, its signature verified once before it is handed out.

    Raises IssueError: `key.mismatch` (prepared for another key), `key.usage`, `key.issued_before_signer`,
    `key.expires_after_signer`, `signature.bad`, `qr.too_long`; and whatever `signer.sign` raises.
    """
    faults, verifies = _signer_faults(prepared, signer)
    if faults:
        raise IssueError(faults)
    signature = signer.sign(prepared.to_be_signed)
    envelope = Envelope(prepared.protected, prepared.payload, signature, prepared.kid, prepared.alg)
    if not verifies(signature, cose.signed_bytes(envelope)):  # the bytes as a reader will see them
        raise IssueError(("signature.bad",))
    return _pack(envelope)


def _build(request: CertificateRequest, dcc: dict[str, Any]) -> Prepared:
    issued, expires = int(request.issued_at.timestamp()), int(request.expiry().timestamp())
    claims: dict[int, Any] = {
        cwt.CLAIM_ISS: request.issuer,
        cwt.CLAIM_EXP: expires,
        cwt.CLAIM_IAT: issued,
        cwt.CLAIM_HCERT: {cwt.HCERT_DCC: dcc},
    }
    private = write_private(request.private)
    if private:
        claims[cwt.CLAIM_PRIVATE] = private
    payload = cbor2.dumps(claims, canonical=True)
    protected = cose.protected_header(request.alg, request.kid)
    unsigned = Envelope(protected, payload, b"", request.kid, request.alg)
    group = next(kind for kind in "vtr" if kind in dcc)
    to_be_signed = cose.signed_bytes(unsigned)
    return Prepared(to_be_signed, protected, payload, request.alg, request.kid, group, issued, expires)


def _rehearse(prepared: Prepared, request: CertificateRequest, dcc: dict[str, Any]) -> None:
    """Sign with a key nobody trusts, read the text back and compare. Raises IssueError."""
    key = _throw_away(prepared.alg)
    signature = key.sign(prepared.to_be_signed)
    text = _pack(Envelope(prepared.protected, prepared.payload, signature, prepared.kid, prepared.alg))
    trusted = TrustedSigner(prepared.kid, key.public_key, request.issuer, formats=frozenset((EU_DCC,)))
    verdict = judge(text, StaticTrust((trusted,), "rehearsal"), _STRICT, request.issued_at)
    if verdict.outcome is not Outcome.VALID or verdict.reasons or verdict.claims is None:
        raise IssueError(verdict.reasons or ("rehearsal.not_valid",))
    read = verdict.claims
    said = (read["dcc"], read.get("certificate_kind"), read["holder"].get("nationality"))
    if said != (dcc, request.kind, request.nationality):
        raise IssueError(("rehearsal.differs",))


@cache
def _throw_away(alg: int) -> LocalSigner:
    """A key of the same algorithm, made once a process (RSA takes 0.1 s), kept nowhere, trusted by nobody."""
    if alg == keys.PS256:
        return LocalSigner(rsa.generate_private_key(public_exponent=65_537, key_size=MIN_RSA_BITS))
    return LocalSigner(ec.generate_private_key(ec.SECP256R1()))


def _pack(envelope: Envelope) -> str:
    text = HCERT_PREFIX + base45.encode(zlib.compress(cose.write(envelope), 9))
    if len(text) > MAX_QR_CHARS:
        raise IssueError(("qr.too_long",))
    return text


def _signer_faults(prepared: Prepared, signer: Signer) -> tuple[list[str], keys.Verifier]:
    faults: list[str] = []
    if signer.certificate is None:
        verifies = keys.verifier_of(signer.public_key)
    else:
        material, verifies = _certificate(signer.certificate)
        if material.kid != signer.kid:
            faults.append("key.mismatch")
        if material.usage is not None and prepared.group not in material.usage:
            faults.append("key.usage")
        faults += _window_faults(prepared, material)
    if cose.protected_header(signer.alg, signer.kid) != prepared.protected:
        faults.append("key.mismatch")
    faults += _window_faults(prepared, signer)
    return list(dict.fromkeys(faults)), verifies


def _window_faults(prepared: Prepared, limits: Signer | keys.KeyMaterial) -> list[str]:
    """iat and exp lie within the signer's life, bounds inclusive. Source: hcert-spec §3.3.5, §3.3.6."""
    first, last = limits.not_before, limits.not_after
    faults = []
    if first is not None and prepared.issued_at < first.timestamp():
        faults.append("key.issued_before_signer")
    if last is not None and prepared.expires_at > last.timestamp():
        faults.append("key.expires_after_signer")
    return faults


@lru_cache(maxsize=_SIGNERS_REMEMBERED)
def _certificate(der: bytes) -> tuple[keys.KeyMaterial, keys.Verifier]:
    try:
        material = keys.from_certificate(der)
    except KeyMaterialError as fault:
        raise IssueError(("key.certificate",)) from fault
    return material, keys.verifier_of(material.public_key)
