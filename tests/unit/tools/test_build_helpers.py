"""The build's helpers say clearly what did not happen."""

from __future__ import annotations

import fcntl
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]


def script(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"script_{Path(path).stem}", ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def tiers() -> ModuleType:
    return script("tools/test_tiers.py")


@pytest.mark.parametrize(
    ("codes", "verdict"),
    [([0, 5, 5, 5], 0), ([0, 0, 0, 0], 0), ([5, 5, 5, 5], 1), ([4, 4, 4, 4], 1), ([0, 1, 5, 0], 1)],
)
def test_a_run_passes_when_a_tier_passed_and_none_failed(
    tiers: ModuleType, codes: list[int], verdict: int
) -> None:
    assert tiers.verdict(codes) == verdict


def test_a_tier_without_tests_is_not_called_passed(tiers: ModuleType) -> None:
    assert [tiers.word(code) for code in (0, 1, 4, 5)] == ["passed", "FAILED", "FAILED", "no tests"]


def test_a_path_that_does_not_exist_is_named_and_nothing_runs(
    tiers: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["test_tiers.py", "tests/nosuch", f"{__file__}::test_x"])
    monkeypatch.setattr(tiers, "run", lambda *_: pytest.fail("a tier was run"))
    assert tiers.main() == 2
    assert capsys.readouterr() == ("", "no such path: tests/nosuch\n")


CONTRACT = f"""
| id | the system must | acceptance |
| --- | --- | --- |
| K01 | decode **and** verify | fast |
| K02 | {"very long " * 20} | - |
"""


def test_requirements_without_a_test_stand_under_a_heading_with_their_titles() -> None:
    trace = script("tools/trace.py")
    named = trace.titles(CONTRACT)
    assert named["K01"] == "decode and verify"
    assert len(named["K02"]) == trace.TITLE_CHARS
    lines = trace.table({"K01": ["tests/a.py::test_b"]}, named)
    assert lines[:2] == ["K01  1 tests  decode and verify", "     tests/a.py::test_b"]
    assert lines[3] == f"{trace.LATER} 1"
    assert lines[4].startswith("K02  no test yet  very long")


def test_a_second_demonstration_in_the_same_place_is_refused_and_touches_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "demo"))
    monkeypatch.setenv("APP_ENV", "demo")
    demo = script("demo/run.py")
    monkeypatch.setattr(demo.signal, "signal", lambda *_: None)
    monkeypatch.setattr(demo, "_run", lambda *_, **__: pytest.fail("it ran"))
    with (tmp_path / "running.lock").open("w") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        assert demo.main(["--home", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"demo: a demonstration is already running in {tmp_path}\n"
    monkeypatch.setattr(demo, "_run", lambda *_, **__: 0)
    assert demo.main(["--home", str(tmp_path)]) == 0
