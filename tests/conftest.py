"""What all tests share: where the test data lies, and a plain count of what could not run without it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("CONG_XANH_TESTDATA", ROOT.parent / "shared" / "testdata"))


@pytest.fixture(scope="session")
def testdata() -> Path:
    """The shared test data folder; tests that need it are skipped, and counted, where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("shared test data is absent")
    return SHARED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say aloud how many tests the missing test data cost."""
    skipped = [
        report
        for report in terminalreporter.stats.get("skipped", [])
        if "test data is absent" in str(report.longrepr)
    ]
    if skipped:
        terminalreporter.write_line(f"NOT RUN for want of the shared test data: {len(skipped)} tests")
