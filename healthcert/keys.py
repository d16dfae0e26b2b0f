"""Public keys out of certificates, SubjectPublicKeyInfo and JWK, read tolerantly.

Signer certificates in the field break X.509 rules that do not touch the key (an explicit cA=FALSE, an
empty extended-key-usage sequence); a strict parser would drop the whole country. So the certificate's
fields are read with asn1crypto, and only the key itself goes to `cryptography`.
Source: hcert-spec A.4 (key usage OIDs); notes/certificates-eu-dcc §2.1; RFC 7517.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from asn1crypto import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from .errors import KeyMaterialError
from .limits import MAX_KEY_CHARS, MAX_RSA_BITS, MIN_RSA_BITS

Verifier = Callable[[bytes, bytes], bool]  # (signature, data) -> holds; any other shape is False
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey

ES256 = -7
PS256 = -37
EDDSA = -8  # with Ed25519 alone
KID_BYTES = 8
_P256_HALF = 32  # bytes of r and of s
_PLAIN = b"\x02\x20"  # INTEGER of 32 bytes
_SIGN_BYTE = b"\x02\x21\x00"  # INTEGER of 33 bytes, the first zero because the top bit is set
_ECDSA = ec.ECDSA(SHA256())
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
            ec_verify(_as_der(signature[:_P256_HALF], signature[_P256_HALF:]), data, _ECDSA)
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


def _as_der(r: bytes, s: bytes) -> bytes:
    """SEQUENCE of two INTEGERs. 254 of 256 numbers fill their 32 bytes; the others go the general way."""
    if r[0] and s[0]:
        body = (_SIGN_BYTE if r[0] & 0x80 else _PLAIN) + r + (_SIGN_BYTE if s[0] & 0x80 else _PLAIN) + s
        return bytes((0x30, len(body))) + body
    return encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))


def from_certificate(der: bytes) -> KeyMaterial:
    """The key of an X.509 certificate with its window, country and certificate kinds.

    The kid is the first 8 bytes of SHA-256 over the DER. Raises KeyMaterialError.
    """
    try:
        body = x509.Certificate.load(der, strict=True)["tbs_certificate"]
        spki = body["subject_public_key_info"].dump()
        usage = _usage(body)
    except (ValueError, TypeError, KeyError, RecursionError) as fault:
        raise KeyMaterialError("certificate is not readable") from fault
    return KeyMaterial(
        public_key=_load_spki(spki),
        kid=hashlib.sha256(der).digest()[:KID_BYTES],
        usage=usage,
        country=_country(body),
        not_before=_bound(body, "not_before"),
        not_after=_bound(body, "not_after"),
    )


def from_spki(der: bytes) -> KeyMaterial:
    """A bare SubjectPublicKeyInfo; its kid is computed over its own DER. Raises KeyMaterialError."""
    return KeyMaterial(_load_spki(der), hashlib.sha256(der).digest()[:KID_BYTES])


def from_jwk(jwk: Mapping[str, Any]) -> KeyMaterial:
    """An EC P-256, RSA or Ed25519 key as JWK; an x5c inside is ignored. Raises KeyMaterialError."""
    key: PublicKey
    try:
        if jwk.get("kty") == "EC" and jwk.get("crv") == "P-256":
            numbers = ec.EllipticCurvePublicNumbers(_uint(jwk["x"]), _uint(jwk["y"]), ec.SECP256R1())
            key = numbers.public_key()
        elif jwk.get("kty") == "RSA":
            modulus = _uint(jwk["n"])
            _check_rsa_bits(modulus.bit_length())
            key = rsa.RSAPublicNumbers(_uint(jwk["e"]), modulus).public_key()
        elif jwk.get("kty") == "OKP" and jwk.get("crv") == "Ed25519":
            key = ed25519.Ed25519PublicKey.from_public_bytes(decode_base64(jwk["x"]))
        else:
            raise KeyMaterialError("key type is not supported")
    except (ValueError, TypeError, KeyError) as fault:
        raise KeyMaterialError(_UNREADABLE) from fault
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return KeyMaterial(key, hashlib.sha256(spki).digest()[:KID_BYTES])


def decode_base64(text: object) -> bytes:
    """Bytes of base64 in either alphabet, padded or not. Raises KeyMaterialError."""
    if not isinstance(text, str) or len(text) > MAX_KEY_CHARS:
        raise KeyMaterialError("base64 text expected")
    compact = "".join(text.split()).rstrip("=").translate(_URL_TO_STANDARD)
    try:
        return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except (binascii.Error, ValueError) as fault:
        raise KeyMaterialError("base64 text expected") from fault


_URL_TO_STANDARD = str.maketrans("-_", "+/")


def _load_spki(der: bytes) -> PublicKey:
    try:
        key = load_der_public_key(der)
    except (ValueError, TypeError, UnsupportedAlgorithm) as fault:
        raise KeyMaterialError(_UNREADABLE) from fault
    if isinstance(key, rsa.RSAPublicKey):
        _check_rsa_bits(key.key_size)
        return key
    if isinstance(key, ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey):
        return key
    raise KeyMaterialError("key type is not supported")


def _check_rsa_bits(bits: int) -> None:
    if not MIN_RSA_BITS <= bits <= MAX_RSA_BITS:
        raise KeyMaterialError("RSA key size is out of bounds")


def _usage(body: Any) -> frozenset[str] | None:
    """Kinds the certificate is limited to. OIDs of other registries do not limit it (hcert-spec A.4)."""
    kinds: set[str] = set()
    for extension in body["extensions"]:
        if extension["extn_id"].dotted != "2.5.29.37":
            continue
        for purpose in extension["extn_value"].parsed:
            oid = purpose.dotted
            for prefix in _USAGE_PREFIXES:
                if oid.startswith(prefix):
                    kinds.update(_USAGE_KINDS.get(oid[len(prefix) :], ""))
    return frozenset(kinds) or None


def _country(body: Any) -> str | None:
    for name in ("subject", "issuer"):
        try:
            country = body[name].native.get("country_name")
        except (ValueError, TypeError, AttributeError):
            continue
        if isinstance(country, str) and len(country) == 2:
            return country.upper()
    return None


def _bound(body: Any, name: str) -> datetime | None:
    try:
        value = body["validity"][name].native
    except (ValueError, TypeError, OverflowError):
        return None
    return value.astimezone(UTC) if isinstance(value, datetime) else None


def _uint(text: object) -> int:
    return int.from_bytes(decode_base64(text), "big")
