"""A snapshot is frozen, versioned, and what `verify` asks."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime
from pathlib import Path

import pytest

from healthcert import Outcome, judge
from healthcert.errors import TrustObjectError
from healthcert.times import parse_instant
from trustlist.snapshot import TrustSnapshot

SAMPLE = Path(__file__).resolve().parents[2] / "vectors" / "sample"
VECTOR = json.loads((SAMPLE / "at-1-vaccination.json").read_text("utf-8"))
NOW = parse_instant(VECTOR["TESTCTX"]["VALIDATIONCLOCK"])
OBJECT = {"keys": [{"x5c": [VECTOR["TESTCTX"]["CERTIFICATE"]], "formats": ["eu-dcc"]}, {"spki": "broken"}]}


@pytest.mark.req("K02")
def test_a_certificate_is_judged_against_a_snapshot_and_names_its_version() -> None:
    snapshot = TrustSnapshot.from_trust_object(OBJECT, issued_at=NOW)
    verdict = judge(VECTOR["PREFIX"], snapshot, now=NOW)
    assert verdict.outcome is Outcome.VALID
    assert verdict.trust_version == snapshot.version
    assert snapshot.issued_at == NOW


@pytest.mark.req("K02")
def test_keys_that_cannot_be_used_are_named() -> None:
    snapshot = TrustSnapshot.from_trust_object(OBJECT, issued_at=None)
    assert [index for index, _ in snapshot.rejected] == [1]


@pytest.mark.req("K02")
def test_a_snapshot_cannot_be_changed() -> None:
    snapshot = TrustSnapshot.from_trust_object(OBJECT, issued_at=None)
    with pytest.raises(dataclasses.FrozenInstanceError):
        snapshot.issued_at = NOW  # type: ignore[misc]


@pytest.mark.req("K02")
def test_what_is_no_trust_object_or_has_no_zone_is_refused() -> None:
    with pytest.raises(TrustObjectError):
        TrustSnapshot.from_trust_object({"keys": 5}, issued_at=None)
    with pytest.raises(ValueError, match="aware"):
        TrustSnapshot.from_trust_object(OBJECT, issued_at=datetime(2022, 1, 1))  # noqa: DTZ001
