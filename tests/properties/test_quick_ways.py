"""Whatever is read the quick way is read as the slow way, kept beside it or written out here, reads it."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from healthcert import DEFAULT_POLICY, DecodeError, Outcome, decode, judge
from healthcert.claims import LaterClaims
from healthcert.formats.eu_dcc import CLEAN
from healthcert.formats.table import FORMATS
from healthcert.limits import MAX_CBOR_ITEMS
from healthcert.model import EU_DCC
from healthcert.policy import Policy
from healthcert.times import parse_instant
from healthcert.transport import base45, base64url, cose, cwt, numeric, strict_json
from healthcert.trust import parse_trust_object
from healthcert.verdict import Check, Stage, Status, fold
from healthcert.verify import verify

pytestmark = [pytest.mark.req("K16"), pytest.mark.req("K08")]
MANY = settings(max_examples=300, deadline=None)
SAMPLE = Path(__file__).resolve().parents[1] / "vectors" / "sample"
VECTOR = json.loads((SAMPLE / "at-1-vaccination.json").read_text("utf-8"))
TRUST = parse_trust_object({"keys": [{"x5c": [VECTOR["TESTCTX"]["CERTIFICATE"]], "formats": ["eu-dcc"]}]})
NOW = parse_instant(VECTOR["TESTCTX"]["VALIDATIONCLOCK"])
KID = bytes(range(8))


def _or_code(read: Any, *given: Any) -> Any:
    """What `read` returns, or the reason it gives."""
    try:
        return read(*given)
    except DecodeError as fault:
        return fault.code


# --- base45


def _base45_by_the_book(text: str) -> bytes | str:
    """RFC 9285 §4, one group after the other."""
    if any(character not in base45.ALPHABET.decode() for character in text):
        return "decode.base45_character"
    if len(text) % 3 == 1:
        return "decode.base45_length"
    out = b""
    for start in range(0, len(text), 3):
        group = text[start : start + 3]
        value = sum(base45.ALPHABET.index(ord(each)) * 45**place for place, each in enumerate(group))
        if value >= 256 ** (len(group) - 1):
            return "decode.base45_overflow"
        out += value.to_bytes(len(group) - 1, "big")
    return out


_ALPHABET = st.sampled_from(base45.ALPHABET.decode())


@MANY
@given(st.text(_ALPHABET, max_size=20) | st.text(_ALPHABET | st.characters(), max_size=12))
def test_any_base45_is_read_as_the_standard_says(text: str) -> None:
    assert _or_code(base45.decode, text) == _base45_by_the_book(text)


# --- COSE


def _message(alg: int, layout: int, payload: bytes) -> bytes:
    """A tagged COSE_Sign1 whose headers have one of the usual layouts."""
    protected: dict[int, Any] = (
        {1: alg, 4: KID},
        {4: KID, 1: alg},
        {1: alg, 3: 61, 4: KID},
        {1: alg},
    )[layout]
    unprotected = {4: KID} if layout == 3 else {}
    signature = bytes(range(64)) if alg == -7 else bytes(256)
    return cbor2.dumps(cbor2.CBORTag(18, [cbor2.dumps(protected), unprotected, payload, signature]))


_MESSAGES = st.builds(_message, st.sampled_from([-7, -37]), st.integers(0, 3), st.binary(max_size=300))


@pytest.mark.parametrize("alg", [-7, -37])
@pytest.mark.parametrize("layout", range(4))
@pytest.mark.parametrize("size", [24, 255, 256, 900])
def test_a_usual_envelope_is_read_the_quick_way(alg: int, layout: int, size: int) -> None:
    message = _message(alg, layout, bytes(size))
    quick = cose._usual(message)
    assert quick is not None
    assert (quick.kid, quick.alg) == (KID, alg)
    assert quick == cose.parse(message[1:])  # without its tag only the strict reader knows it


@MANY
@given(_MESSAGES, st.data())
def test_an_envelope_with_any_bytes_changed_is_read_as_the_strict_reader_reads_it(
    message: bytes, data: st.DataObject
) -> None:
    start = data.draw(st.integers(1, min(40, len(message))) | st.integers(1, len(message)))
    end = data.draw(st.integers(start, min(start + 3, len(message))))
    changed = message[:start] + data.draw(st.binary(max_size=3)) + message[end:]
    quick = cose._usual(changed)
    if quick is not None:
        assert quick == cose.parse(changed[1:])


# --- CWT of a WHO DDCC

_SCALARS = st.none() | st.booleans() | st.integers(-(1 << 63), 1 << 63) | st.floats() | st.text(max_size=6)
_TREES = st.recursive(
    _SCALARS | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)
_MAPS = st.dictionaries(st.text(max_size=4), _TREES, max_size=5)
_CLAIMS = _MAPS | st.builds(
    lambda kind, inner, more: {**more, -260: {kind: inner}},
    st.sampled_from([1, 3, 4]),
    _MAPS,
    st.dictionaries(st.sampled_from([1, 4, 6, 99]), _TREES, max_size=3),
)


@MANY
@given(_CLAIMS, st.data())
def test_a_plain_payload_is_what_the_strict_reader_makes_of_it(claims: Any, data: st.DataObject) -> None:
    payload = cbor2.dumps(claims)
    if data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(payload)))
        payload = (
            payload[:at] + data.draw(st.binary(max_size=2)) + payload[at + data.draw(st.integers(0, 2)) :]
        )
    quick = cwt._written_plainly(payload)
    if quick is not None:
        assert cbor2.dumps(quick) == cbor2.dumps(cwt._strict_any(payload))  # NaN is not equal to itself


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"\xa2\x61a\x01\x61a\x02", "a name twice"),
        (b"\xa1\x61a\x01\x00", "bytes behind"),
        (b"\xa1\x61a\xc0\x61b", "a tag"),
        (b"\xbf\x61a\x01\xff", "no length"),
        (b"\xa1\x61a\x18\x01", "a number written longer than need be"),
        (b"\xa1\x61a" + b"\x81" * 12 + b"\x01", "deep"),
        (cbor2.dumps({"a": "b" * MAX_CBOR_ITEMS}), "long"),
        (cbor2.dumps({99: {"a": 1}, -260: {1: {}}}), "another claim that is no scalar"),
    ],
)
def test_what_is_not_plain_is_left_to_the_strict_reader(payload: bytes, why: str) -> None:
    assert cwt._written_plainly(payload) is None, why


def test_a_usual_ddcc_is_read_the_quick_way() -> None:
    inner = {"name": "An", "dose": 2, "vaccine": {"code": "XM68M6"}}
    for claims in (inner, {1: "VN", 4: 1_670_000_000, -260: {3: inner}}):
        assert cwt._written_plainly(cbor2.dumps(claims)) == claims


# --- digits, base64url and JSON


def _numeric_by_the_book(digits: str) -> str:
    """Two digits a character, one after the other."""
    if any(each not in "0123456789" for each in digits):
        return "decode.numeric_character"
    if len(digits) % 2:
        return "decode.numeric_odd"
    text = "".join(chr(int(digits[at : at + 2]) + 45) for at in range(0, len(digits), 2))
    allowed = base64url.ALPHABET.decode() + "."
    return text if all(each in allowed for each in text) else "decode.numeric_pair"


@MANY
@given(
    st.text(st.sampled_from("0123456789"), max_size=12)
    | st.text(st.sampled_from("0123456789aF \n٣x"), max_size=6)
    | st.lists(st.sampled_from([f"{ord(c) - 45:02d}" for c in "AZaz09-_."])).map("".join)
)
def test_any_digits_are_read_as_the_framework_says(digits: str) -> None:
    assert _or_code(numeric._decode, digits) == _numeric_by_the_book(digits)


@MANY
@given(st.binary(max_size=8) | st.text(st.sampled_from("AQgwZz09-_+/= \n"), max_size=9).map(str.encode))
def test_base64url_has_one_text_for_each_byte_string(text: bytes) -> None:
    found = base64url.decode(text)
    if found is None:
        padded = text + b"=" * (-len(text) % 4)
        try:
            read = base64.b64decode(padded.translate(bytes.maketrans(b"-_+/", b"+/!!")), validate=True)
        except ValueError:
            return
        assert base64.urlsafe_b64encode(read).rstrip(b"=") != text
    else:
        assert base64.urlsafe_b64encode(found).rstrip(b"=") == text


@MANY
@given(st.binary(max_size=40))
def test_base64url_reads_what_was_written(data: bytes) -> None:
    assert base64url.decode(base64.urlsafe_b64encode(data).rstrip(b"=")) == data


_NUMBERS = st.integers(-(2**53), 2**53)
_TAILS = st.text(st.sampled_from(" \t\n\r\v\u00a0}{x\x00"), max_size=3)


@MANY
@given(st.dictionaries(st.text(max_size=3), _NUMBERS | st.text(max_size=3), max_size=3), _TAILS, _TAILS)
def test_around_a_json_object_only_its_whitespace_may_stand(value: Any, before: str, behind: str) -> None:
    text = before + json.dumps(value) + behind
    try:
        expected = json.loads(text)
    except ValueError:
        expected = None
    try:
        found = strict_json.loads(text)
    except strict_json.JsonError:
        found = None
    assert found == expected


# --- the usual result


def test_the_usual_result_equals_the_one_put_together() -> None:
    clean = FORMATS[EU_DCC].clean
    verdict = judge(VECTOR["PREFIX"], TRUST, now=NOW)
    assert clean is not None
    assert verdict.checks is clean.all
    assert verdict.outcome is fold(clean.all) is Outcome.VALID
    assert {check.status for check in clean.all} == {Status.PASS, Status.NOT_RUN}
    decoded = decode(VECTOR["PREFIX"])
    other = (*decoded.checks[:-1], Check(Stage.COSE, Status.PASS))
    assert verdict == verify(decoded._replace(checks=other), TRUST, DEFAULT_POLICY, NOW)


def test_a_decoding_that_found_something_is_never_the_usual_result() -> None:
    decoded = decode(VECTOR["PREFIX"])
    worse = (*decoded.checks[:-1], Check(Stage.COSE, Status.UNKNOWN, ("made.up",)))
    verdict = verify(decoded._replace(checks=worse), TRUST, DEFAULT_POLICY, NOW)
    assert verdict.outcome is Outcome.UNDETERMINED
    assert verdict.reasons == ("made.up",)


def test_a_policy_that_demands_more_is_heard_for_the_usual_result_too() -> None:
    verdict = judge(VECTOR["PREFIX"], TRUST, Policy(require=frozenset({Stage.REVOCATION})), NOW)
    assert verdict.outcome is Outcome.UNDETERMINED
    assert verdict.reasons == ("policy.revocation_not_checked",)


def test_only_a_certificate_without_remarks_is_the_usual_result() -> None:
    later = NOW.replace(year=NOW.year + 20)
    verdict = judge(VECTOR["PREFIX"], TRUST, now=later)
    assert verdict.outcome is Outcome.INVALID
    assert verdict.checks[-len(CLEAN) :] != CLEAN


def test_claims_are_built_once_and_only_when_looked_into() -> None:
    asked: list[int] = []

    def build(source: int) -> dict[str, Any]:
        asked.append(source)
        return {"holder": {"full_name": "Secret"}}

    claims = LaterClaims(build, 7)
    assert "Secret" not in repr(claims)
    assert asked == []
    assert claims["holder"] == {"full_name": "Secret"}
    assert (list(claims), len(claims)) == (["holder"], 1)
    assert claims == LaterClaims(build, 8) == {"holder": {"full_name": "Secret"}}
    assert claims != LaterClaims(lambda _: {}, 7)
    assert asked == [7, 8]


def test_an_inflated_text_too_large_by_one_byte_is_still_refused() -> None:
    packed = zlib.compress(bytes(65_537))
    assert judge("HC1:" + base45.encode(packed), TRUST, now=NOW).reasons == ("decode.zlib_too_large",)
