"""Whatever is issued is read back as it was; whatever is changed afterwards is never valid."""

from __future__ import annotations

import unicodedata
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from healthcert import Outcome, decode, judge
from healthcert.formats.private import KINDS
from healthcert.issue import CertificateRequest, IssueError, LocalSigner, prepare, redeem, with_check
from healthcert.issuing.uvci import ALPHABET
from healthcert.rules import codes
from healthcert.transport import base45, cose
from healthcert.trust import Signer as TrustedSigner
from healthcert.trust import StaticTrust

KEY = LocalSigner(ec.generate_private_key(ec.SECP256R1()))
TRUST = StaticTrust((TrustedSigner(KEY.kid, KEY.public_key, "VN"),), "test")
NOW = datetime(2022, 4, 15, 12, tzinfo=UTC)
TODAY = NOW.date()

_LETTERS = "aăâbcdđeêghiklmnoôơpqrstuưvxyáàảãạấầẩẫậếềểễệốồổỗộớờởỡợứừửữựÄÖÜßØæþł"
_words = st.text(_LETTERS, min_size=1, max_size=12).map(str.title)
_names = st.lists(_words, min_size=1, max_size=3).map(" ".join)
_any_script = st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=20)
_texts = _any_script.map(lambda text: unicodedata.normalize("NFC", text))
_days = st.dates(TODAY - timedelta(days=500), TODAY).map(str)
_births = st.dates(datetime(1905, 1, 1).date(), datetime(2020, 1, 1).date())  # noqa: DTZ001 - days only
_births_cut = st.tuples(_births.map(str), st.sampled_from((0, 4, 7, 10))).map(lambda pair: pair[0][: pair[1]])
_ids = st.text(ALPHABET[:36], min_size=1, max_size=40).map(lambda body: with_check("URN:UVCI:01:VN:" + body))
_every = {
    "tg": st.sampled_from(sorted(codes.DISEASES)),
    "co": st.sampled_from(sorted(codes.COUNTRIES)),
    "is": _texts,
    "ci": _ids,
}
_doses = st.tuples(st.integers(1, 9), st.integers(0, 5)).map(lambda pair: {"dn": pair[0], "sd": sum(pair)})
_vaccinations = st.tuples(
    st.fixed_dictionaries(
        _every
        | {
            "vp": st.sampled_from(sorted(codes.VACCINES)),
            "mp": st.sampled_from(sorted(codes.PRODUCTS)),
            "ma": st.sampled_from(sorted(codes.HOLDERS)),
            "dt": _days,
        }
    ),
    _doses,
).map(lambda parts: parts[0] | parts[1])
_tests = st.fixed_dictionaries(
    _every
    | {
        "tt": st.sampled_from(sorted(codes.TEST_TYPES)),
        "tr": st.sampled_from(sorted(codes.TEST_RESULTS)),
        "sc": st.datetimes(datetime(2021, 1, 1), datetime(2022, 4, 15)).map(  # noqa: DTZ001 - Z is put behind
            lambda moment: moment.isoformat(timespec="seconds") + "Z"
        ),
    },
    optional={"nm": _texts, "tc": _texts, "ma": st.sampled_from(sorted(codes.TEST_DEVICES))},
)
_recoveries = st.tuples(
    st.fixed_dictionaries(_every), st.lists(_days, min_size=3, max_size=3).map(sorted)
).map(lambda parts: parts[0] | dict(zip(("fr", "df", "du"), parts[1], strict=True)))
_entries = st.one_of(
    st.tuples(st.just("v"), _vaccinations),
    st.tuples(st.just("t"), _tests),
    st.tuples(st.just("r"), _recoveries),
)


@pytest.mark.req("C20")
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    _entries,
    _names,
    _names,
    _births_cut,
    st.none() | st.sampled_from(KINDS),
    st.none() | st.from_regex(r"[A-Z]{3}", fullmatch=True),
    st.timedeltas(timedelta(seconds=1), timedelta(days=4_000)),
)
def test_what_is_issued_is_valid_and_read_back_as_it_was(
    entry: tuple[str, dict[str, Any]],
    family: str,
    given_name: str,
    birth: str,
    kind: str | None,
    nationality: str | None,
    life: timedelta,
) -> None:
    dcc = {"ver": "1.3.0", "nam": {"fn": family, "gn": given_name}, "dob": birth, entry[0]: [entry[1]]}
    request = CertificateRequest(dcc, "VN", KEY.alg, KEY.kid, NOW, NOW + life, kind, nationality)
    verdict = judge(redeem(prepare(request), KEY), TRUST, now=NOW)
    assert (verdict.outcome, verdict.reasons) == (Outcome.VALID, ())
    claims = verdict.claims
    assert claims is not None
    read = claims["dcc"]
    assert (read["dob"], read[entry[0]], read["ver"]) == (birth, [entry[1]], "1.3.0")
    assert (read["nam"]["fn"], read["nam"]["gn"]) == (family, given_name)
    assert (claims.get("certificate_kind"), claims["holder"].get("nationality")) == (kind, nationality)
    assert claims["issued_at"] == NOW.isoformat()
    assert claims["expires_at"] == (NOW + life).replace(microsecond=0).isoformat()


_odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
_fields = ("ver", "nam", "dob", "v", "fn", "fnt", "dn", "dt", "co", "ci", "mp", "is")
_places = st.lists(st.sampled_from(_fields))


@pytest.mark.req("C20")
@settings(max_examples=250, deadline=None)
@given(_vaccinations, _places, _odd)
def test_whatever_stands_in_a_request_it_is_made_or_refused_with_reasons(
    entry: dict[str, Any], places: list[str], odd: Any
) -> None:
    name = {"fn": "Lê", "fnt": "LE"}
    dcc: dict[str, Any] = {"ver": "1.3.0", "nam": name, "dob": "1985", "v": [entry]}
    for place in places:
        for level in (dcc, name, entry):
            if place in level:
                level[place] = odd
    request = CertificateRequest(dcc, "VN", KEY.alg, KEY.kid, NOW)
    try:
        text = redeem(prepare(request), KEY)
    except IssueError as refused:
        faults = refused.faults
    else:
        faults = ("none.whatsoever",)
        assert judge(text, TRUST, now=NOW).reasons == ()
    assert faults
    assert all("." in fault for fault in faults)


@pytest.mark.req("C04")
def test_no_single_changed_bit_of_the_signed_message_is_ever_valid() -> None:
    entry = {
        "tg": "840539006",
        "co": "VN",
        "is": "Cục Y tế dự phòng",
        "ci": with_check("URN:UVCI:01:VN:7A3K9"),
        "vp": "1119349007",
        "mp": "EU/1/20/1528",
        "ma": "ORG-100030215",
        "dn": 2,
        "sd": 2,
        "dt": "2021-12-01",
    }
    dcc = {"ver": "1.3.0", "nam": {"fn": "Nguyễn", "gn": "Đào"}, "dob": "1985-02-03", "v": [entry]}
    request = CertificateRequest(dcc, "VN", KEY.alg, KEY.kid, NOW, kind="passport", nationality="VNM")
    text = redeem(prepare(request), KEY)
    message = cose.write(decode(text).envelope)
    assert judge(_text(message), TRUST, now=NOW).outcome is Outcome.VALID
    accepted = []
    for bit in range(8 * len(message)):
        changed = bytearray(message)
        changed[bit // 8] ^= 1 << bit % 8
        verdict = judge(_text(bytes(changed)), TRUST, now=NOW)
        if verdict.outcome is not Outcome.INVALID or verdict.claims is not None:
            accepted.append((bit, verdict.reasons))
    assert accepted == []


def _text(message: bytes) -> str:
    return "HC1:" + base45.encode(zlib.compress(message, 1))
