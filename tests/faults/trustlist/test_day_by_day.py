"""The quiet days: published, polled, carried on a stick, verified at boot, cut by crashes."""

from __future__ import annotations

import json
import os
import shutil
from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from healthcert.keys import spki_of
from healthcert.trust import parse_trust_object
from trustlist import roles
from trustlist.client.believe import believe
from trustlist.errors import TrustlistError
from trustlist.publish import diff, proposals
from trustlist.publish.approve import release, sign
from trustlist.publish.usb import export_usb

from .conftest import ANCHOR, DAY_1, KEY, Server, World

NOON = DAY_1 + timedelta(hours=4)
LATER = NOON + timedelta(hours=1)


@pytest.mark.req("K02")
def test_what_was_published_is_believed_and_the_next_poll_costs_two_requests(
    world: World, server: Server, tmp_path: Path
) -> None:
    client = world.client(tmp_path / "device")
    report = server.poll(client, tmp_path, NOON)
    assert (report.code, report.clock, report.missing) == ("updated", None, {}), report.words
    assert report.active is not None
    believed = believe(report.active)
    assert believed.unvouched == ()
    assert len(believed.snapshot.signers("eu-dcc", b"")) == 1
    assert believed.snapshot.issued_at == report.active.issued
    server.requests.clear()
    assert server.poll(client, tmp_path, NOON).code == "unchanged"
    assert [path for path, _ in server.requests] == ["/metadata/2.root.json", "/metadata/timestamp.json"]


@pytest.mark.req("K02")
@pytest.mark.parametrize(
    "anchors",
    [
        {},
        {"authorities": [ANCHOR | {"country": "DE"}]},
        {"authorities": [ANCHOR | {"formats": ["who-ddcc"]}]},
        {"pins": [{"spki_sha256": "00" * 32, "formats": ["eu-dcc"]}]},
        {"pins": "all"},
    ],
)
def test_a_listed_signer_nobody_vouches_for_is_ignored_and_reported(
    anchors: dict[str, Any], world: World, tmp_path: Path
) -> None:
    world.publish(roles.ANCHORS_FILE, anchors, NOON)
    report = world.client(tmp_path / "device").feed(world.public, NOON)
    assert report.active is not None
    believed = believe(report.active)
    assert believed.unvouched == ((0, "no anchor vouches for it"),)
    assert believed.snapshot.signers("eu-dcc", b"") == ()


@pytest.mark.req("K02")
def test_a_bare_key_needs_its_pin_and_the_list_brings_no_authorities(world: World, tmp_path: Path) -> None:
    key = parse_trust_object({"keys": [KEY]}).signers("eu-dcc", b"")[0].public_key

    bare = {"spki": b64encode(spki_of(key)).decode(), "formats": ["eu-dcc"]}
    pin = {"spki_sha256": sha256(spki_of(key)).hexdigest(), "formats": ["eu-dcc"]}
    world.publish(roles.ANCHORS_FILE, {"pins": [pin]}, NOON)
    listed = {"keys": [bare, bare | {"formats": ["shc"]}], "authorities": [ANCHOR]}
    world.publish(roles.TRUSTLIST_FILE, listed, NOON)
    report = world.client(tmp_path / "device").feed(world.public, NOON)
    assert report.active is not None
    believed = believe(report.active)
    assert [index for index, _ in believed.unvouched] == [1]
    assert len(believed.snapshot.signers("eu-dcc", b"")) == 1
    assert believed.snapshot.authorities("eu-dcc") == ()


@pytest.mark.req("K10")
def test_a_stick_feeds_a_device_days_later_but_never_with_older_data(
    world: World, server: Server, tmp_path: Path
) -> None:
    stick, old = tmp_path / "stick", tmp_path / "old"
    export_usb(world.repository, old)
    world.publish("rules/rules.json", {"rules": ["newer"]}, NOON)
    export_usb(world.repository, stick)
    client = world.client(tmp_path / "device")
    report = client.feed(stick, NOON + timedelta(days=2))
    assert (report.code, report.clock) == ("updated", None), report.words
    assert report.active is not None
    assert report.active.fed == "folder"
    assert report.missing == {}
    assert client.feed(old, NOON + timedelta(days=3)).code == "metadata.rollback"
    assert client.feed(stick, NOON + timedelta(days=3)).code == "unchanged"
    late = world.client(tmp_path / "late").feed(stick, NOON + timedelta(days=8))
    assert late.code == "metadata.expired"  # the snapshot's week


@pytest.mark.req("K10")
@pytest.mark.parametrize("evil", ["link", "pipe", "folder"])
def test_a_stick_with_other_than_files_is_refused(evil: str, world: World, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    export_usb(world.repository, stick)
    path = stick / "metadata" / "timestamp.json"
    path.unlink()
    match evil:
        case "link":
            path.symlink_to(world.public / "metadata" / "timestamp.json")
        case "pipe":
            os.mkfifo(path)
        case _:
            path.mkdir()
    assert world.client(tmp_path / "device").feed(stick, NOON).code == "download.failed"


@pytest.mark.req("K02")
@pytest.mark.parametrize(
    "hurt", ["targets/trustlist/dsc.json", "metadata/trustlist.json", "metadata/timestamp.json", "state.json"]
)
def test_a_damaged_set_is_found_at_boot_and_the_one_before_is_used(
    hurt: str, world: World, tmp_path: Path
) -> None:
    client = world.client(tmp_path / "device")
    first = client.feed(world.public, NOON).active
    world.publish(roles.TRUSTLIST_FILE, {"keys": [KEY], "note": "second"}, LATER)
    second = client.feed(world.public, LATER).active
    assert first is not None
    assert second is not None
    path = second.verified.folder / hurt
    path.write_bytes(path.read_bytes()[:-2] + b" x")
    held = client.held()
    assert held.damaged == (second.verified.name,)
    assert held.active is not None
    assert held.active.verified.name == first.verified.name
    healed = client.feed(world.public, LATER)
    assert (healed.code, healed.damaged) == ("updated", (second.verified.name,)), healed.words
    assert client.held().damaged == ()


@pytest.mark.req("K02")
def test_boot_with_everything_damaged_has_no_set(world: World, tmp_path: Path) -> None:
    client = world.client(tmp_path / "device")
    active = client.feed(world.public, NOON).active
    assert active is not None
    (active.verified.folder / "metadata" / "snapshot.json").write_bytes(b"{}")
    assert client.held().active is None


class Crash(BaseException):
    """The process is gone: nothing catches this."""


WRITES = ("replace", "rename", "symlink", "link", "mkdir", "unlink", "rmdir")


def crashing(patch: pytest.MonkeyPatch, at: int, *, after: bool) -> Callable[[], int]:
    """Every change of the file system counts; the `at`-th is the last, done or not."""
    count = 0

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            nonlocal count
            count += 1
            if count > at or (count == at and not after):
                raise Crash
            result = real(*args, **named)
            if count == at:
                raise Crash
            return result

        return call

    for name in WRITES:
        patch.setattr(os, name, counted(getattr(os, name)))
    return lambda: count


@pytest.mark.req("K02")
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_crash_at_every_write_leaves_the_old_set_or_the_new_one(
    after: bool, world: World, tmp_path: Path
) -> None:
    old_stick = tmp_path / "old"
    export_usb(world.repository, old_stick)
    world.publish(roles.TRUSTLIST_FILE, {"keys": [KEY], "note": "new"}, LATER)
    assert world.client(tmp_path / "device").feed(old_stick, NOON).code == "updated"
    met = set()
    for at in range(1, 400):
        home = tmp_path / f"device-{at}"
        shutil.copytree(tmp_path / "device", home, symlinks=True)
        client = world.client(home)
        with pytest.MonkeyPatch.context() as patch:
            crashing(patch, at, after=after)
            try:
                report = client.feed(world.public, LATER)
            except Crash:
                report = None
        held = world.client(home).held()
        assert held.active is not None
        name = held.active.verified.name
        met.add(name)
        assert len(held.active.verified.targets) == 4
        if report is not None:  # fewer writes than that: the end
            assert report.code == "updated"
            break
        again = world.client(home).feed(world.public, LATER)
        assert again.code in ("updated", "unchanged"), again.words
        assert again.active is not None
        assert b"new" in again.active.verified.content(roles.TRUSTLIST_FILE)
    else:
        pytest.fail("the update never ended")
    assert len(met) == 2
    assert at > 10


@pytest.mark.req("K02")
def test_a_download_is_resumed_where_it_was_cut(world: World, server: Server, tmp_path: Path) -> None:
    rules = os.urandom(60_000).hex()
    world.publish("rules/rules.json", {"rules": rules}, NOON)
    cuts = 0

    def misbehave(handler: BaseHTTPRequestHandler) -> bool:
        nonlocal cuts
        if ".rules.json" not in handler.path or not handler.path.startswith("/targets/") or cuts == 3:
            return False
        cuts += 1
        data = (server.folder / handler.path.lstrip("/")).read_bytes()
        start = int((handler.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        handler.send_header("Content-Length", str(len(data) - start))
        handler.end_headers()
        handler.wfile.write(data[start : start + 10_000])
        return True

    server.misbehave = misbehave
    report = server.poll(world.client(tmp_path / "device"), tmp_path, NOON)
    assert report.code == "updated", report.words
    ranges = [told for path, told in server.requests if path.startswith("/targets/rules/")]
    assert ranges == [None, "bytes=10000-", "bytes=20000-", "bytes=30000-"]
    assert list((tmp_path / "parts").iterdir()) == []


@pytest.mark.req("K02")
def test_superseded_metadata_go_after_two_days_and_roots_never(world: World) -> None:
    world.publish(roles.TRUSTLIST_FILE, {"keys": []}, NOON)
    assert "metadata/2.trustlist.json" not in world.repository.prune(NOON + timedelta(hours=47))
    assert (world.public / "metadata" / "2.trustlist.json").exists()
    gone = world.repository.prune(NOON + timedelta(hours=48))
    assert "metadata/2.trustlist.json" in gone
    assert not any(name.endswith(".root.json") for name in gone)
    assert (world.public / "metadata" / "1.root.json").exists()


@pytest.mark.req("K05")
def test_one_signature_is_not_enough_and_a_strangers_counts_for_nothing(world: World) -> None:
    change = {"rules/rules.json": b"{}"}
    id = proposals.propose_files(world.repository, roles.RULES, change, NOON)
    sign(world.repository, proposals.load(world.repository, id, NOON), world.keys[roles.RULES][0])
    with pytest.raises(TrustlistError, match=r"sign\.key"):
        sign(world.repository, proposals.load(world.repository, id, NOON), world.keys[roles.FIRMWARE][0])
    with pytest.raises(TrustlistError, match=r"sign\.threshold: rules: 1 more must sign"):
        release(world.repository, proposals.load(world.repository, id, NOON), world.online, NOON)
    sign(world.repository, proposals.load(world.repository, id, NOON), world.keys[roles.RULES][2])
    release(world.repository, proposals.load(world.repository, id, NOON), world.online, NOON)


@pytest.mark.req("K05")
def test_a_review_names_what_changes_and_refuses_a_swapped_file(world: World) -> None:
    change = {
        roles.TRUSTLIST_FILE: json.dumps({"keys": [KEY, {"kid": "new\x1b[2J", "country": "XX"}]}).encode()
    }
    id = proposals.propose_files(world.repository, roles.TRUSTLIST, change, NOON)
    proposal = proposals.load(world.repository, id, NOON)
    lines = diff.review(world.repository, proposal, world.root, DAY_1, NOON)
    added = [line for line in lines if line.startswith("  + keys: ")]
    assert len(added) == 1
    assert '"country": "XX"' in added[0]
    assert not any("\x1b" in line for line in lines)
    assert not any(line.startswith("  - ") for line in lines)
    swapped = next((world.repository.proposals / id / "targets").rglob("*.json"))
    swapped.write_bytes(swapped.read_bytes() + b" ")
    with pytest.raises(TrustlistError, match=r"propose\.malformed"):
        proposals.load(world.repository, id, NOON)


@pytest.mark.req("K05")
def test_a_proposal_dies_after_two_weeks(world: World) -> None:
    id = proposals.propose_files(world.repository, roles.RULES, {"rules/rules.json": b"{}"}, NOON)
    with pytest.raises(TrustlistError, match=r"propose\.expired"):
        proposals.load(world.repository, id, NOON + timedelta(days=15))


@pytest.mark.req("K05")
@pytest.mark.parametrize("name", [role.name for role in roles.ROLES])
def test_every_role_can_change_a_key_and_devices_follow(name: str, world: World, tmp_path: Path) -> None:
    client = world.client(tmp_path / "device")
    client.feed(world.public, NOON)
    old = world.rotate(name, LATER)
    report = client.feed(world.public, LATER)
    assert (report.code, report.missing) == ("updated", {}), report.words
    listed = world.repository.root().signed.keys | world.repository.targets_role().signed.delegations.keys
    assert old.public_key.keyid not in listed
