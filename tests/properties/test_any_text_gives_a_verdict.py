"""Whatever is held up to the camera: a verdict, never an exception; and time only ever takes away."""

from __future__ import annotations

import json
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from healthcert import DecodeError, Outcome, Status, judge, keys
from healthcert.formats import dcc as dcc_format
from healthcert.policy import ValueSetMode
from healthcert.times import parse_instant
from healthcert.transport import base45, cose, cwt
from healthcert.transport.cbor import CborError, Reader
from healthcert.trust import parse_trust_object
from healthcert.verdict import Stage

SAMPLE = Path(__file__).resolve().parents[1] / "vectors" / "sample"
VECTOR = json.loads((SAMPLE / "at-1-vaccination.json").read_text("utf-8"))
TRUST = parse_trust_object({"keys": [{"x5c": [VECTOR["TESTCTX"]["CERTIFICATE"]], "formats": ["eu-dcc"]}]})
NOW = parse_instant(VECTOR["TESTCTX"]["VALIDATIONCLOCK"])
COSE = bytes.fromhex(VECTOR["COSE"])
_FIRST, _LAST = datetime(1970, 1, 1), datetime(2100, 1, 1)  # noqa: DTZ001 - the zone is drawn apart
MANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _answers(text: str) -> None:
    verdict = judge(text, TRUST, now=NOW)
    assert "internal.error" not in verdict.reasons
    if verdict.outcome is not Outcome.VALID:
        assert verdict.reasons
    if verdict.status(Stage.SIGNATURE) is not Status.PASS:
        assert verdict.claims is None


@pytest.mark.req("K16")
@MANY
@given(st.text(max_size=300))
def test_any_text_gives_a_verdict(text: str) -> None:
    _answers(text)
    _answers("HC1:" + text)


@pytest.mark.req("K16")
@MANY
@given(st.binary(max_size=300))
def test_any_bytes_at_any_stage_give_a_verdict(data: bytes) -> None:
    _answers("HC1:" + base45.encode(data))
    _answers("HC1:" + base45.encode(zlib.compress(data)))
    _answers("HC1:" + base45.encode(zlib.compress(b"\xd2\x84" + data)))


@pytest.mark.req("K16")
@MANY
@given(st.data())
def test_any_splice_of_a_good_certificate_gives_a_verdict(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(COSE)))
    end = data.draw(st.integers(start, len(COSE)))
    spliced = COSE[:start] + data.draw(st.binary(max_size=40)) + COSE[end:]
    _answers("HC1:" + base45.encode(zlib.compress(spliced)))


@pytest.mark.req("K16")
@MANY
@given(st.binary(max_size=200))
def test_signed_garbage_is_either_claims_or_a_decode_error(data: bytes) -> None:
    try:
        claims = cwt.parse(data)
    except DecodeError:
        return
    dcc_format.check_schema(claims.dcc)


@pytest.mark.req("K16")
@MANY
@given(st.binary(max_size=120))
def test_base45_returns_what_was_put_in(data: bytes) -> None:
    assert base45.decode(base45.encode(data)) == data


@pytest.mark.req("K16")
@MANY
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(1 << 63), 1 << 63)
        | st.text(max_size=8)
        | st.binary(max_size=8),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
        max_leaves=20,
    )
)
def test_the_strict_reader_agrees_with_cbor2_on_well_formed_input(value: Any) -> None:
    reader = Reader(cbor2.dumps(value))
    try:
        read = reader.item()
    except CborError:
        return
    assert read == value
    assert reader.at_end()


@pytest.mark.req("K16")
@MANY
@given(st.integers(0, 40_000), st.integers(0, 40_000))
def test_later_never_un_expires(first: int, more: int) -> None:
    def expired(hours: int) -> bool:
        verdict = judge(VECTOR["PREFIX"], TRUST, now=NOW + timedelta(hours=hours))
        return "time.expired" in verdict.reasons

    if expired(first):
        assert expired(first + more)


@pytest.mark.req("K16")
@MANY
@given(st.datetimes(_FIRST, _LAST, timezones=st.just(UTC)))
def test_no_clock_makes_an_error(now: datetime) -> None:
    assert judge(VECTOR["PREFIX"], TRUST, now=now).outcome is not Outcome.UNDETERMINED


_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 200),
    st.floats(allow_nan=False),
    st.text(max_size=90),
    st.sampled_from(
        [
            "",
            "2021-02-28",
            "2021-02-30",
            "2021-08-12T10:00:00Z",
            "AT",
            "XY",
            "LP6464-4",
            "LP217198-3",
            "9999",
            "1232",
            "260415000",
            "840539006",
            "A\nB",
            "A<B",
            "1.3.0",
            "1.0.0",
            "1.3.0\n",
            "AT\n",
        ]
    ),
)
_KEYS = (
    "ver",
    "dob",
    "fn",
    "fnt",
    "gn",
    "gnt",
    "tg",
    "co",
    "is",
    "ci",
    "vp",
    "mp",
    "ma",
    "dn",
    "sd",
    "dt",
    "tt",
    "nm",
    "sc",
    "tr",
    "tc",
    "fr",
    "df",
    "du",
    "extra",
)
_COMMON = {"tg": "840539006", "co": "AT", "is": "M", "ci": "URN:1"}
_ENTRIES = {
    "v": {
        **_COMMON,
        "vp": "1119349007",
        "mp": "EU/1/20/1528",
        "ma": "ORG-100030215",
        "dn": 1,
        "sd": 2,
        "dt": "2021-02-18",
    },
    "t": {
        **_COMMON,
        "tt": "LP217198-3",
        "ma": "1232",
        "sc": "2021-02-18T10:00:00Z",
        "tr": "260415000",
        "tc": "C",
    },
    "r": {**_COMMON, "fr": "2021-02-18", "df": "2021-03-01", "du": "2021-08-01"},
}


@pytest.mark.req("K16")
@settings(max_examples=600, deadline=None)
@given(
    st.sampled_from("vtr"),
    st.dictionaries(st.sampled_from(_KEYS), _VALUES, max_size=2),
    st.sets(st.sampled_from(_KEYS), max_size=1),
)
def test_the_quick_look_accepts_only_what_the_full_checks_accept(
    kind: str, changes: dict[str, Any], missing: set[str]
) -> None:
    entry = dict(_ENTRIES[kind])
    name: dict[str, Any] = {"fn": "Ä", "fnt": "AE", "gn": "B", "gnt": "B"}
    content: dict[str, Any] = {"ver": "1.3.0", "dob": "1990-01-01", "nam": name, kind: [entry]}
    for place in (content, name, entry):
        for key in changes.keys() & place.keys():
            place[key] = changes[key]
        for key in missing & place.keys():
            del place[key]
    if "extra" in changes:
        entry["extra"] = changes["extra"]
    if dcc_format.usual_kind(content) is not None:
        assert dcc_format.check_schema(content) == ()
        assert dcc_format.check_value_sets(content, ValueSetMode.STRICT) == ((), ())


@pytest.mark.req("K16")
@pytest.mark.parametrize("kind", "vtr")
def test_the_quick_look_knows_a_usual_certificate(kind: str) -> None:
    name = {"fn": "Ä", "fnt": "AE", "gn": "B", "gnt": "B"}
    content = {"ver": "1.3.0", "dob": "1990-01-01", "nam": name, kind: [_ENTRIES[kind]]}
    assert dcc_format.usual_kind(content) == kind


@pytest.mark.req("K16")
@MANY
@given(st.binary(min_size=8, max_size=8), st.sampled_from([-7, -37]), st.booleans(), st.binary(max_size=400))
def test_the_quick_envelope_reading_equals_the_strict_one(
    kid: bytes, alg: int, first: bool, payload: bytes
) -> None:
    header = cbor2.dumps({1: alg, 4: kid} if first else {4: kid, 1: alg})
    signature = bytes(64 if alg == -7 else 256)
    quick = cose.parse(cbor2.dumps(cbor2.CBORTag(18, [header, {}, payload, signature])))
    strict = cose.parse(cbor2.dumps([header, {}, payload, signature]))
    assert quick == strict
    assert (quick.kid, quick.alg, quick.unverified_payload) == (kid, alg, payload)


@pytest.mark.req("K16")
@MANY
@given(st.binary(min_size=64, max_size=64), st.sampled_from([0, 32]), st.integers(0, 5))
def test_a_raw_signature_becomes_the_der_of_the_library(raw: bytes, start: int, zeros: int) -> None:
    raw = raw[:start] + bytes(zeros) + raw[start + zeros :]
    r, s = raw[:32], raw[32:]
    expected = encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
    assert keys._as_der(raw) == expected
