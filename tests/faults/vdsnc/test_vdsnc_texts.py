"""What the text of a seal may look like, and what its content may say."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from healthcert import Outcome, Stage, Status, Verdict, judge

pytestmark = [pytest.mark.req("K08"), pytest.mark.req("K16")]
MANY = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def judged(pki: Any, text: str, now: datetime | None = None) -> Verdict:
    return judge(text, pki.authority.trust(), now=now or pki.noon)


def signed(pki: Any, data: dict[str, Any], now: datetime | None = None) -> Verdict:
    return judged(pki, pki.signer.text(data), now)


def reasons(verdict: Verdict) -> tuple[str, ...]:
    return verdict.reasons


# Writing


def turned(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: turned(value[name]) for name in reversed(value)}
    return [turned(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", ["NGUYEN  VAN AN", "Nguyễn  Văn Ân", "😀  \ufb33\u2028\x7f/"])
def test_however_it_is_written_the_same_content_is_signed(pki: Any, name: str) -> None:
    data = pki.usual_data()
    data["msg"]["pid"]["n"] = name
    seal = pki.signer.seal(data)
    for text in (
        json.dumps(seal),
        json.dumps(seal, ensure_ascii=False),
        json.dumps(turned(seal), indent=4),
        "\n\t " + json.dumps(seal, separators=(",", ":")) + " \r\n",
        json.dumps(seal).replace("AUS", "\\u0041U\\u0053").replace("/", "\\/"),
        json.dumps(seal).replace('"v": 1', '"v": 1.0').replace('"seq": 2', '"seq": 2e0'),
    ):
        verdict = judged(pki, text)
        assert verdict.outcome is Outcome.VALID, verdict.reasons
        assert verdict.claims is not None
        assert verdict.claims["holder"]["full_name"] == name
        assert verdict.claims["vaccinations"][0]["dose"] == 2


def test_members_beside_the_signed_data_change_nothing(pki: Any) -> None:
    seal = pki.signer.seal(pki.usual_data()) | {"note": 1}
    seal["sig"]["more"] = []
    assert judged(pki, json.dumps(seal)).outcome is Outcome.VALID


@MANY
@given(st.data())
def test_any_change_of_the_signed_data_is_refused(pki: Any, data: st.DataObject) -> None:
    seal = pki.signer.seal(pki.usual_data())
    place: Any = seal["data"]
    while isinstance(place, dict | list) and place:
        names = sorted(place) if isinstance(place, dict) else list(range(len(place)))
        name, parent = data.draw(st.sampled_from(names)), place
        place = parent[name]
        if data.draw(st.booleans()):
            break
    parent[name] = data.draw(st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=3))
    if seal["data"] == pki.usual_data() and parent[name] is not True:
        return
    verdict = judged(pki, json.dumps(seal))
    assert verdict.outcome is Outcome.INVALID
    assert verdict.claims is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda t: t[:-1], "decode.json_malformed"),
        (lambda t: t + "x", "decode.json_malformed"),
        (lambda t: t.replace('"v": 1', '"v": NaN'), "decode.json_number"),
        (lambda t: t.replace('"v": 1', '"v": 1e999'), "decode.json_number"),
        (lambda t: t.replace('"v": 1', '"v": ' + "9" * 5_000), "decode.json_number"),
        (lambda t: t.replace('"v": 1', '"v": 1, "v": 1'), "decode.json_duplicate_key"),
        (lambda t: t.replace('{"data"', '{"data": {}, "data"'), "decode.json_duplicate_key"),
        (lambda t: t.replace('"v": 1', '"v": ' + "[" * 60_000), "decode.json_too_deep"),
        (lambda t: t.replace('"v": 1', '"v": ' + "[" * 40 + "]" * 40), "decode.json_too_deep"),
        (lambda t: t.replace("NGUYEN", "\\ud800"), "decode.json_surrogate"),
        (lambda t: t.replace('"sig"', '"sic"'), "decode.vds"),
        (lambda t: t.replace('"data"', '"date"'), "decode.vds"),
        (lambda t: t.replace('"hdr"', '"hdx"'), "decode.vds"),
        (lambda t: t.replace('"msg": {', '"msg": [], "x": {'), "decode.vds"),
        (lambda t: t.replace('"sigvl": "', '"sigvl": 1, "x": "'), "decode.vds"),
        (lambda t: t.replace('"sigvl": "', '"sigvl": "*'), "decode.vds_signature"),
        (lambda t: t.replace('"cer": "', '"cer": "*'), "decode.vds_signer"),
        (lambda t: t.replace('"cer": "', '"cer": "MAA='), "decode.vds_signer"),
        (lambda t: t.replace('"cer": "', '"cer": "' + "A" * 100_000), "decode.vds_signer"),
        (lambda t: t.replace('"cer": "', '"cer": "' + "A" * 1_000_000), "decode.too_long"),
    ],
)
def test_a_text_that_is_no_seal_is_refused_by_name(pki: Any, change: Any, reason: str) -> None:
    text = change(pki.signer.text())
    started = time.perf_counter()
    verdict = judged(pki, text)
    assert time.perf_counter() - started < 0.25
    assert (verdict.outcome, verdict.reasons) == (Outcome.INVALID, (reason,))
    if reason != "decode.too_long":
        assert verdict.format == "vds-nc"
        assert verdict.status(Stage.COSE) is Status.FAIL


def test_bytes_behind_the_certificate_are_refused(pki: Any) -> None:
    text = pki.signer.text(cer=pki.b64(pki.signer.certificate + b"\0"))
    assert judged(pki, text).reasons == ("decode.vds_signer",)


# Content


def test_what_a_vaccination_says_is_handed_on(pki: Any) -> None:
    verdict = signed(pki, pki.usual_data())
    assert verdict.claims is not None
    holder, (dose,) = verdict.claims["holder"], verdict.claims["vaccinations"]
    assert (holder["family_name"], holder["given_name"]) == ("NGUYEN", "VAN AN")
    assert (holder["document_number"], holder["date_of_birth"], holder["sex"]) == (
        "C1234567",
        "1990-04-05",
        "M",
    )
    assert (dose["product"], dose["vaccine"], dose["disease"]) == ("EU/1/20/1507", "1119349007", "840539006")
    assert (dose["dose"], dose["date"], dose["country"], dose["lot"], dose["id"]) == (
        2,
        "2021-10-03",
        "AU",
        "L1",
        "U1",
    )
    assert verdict.claims["vds"] == pki.usual_data()


def test_what_a_test_says_is_handed_on(pki: Any) -> None:
    signer = pki.authority.signer(types=("NT",))
    verdict = judged(pki, signer.text(pki.usual_test()))
    assert (verdict.outcome, verdict.kind) == (Outcome.VALID, "test"), verdict.reasons
    assert verdict.claims is not None
    (test,) = verdict.claims["tests"]
    assert (test["test_type"], test["result"], test["centre"]) == ("LP6464-4", "260415000", "Lab")
    assert (test["sampled_at"], test["country"], test["id"]) == ("2022-01-14T08:00:00+11:00", "AU", "T1")
    assert verdict.claims["holder"]["document_number"] == "C1234567"


def test_every_dose_of_every_event_is_an_entry(pki: Any) -> None:
    doses = [{"dvc": "2021-04-02", "seq": "1"}, {"dvc": "2021-07-02", "seq": "02"}]
    events = [{"des": "XM8NQ0", "vd": doses}, {"nam": "unheard of", "vd": [{"dvc": "2021-12-01", "seq": 3}]}]
    verdict = signed(pki, pki.usual_data(ve=events))
    assert verdict.claims is not None
    found = [(dose.get("product"), dose["dose"]) for dose in verdict.claims["vaccinations"]]
    assert found == [("EU/1/20/1528", 1), ("EU/1/20/1528", 2), ("unheard of", 3)]


def test_a_name_without_two_spaces_is_not_taken_apart(pki: Any) -> None:
    data = pki.usual_data(pid={"n": "NGUYEN VAN AN"})
    verdict = signed(pki, data)
    assert verdict.claims is not None
    assert verdict.claims["holder"] == {"full_name": "NGUYEN VAN AN"}


@pytest.mark.parametrize(
    "header", [{"t": "icao.dta"}, {"t": 7}, {"v": 2}, {"v": "1"}, {"v": True}, {"t": None}]
)
def test_another_kind_of_seal_asks_a_person(pki: Any, header: dict[str, Any]) -> None:
    data = pki.usual_data()
    data["hdr"] |= header
    verdict = signed(pki, data)
    assert (verdict.outcome, reasons(verdict)) == (Outcome.UNDETERMINED, ("format.unsupported",))


def dose(**changes: Any) -> dict[str, Any]:
    return {"ve": [{"des": "XM8NQ0", "vd": [{"dvc": "2021-10-03"} | changes]}]}


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"pid": None}, "schema.pid"),
        ({"pid": {"n": ""}}, "schema.pid.n"),
        ({"pid": {"n": "A", "dob": 1990}}, "schema.pid.dob"),
        ({"pid": {"n": "A", "i": ["X"]}}, "schema.pid.i"),
        ({"pid": {"n": "A" * 201}}, "schema.pid.n"),
        ({"uvci": 7}, "schema.uvci"),
        ({"ve": None}, "schema.ve"),
        ({"ve": []}, "schema.ve"),
        ({"ve": ["x"]}, "schema.ve"),
        ({"ve": [{"vd": [{"dvc": "2021-10-03"}]}]}, "schema.ve.des"),
        ({"ve": [{"des": "X", "vd": []}]}, "schema.ve.vd"),
        ({"ve": [{"des": "X", "vd": [7]}]}, "schema.ve.vd"),
        (dose(dvc=None), "schema.ve.vd.dvc"),
        (dose(dvc="2021-02-30"), "schema.ve.vd.dvc"),
        (dose(dvc="2021-10-03T08:00:00"), "schema.ve.vd.dvc"),
        (dose(dvc=20211003), "schema.ve.vd.dvc"),
        (dose(dvc="2021-W40-7"), "schema.ve.vd.dvc"),
        (dose(dvc="20211003"), "schema.ve.vd.dvc"),
        (dose(seq=0), "schema.ve.vd.seq"),
        (dose(seq=True), "schema.ve.vd.seq"),
        (dose(seq="one"), "schema.ve.vd.seq"),
        (dose(seq=1.5), "schema.ve.vd.seq"),
        (dose(seq=[1, 2]), "schema.ve.vd.seq"),
        (dose(lot=5), "schema.ve.vd.lot"),
    ],
)
def test_content_of_the_wrong_type_is_refused(pki: Any, message: dict[str, Any], reason: str) -> None:
    verdict = signed(pki, pki.usual_data(**message))
    assert verdict.outcome is Outcome.INVALID
    assert reason in verdict.reasons


@pytest.mark.parametrize(
    ("part", "value", "reason"),
    [
        ("dat", None, "schema.dat"),
        ("dat", {"sc": "soon"}, "schema.dat.sc"),
        ("tr", {"tc": "antigen"}, "schema.tr.r"),
        ("tr", {"tc": 5, "r": "negative"}, "schema.tr.tc"),
        ("sp", "Lab", "schema.sp"),
        ("utci", [], "schema.utci"),
    ],
)
def test_a_test_of_the_wrong_type_is_refused(pki: Any, part: str, value: Any, reason: str) -> None:
    data = pki.usual_test()
    data["msg"][part] = value
    verdict = signed(pki, data)
    assert (verdict.outcome, reasons(verdict)) == (Outcome.INVALID, (reason,))


@pytest.mark.parametrize(
    ("day", "ok"), [("2022-01-15", True), ("2022-01-16", True), ("2022-01-17", False), ("9999-12-31", False)]
)
def test_a_dose_of_the_day_after_tomorrow_was_not_given(pki: Any, day: str, ok: bool) -> None:
    verdict = signed(pki, pki.usual_data(**dose(dvc=day)))
    assert reasons(verdict) == (() if ok else ("time.not_yet",))


def test_a_sample_of_the_future_was_not_taken(pki: Any) -> None:
    data = pki.usual_test()
    data["msg"]["dat"] = {"sc": (pki.noon + timedelta(hours=25)).isoformat()}
    assert reasons(signed(pki, data)) == ("time.not_yet",)
    assert reasons(signed(pki, data, pki.noon + timedelta(hours=2))) == ()


def test_members_we_do_not_know_are_let_through(pki: Any) -> None:
    data = pki.usual_data(opt={"x": [1.5, None]})
    data["msg"]["pid"]["new"] = 7
    data["hdr"]["new"] = {}
    assert signed(pki, data).outcome is Outcome.VALID


_NAMES = [
    "hdr",
    "msg",
    "t",
    "v",
    "is",
    "pid",
    "n",
    "ve",
    "vd",
    "des",
    "dvc",
    "seq",
    "dat",
    "sc",
    "tr",
    "r",
    "tc",
]
_SCALARS = st.none() | st.booleans() | st.integers(-2, 99) | st.floats() | st.text(max_size=4)
_JSON = st.recursive(
    _SCALARS | st.just("2021-10-03"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=4),
    max_leaves=12,
)


@MANY
@given(_JSON, _JSON)
def test_any_signed_json_gives_a_verdict(pki: Any, header: Any, message: Any) -> None:
    data = pki.usual_data()
    data["hdr"] = data["hdr"] | header if isinstance(header, dict) else data["hdr"]
    data["msg"] = data["msg"] | message if isinstance(message, dict) else {"pid": message, "ve": [message]}
    try:
        text = pki.signer.text(data)
    except ValueError:  # NaN and infinities cannot be signed
        return
    verdict = judged(pki, text)
    assert "internal.error" not in verdict.reasons
    assert verdict.outcome is Outcome.VALID or verdict.reasons


@MANY
@given(_JSON, st.text(max_size=40))
def test_any_json_and_any_text_give_a_verdict(pki: Any, value: Any, text: str) -> None:
    seal = pki.signer.seal(pki.usual_data())
    for whole in (value, {"data": value, "sig": seal["sig"]}, {"data": seal["data"], "sig": value}):
        verdict = judged(pki, '{"hdr": 0, "msg": 0, "x": ' + json.dumps(whole) + "}")
        assert verdict.outcome is Outcome.INVALID
    for written in (json.dumps(seal)[: len(text) * 30] + text, '{"hdr""msg"' + text):
        assert "internal.error" not in judged(pki, written).reasons


def test_no_clock_makes_an_error(pki: Any) -> None:
    for now in (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)):
        assert "internal.error" not in judged(pki, pki.signer.text(), now).reasons
