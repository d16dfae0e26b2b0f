"""What is fuzzed: each format, as a raw text and as content that a trusted key really signed.

An input is bytes. Its first byte chooses the door: 0 the text itself, 1 what is signed, 2 what is packed
but not signed. So the reader behind the signature is reached as easily as the one before it.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from healthcert import Outcome, Stage, Status, judge
from healthcert.errors import CertLogicError
from healthcert.explain import LANGUAGES, as_json, as_lines
from healthcert.rules import certlogic
from healthcert.transport import base45
from healthcert.trust import parse_trust_object

NOW = datetime(2022, 1, 15, 12, 0, tzinfo=UTC)
KID = b"fuzzing!"
KEY = ec.derive_private_key(0xC0FFEE, ec.SECP256R1())  # the same in every process: a corpus stays good
SPKI = base64.b64encode(
    KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
).decode()
RAW, SIGNED, PACKED = 0, 1, 2


def sign(data: bytes) -> bytes:
    """ES256 by KEY, r || s."""
    r, s = decode_dss_signature(KEY.sign(data, ec.ECDSA(SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def url64(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def hcert(payload: bytes) -> str:
    """An HC1 text around a payload that KEY signed."""
    protected = cbor2.dumps({1: -7, 4: KID})
    signature = sign(cbor2.dumps(["Signature1", protected, b"", payload]))
    message = cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload, signature]))
    return "HC1:" + base45.encode(zlib.compress(message))


def card(payload: bytes) -> str:
    """A SMART Health Card around a payload that KEY signed."""
    packer = zlib.compressobj(wbits=-15)
    body = packer.compress(payload) + packer.flush()
    header = json.dumps({"alg": "ES256", "zip": "DEF", "kid": KID.decode()}).encode()
    signed = f"{url64(header)}.{url64(body)}"
    text = f"{signed}.{url64(sign(signed.encode()))}"
    return "shc:/" + "".join(f"{ord(character) - 45:02d}" for character in text)


def _key(format: str, kid: str) -> dict[str, Any]:
    return {"kid": kid, "spki": SPKI, "country": "VN", "formats": [format]}


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _judge(trust: Any, texts: Mapping[int, Callable[[bytes], str]]) -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        text = texts.get(data[0] if data else RAW, _text)(data[1:])
        verdict = judge(text, trust, now=NOW)
        if "internal.error" in verdict.reasons:
            raise AssertionError("a fault of ours")
        if verdict.claims is not None and verdict.status(Stage.SIGNATURE) is not Status.PASS:
            raise AssertionError("claims without a signature")
        if verdict.outcome is not Outcome.VALID and not verdict.reasons:
            raise AssertionError("no reason given")
        json.dumps(as_json(verdict), allow_nan=False)
        for language in LANGUAGES:
            as_lines(verdict, language)

    return run


def _logic(data: bytes) -> None:
    try:
        asked = json.loads(data)
    except (ValueError, RecursionError):
        return
    logic, given = (asked.get("logic"), asked.get("data")) if isinstance(asked, dict) else (asked, None)
    try:
        certlogic.compile(logic)(given)
    except CertLogicError:
        return


def _hcert_texts() -> dict[int, Callable[[bytes], str]]:
    return {
        RAW: lambda data: "HC1:" + _text(data),
        SIGNED: hcert,
        PACKED: lambda data: "HC1:" + base45.encode(zlib.compress(data)),
    }


_ISSUER = "https://example.org/issuer"
_SHC_TRUST = parse_trust_object(
    {
        "keys": [_key("shc", KID.decode()) | {"issuer": _ISSUER}],
        "smart_crls": [{"iss": _ISSUER, "kid": KID.decode(), "method": "rid", "ctr": 1, "rids": ["revoked"]}],
    }
)

TARGETS: dict[str, Callable[[bytes], None]] = {
    "eu-dcc": _judge(parse_trust_object({"keys": [_key("eu-dcc", KID.decode())]}), _hcert_texts()),
    "who-ddcc": _judge(parse_trust_object({"keys": [_key("who-ddcc", KID.decode())]}), _hcert_texts()),
    "shc": _judge(
        _SHC_TRUST,
        {
            RAW: lambda data: "shc:/" + _text(data),
            SIGNED: card,
            PACKED: lambda data: "shc:/" + "".join(f"{ord(c) - 45:02d}" for c in url64(data)),
        },
    ),
    "certlogic": _logic,
}
