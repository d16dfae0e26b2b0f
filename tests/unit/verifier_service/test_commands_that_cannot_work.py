"""What an operator mistypes is one line that names it; nothing is started first, nothing is a traceback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from verifier_service.cli import main
from verifier_service.settings import Settings, SettingsError, load_settings

ROOT = Path(__file__).resolve().parents[3]
NOBODY = "postgresql://nobody@127.0.0.1:9/none"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("APP_ENV", "CONG_XANH_SETTINGS", "OPERATOR_TOKEN_FILE", "BIND"):
        monkeypatch.delenv(name, raising=False)
    for name in ("DATABASE_URL", "OWNER_DATABASE_URL"):
        monkeypatch.setenv(name, NOBODY)


def told(*arguments: str) -> str:
    said: list[str] = []
    assert main(arguments, said.append) == 1
    (line,) = said
    assert len(line.splitlines()) == 1
    return line


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        ({"WORKERS": "two"}, "WORKERS must be a whole number, not 'two'"),
        ({"PREPARE": "perhaps"}, "PREPARE must be yes or no, not 'perhaps'"),
        ({"BIND": "127.0.0.1:99999"}, "BIND has a port above 65535, not '127.0.0.1:99999'"),
        ({"BIND": "127.0.0.1"}, "BIND must be HOST:PORT, such as 127.0.0.1:8080, not '127.0.0.1'"),
        ({"BIND": "::1:80"}, "BIND must be HOST:PORT, such as 127.0.0.1:8080, not '::1:80'"),
        ({"TIMEZONE": "Mars/Phobos"}, "TIMEZONE: 'Mars/Phobos' is no time zone, such as Asia/Ho_Chi_Minh"),
    ],
)
def test_a_malformed_value_names_its_key(environ: dict[str, str], line: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(environ)
    assert str(caught.value) == line


@pytest.mark.parametrize("bind", ["127.0.0.1:0", "[::1]:8080", "localhost:8080", "unix:/run/cong-xanh.sock"])
def test_every_spelling_of_an_address_is_taken(bind: str) -> None:
    assert Settings(bind=bind).bind == bind


@pytest.mark.parametrize(
    ("text", "what"),
    [("WORKERS=2\nthis is not", "line 2: must be KEY=VALUE"), ("WORKRES=2", "line 1: unknown key 'WORKRES'")],
)
def test_a_slip_in_the_settings_file_is_named_with_its_line(tmp_path: Path, text: str, what: str) -> None:
    (tmp_path / "service.env").write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings({"CONG_XANH_SETTINGS": str(tmp_path / "service.env")})
    assert str(caught.value) == f"{tmp_path}/service.env, {what}"


@pytest.mark.parametrize("command", [["migrate"], ["device", "list"]])
def test_a_database_that_does_not_answer_is_one_line(command: list[str]) -> None:
    assert told(*command).startswith("error: the database cannot be used: ")


def test_a_malformed_database_address_is_named_without_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWNER_DATABASE_URL", "host=db password=geheim broken")
    line = told("migrate")
    assert line.startswith("error: OWNER_DATABASE_URL must be")
    assert "geheim" not in line


def test_serve_on_a_taken_port_says_so_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, taken: int
) -> None:
    monkeypatch.setenv("BIND", f"127.0.0.1:{taken}")
    line = told("serve")
    assert line == f"error: BIND: nothing can listen on 127.0.0.1:{taken}: Address already in use"


@pytest.mark.req("K04")
def test_device_add_says_which_option_is_wrong(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "private.pem").write_bytes(private)
    (tmp_path / "text.pem").write_text("no key")
    add = ("device", "add", "--label", "x", "--id")
    assert "--id must be 32 hexadecimal digits" in told(*add, "kiosk 7", "--public-key", "x.pem")
    named = (*add, uuid.uuid4().hex, "--public-key")
    assert "--public-key: none.pem: No such file" in told(*named, "none.pem")
    for file in ("private.pem", "text.pem"):
        assert told(*named, str(tmp_path / file)) == "error: the public key must be a P-256 key in PEM"


def test_help_is_nothing_but_help() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "verifier_service", "--help"],
        capture_output=True, text=True, cwd=ROOT, timeout=60, check=True, env=dict(os.environ),
    )  # fmt: skip
    assert done.stdout.startswith("usage: ")
    assert done.stderr == ""
