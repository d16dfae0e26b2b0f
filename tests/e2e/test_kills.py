"""A short run of the kill test: every window of kiosk, service and database once."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.e2e
@pytest.mark.req("K04")
@pytest.mark.timeout(300)
def test_one_kill_in_each_window_loses_and_doubles_nothing() -> None:
    spec = importlib.util.spec_from_file_location("chaos", ROOT / "tests" / "night" / "chaos.py")
    assert spec is not None
    assert spec.loader is not None
    chaos = importlib.util.module_from_spec(spec)
    sys.modules["chaos"] = chaos
    spec.loader.exec_module(chaos)
    home = ROOT / "var" / f"e2e-kills-{os.getpid()}"  # two runs at once must not meet
    result = chaos.Chaos(home, 120, {"kiosk": 1, "service": 1, "db": 1}).run()
    chaos.check(result)
    assert len(result.kills) == len(chaos.KIOSK_POINTS) + 2 * len(chaos.SERVICE_POINTS)
    shutil.rmtree(home)
