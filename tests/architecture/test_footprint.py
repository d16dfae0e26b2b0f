"""Each process carries only what it needs: look into a fresh interpreter after importing its entry module."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("healthcert", "trustlist", "hardware", "scanner", "verifier_service")

FORBIDDEN = [
    ("healthcert", {"numpy", "cv2", "sqlite3", "flask", "sqlalchemy", "requests", "trustlist", "scanner"}),
    ("healthcert.__main__", {"numpy", "cv2", "sqlite3", "flask", "trustlist"}),
    ("healthcert.formats.table", {"pyld", "lxml"}),  # only a DIVOC code needs them
    ("trustlist.snapshot", {"flask", "sqlalchemy", "numpy", "cv2", "hardware", "scanner", "tuf"}),
    ("trustlist.revocation.store", {"flask", "sqlalchemy", "numpy", "sqlite3", "hardware", "scanner"}),
    ("scanner.bootstrap", {"flask", "sqlalchemy", "psycopg", "alembic", "gunicorn", "verifier_service"}),
    ("scanner.protocol", {"numpy", "cv2", "zxingcpp", "hardware", "sqlite3", "flask"}),
    ("verifier_service.bootstrap", {"hardware", "cv2", "zxingcpp", "pyzbar", "gpiozero", "picamera2"}),
]


def modules_after(entry: str) -> set[str]:
    code = f"import json, sys, {entry}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True, timeout=60
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(("entry", "forbidden"), FORBIDDEN, ids=[entry for entry, _ in FORBIDDEN])
def test_a_process_carries_only_what_it_needs(entry: str, forbidden: set[str]) -> None:
    assert not forbidden & modules_after(entry)


def test_package_files_stay_empty_but_for_healthcert() -> None:
    full = [
        str(path.relative_to(ROOT))
        for room in ROOMS
        for path in (ROOT / room).rglob("__init__.py")
        if path.read_text(encoding="utf-8").strip() and path != ROOT / "healthcert" / "__init__.py"
    ]
    assert full == []
