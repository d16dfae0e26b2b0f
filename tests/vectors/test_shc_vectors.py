"""The official SMART Health Card examples, whole and in chunks, and the faulty revocation lists."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from healthcert import Outcome, Stage, Status, decode, judge
from healthcert.policy import Policy
from healthcert.transport import numeric
from healthcert.trust import StaticTrust, parse_trust_object

pytestmark = [pytest.mark.req("K08")]
ISSUER = "https://spec.smarthealth.cards/examples/issuer"
TOOLS = "https://raw.githubusercontent.com/smart-on-fhir/health-cards-dev-tools/main/testdata/badcrl/"
NOW = datetime(2023, 7, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def folder(testdata: Path) -> Path:
    return testdata / "shc"


@pytest.fixture(scope="session")
def trust(folder: Path) -> StaticTrust:
    (published,) = (folder / "issuer" / "crl").iterdir()
    return trust_of(folder / "issuer" / "jwks.json", published)


def trust_of(key_set: Path, published: Path, issuer: str = ISSUER) -> StaticTrust:
    keys = [
        {"kid": None, "jwk": jwk, "country": "US", "issuer": issuer, "formats": ["shc"]}
        for jwk in json.loads(key_set.read_text())["keys"]
    ]
    lists = [{"iss": issuer, **json.loads(published.read_text())}]
    trust = parse_trust_object({"keys": keys, "smart_crls": lists})
    assert trust.rejected == ()
    return trust


def read(path: Path) -> str:
    return path.read_text().strip()


def chunks(folder: Path) -> list[str]:
    return [read(folder / "example-02" / f"example-02-f-qr-code-numeric-value-{n}.txt") for n in range(3)]


@pytest.mark.parametrize(
    "name", ["d-jws.txt", "e-file.smart-health-card", "f-qr-code-numeric-value-0.txt"], ids=lambda n: n[0]
)
def test_the_vaccination_card_is_valid_in_every_carrier(folder: Path, trust: StaticTrust, name: str) -> None:
    verdict = judge(read(folder / "example-00" / f"example-00-{name}"), trust, now=NOW)
    assert (verdict.outcome, verdict.reasons) == (Outcome.VALID, ())
    assert (verdict.format, verdict.kind, verdict.issuer) == ("shc", "vaccination", "US")
    assert verdict.status(Stage.REVOCATION) is Status.PASS
    expanded = json.loads((folder / "example-00" / "example-00-b-jws-payload-expanded.json").read_text())
    claims = verdict.claims
    assert claims is not None
    assert claims["fhir"] == expanded["vc"]["credentialSubject"]["fhirBundle"]
    assert claims["issued_at"] == "2023-06-22T16:19:24.656000+00:00"
    assert claims["holder"] == {
        "family_name": "Anyperson",
        "given_name": "John B.",
        "date_of_birth": "1951-01-20",
    }
    doses = [
        (dose["dose"], dose["doses_total"], dose["date"], dose["product"]) for dose in claims["vaccinations"]
    ]
    assert doses == [
        (1, 2, "2021-01-01", "EU/1/20/1507"),
        (2, 2, "2021-01-29", "EU/1/20/1507"),
        (3, 2, "2022-09-05", "EU/1/20/1507"),
    ]
    assert claims["vaccinations"][0]["centre"] == "ABC General Hospital"


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_lab_report_is_put_together_in_any_order(
    folder: Path, trust: StaticTrust, order: tuple[int, ...]
) -> None:
    codes = chunks(folder)
    text = "\n".join(codes[n] for n in order)
    assert numeric.assemble(text.split()) == read(folder / "example-02" / "example-02-d-jws.txt")
    verdict = judge(text, trust, now=NOW)
    assert (verdict.outcome, verdict.reasons) == (Outcome.VALID, ("schema.no_patient",))
    assert verdict.kind == "test"
    assert verdict.claims is not None
    assert verdict.claims["tests"] == []  # a blood report proves nothing about COVID-19


def test_the_lab_report_reads_the_same_as_a_file(folder: Path, trust: StaticTrust) -> None:
    file = read(folder / "example-02" / "example-02-e-file.smart-health-card")
    claims = judge(file, trust, now=NOW).claims
    assert claims is not None
    assert claims == judge(" ".join(chunks(folder)), trust, now=NOW).claims


@pytest.mark.parametrize("number", [1, 2, 3])
def test_one_code_of_three_asks_for_the_others(folder: Path, trust: StaticTrust, number: int) -> None:
    text = chunks(folder)[number - 1]
    verdict = judge(text, trust, now=NOW)
    assert (verdict.outcome, verdict.reasons) == (Outcome.UNDETERMINED, ("decode.chunk_missing",))
    missing = decode(text).envelope
    assert (missing.total, missing.seen) == (3, (number,))
    assert missing.missing == tuple(n for n in (1, 2, 3) if n != number)


def test_a_card_of_the_first_specification_is_valid_and_cannot_be_looked_up(
    folder: Path, trust: StaticTrust
) -> None:
    verdict = judge(read(folder / "older-spec-example" / "qr.txt"), trust, now=NOW)
    assert (verdict.outcome, verdict.unchecked) == (Outcome.VALID, ("revocation.not_checkable",))
    assert verdict.reasons == ()
    assert verdict.status(Stage.REVOCATION) is Status.NOT_RUN


def test_before_the_fraction_of_its_second_the_card_is_not_valid(folder: Path, trust: StaticTrust) -> None:
    text = read(folder / "example-00" / "example-00-d-jws.txt")
    early = datetime(2023, 6, 22, 16, 19, 24, 655_000, tzinfo=UTC)
    assert judge(text, trust, now=early).reasons == ("time.not_yet",)
    assert judge(text, trust, now=early.replace(microsecond=656_000)).outcome is Outcome.VALID


@pytest.mark.parametrize("name", ["duplicate-rid", "version-mismatch"])
def test_a_faulty_list_clears_nobody_and_says_so(folder: Path, name: str) -> None:
    place = folder / f"badcrl-{name}"
    trust = trust_of(place / "jwks.json", place / "crl.json", TOOLS + name)
    text = read(place / "jws.txt")
    verdict = judge(text, trust, now=NOW)
    assert (verdict.outcome, verdict.unchecked) == (Outcome.VALID, ("revocation.list_bad",))
    assert verdict.reasons == ()
    assert verdict.status(Stage.REVOCATION) is Status.NOT_RUN
    strict = judge(text, trust, Policy(require=frozenset({Stage.REVOCATION})), NOW)
    assert strict.outcome is Outcome.UNDETERMINED


def test_a_card_of_another_issuer_under_the_same_key_is_refused(folder: Path) -> None:
    (published,) = (folder / "issuer" / "crl").iterdir()
    trust = trust_of(folder / "badcrl-version-mismatch" / "jwks.json", published, "https://example.org")
    verdict = judge(read(folder / "badcrl-version-mismatch" / "jws.txt"), trust, now=NOW)
    assert (verdict.outcome, verdict.reasons) == (Outcome.INVALID, ("trust.issuer_mismatch",))
    assert verdict.claims is None


def test_the_published_certificate_binds_its_key_to_the_issuer(folder: Path) -> None:
    jwk = json.loads((folder / "issuer" / "jwks.json").read_text())["keys"][1]

    def rejected(**changes: Any) -> tuple[tuple[int, str], ...]:
        entry = {"kid": None, "jwk": jwk, "issuer": ISSUER, "formats": ["shc"]} | changes
        return parse_trust_object({"keys": [entry]}).rejected

    assert rejected() == ()
    assert rejected(issuer=None) == ()
    assert rejected(issuer="https://example.org") == ((0, "certificate is for another issuer"),)
    assert rejected(jwk=None, x5c=jwk["x5c"]) == ()
    assert rejected(jwk=None, x5c=jwk["x5c"], issuer="https://example.org") == (
        (0, "certificate is for another issuer"),
    )
    other = json.loads((folder / "issuer" / "jwks.json").read_text())["keys"][0]
    assert rejected(jwk=other | {"x5c": jwk["x5c"]}) == ((0, "certificate is for another key"),)
