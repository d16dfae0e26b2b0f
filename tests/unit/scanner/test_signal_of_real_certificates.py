"""The lamp is decided by what the verifier really hands over, not by a shape the kiosk imagines."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from healthcert import judge
from healthcert.admission.rulebook import load_rulebook
from healthcert.trust import parse_trust_object
from healthcert.verdict import Verdict
from scanner.signals import Signal, decide

VENUE = load_rulebook("venue")


def _verdict(testdata: Path, name: str) -> Verdict:
    vector = json.loads((testdata / "dgc" / name).read_text("utf-8"))
    trust = parse_trust_object({"keys": [{"x5c": [vector["TESTCTX"]["CERTIFICATE"]], "country": "AT"}]})
    clock = datetime.fromisoformat(vector["TESTCTX"]["VALIDATIONCLOCK"])
    return judge(vector["PREFIX"], trust, now=clock)


@pytest.mark.req("K03")
def test_one_dose_of_two_is_yellow_and_says_so(testdata: Path) -> None:
    verdict = _verdict(testdata, "AT/2DCode/raw/1.json")
    signal, admission = decide(verdict, VENUE)
    assert (admission.series.given, admission.series.needed) == (1, 2)
    assert signal is Signal.STARTED
