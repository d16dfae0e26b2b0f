"""What all tests share: where the test data lies, and a plain count of what could not run without it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("CONG_XANH_TESTDATA", ROOT.parent / "shared" / "testdata"))


@pytest.fixture(scope="session")
def testdata() -> Path:
    """The shared test data folder; tests that need it are skipped, and counted, where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("shared test data is absent")
    return SHARED


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The Chromium of the system, one per process: the API allows no second beside it."""
    from playwright.sync_api import sync_playwright  # only browser tests pay for the import

    path = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        flags = ["--disable-gpu", "--disable-background-networking"]
        if os.geteuid() == 0:
            flags.append("--no-sandbox")  # Chromium's own sandbox cannot work for root
        chromium = playwright.chromium.launch(executable_path=path, args=flags)
        yield chromium
        chromium.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say aloud how many tests the missing test data cost."""
    skipped = [
        report
        for report in terminalreporter.stats.get("skipped", [])
        if "test data is absent" in str(report.longrepr)
    ]
    if skipped:
        terminalreporter.write_line(f"NOT RUN for want of the shared test data: {len(skipped)} tests")
