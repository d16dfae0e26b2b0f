"""The kiosk starts with the trust file, or with the copy it kept, and says so when it has neither."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scanner.trust_store import TrustUnavailable, load_trust

ISSUED = "2026-01-02T03:04:05+00:00"


def test_the_issue_time_in_the_file_counts_and_a_copy_is_kept(tmp_path: Path) -> None:
    file, cache = tmp_path / "trust.json", tmp_path / "state" / "copy.json"
    file.write_text(json.dumps({"keys": [], "issued_at": ISSUED}))
    first = load_trust(file, cache)
    assert first.issued_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    file.unlink()
    again = load_trust(file, cache)
    assert (again.version, again.issued_at) == (first.version, first.issued_at)


@pytest.mark.parametrize("rubbish", ["", "[]", "{", '{"keys": [], "issued_at": "yesterday"}'])
def test_a_damaged_trust_file_falls_back_to_the_copy(tmp_path: Path, rubbish: str) -> None:
    file, cache = tmp_path / "trust.json", tmp_path / "copy.json"
    file.write_text(json.dumps({"keys": [], "issued_at": ISSUED}))
    version = load_trust(file, cache).version
    file.write_text(rubbish)
    assert load_trust(file, cache).version == version


def test_without_either_the_error_names_both(tmp_path: Path) -> None:
    with pytest.raises(TrustUnavailable, match=r"trust\.json.*copy\.json"):
        load_trust(tmp_path / "trust.json", tmp_path / "copy.json")
