"""README and operations are held against the programs they speak of."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from healthcert.trust import NO_KID, parse_trust_object
from scanner import settings as kiosk
from scanner.trust_store import load_trust
from verifier_service import settings as service

ROOT = Path(__file__).resolve().parents[3]
README = (ROOT / "README.md").read_text("utf-8")
OPERATIONS = (ROOT / "docs" / "operations.md").read_text("utf-8")
SAMPLE = ROOT / "tests" / "vectors" / "sample"


def block(text: str, language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_the_hand_commands_of_the_readme_work_as_written(tmp_path: Path) -> None:
    lines = README.partition("by hand")[2].partition("```\n")[2].partition("```")[0]
    signer = json.loads((SAMPLE / "at-1-vaccination.json").read_text("utf-8"))["TESTCTX"]["CERTIFICATE"]
    (tmp_path / "trust.json").write_text(json.dumps({"keys": [{"x5c": [signer]}]}))
    for written, here in {
        "/tmp/": f"{tmp_path}/",  # noqa: S108 - replaced here
        ". .venv/bin/activate": f'python() {{ {sys.executable} "$@"; }}',
        "var/demo-once/kiosk/trust.json": str(tmp_path / "trust.json"),
    }.items():
        assert written in lines
        lines = lines.replace(written, here)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", lines],
        capture_output=True, text=True, cwd=ROOT, timeout=60, check=False,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    read, *explained, verdict = done.stdout.splitlines()
    assert json.loads(read)["symbols"][0]["text"].startswith("HC1:")
    assert explained[0] == "VALID"
    assert json.loads(verdict)["outcome"] == "valid"


def test_every_setting_is_in_the_operations_guide() -> None:
    named = set(re.findall(r"`([A-Za-z_.]+)`", OPERATIONS))
    assert service.KEYS | set(kiosk._KEYS) <= named


def test_the_settings_example_is_one_for_production(tmp_path: Path) -> None:
    (tmp_path / "kiosk.toml").write_text(block(OPERATIONS, "toml"), encoding="utf-8")
    loaded = kiosk.load(tmp_path / "kiosk.toml", {})
    assert (loaded.app_env, loaded.trust_file) == ("production", tmp_path / "trust.json")
    assert "screen" in tomllib.loads(block(OPERATIONS, "toml"))


def test_the_trust_example_is_usable_by_kiosk_and_command(tmp_path: Path) -> None:
    text = block(OPERATIONS, "json")
    trust = parse_trust_object(json.loads(text))
    assert trust.rejected == ()
    (signer,) = trust.signers("eu-dcc", NO_KID)
    assert (signer.country, signer.usage) == ("VN", {"v", "t", "r"})
    (tmp_path / "trust.json").write_text(text)
    assert load_trust(tmp_path / "trust.json", tmp_path / "copy.json").issued_at is not None


@pytest.mark.parametrize("word", ["system_packages.sh", "postgresql", "chromium", "sudo"])
def test_the_readme_tells_what_gets_installed(word: str) -> None:
    assert word in README.partition("## What the lamp says")[0]
