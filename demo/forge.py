"""Certificates of a made-up authority, for demonstrations, benchmarks and kill tests; trusted nowhere."""

from __future__ import annotations

import base64
import hashlib
import zlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_ES256 = -7


def base45(data: bytes) -> str:
    """Source: RFC 9285 §4."""
    letters: list[str] = []
    for place in range(0, len(data) - 1, 2):
        rest, low = divmod(data[place] * 256 + data[place + 1], 45)
        high, middle = divmod(rest, 45)
        letters += ALPHABET[low], ALPHABET[middle], ALPHABET[high]
    if len(data) % 2:
        high, low = divmod(data[-1], 45)
        letters += ALPHABET[low], ALPHABET[high]
    return "".join(letters)


def unbase45(text: str) -> bytes:
    """The inverse of `base45`. Raises ValueError for a foreign character."""
    out = bytearray()
    for place in range(0, len(text), 3):
        digits = [ALPHABET.index(letter) for letter in text[place : place + 3]]
        value = sum(digit * 45**power for power, digit in enumerate(digits))
        out += value.to_bytes(len(digits) - 1, "big")
    return bytes(out)


def with_broken_signature(text: str) -> str:
    """The same certificate, its signature off by one bit."""
    message = cbor2.loads(zlib.decompress(unbase45(text.removeprefix("HC1:"))))
    parts = list(message.value if isinstance(message, cbor2.CBORTag) else message)
    parts[3] = parts[3][:-1] + bytes([parts[3][-1] ^ 1])
    return "HC1:" + base45(zlib.compress(cbor2.dumps(cbor2.CBORTag(18, parts))))


@dataclass(frozen=True, slots=True)
class Authority:
    """A key of our own that signs vaccination certificates."""

    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1()), repr=False
    )

    @property
    def spki(self) -> bytes:
        """The public key, DER."""
        return self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def kid(self) -> bytes:
        """Eight bytes that name the key."""
        return hashlib.sha256(self.spki).digest()[:8]

    def trust_object(self) -> dict[str, Any]:
        """A trust object with this key alone; its country is left open, so certificates name their own."""
        encoded = [base64.b64encode(part).decode("ascii") for part in (self.kid, self.spki)]
        return {"keys": [{"kid": encoded[0], "spki": encoded[1], "formats": ["eu-dcc"]}]}

    def certificate(self, issuer: str, issued: datetime, days: int = 365) -> str:
        """The text of a vaccination certificate; with negative `days` one that expired before `issued`."""
        group = {
            "tg": "840539006", "vp": "1119349007", "mp": "EU/1/20/1528", "ma": "ORG-100030215", "dn": 2,
            "sd": 2, "dt": "2021-05-01", "co": "VN", "is": "Demo", "ci": f"URN:UVCI:01:VN:DEMO{issuer}",
        }  # fmt: skip
        dcc = {
            "ver": "1.3.0",
            "nam": {"fn": "Demo", "fnt": "DEMO", "gn": issuer, "gnt": issuer},
            "dob": "1970-01-01",
            "v": [group],
        }
        begins = issued if days > 0 else issued + timedelta(days=2 * days)
        ends = issued + timedelta(days=days)
        payload = {1: issuer, 4: int(ends.timestamp()), 6: int(begins.timestamp()), -260: {1: dcc}}
        return self._sign(cbor2.dumps(payload))

    def _sign(self, payload: bytes) -> str:
        protected = cbor2.dumps({1: _ES256, 4: self.kid})
        to_sign = cbor2.dumps(["Signature1", protected, b"", payload])
        r, s = decode_dss_signature(self.key.sign(to_sign, ec.ECDSA(SHA256())))
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        message = cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload, signature]))
        return "HC1:" + base45(zlib.compress(message))
