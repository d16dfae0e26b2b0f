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
from functools import partial
from typing import Any

from healthcert import Outcome, Stage, Status, judge
from healthcert.errors import CertLogicError
from healthcert.explain import LANGUAGES, as_json, as_lines
from healthcert.rules import certlogic
from healthcert.transport import base45
from healthcert.trust import parse_trust_object
from tests.fuzz.issuers import (
    DID,
    ED_SPKI,
    KID,
    SPKI,
    authority,
    card,
    credential,
    digits,
    hcert,
    seal,
    url64,
    zipped,
)

NOW = datetime(2022, 1, 15, 12, 0, tzinfo=UTC)
RAW, SIGNED, PACKED = 0, 1, 2


def _key(format: str, kid: str) -> dict[str, Any]:
    return {"kid": kid, "spki": SPKI, "country": "VN", "formats": [format]}


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


OUTCOMES: dict[str, Callable[[bytes], Outcome]] = {}
# An input made ready (signed, packed), and what is then to be judged: a replay times the second alone.
READY: dict[str, Callable[[bytes], Callable[[], None]]] = {}


def _judge(
    name: str, trust: Any, texts: Mapping[int, Callable[[bytes], str]]
) -> dict[str, Callable[[bytes], None]]:
    def text_of(data: bytes) -> str:
        return texts.get(data[0] if data else RAW, _text)(data[1:])

    def run(text: str) -> None:
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

    OUTCOMES[name] = lambda data: judge(text_of(data), trust, now=NOW).outcome
    READY[name] = lambda data: partial(run, text_of(data))
    return {name: lambda data: run(text_of(data))}


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

_ANCHOR = {
    "x5c": [base64.b64encode(authority()).decode()],
    "country": "VNM",
    "formats": ["vds-nc"],
}
_DID_KEY = {"spki": ED_SPKI, "issuer": DID, "country": "LK", "formats": ["divoc"]}
_SHC_TEXTS = {
    RAW: lambda data: "shc:/" + _text(data),
    SIGNED: card,
    PACKED: lambda data: digits(url64(data)),
}

TARGETS: dict[str, Callable[[bytes], None]] = {
    **_judge("eu-dcc", parse_trust_object({"keys": [_key("eu-dcc", KID.decode())]}), _hcert_texts()),
    **_judge("who-ddcc", parse_trust_object({"keys": [_key("who-ddcc", KID.decode())]}), _hcert_texts()),
    **_judge("shc", _SHC_TRUST, _SHC_TEXTS),
    **_judge("vds-nc", parse_trust_object({"authorities": [_ANCHOR]}), {SIGNED: seal}),
    **_judge("divoc", parse_trust_object({"keys": [_DID_KEY]}), {SIGNED: credential, PACKED: zipped}),
    "certlogic": _logic,
}
READY["certlogic"] = lambda data: partial(_logic, data)
