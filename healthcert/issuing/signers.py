"""Who signs: the view `redeem` asks, and one with the key in memory, for laboratories and tests."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .. import keys
from ..errors import KeyMaterialError
from ..spki import PublicKey

_P256_HALF = 32  # bytes of r and of s
_ECDSA = ec.ECDSA(SHA256())
_PSS = padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=32)
_HASH = SHA256()


class Signer(Protocol):
    """A key that signs certificates, wherever it is kept. A certificate, if there is one, binds the rest."""

    @property
    def alg(self) -> int:
        """The COSE number: ES256 or PS256."""
        ...

    @property
    def kid(self) -> bytes:
        """Eight bytes that name the key: of SHA-256 over the certificate if there is one."""
        ...

    @property
    def public_key(self) -> PublicKey:
        """What the signatures are verified with when there is no certificate."""
        ...

    @property
    def certificate(self) -> bytes | None:
        """The signer certificate as DER."""
        ...

    @property
    def not_before(self) -> datetime | None:
        """First instant a certificate may be issued at, aware; None: unlimited."""
        ...

    @property
    def not_after(self) -> datetime | None:
        """Last instant a certificate may expire at, aware; None: unlimited."""
        ...

    def sign(self, data: bytes) -> bytes:
        """The raw signature of `data`: ES256 r || s of 64 bytes, PS256 with a salt of 32.

        Source: RFC 8152 §8.1; RFC 8230 §2.
        """
        ...


@dataclass(frozen=True, slots=True)
class LocalSigner:
    """A signer whose private key lies in this process. Raises KeyMaterialError for a key of another kind."""

    private_key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey = field(repr=False)
    certificate: bytes | None = field(default=None, repr=False)
    not_before: datetime | None = None
    not_after: datetime | None = None

    # Worked out once, because every certificate needs them.
    public_key: PublicKey = field(init=False, repr=False, compare=False)
    alg: int = field(init=False)
    kid: bytes = field(init=False)

    def __post_init__(self) -> None:
        put = object.__setattr__  # frozen: the one place these are written
        public_key = self.private_key.public_key()
        alg = keys.algorithm_of(public_key)
        if alg is None:
            raise KeyMaterialError("a signer's key is RSA or on the curve P-256")
        named = self.certificate
        if named is None:
            named = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        put(self, "public_key", public_key)
        put(self, "alg", alg)
        put(self, "kid", hashlib.sha256(named).digest()[: keys.KID_BYTES])

    def sign(self, data: bytes) -> bytes:
        """The raw signature of `data`."""
        if isinstance(self.private_key, rsa.RSAPrivateKey):
            return self.private_key.sign(data, _PSS, _HASH)
        r, s = decode_dss_signature(self.private_key.sign(data, _ECDSA))
        return r.to_bytes(_P256_HALF, "big") + s.to_bytes(_P256_HALF, "big")
