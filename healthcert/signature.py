"""ES256 and PS256 over given bytes. The key fixes the algorithm; the header must agree.

Source: hcert-spec §3.3.2; RFC 8152 §8.1 (raw r || s); RFC 8230 §2 (salt as long as the hash).
"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from .keys import PublicKey

ES256 = -7
PS256 = -37
_P256_HALF = 32  # bytes of r and of s
_ECDSA = ec.ECDSA(SHA256())
_PSS = padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=32)
_HASH = SHA256()


def verify_signature(key: PublicKey, signature: bytes, data: bytes) -> bool:
    """True if `signature` is by `key` over `data`; any other shape or key is False, never an error."""
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            if len(signature) != 2 * _P256_HALF:
                return False
            r = int.from_bytes(signature[:_P256_HALF], "big")
            s = int.from_bytes(signature[_P256_HALF:], "big")
            key.verify(encode_dss_signature(r, s), data, _ECDSA)
        else:
            key.verify(signature, data, _PSS, _HASH)
    except (InvalidSignature, ValueError):
        return False
    return True
