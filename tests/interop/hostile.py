"""Inputs whose judgement could hang on the version of a library, and what healthcert says to each.

As a program it answers the inputs on its stdin, so that several environments can be asked the same.
"""

from __future__ import annotations

import base64
import json
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from healthcert import judge
from healthcert.certificates import is_signed_by, parse_certificate
from healthcert.errors import KeyMaterialError
from healthcert.keys import spki_of
from healthcert.spki import load_public_key
from healthcert.trust import parse_trust_object
from tests.faults.odd_cbor import payloads
from tests.fuzz.issuers import KID, SPKI, hcert

NOW = datetime(2022, 1, 15, 12, 0, tzinfo=UTC)
CHANGED_COPIES = 150  # of each key and each certificate
CURVES = (
    *(ec.SECP192R1, ec.SECP224R1, ec.SECP256R1, ec.SECP384R1, ec.SECP521R1, ec.SECP256K1),
    *(ec.BrainpoolP256R1, ec.BrainpoolP384R1, ec.BrainpoolP512R1),
)
_KEY = {"kid": base64.b64encode(KID).decode(), "spki": SPKI, "country": "AT", "formats": ["eu-dcc"]}
_TRUST = parse_trust_object({"keys": [_KEY]})


def inputs() -> list[tuple[str, str]]:
    """(kind, text or hex): odd payloads that are really signed, changed keys, changed certificates."""
    rng = random.Random(20_221)
    asked = [("text", hcert(payload)) for payload in payloads()]
    name = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "VN")])
    keys: list[Any] = [ec.derive_private_key(0xC0FFEE, curve()) for curve in CURVES]
    keys.append(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
    keys.append(rsa.generate_private_key(public_exponent=65_537, key_size=2048))
    for key in keys:
        spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        built = x509.CertificateBuilder(name, name, key.public_key(), 7, NOW, NOW + timedelta(days=9))
        built = built.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        signed = built.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else SHA256())
        for kind, data in (("key", spki), ("certificate", signed.public_bytes(Encoding.DER))):
            asked += [(kind, copy.hex()) for copy in _changed(data, rng)]
    return asked


def answers(asked: list[tuple[str, str]]) -> list[str]:
    """What healthcert says to each input; an error of any kind is an answer, by its name."""
    return [_answer(kind, text) for kind, text in asked]


def _answer(kind: str, text: str) -> str:
    try:
        return _ANSWERS[kind](text)
    except KeyMaterialError:
        return "refused"
    except Exception as error:
        return f"raised {type(error).__name__}"


def _verdict(text: str) -> str:
    verdict = judge(text, _TRUST, now=NOW)
    return " ".join((verdict.outcome.value, *verdict.reasons))


def _key(text: str) -> str:
    return spki_of(load_public_key(bytes.fromhex(text))).hex()


def _certificate(text: str) -> str:
    found = parse_certificate(bytes.fromhex(text))
    return f"{is_signed_by(found, found.public_key)} {found}"


_ANSWERS: Mapping[str, Callable[[str], str]] = {"text": _verdict, "key": _key, "certificate": _certificate}


def _changed(data: bytes, rng: random.Random) -> Iterator[bytes]:
    """`data`, and copies with one byte changed: half of them in the first 80, where the structure is."""
    yield data
    for number in range(CHANGED_COPIES):
        at = rng.randrange(min(80, len(data)) if number % 2 else len(data))
        other = rng.choice((data[at] ^ 1 << rng.randrange(8), rng.randrange(256), 0, 255))
        yield data[:at] + bytes([other]) + data[at + 1 :]


if __name__ == "__main__":
    json.dump(answers([(kind, text) for kind, text in json.load(sys.stdin)]), sys.stdout)
