"""The Australian specimen, its authority and its revocation list, as published."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from healthcert import Outcome, Policy, Stage, Status, judge
from healthcert.certificates import is_signed_by, parse_certificate, parse_crl
from healthcert.errors import PolicyError
from healthcert.policy import parse_policy
from healthcert.trust import StaticTrust, parse_trust_object
from trustlist.snapshot import TrustSnapshot

pytestmark = [pytest.mark.req("K08")]
AUTHORITY_KEY_ID = bytes.fromhex("3617c1e7f56795712e3775708e55833186e9380e")
IN_TIME = datetime(2021, 10, 15, 12, 0, tzinfo=UTC)  # between the second dose and the list's nextUpdate
LIST_IS_OLD = datetime(2021, 12, 1, 12, 0, tzinfo=UTC)
NO_LIST = ("revocation.not_checkable",)


@pytest.fixture(scope="session")
def folder(testdata: Path) -> Path:
    return testdata / "vdsnc" / "australia"


def trust_object(folder: Path, *, crl: bool = True, **changes: Any) -> dict[str, Any]:
    authority = {"x5c": [encoded(folder / "csca.der")], "country": "AUS", "formats": ["vds-nc"]} | changes
    return {"authorities": [authority], "x509_crls": [encoded(folder / "csca.crl.der")] if crl else []}


def trust(folder: Path, **changes: Any) -> StaticTrust:
    return parse_trust_object(trust_object(folder, **changes))


def encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def text(folder: Path, name: str = "valid-john.json") -> str:
    return (folder / name).read_text("utf-8")


def test_the_specimen_is_valid_in_its_time(folder: Path) -> None:
    verdict = judge(text(folder), trust(folder), now=IN_TIME)
    assert (verdict.outcome, verdict.reasons) == (Outcome.VALID, ())
    assert (verdict.format, verdict.kind, verdict.issuer) == ("vds-nc", "vaccination", "AU")
    ran = [check.stage for check in verdict.checks if check.status is Status.PASS]
    assert ran == [
        Stage.PREFIX,
        Stage.COSE,
        Stage.SIGNATURE,
        Stage.KEY_USAGE,
        Stage.TIME,
        Stage.SCHEMA,
        Stage.REVOCATION,
    ]


def test_what_it_says_is_handed_on(folder: Path) -> None:
    verdict = judge(text(folder), trust(folder), now=IN_TIME)
    assert verdict.claims is not None
    holder, doses = verdict.claims["holder"], verdict.claims["vaccinations"]
    assert (holder["family_name"], holder["given_name"], holder["date_of_birth"]) == (
        "CITIZEN",
        "JOHN",
        "2004-03-20",
    )
    assert (holder["document_number"], holder["sex"]) == ("PA0940385", "M")
    assert [(dose["product"], dose["dose"], dose["date"], dose["country"]) for dose in doses] == [
        ("EU/1/21/1529", 1, "2021-04-02", "AU"),
        ("EU/1/20/1507", 2, "2021-10-03", "AU"),
    ]
    assert {dose["id"] for dose in doses} == {"VB0009990025"}
    assert verdict.claims["vds"] == json.loads(text(folder))["data"]


def test_the_tampered_specimen_is_refused(folder: Path) -> None:
    verdict = judge(text(folder, "tampered-john.json"), trust(folder), now=IN_TIME)
    assert (verdict.outcome, verdict.reasons, verdict.claims) == (Outcome.INVALID, ("signature.bad",), None)


def test_without_its_authority_it_is_refused(folder: Path) -> None:
    for other in (parse_trust_object({}), trust(folder, formats=["eu-dcc"])):
        verdict = judge(text(folder), other, now=IN_TIME)
        assert (verdict.outcome, verdict.reasons) == (Outcome.INVALID, ("trust.no_anchor",))


def test_an_old_list_is_a_remark_or_decides_nothing_as_the_operator_wants(folder: Path) -> None:
    remark = judge(text(folder), trust(folder), now=LIST_IS_OLD)
    assert (remark.outcome, remark.reasons) == (Outcome.VALID, ("revocation.stale",))
    strict = judge(text(folder), trust(folder), parse_policy({"crl_max_age_days": 90}), LIST_IS_OLD)
    assert (strict.outcome, strict.reasons) == (Outcome.UNDETERMINED, ("revocation.stale",))
    patient = judge(text(folder), trust(folder), Policy(crl_max_age_days=120.0), LIST_IS_OLD)
    assert patient.outcome is Outcome.VALID


def test_without_a_list_revocation_is_open(folder: Path) -> None:
    verdict = judge(text(folder), trust(folder, crl=False), now=IN_TIME)
    assert (verdict.outcome, verdict.reasons, verdict.unchecked) == (Outcome.VALID, (), NO_LIST)


def test_it_outlasts_its_signer_by_nothing(folder: Path) -> None:
    verdict = judge(text(folder), trust(folder), now=datetime(2031, 9, 30, 14, 0, tzinfo=UTC))
    assert "key.expired" in verdict.reasons
    early = judge(text(folder), trust(folder), now=datetime(2021, 8, 31, 13, 0, tzinfo=UTC))
    assert early.reasons == ("time.not_yet", "key.not_yet")  # its second dose is of October


@pytest.mark.parametrize("country", ["AUS", "AU", None])
def test_the_authority_may_be_listed_under_either_code(folder: Path, country: str | None) -> None:
    assert judge(text(folder), trust(folder, country=country), now=IN_TIME).outcome is Outcome.VALID


def test_another_country_does_not_answer_for_it(folder: Path) -> None:
    assert judge(text(folder), trust(folder, country="NZL"), now=IN_TIME).reasons == ("key.country",)


def test_authority_signer_and_list_hang_together(folder: Path) -> None:
    authority = parse_certificate((folder / "csca.der").read_bytes())
    crl = parse_crl((folder / "csca.crl.der").read_bytes())
    assert AUTHORITY_KEY_ID in authority.key_ids
    assert authority.key_id == AUTHORITY_KEY_ID  # also where a certificate does not write it down
    assert is_signed_by(authority, authority.public_key)
    assert is_signed_by(crl, authority.public_key)
    assert (crl.issuer, crl.authority_key_id, crl.revoked) == (
        authority.subject,
        AUTHORITY_KEY_ID,
        frozenset(),
    )


def test_the_verdict_is_the_same_through_a_snapshot(folder: Path) -> None:
    snapshot = TrustSnapshot.from_trust_object(trust_object(folder), issued_at=None)
    assert judge(text(folder), snapshot, now=IN_TIME) == judge(text(folder), trust(folder), now=IN_TIME)
    assert len(snapshot.x509_crls()) == len(snapshot.authorities("vds-nc")) == 1
    assert snapshot.rejected_authorities == snapshot.rejected_crls == ()


@pytest.mark.parametrize("age", [-1, True, "30", 5_000, float("nan")])
def test_an_age_that_is_none_is_no_policy(age: Any) -> None:
    with pytest.raises(PolicyError):
        parse_policy({"crl_max_age_days": age})
