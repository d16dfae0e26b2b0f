"""An issuer of our own: every part of a certificate can be replaced before and after it is signed."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from healthcert.transport import base45
from healthcert.trust import StaticTrust, parse_trust_object

KID = b"kid-one!"
NOW = datetime(2022, 1, 15, 12, 0, tzinfo=UTC)
ISSUED, EXPIRES = 1_640_000_000, 1_670_000_000


def usual_dcc() -> dict[str, Any]:
    return {
        "ver": "1.3.0",
        "nam": {"fn": "Nguyễn", "fnt": "NGUYEN", "gn": "An", "gnt": "AN"},
        "dob": "1990-04-05",
        "v": [
            {
                "tg": "840539006",
                "vp": "1119349007",
                "mp": "EU/1/20/1528",
                "ma": "ORG-100030215",
                "dn": 2,
                "sd": 2,
                "dt": "2021-08-12",
                "co": "AT",
                "is": "Ministry",
                "ci": "URN:UVCI:01:AT:1#A",
            }
        ],
    }


class Issuer:
    """Signs what it is told, however wrong."""

    def __init__(self) -> None:
        self.ec_key = ec.generate_private_key(ec.SECP256R1())
        self.rsa_key = rsa.generate_private_key(65537, 2048)

    def spki(self, key: Any = None) -> str:
        public = (key or self.ec_key).public_key()
        return base64.b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()

    def entry(self, key: Any = None, **more: Any) -> dict[str, Any]:
        return {
            "kid": base64.b64encode(KID).decode(),
            "spki": self.spki(key),
            "country": "AT",
            "formats": ["eu-dcc"],
            **more,
        }

    def trust(self, *entries: dict[str, Any]) -> StaticTrust:
        return parse_trust_object({"keys": list(entries) or [self.entry()]})

    def sign(self, protected: bytes, payload: bytes, alg: int = -7) -> bytes:
        tbs = cbor2.dumps(["Signature1", protected, b"", payload])
        if alg == -37:
            return self.rsa_key.sign(tbs, padding.PSS(padding.MGF1(SHA256()), 32), SHA256())
        r, s = decode_dss_signature(self.ec_key.sign(tbs, ec.ECDSA(SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def payload(self, **more: Any) -> bytes:
        claims = {1: "AT", 4: EXPIRES, 6: ISSUED, -260: {1: usual_dcc()}}
        for name, label in (("exp", 4), ("iat", 6), ("hcert", -260)):
            if name in more:
                claims[label] = more[name]
        if "dcc" in more:
            claims[-260] = {1: more["dcc"]}
        return cbor2.dumps({label: value for label, value in claims.items() if value is not None})

    def cose(
        self,
        *,
        protected: Any = None,
        unprotected: Any = None,
        payload: bytes | None = None,
        signature: bytes | None = None,
        alg: int = -7,
        **claims: Any,
    ) -> list[Any]:
        if protected is None:
            protected = {1: alg, 4: KID}
        header = protected if isinstance(protected, bytes) else cbor2.dumps(protected)
        body = self.payload(**claims) if payload is None else payload
        signed = self.sign(header, body, alg) if signature is None else signature
        return [header, {} if unprotected is None else unprotected, body, signed]

    def text(self, tag: int | None = 18, **parts: Any) -> str:
        body = self.cose(**parts)
        return pack(cbor2.dumps(body if tag is None else cbor2.CBORTag(tag, body)))


def pack(cose: bytes) -> str:
    """COSE bytes to the text of a code."""
    return "HC1:" + base45.encode(zlib.compress(cose, 9))


@pytest.fixture(scope="session")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture(scope="session")
def packer() -> Callable[[bytes], str]:
    return pack


@pytest.fixture(scope="session")
def dcc() -> Callable[[], dict[str, Any]]:
    return usual_dcc


@pytest.fixture(scope="session")
def noon() -> datetime:
    return NOW
