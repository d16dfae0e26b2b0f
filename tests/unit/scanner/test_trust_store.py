"""The kiosk starts with the trust file, or with the copy it kept, and says so when it has neither."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from scanner.trust_store import TrustUnavailable, load_trust

KEY = base64.b64encode(
    ec.generate_private_key(ec.SECP256R1())
    .public_key()
    .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
).decode()
GOOD = {"keys": [{"spki": KEY, "formats": ["eu-dcc"]}], "issued_at": "2026-01-02T03:04:05+00:00"}


def test_the_issue_time_in_the_file_counts_and_a_copy_is_kept(tmp_path: Path) -> None:
    file, cache = tmp_path / "trust.json", tmp_path / "state" / "copy.json"
    file.write_text(json.dumps(GOOD))
    first = load_trust(file, cache)
    assert first.issued_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    file.unlink()
    again = load_trust(file, cache)
    assert (again.version, again.issued_at) == (first.version, first.issued_at)


@pytest.mark.parametrize(
    "rubbish",
    [
        "",
        "[]",
        "{",
        "{}",
        '{"keys": 5}',
        '{"keys": [], "issued_at": "yesterday"}',
        "[" * 100_000,
        json.dumps({"keys": [{"spki": KEY, "not_after": "9999-12-31T23:59:59-10:00"}]}),
    ],
    ids=range(8),
)
def test_a_damaged_trust_file_falls_back_to_the_copy(tmp_path: Path, rubbish: str) -> None:
    file, cache = tmp_path / "trust.json", tmp_path / "copy.json"
    file.write_text(json.dumps(GOOD))
    version = load_trust(file, cache).version
    file.write_text(rubbish)
    assert load_trust(file, cache).version == version


def test_without_either_the_error_names_both(tmp_path: Path) -> None:
    with pytest.raises(TrustUnavailable, match=r"trust\.json.*copy\.json"):
        load_trust(tmp_path / "trust.json", tmp_path / "copy.json")
