"""The published DIVOC certificates: India's dummy and the signed JSON of DIVOC's own unit tests."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from healthcert import Outcome, Stage, Status, judge
from healthcert.formats.divoc import contexts
from healthcert.trust import StaticTrust, parse_trust_object

pytestmark = [pytest.mark.req("K08")]
IN_TIME = datetime(2021, 12, 1, 12, 0, tzinfo=UTC)
NOT_CHECKABLE = "revocation.not_checkable"


@pytest.fixture(scope="session")
def folder(testdata: Path) -> Path:
    return testdata / "divoc"


@pytest.fixture
def india(folder: Path) -> str:
    return (folder / "cowin-dummy" / "qr.txt").read_text().strip()


def entry(folder: Path, name: str, **changes: Any) -> dict[str, Any]:
    lines = (folder / name / "public-key.pem").read_text().splitlines()
    spki = "".join(line for line in lines if "-----" not in line)
    return {"spki": spki, "country": "IN", "issuer": "did:india", "formats": ["divoc"]} | changes


def trust(folder: Path, name: str = "cowin-dummy", **changes: Any) -> StaticTrust:
    return parse_trust_object({"keys": [entry(folder, name, **changes)]})


def test_indias_dummy_is_valid_and_says_that_revocation_was_not_checked(folder: Path, india: str) -> None:
    verdict = judge(india, trust(folder), now=IN_TIME)
    assert (verdict.outcome, verdict.reasons) == (Outcome.VALID, ())
    assert verdict.unchecked == (NOT_CHECKABLE,)
    assert (verdict.format, verdict.kind, verdict.issuer) == ("divoc", "vaccination", "IN")
    assert verdict.claims is not None
    holder, (dose,) = verdict.claims["holder"], verdict.claims["vaccinations"]
    assert (holder["full_name"], holder["document_number"]) == ("Third March User One", "Dummy256")
    read = {"dose": 1, "doses_total": 2, "date": "2021-03-03", "product": "Covishield", "id": "92047670169"}
    assert {name: dose[name] for name in read} == read
    assert verdict.claims["divoc"]["issuer"] == "https://cowin.gov.in/"


def test_the_same_archive_is_read_as_bytes_and_as_bare_json(folder: Path, india: str) -> None:
    archive = base64.b64decode(india.removeprefix("B64:"))
    bare = zipfile.ZipFile(io.BytesIO(archive)).read("certificate.json").decode()
    for text in (archive.decode("latin-1"), bare):
        assert judge(text, trust(folder), now=IN_TIME).outcome is Outcome.VALID


@pytest.mark.parametrize("name", ["qr-derived.txt", "certificate.json"])
def test_divocs_own_example_is_signed_but_names_no_vaccine_we_know(folder: Path, name: str) -> None:
    text = (folder / "divoc-dev-rsa" / name).read_text()
    verdict = judge(text.strip(), trust(folder, "divoc-dev-rsa"), now=IN_TIME)
    assert verdict.status(Stage.SIGNATURE) is Status.PASS
    assert (verdict.outcome, verdict.reasons[0]) == (Outcome.UNDETERMINED, "schema.divoc.ambiguous")


def test_of_two_keys_of_one_issuer_each_is_tried(folder: Path, india: str) -> None:
    both = parse_trust_object({"keys": [entry(folder, name) for name in ("divoc-dev-rsa", "cowin-dummy")]})
    assert judge(india, both, now=IN_TIME).outcome is Outcome.VALID


def test_a_certificate_signed_tomorrow_is_not_valid_yet(folder: Path, india: str) -> None:
    verdict = judge(india, trust(folder), now=datetime(2021, 3, 2, 12, 0, tzinfo=UTC))
    assert (verdict.outcome, verdict.reasons) == (Outcome.INVALID, ("time.not_yet",))


def test_the_day_until_which_it_is_effective_does_not_end_it(folder: Path, india: str) -> None:
    assert judge(india, trust(folder), now=datetime(2026, 1, 1, tzinfo=UTC)).outcome is Outcome.VALID


def test_a_signer_past_its_window_signs_no_more(folder: Path, india: str) -> None:
    verdict = judge(india, trust(folder, not_after="2021-06-01T00:00:00Z"), now=IN_TIME)
    assert verdict.reasons == ("key.expired",)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"formats": ["eu-dcc"]}, "trust.no_signer"),
        ({"issuer": "did:srilanka:moh"}, "trust.unknown_kid"),
        ({"usage": ["t"]}, "key.usage"),
    ],
)
def test_a_key_of_another_purpose_does_not_vouch(
    folder: Path, india: str, changes: dict[str, Any], reason: str
) -> None:
    verdict = judge(india, trust(folder, **changes), now=IN_TIME)
    assert (verdict.outcome, verdict.reasons[0]) == (Outcome.INVALID, reason)


def test_a_key_bound_to_nobody_is_tried_unless_the_issuer_has_one_of_its_own(
    folder: Path, india: str
) -> None:
    unbound = entry(folder, "cowin-dummy", issuer=None)
    assert judge(india, parse_trust_object({"keys": [unbound]}), now=IN_TIME).outcome is Outcome.VALID
    bound_elsewhere = parse_trust_object({"keys": [unbound, entry(folder, "divoc-dev-rsa")]})
    assert judge(india, bound_elsewhere, now=IN_TIME).reasons == ("signature.bad",)


def test_the_contexts_are_the_published_ones(folder: Path) -> None:
    index = json.loads((folder / "contexts" / "INDEX.json").read_text())
    for address, name in index.items():
        assert contexts.load(address) == json.loads((folder / "contexts" / name).read_text())


def test_every_context_is_part_of_the_package_with_its_licence() -> None:
    notice = resources.files("healthcert.formats.divoc").joinpath("pinned", "NOTICE").read_text("utf-8")
    for address in (contexts.CREDENTIALS, contexts.SECURITY, *contexts.VACCINATION):
        assert "@context" in contexts.load(address)
    assert all(word in notice for word in ("MIT", "W3C", "Apache-2.0"))
