"""Public keys out of certificates, SubjectPublicKeyInfo and JWK, and the signatures they check.

Source: hcert-spec A.4 (key usage OIDs); notes/certificates-eu-dcc §2.1; RFC 7517.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .certificates import Certificate, parse_certificate
from .errors import KeyMaterialError
from .limits import MAX_KEY_CHARS
from .spki import PublicKey, check_rsa_bits, load_public_key

Verifier = Callable[[bytes, bytes], bool]  # (signature, data) -> holds; any other shape is False

ES256 = -7
PS256 = -37
EDDSA = -8  # with Ed25519 alone
KID_BYTES = 8
_P256_HALF = 32  # bytes of r and of s
# INTEGER of 32 bytes, or of 33, the first zero, where the top bit is set
_INTEGER = (b"\x02\x20", b"\x02\x21\x00")
# [top bit of r][top bit of s] -> what stands before r, with the head of the SEQUENCE, and before s
_DER_HEADS = tuple(tuple((bytes((0x30, 64 + len(r) + len(s))) + r, s) for s in _INTEGER) for r in _INTEGER)
_ECDSA = ec.ECDSA(SHA256())
_PREHASHED = ec.ECDSA(Prehashed(SHA256()))  # the same check; hashing outside of it is quicker
# JOSE name -> curve, bytes of r and of s, ECDSA with its hash
JWS_ALGORITHMS: Mapping[str, tuple[type[ec.EllipticCurve], int, ec.ECDSA]] = {
    "ES256": (ec.SECP256R1, 32, _ECDSA),
    "ES384": (ec.SECP384R1, 48, ec.ECDSA(SHA384())),
    "ES512": (ec.SECP521R1, 66, ec.ECDSA(SHA512())),
}
_PSS = padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=32)
_HASH = SHA256()
_USAGE_PREFIXES = ("1.3.6.1.4.1.1847.2021.1.", "1.3.6.1.4.1.0.1847.2021.1.")
_USAGE_KINDS = {"1": "t", "2": "v", "3": "r"}
_UNREADABLE = "key material is not readable"


@dataclass(frozen=True, slots=True)
class KeyMaterial:
    """A public key and what its container says. `usage` None: any kind; bounds None: unlimited."""

    public_key: PublicKey
    kid: bytes
    usage: frozenset[str] | None = None
    country: str | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None
    certificate: Certificate | None = None  # where the key came in one


def algorithm_of(key: PublicKey) -> int | None:
    """The one COSE algorithm `key` may be used with: ES256, PS256, EdDSA, None for any other key."""
    if isinstance(key, rsa.RSAPublicKey):
        return PS256
    if isinstance(key, ed25519.Ed25519PublicKey):
        return EDDSA
    return ES256 if isinstance(key.curve, ec.SECP256R1) else None


def verifier_of(key: PublicKey) -> Verifier:
    """The check of a signature by `key`, never an error.

    ES256 is raw r || s of 64 bytes, PS256 has a salt of 32, EdDSA is that of Ed25519.
    Source: hcert-spec §3.3.2; RFC 8152 §8.1; RFC 8230 §2; RFC 8032 §5.1.
    """

    def es256(signature: bytes, data: bytes) -> bool:
        if len(signature) != 2 * _P256_HALF:
            return False
        try:
            ec_verify(_as_der(signature), sha256(data).digest(), _PREHASHED)
        except (InvalidSignature, ValueError):
            return False
        return True

    def ps256(signature: bytes, data: bytes) -> bool:
        try:
            rsa_verify(signature, data, _PSS, _HASH)
        except (InvalidSignature, ValueError):
            return False
        return True

    def eddsa(signature: bytes, data: bytes) -> bool:
        try:
            ed_verify(signature, data)
        except (InvalidSignature, ValueError):
            return False
        return True

    if isinstance(key, rsa.RSAPublicKey):
        rsa_verify = key.verify
        return ps256
    if isinstance(key, ed25519.Ed25519PublicKey):
        ed_verify = key.verify
        return eddsa
    ec_verify = key.verify
    return es256


def jws_verifier(algorithm: str, key: PublicKey) -> Verifier | None:
    """The check of a raw r || s signature under a JOSE name (ES256, ES384, ES512), never an error.

    None when `key` is not on the curve the name stands for. Source: RFC 7518 §3.4.
    """
    curve, half, ecdsa = JWS_ALGORITHMS[algorithm]
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, curve):
        return None
    if curve is ec.SECP256R1:
        return verifier_of(key)
    ec_verify = key.verify

    def verifies(signature: bytes, data: bytes) -> bool:
        if len(signature) != 2 * half:
            return False
        r, s = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
        try:
            ec_verify(encode_dss_signature(r, s), data, ecdsa)
        except (InvalidSignature, ValueError):
            return False
        return True

    return verifies


def _as_der(raw: bytes) -> bytes:
    """r || s of 64 bytes as SEQUENCE of two INTEGERs.

    254 of 256 numbers fill their 32 bytes; the others go the general way.
    """
    first, second = raw[0], raw[_P256_HALF]
    if first and second:
        before_r, before_s = _DER_HEADS[first >> 7][second >> 7]
        return before_r + raw[:_P256_HALF] + before_s + raw[_P256_HALF:]
    r, s = int.from_bytes(raw[:_P256_HALF], "big"), int.from_bytes(raw[_P256_HALF:], "big")
    return encode_dss_signature(r, s)


def from_certificate(der: bytes) -> KeyMaterial:
    """The key of an X.509 certificate with its window, country and certificate kinds.

    The kid is the first 8 bytes of SHA-256 over the DER. Raises KeyMaterialError.
    """
    return of_certificate(parse_certificate(der))


def of_certificate(certificate: Certificate) -> KeyMaterial:
    """The same of one already read."""
    return KeyMaterial(
        public_key=certificate.public_key,
        kid=sha256(certificate.der).digest()[:KID_BYTES],
        usage=_usage(certificate.extended_usage),
        country=certificate.country,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        certificate=certificate,
    )


def from_spki(der: bytes) -> KeyMaterial:
    """A bare SubjectPublicKeyInfo; its kid is computed over its own DER. Raises KeyMaterialError."""
    return KeyMaterial(load_public_key(der), sha256(der).digest()[:KID_BYTES])


def from_jwk(jwk: Mapping[str, Any]) -> KeyMaterial:
    """An EC P-256, RSA or Ed25519 key as JWK; an x5c inside is ignored. Raises KeyMaterialError."""
    key: PublicKey
    try:
        if jwk.get("kty") == "EC" and jwk.get("crv") == "P-256":
            numbers = ec.EllipticCurvePublicNumbers(_uint(jwk["x"]), _uint(jwk["y"]), ec.SECP256R1())
            key = numbers.public_key()
        elif jwk.get("kty") == "RSA":
            modulus = _uint(jwk["n"])
            check_rsa_bits(modulus.bit_length())
            key = rsa.RSAPublicNumbers(_uint(jwk["e"]), modulus).public_key()
        elif jwk.get("kty") == "OKP" and jwk.get("crv") == "Ed25519":
            key = ed25519.Ed25519PublicKey.from_public_bytes(decode_base64(jwk["x"]))
        else:
            raise KeyMaterialError("key type is not supported")
    except (ValueError, TypeError, KeyError) as fault:
        raise KeyMaterialError(_UNREADABLE) from fault
    spki = spki_of(key)
    return KeyMaterial(key, sha256(spki).digest()[:KID_BYTES])


def spki_of(key: PublicKey) -> bytes:
    """The key as SubjectPublicKeyInfo, DER."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def name_of(key: PublicKey) -> bytes:
    """The kid computed over the key alone, as `from_spki` gives it."""
    return sha256(spki_of(key)).digest()[:KID_BYTES]


def decode_base64(text: object, limit: int = MAX_KEY_CHARS) -> bytes:
    """Bytes of base64 in either alphabet, padded or not. Raises KeyMaterialError."""
    if not isinstance(text, str) or len(text) > limit:
        raise KeyMaterialError("base64 text expected")
    compact = "".join(text.split()).rstrip("=").translate(_URL_TO_STANDARD)
    try:
        return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except (binascii.Error, ValueError) as fault:
        raise KeyMaterialError("base64 text expected") from fault


_URL_TO_STANDARD = str.maketrans("-_", "+/")


def _usage(extended: frozenset[str] | None) -> frozenset[str] | None:
    """Kinds the certificate is limited to. OIDs of other registries do not limit it (hcert-spec A.4)."""
    kinds: set[str] = set()
    for oid in extended or ():
        for prefix in _USAGE_PREFIXES:
            if oid.startswith(prefix):
                kinds.update(_USAGE_KINDS.get(oid[len(prefix) :], ""))
    return frozenset(kinds) or None


def _uint(text: object) -> int:
    return int.from_bytes(decode_base64(text), "big")
