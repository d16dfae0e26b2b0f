"""Hostile inputs whose judgement could hang on the version of a library, and what healthcert says to each.

`python verdicts.py` answers the inputs on stdin; the test that made them compares the answers of several
environments. Every payload is really signed, so that what `cbor2` makes of it reaches the judgement.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import cbor2
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
from tests.fuzz.issuers import KID, SPKI, hcert

NOW = datetime(2022, 1, 15, 12, 0, tzinfo=UTC)
FLIPS = 400  # changed copies of each key and certificate
_HOLE = b"\xfa\x7f\xc1\x23\x45"  # a NaN that nothing else here holds: where the odd item goes
_KEY = {"spki": SPKI, "country": "AT", "formats": ["eu-dcc", "who-ddcc"]}
_ENTRY = {
    "tg": "840539006", "vp": "1119349007", "mp": "EU/1/20/1528", "ma": "ORG-100030215", "dn": 2, "sd": 2,
    "dt": "2021-08-12", "co": "AT", "is": "Ministry", "ci": "URN:UVCI:01:AT:1#A",
}  # fmt: skip

# CBOR that readers disagree about: by itself, and in front of a whole item
ITEMS = [
    bytes.fromhex(item)
    for item in (
        "00 20 f4 f6 f7 e0 f0 f818 f820 f8ff f97e00 f97c00 fb7ff8000000000000 f90000 fbffefffffffffffff"
        " 1a61cf9980 1b0000000061cf9980 1bffffffffffffffff 3bffffffffffffffff fb41d873e660000000 fa4ec39f33"
        " 40 4101 60 61ff 62c328 63eda080 7f61416142ff 5f4101ff 5f6101ff 80 8101 9f01ff a0 a10102 bf0102ff"
        " a201010102 a2616101616102 bf616101616102ff a18001 a1a001 a1f401 a1f901 a1fb3ff000000000000001 ff"
        " 7b00000000000000014141 5a00000001ff 1c 1f 3f df fc f81f 9bffffffffffffffff"
        " c074323032312d30382d31325430303a30303a30305a c06161 c11a61cf9980 c1fb41d873e660000000 c1f97e00"
        " c11b00ffffffffffffff c240 c2420100 c25101000000000000000000000000000000ff c348ffffffffffffffff c34101"
        " c4820001 c48201c24100 c5820101 c5821a7fffffff01 c482181e01 d81c80 d81d00 d81c81d81d00 d81ca1616101"
        " d81e820103 d81e820100 d8206161 d8236128 d823614d d82461 d82550 d9010080 d901008161610 d819 d90102820102"
        " d901028180 d90102a0 d90104440a000001 d90105a1440a00000018 d903ec6a323032312d30382d3132 d8641904b0"
        " d9d9f701 d9d9f7616 da0000001201 d8184101 d20180 d9a7f8820102 d9a7f9820102"
    ).split()
    if len(item) % 2 == 0
]
HEADS = [
    bytes.fromhex(head)
    for head in "c0 c1 c2 c6 d81c d81e d818 d820 d823 d824 d825 d826 d90100 d90101 d90102 d90103 d90104 d9d9f7".split()
]
PLACES = ("iss", "exp", "iat", "private", "hcert", "dcc", "ver", "nam", "dob", "fn", "v", "entry", "dn", "dt", "key")


def _payload(place: str) -> tuple[bytes, bytes]:
    """A good payload with a hole at `place`, and what stood there."""
    hole = cbor2.loads(b"\x00")
    del hole
    mark = "<hole>"
    stood: list[Any] = []

    def at(name: str, value: Any) -> Any:
        if name != place:
            return value
        stood.append(value)
        return mark

    entry = at("entry", {**_ENTRY, "dn": at("dn", 2), "dt": at("dt", "2021-08-12")})
    name = at("nam", {"fn": at("fn", "Nguyen"), "fnt": "NGUYEN", "gn": "An", "gnt": "AN"})
    dcc: Any = {"ver": at("ver", "1.3.0"), "dob": at("dob", "1990-04-05"), "nam": name, "v": at("v", [entry])}
    if place == "key":
        dcc[at("key", "more")] = 1
    claims = {
        1: at("iss", "AT"), 4: at("exp", 1_670_000_000), 6: at("iat", 1_640_000_000),
        -260: at("hcert", {1: at("dcc", dcc)}), -70_001: at("private", {"kind": "domestic"}),
    }  # fmt: skip
    if place != "private":
        del claims[-70_001]
    return cbor2.dumps(claims), cbor2.dumps(stood[0])


def payloads() -> Iterator[bytes]:
    """Each odd item at each place; each tag in front of what stood there; and payloads not of one piece."""
    mark = cbor2.dumps("<hole>")
    for place in PLACES:
        payload, stood = _payload(place)
        assert payload.count(mark) == 1
        for item in [*ITEMS, *(head + stood for head in HEADS), stood + b"\x00", stood[:-1]]:
            yield payload.replace(mark, item)
    for n in (5, 15, 16, 17, 100, 399, 401, 3000):
        payload, _ = _payload("private")
        for nest, inner in ((b"\x81", b"\x00"), (b"\xa1\x00", b"\x00"), (b"\xc6", b"\x00"), (b"\x9f", b"\xff")):
            yield payload.replace(mark, nest * n + inner)


def _changed(data: bytes, rng: random.Random) -> Iterator[bytes]:
    yield data
    for _ in range(FLIPS):
        at = rng.randrange(len(data))
        yield data[:at] + bytes([rng.choice((data[at] ^ 1 << rng.randrange(8), rng.randrange(256), 0, 255))]) + data[at + 1 :]


def _keys() -> list[Any]:
    curves = [ec.SECP192R1, ec.SECP224R1, ec.SECP256R1, ec.SECP384R1, ec.SECP521R1, ec.SECP256K1]
    curves += [ec.BrainpoolP256R1, ec.BrainpoolP384R1, ec.BrainpoolP512R1]
    keys: list[Any] = [ec.derive_private_key(0xC0FFEE, curve()) for curve in curves]
    return [*keys, ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32))), rsa.generate_private_key(65_537, 2048)]


def inputs() -> list[list[str]]:
    """[kind, text or hex] of everything, small enough for a pipe."""
    rng = random.Random(1)
    asked = [["text", hcert(payload)] for payload in payloads()]
    name = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "VN")])
    for key in _keys():
        spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        asked += [["key", data.hex()] for data in _changed(spki, rng)]
        builder = x509.CertificateBuilder(name, name, key.public_key(), 7, NOW, NOW + timedelta(days=9))
        digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else SHA256()
        der = builder.add_extension(x509.BasicConstraints(True, 0), True).sign(key, digest).public_bytes(Encoding.DER)
        asked += [["certificate", data.hex()] for data in _changed(der, rng)]
    return asked


def _text(text: str) -> list[str]:
    verdict = judge(text, _TRUST, now=NOW)
    return [verdict.outcome.value, *verdict.reasons]


def _key(text: str) -> list[str]:
    try:
        return [spki_of(load_public_key(bytes.fromhex(text))).hex()]
    except KeyMaterialError as fault:
        return ["refused"]


def _certificate(text: str) -> list[str]:
    try:
        found = parse_certificate(bytes.fromhex(text))
    except KeyMaterialError as fault:
        return ["refused"]
    return [str(is_signed_by(found, found.public_key)), str(found)]


_TRUST = parse_trust_object({"keys": [_KEY | {"kid": __import__("base64").b64encode(KID).decode()}]})


def answers(asked: list[list[str]]) -> list[list[str]]:
    kinds = {"text": _text, "key": _key, "certificate": _certificate}
    return [kinds[kind](text) for kind, text in asked]


if __name__ == "__main__":
    json.dump(answers(json.load(sys.stdin)), sys.stdout)
