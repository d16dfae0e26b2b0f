"""What all tests share: where the test data lies, and a plain count of what could not run without it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
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
def launch() -> Iterator[Callable[..., Browser]]:
    """Starts the Chromium of the system with further flags; the API allows one engine a process."""
    from playwright.sync_api import sync_playwright  # only browser tests pay for the import

    flags = ["--disable-gpu", "--disable-background-networking"]
    if os.geteuid() == 0:
        flags.append("--no-sandbox")  # Chromium's own sandbox cannot work for root
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as engine:
        yield lambda *more: engine.chromium.launch(executable_path=path, args=[*flags, *more])


@pytest.fixture(scope="session")
def browser(launch: Callable[..., Browser]) -> Iterator[Browser]:
    """One Chromium for all tests of a process."""
    chromium = launch()
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


class SmallDisk:
    """A file system of its own that can really run full."""

    def __init__(self, path: Path) -> None:
        self.path, self._ballast = path, path / "ballast"

    def fill(self) -> None:
        """Leave no byte free."""
        with self._ballast.open("wb", buffering=0) as out, suppress(OSError):
            while out.write(bytes(4096)):
                pass
        assert shutil.disk_usage(self.path).free == 0

    def free(self) -> None:
        """Give the room back."""
        self._ballast.unlink()


@pytest.fixture
def small_disk() -> Iterator[Callable[[int], SmallDisk]]:
    """Makes file systems of a given size (MiB); needs the right to mount."""
    mounted: list[Path] = []

    def make(mebibytes: int) -> SmallDisk:
        path = Path("/var/tmp") / f"cx-disk-{os.getpid()}-{len(mounted)}"  # noqa: S108
        path.mkdir()
        mounted.append(path)
        command = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=0755", "tmpfs", str(path)]
        if subprocess.run(command, check=False, capture_output=True).returncode:
            pytest.skip("no right to mount a small file system here")
        return SmallDisk(path)

    yield make
    for path in mounted:
        subprocess.run(["umount", "--lazy", str(path)], check=False, capture_output=True)
        path.rmdir()
