"""`python -m trustlist` from the first key to the stick, as docs/operations.md walks through it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from trustlist.__main__ import main
from trustlist.client.store import Bootstrap
from trustlist.client.update import Client


class Lab:
    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home, self._capsys = home, capsys
        self.root = home / "root.json"
        names = ("snapshot", "timestamp")
        self.online = [f"--{name}-key={home / 'keys' / name}-1.pem" for name in names]

    def run(self, *arguments: object, code: int = 0) -> str:
        assert main(["--repository", str(self.home / "repo"), *map(str, arguments)]) == code
        told = self._capsys.readouterr()
        return told.err if code else told.out

    def signed(self, id: str, *keys: str) -> None:
        digest = self.run("review", id, "--root", self.root).split()[-1]
        for key in keys:
            key_file = self.home / "keys" / f"{key}.pem"
            self.run("sign", id, "--root", self.root, "--digest", digest, "--key", key_file)


@pytest.fixture
def lab(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Lab:
    lab = Lab(tmp_path, capsys)
    lab.run("ceremony", "--keys", tmp_path / "keys", "--root", lab.root)
    return lab


@pytest.mark.req("K05")
def test_the_walk_through_ends_with_a_fed_device(lab: Lab) -> None:
    rules = lab.home / "rules.json"
    rules.write_text(json.dumps({"rules": [{"Identifier": "GR-VN-0001"}]}), "utf-8")
    id = lab.run("propose", "rules", "--file", f"rules/rules.json={rules}").strip()
    assert id == "rules-2"
    assert "GR-VN-0001" in lab.run("review", id, "--root", lab.root)
    lab.signed(id, "rules-1")
    assert "1 more must sign" in lab.run("publish", id, *lab.online, code=1)
    lab.signed(id, "rules-3")
    assert "timestamp 2, snapshot 2" in lab.run("publish", id, *lab.online)
    assert "timestamp 3, snapshot 2" in lab.run("publish", *lab.online)

    old = (lab.run("review", id, "--root", lab.root, code=1), lab.run("rotate", "root"))
    assert "propose.absent" in old[0]
    lab.signed(old[1].strip(), "root-1", "root-2")
    lab.run("publish", old[1].strip(), *lab.online)
    assert int(lab.run("export-usb", lab.home / "stick").split()[0]) > 8
    client = Client(lab.home / "device", Bootstrap(lab.root.read_bytes(), datetime(2026, 1, 1, tzinfo=UTC)))
    report = client.feed(lab.home / "stick", datetime.now(UTC))
    assert report.code == "updated", report.words
    assert report.active is not None
    assert report.active.verified.root.version == 2


@pytest.mark.req("K05")
def test_what_changed_after_the_review_is_not_signed(lab: Lab) -> None:
    rules = lab.home / "rules.json"
    rules.write_text("{}", "utf-8")
    id = lab.run("propose", "rules", "--file", f"rules/rules.json={rules}").strip()
    reviewed = lab.run("review", id, "--root", lab.root).split()[-1]
    rules.write_text('{"rules": ["more"]}', "utf-8")
    lab.run("propose", "rules", "--file", f"rules/rules.json={rules}")
    key = lab.home / "keys" / "rules-1.pem"
    told = lab.run("sign", id, "--root", lab.root, "--digest", reviewed, "--key", key, code=1)
    assert "sign.digest" in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["propose", "rules", "--file", "trustlist/dsc.json=rules.json"], "No such file"),
        (["propose", "rules", "--file", "rules.json"], "propose.path"),
        (["propose", "rules", "--remove", "rules/none.json"], "propose.path"),
        (["review", "../../etc-1", "--root", "root.json"], "propose.absent"),
        (["rotate", "rules"], "rotate.key"),
        (["publish", "--snapshot-key", "none.pem", "--timestamp-key", "none.pem"], "key.unreadable"),
        (["ceremony", "--keys", "keys2", "--root", "r.json"], "repository.exists"),
    ],
)
def test_a_wrong_call_is_one_clear_line(lab: Lab, arguments: list[str], told: str) -> None:
    line = lab.run(*arguments, code=1)
    assert told in line
    assert line.count("\n") == 1


@pytest.mark.parametrize("name", ["rules-1", "timestamp-1", "root-3"])
def test_private_keys_are_for_their_owner_alone(lab: Lab, name: str) -> None:
    assert (lab.home / "keys" / f"{name}.pem").stat().st_mode & 0o077 == 0
