"""2,000 scans while kiosk, service and database are each killed at least 50 times, in every named window."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCANS, AT_LEAST = 2_000, 50
# 7 windows x 8 = 56 kills of the kiosk, 3 x 17 = 51 of the service and of the database.
EACH = {"kiosk": 8, "service": 17, "db": 17}


@pytest.mark.night
@pytest.mark.req("K04")
@pytest.mark.timeout(5400)
def test_nothing_is_lost_and_nothing_doubled_under_kills() -> None:
    spec = importlib.util.spec_from_file_location("chaos", Path(__file__).with_name("chaos.py"))
    assert spec is not None
    assert spec.loader is not None
    chaos = importlib.util.module_from_spec(spec)
    sys.modules["chaos"] = chaos
    spec.loader.exec_module(chaos)
    result = chaos.Chaos(ROOT / "var" / "night" / "chaos", SCANS, EACH).run()
    told = chaos.summary(result)
    (ROOT / "var" / "night" / "chaos.json").write_text(json.dumps(told, indent=1))
    chaos.check(result)
    assert result.scans >= SCANS
    assert all(told["killed"][victim] >= AT_LEAST for victim in EACH)
