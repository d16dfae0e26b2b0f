"""Locked environments of their own, made once under var/interop and anew when their lock changes."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / "var" / "interop"
INSTALL_LIMIT_S = 120
# what pip says when nobody answers; a wrong hash or a version that is not there reads otherwise
_OUT_OF_REACH = re.compile(r"connection broken by|Temporary failure in name|Network is unreachable|timed out")


def locked(name: str, lock: Path, interpreter: str) -> str:
    """The Python of the environment `name` that holds what `lock` says and pip, and nothing else.

    Skips the test, and says why, if the index cannot be reached; fails on anything else.
    """
    asked = hashlib.sha256(interpreter.encode() + b"\0" + lock.read_bytes()).hexdigest()[:16]
    home = HOME / name
    python, mark = str(home / "bin" / "python"), home / f"made-from-{asked}"
    if mark.exists():
        return python
    shutil.rmtree(home, ignore_errors=True)
    home.parent.mkdir(parents=True, exist_ok=True)
    _step([interpreter, "-m", "venv", str(home)])
    pip = [python, "-m", "pip", "install", "-q", "--retries", "1", "--disable-pip-version-check"]
    _step([*pip, "--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", str(lock)])
    mark.touch()
    return python


def environment() -> dict[str, str]:
    """The variables a child needs: the repository's own packages, and nothing of the pytest around it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PYTHON"))}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


def _step(command: list[str]) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=INSTALL_LIMIT_S, check=False, env=environment()
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"the index did not answer within {INSTALL_LIMIT_S} s")
    if done.returncode and _OUT_OF_REACH.search(done.stderr):
        pytest.skip("the index cannot be reached: " + done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stderr
