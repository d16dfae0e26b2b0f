"""WHO's own DDCC test certificate and what changes about it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from healthcert import Outcome, Stage, Status, judge
from healthcert.trust import StaticTrust, parse_trust_object

pytestmark = [pytest.mark.req("K08")]
IN_TIME = datetime(2021, 12, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def folder(testdata: Path) -> Path:
    return testdata / "ddcc" / "who-test-vaccination"


@pytest.fixture
def text(folder: Path) -> str:
    return (folder / "qr.txt").read_text().strip()


def trust(folder: Path, **changes: Any) -> StaticTrust:
    lines = (folder / "public-key.pem").read_text().splitlines()
    spki = "".join(line for line in lines if "-----" not in line)
    key = {"kid": "11", "spki": spki, "country": "XW", "formats": ["who-ddcc"]} | changes
    return parse_trust_object({"keys": [key]})


def test_the_published_certificate_is_valid_in_its_time(folder: Path, text: str) -> None:
    verdict = judge(text, trust(folder), now=IN_TIME)
    assert verdict.outcome is Outcome.VALID, verdict.reasons
    assert (verdict.format, verdict.kind, verdict.issuer) == ("who-ddcc", "vaccination", "XW")
    assert verdict.claims is not None
    assert verdict.claims["ddcc"] == json.loads((folder / "payload.json").read_text())
    holder, (dose,) = verdict.claims["holder"], verdict.claims["vaccinations"]
    assert (holder["full_name"], holder["date_of_birth"]) == ("Eddie Murphy", "1986-09-19")
    assert tuple(dose[name] for name in ("dose", "doses_total", "date", "vaccine")) == (
        1,
        2,
        "2021-07-08",
        "1119349007",
    )


def test_it_expires_with_the_last_second_of_its_last_day(folder: Path, text: str) -> None:
    last = datetime(2022, 7, 8, 23, 59, 59, tzinfo=UTC)
    assert judge(text, trust(folder), now=last).outcome is Outcome.VALID
    after = judge(text, trust(folder), now=datetime(2022, 7, 9, tzinfo=UTC))
    assert (after.outcome, after.reasons) == (Outcome.INVALID, ("time.expired",))


def test_before_its_first_day_it_is_not_valid(folder: Path, text: str) -> None:
    verdict = judge(text, trust(folder), now=datetime(2021, 7, 7, 23, 59, tzinfo=UTC))
    assert (verdict.outcome, verdict.reasons) == (Outcome.INVALID, ("time.not_yet",))


def test_a_signer_of_the_other_format_does_not_vouch_for_it(folder: Path, text: str) -> None:
    verdict = judge(text, trust(folder, formats=["eu-dcc"]), now=IN_TIME)
    assert (verdict.outcome, verdict.reasons) == (Outcome.INVALID, ("trust.unknown_kid",))
    assert verdict.claims is None


def test_a_signer_of_tests_alone_does_not_vouch_for_a_vaccination(folder: Path, text: str) -> None:
    verdict = judge(text, trust(folder, usage=["t"]), now=IN_TIME)
    assert verdict.status(Stage.KEY_USAGE) is Status.FAIL
    assert verdict.outcome is Outcome.INVALID
