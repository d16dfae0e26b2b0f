"""The kiosk's commands for the person who sets it up."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from scanner.__main__ import main
from scanner.identity import load

SETTINGS = """
[camera]
kind = "folder"
path = "pictures"
[lamp]
kind = "recording"
[trust]
file = "trust.json"
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("APP_ENV", "test")
    (tmp_path / "kiosk.toml").write_text(SETTINGS)
    return tmp_path / "kiosk.toml"


@pytest.mark.req("K04")
def test_identity_prints_what_the_service_registers_and_keeps_it(
    settings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["identity", "--settings", str(settings)]) == 0
    shown = capsys.readouterr().out
    kept = load(settings.parent / "identity" / "device.pem")
    first, _, pem = shown.partition("\n")
    assert first == f"device-id: {kept.device_id}"
    assert load_pem_public_key(pem.encode()) == kept.private_key.public_key()
    assert load_pem_public_key(shown.encode()) == kept.private_key.public_key()  # the output as a file
    assert "PRIVATE" not in shown
    assert main(["identity", "--settings", str(settings)]) == 0
    assert capsys.readouterr().out == shown


def test_identity_that_cannot_be_kept_is_one_line(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (settings.parent / "identity").write_text("a file where the folder should be")
    assert main(["identity", "--settings", str(settings)]) == 2
    assert main(["identity", "--settings", str(settings.parent / "none.toml")]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.splitlines()) == 2
