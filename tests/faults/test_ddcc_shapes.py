"""The three shapes of a WHO DDCC, and content that does not hold together."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import cbor2
import pytest

from healthcert import Outcome, Policy, Stage, Verdict, decode, judge

pytestmark = [pytest.mark.req("K08"), pytest.mark.req("K16")]


def coding(code: str) -> dict[str, str]:
    return {"code": code, "system": "urn:example"}


def usual() -> dict[str, Any]:
    return {
        "hcid": "XX1",
        "name": "An Nguyen",
        "birthDate": "1990-04-05",
        "vaccine": coding("XM8NQ0"),
        "brand": coding("EU/1/20/1528"),
        "date": "2021-07-08",
        "dose": 2,
        "total_doses": 2,
        "country": coding("XXX"),
    }


def usual_test() -> dict[str, Any]:
    result = {"pathogen": coding("840539006"), "type": coding("LP6464-4"), "date": "2022-01-14T08:00:00Z",
              "result": coding("260415000"), "country": coding("SGP")}  # fmt: skip
    return {"hcid": "XX1", "name": "An", "birthDate": "1990-04-05", "test": result}


def judged(issuer: Any, payload: bytes, now: datetime) -> Verdict:
    trust = issuer.trust(issuer.entry(formats=["who-ddcc"]))
    return judge(issuer.text(payload=payload), trust, now=now)


def cwt(ddcc: dict[str, Any], key: int, **claims: Any) -> bytes:
    return cbor2.dumps({4: claims.get("exp", 1_670_000_000), 6: 1_640_000_000, -260: {key: ddcc}})


@pytest.mark.parametrize(
    "payload",
    [cbor2.dumps(usual()), cwt(usual(), 1), cwt(usual(), 3)],
    ids=["bare", "under 1", "under 3"],
)
def test_every_shape_is_told_from_an_eu_certificate_and_read(
    issuer: Any, noon: datetime, payload: bytes
) -> None:
    verdict = judged(issuer, payload, noon)
    assert (verdict.outcome, verdict.format) == (Outcome.VALID, "who-ddcc"), verdict.reasons
    assert verdict.claims is not None
    assert verdict.claims["vaccinations"][0]["product"] == "EU/1/20/1528"


def test_a_test_result_is_read(issuer: Any, noon: datetime) -> None:
    verdict = judged(issuer, cwt(usual_test(), 4), noon)
    assert (verdict.outcome, verdict.kind) == (Outcome.VALID, "test"), verdict.reasons
    assert verdict.claims is not None
    assert verdict.claims["tests"][0]["result"] == "260415000"


def test_an_expired_envelope_is_expired(issuer: Any, noon: datetime) -> None:
    verdict = judged(issuer, cwt(usual(), 3, exp=1_641_000_000), noon)
    assert verdict.reasons == ("time.expired",)


@pytest.mark.parametrize("value", [float("nan"), "later", float("inf"), 10**18])
def test_an_expiry_that_is_no_time_never_passes(issuer: Any, noon: datetime, value: Any) -> None:
    verdict = judged(issuer, cwt(usual(), 3, exp=value), noon)
    assert verdict.outcome is Outcome.INVALID
    assert set(verdict.reasons) & {"time.exp_unreadable", "decode.cwt"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"dose": 0}, "schema.dose"),
        ({"dose": "2"}, "schema.dose"),
        ({"dose": True}, "schema.dose"),
        ({"name": ""}, "schema.name"),
        ({"vaccine": None}, "schema.vaccine"),
        ({"brand": {"code": 7}}, "schema.brand"),
        ({"date": "yesterday"}, "schema.date"),
        ({"valid_until": 20220708}, "schema.valid_until"),
        ({"name": "x" * 10_000}, "schema.name"),
    ],
)
def test_content_that_is_not_of_the_data_set_is_refused(
    issuer: Any, noon: datetime, change: dict[str, Any], reason: str
) -> None:
    verdict = judged(issuer, cwt(usual() | change, 3), noon)
    assert verdict.outcome is Outcome.INVALID
    assert reason in verdict.reasons


@pytest.mark.req("K16")
def test_no_repr_tells_whose_certificate_it_is(issuer: Any, noon: datetime) -> None:
    text = issuer.text(payload=cbor2.dumps(usual()))
    verdict, decoded = judged(issuer, cbor2.dumps(usual()), noon), decode(text)
    assert verdict.claims is not None
    assert "Nguyen" in str(dict(verdict.claims))
    for shown in (repr(verdict), str(decoded), repr(decoded.envelope), f"{verdict}"):
        assert "Nguyen" not in shown
        assert "1990-04-05" not in shown


@pytest.mark.parametrize("day", ["2022-01-17", "2030-01-01", "9999-12-31"])
def test_a_dose_or_sample_in_the_future_is_refused(issuer: Any, noon: datetime, day: str) -> None:
    sample = usual_test()
    sample["test"]["date"] = f"{day}T12:00:01Z"
    for ahead in (usual() | {"date": day}, sample):
        verdict = judged(issuer, cbor2.dumps(ahead), noon)
        assert (verdict.outcome, verdict.reasons) == (Outcome.INVALID, ("time.not_yet",))


@pytest.mark.parametrize("day", ["2022-01-16", "2022-01-15"])
def test_a_dose_may_be_of_tomorrow_for_it_is_tomorrow_somewhere(
    issuer: Any, noon: datetime, day: str
) -> None:
    assert judged(issuer, cbor2.dumps(usual() | {"date": day}), noon).outcome is Outcome.VALID


@pytest.mark.req("K05")
def test_there_is_no_list_to_ask_and_the_verdict_says_so(issuer: Any, noon: datetime) -> None:
    verdict = judged(issuer, cbor2.dumps(usual()), noon)
    assert (verdict.reasons, verdict.unchecked) == ((), ("revocation.not_checkable",))
    trust = issuer.trust(issuer.entry(formats=["who-ddcc"]))
    strict = Policy(require=frozenset({Stage.REVOCATION}))
    demanded = judge(issuer.text(payload=cbor2.dumps(usual())), trust, strict, noon)
    assert (demanded.outcome, demanded.reasons) == (
        Outcome.UNDETERMINED,
        ("policy.revocation_not_checked",),
    )


@pytest.mark.parametrize("wrong", [{"not_after": "2021-12-31T00:00:00Z"}, {"usage": ["t"]}])
@pytest.mark.parametrize("order", [1, -1])
def test_of_two_listings_of_a_key_the_fitting_one_counts_in_any_order(
    issuer: Any, noon: datetime, wrong: dict[str, Any], order: int
) -> None:
    listed = [issuer.entry(formats=["who-ddcc"], **wrong), issuer.entry(formats=["who-ddcc"])][::order]
    text = issuer.text(payload=cbor2.dumps(usual()))
    assert judge(text, issuer.trust(*listed), now=noon).outcome is Outcome.VALID
    alone = issuer.entry(formats=["who-ddcc"], **wrong)
    assert judge(text, issuer.trust(alone), now=noon).outcome is Outcome.INVALID
