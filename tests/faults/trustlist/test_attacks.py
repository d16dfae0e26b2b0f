"""The attack table of notes/distribution-and-fleet §2.1: refused, or bounded with a named state.

Every row meets a device that holds the state of noon; `lays` is the trap, `code` the name of the refusal.
Whatever happens, the device keeps a verified set, and it is never an older one.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile

from trustlist import roles, signed_time
from trustlist.publish.publishing import publish_online
from trustlist.publish.repository import stamped, to_bytes

from .conftest import DAY_1, KEY, Server, World

pytestmark = pytest.mark.req("K02")
NOON = DAY_1 + timedelta(hours=4)
LATER = NOON + timedelta(hours=1)
Trap = Callable[[World, Server], None]


def newest(world: World, name: str) -> Path:
    repository = world.repository
    version = repository.newest(name).signed.version  # type: ignore[union-attr]
    stem = name if name == roles.TIMESTAMP else f"{version}.{name}"
    return world.public / "metadata" / f"{stem}.json"


def changed(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    content = json.loads(path.read_bytes())
    change(content)
    path.write_bytes(json.dumps(content).encode())


def rolled_back(world: World, server: Server) -> None:
    old = world.home / "old"
    shutil.copytree(world.public, old)
    for name in ("timestamp.json",):
        document = Metadata.from_file(str(old / "metadata" / name))
        document.signed.version -= 1
        resign(document, world.keys[roles.TIMESTAMP])
        (old / "metadata" / name).write_bytes(to_bytes(document))
    server.folder = old


def resign(document: Metadata[Any], keys: list[CryptoSigner]) -> None:
    document.signatures.clear()
    for signer in keys:
        document.sign(signer, append=True)


def published(world: World) -> None:
    world.publish(roles.TRUSTLIST_FILE, {"keys": [KEY], "note": "newer"}, LATER)


def older_snapshot_as_new(world: World, server: Server) -> None:
    held = newest(world, roles.SNAPSHOT).read_bytes()
    published(world)
    newest(world, roles.SNAPSHOT).write_bytes(held)


def older_list_as_new(world: World, server: Server) -> None:
    held = newest(world, roles.TRUSTLIST).read_bytes()
    published(world)
    newest(world, roles.TRUSTLIST).write_bytes(held)


def snapshot_rolls_a_role_back(world: World, server: Server) -> None:
    """All online keys stolen: even so no role goes back to an older version."""
    published(world)
    snapshot = world.repository.snapshot()
    meta = snapshot.signed.meta["trustlist.json"]
    meta.version, meta.hashes, meta.length = 1, None, None
    vouched(world, snapshot)


def vouched(world: World, snapshot: Metadata[Any]) -> None:
    """Snapshot and timestamp as whoever stole both online keys writes them."""
    resign(snapshot, world.keys[roles.SNAPSHOT])
    newest(world, roles.SNAPSHOT).write_bytes(to_bytes(snapshot))
    timestamp = world.repository.timestamp()
    timestamp.signed.version += 1
    timestamp.signed.snapshot_meta = MetaFile.from_data(
        snapshot.signed.version, to_bytes(snapshot), ["sha256"]
    )
    resign(timestamp, world.keys[roles.TIMESTAMP])
    newest(world, roles.TIMESTAMP).write_bytes(to_bytes(timestamp))


def byte_of_metadata(world: World, server: Server) -> None:
    published(world)
    path = newest(world, roles.TRUSTLIST)
    path.write_bytes(path.read_bytes().replace(b"trustlist/dsc.json", b"trustlist/dsd.json"))


def target_file(world: World) -> Path:
    listed = world.repository.newest(roles.TRUSTLIST)
    assert listed is not None
    target = listed.signed.targets[roles.TRUSTLIST_FILE]
    return world.public / "targets" / "trustlist" / f"{target.hashes['sha256']}.dsc.json"


def byte_of_a_target(world: World, server: Server) -> None:
    published(world)
    data = bytearray(target_file(world).read_bytes())
    data[len(data) // 2] ^= 1
    target_file(world).write_bytes(data)


def target_cut_short(world: World, server: Server) -> None:
    published(world)
    target_file(world).write_bytes(target_file(world).read_bytes()[:-1])


def target_too_long(world: World, server: Server) -> None:
    published(world)
    target_file(world).write_bytes(target_file(world).read_bytes() + b"x")


def strangers_timestamp(world: World, server: Server) -> None:
    document = world.repository.timestamp()
    document.signed.version += 1
    resign(document, [CryptoSigner.generate_ed25519()])
    newest(world, roles.TIMESTAMP).write_bytes(to_bytes(document))


def one_of_two(world: World, server: Server) -> None:
    """The online keys vouch for a list only one of its two signers signed."""
    slip_in(world, [world.keys[roles.TRUSTLIST][0]])


def slip_in(world: World, signers: list[CryptoSigner]) -> None:
    document = world.repository.newest(roles.TRUSTLIST)
    assert document is not None
    document.signed.version += 1
    stamped(document.signed, roles.TRUSTLIST, LATER)
    resign(document, signers)
    world.repository.put(roles.TRUSTLIST, document)
    publish_online(
        world.repository,
        world.keys[roles.SNAPSHOT],
        world.keys[roles.TIMESTAMP],
        LATER,
        {roles.TRUSTLIST: document},
    )


def one_twice(world: World, server: Server) -> None:
    one_of_two(world, server)

    def twice(content: dict[str, Any]) -> None:
        content["signatures"] *= 2

    path = newest(world, roles.TRUSTLIST)
    changed(path, twice)
    snapshot = world.repository.snapshot()
    version = snapshot.signed.meta["trustlist.json"].version
    snapshot.signed.meta["trustlist.json"] = MetaFile.from_data(version, path.read_bytes(), ["sha256"])
    vouched(world, snapshot)


def another_roles_keys(world: World, server: Server) -> None:
    slip_in(world, world.keys[roles.FIRMWARE])


def other_deployments_root(world: World, server: Server) -> None:
    root = world.repository.root()
    root.signed.version = 2
    resign(root, [CryptoSigner.generate_ed25519() for _ in range(3)])
    (world.public / "metadata" / "2.root.json").write_bytes(to_bytes(root))


def root_by_one_of_two(world: World, server: Server) -> None:
    root = world.repository.root()
    root.signed.version = 2
    resign(root, world.keys[roles.ROOT][:1])
    (world.public / "metadata" / "2.root.json").write_bytes(to_bytes(root))


def stolen_timestamp_key_after_rotation(world: World, server: Server) -> None:
    old = world.rotate(roles.TIMESTAMP, LATER)
    document = world.repository.timestamp()
    document.signed.version += 1
    resign(document, [old])
    newest(world, roles.TIMESTAMP).write_bytes(to_bytes(document))


def timestamp_without_issue_time(world: World, server: Server) -> None:
    forged_time(world, lambda signed: signed.unrecognized_fields.pop(signed_time.FIELD))


def timestamp_for_ten_years(world: World, server: Server) -> None:
    def years(signed: Any) -> None:
        signed.expires = signed.expires.replace(year=signed.expires.year + 10)

    forged_time(world, years)


def forged_time(world: World, change: Callable[[Any], object]) -> None:
    world.refresh(LATER)
    document = world.repository.timestamp()
    change(document.signed)
    resign(document, world.keys[roles.TIMESTAMP])
    newest(world, roles.TIMESTAMP).write_bytes(to_bytes(document))


def nonsense(world: World, server: Server) -> None:
    newest(world, roles.TIMESTAMP).write_bytes(b"<html>log in to the hotel</html>")


def answering(act: Callable[[BaseHTTPRequestHandler], None]) -> Trap:
    """A server that does something else when the timestamp is asked for."""

    def lay(world: World, server: Server) -> None:
        def misbehave(handler: BaseHTTPRequestHandler) -> bool:
            if handler.path.endswith("/timestamp.json"):
                with suppress(OSError):  # the client went away, as it should
                    act(handler)
                return True
            return False

        server.misbehave = misbehave

    return lay


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(10_000):
        handler.wfile.write(bytes(100_000))
    raise AssertionError("a client read a gigabyte")


def announced_huge(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "999999999999")
    handler.end_headers()


def drip_of_body(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "10000")
    handler.end_headers()
    drip(handler)


def drip_of_headers(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    drip(handler)


def drip(handler: BaseHTTPRequestHandler) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.02)


def broken_server(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(503)
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def hangs_up(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"")


ATTACKS: list[tuple[Trap, str]] = [
    (rolled_back, "metadata.rollback"),
    (older_snapshot_as_new, "metadata.tampered"),
    (older_list_as_new, "metadata.tampered"),
    (snapshot_rolls_a_role_back, "metadata.rollback"),
    (byte_of_metadata, "metadata.tampered"),
    (byte_of_a_target, "metadata.tampered"),
    (target_cut_short, "metadata.tampered"),
    (target_too_long, "download.too_long"),
    (strangers_timestamp, "metadata.unsigned"),
    (one_of_two, "metadata.unsigned"),
    (one_twice, "metadata.malformed"),
    (another_roles_keys, "metadata.unsigned"),
    (other_deployments_root, "metadata.unsigned"),
    (root_by_one_of_two, "metadata.unsigned"),
    (stolen_timestamp_key_after_rotation, "metadata.unsigned"),
    (timestamp_without_issue_time, "time.unsigned"),
    (timestamp_for_ten_years, "time.lifetime"),
    (nonsense, "metadata.malformed"),
    (answering(endless), "download.too_long"),
    (answering(announced_huge), "download.too_long"),
    (answering(drip_of_body), "download.too_slow"),
    (answering(drip_of_headers), "download.too_slow"),
    (answering(broken_server), "download.http"),
    (answering(hangs_up), "download.failed"),
]
NAMES = [
    "endless", "announced_huge", "drip_of_body", "drip_of_headers", "broken_server", "hangs_up"
]  # fmt: skip
IDS = [trap.__name__ if trap.__name__ != "lay" else "" for trap, _ in ATTACKS]
IDS = [name or NAMES[index - IDS.index("")] for index, name in enumerate(IDS)]


@pytest.mark.parametrize(("lays", "code"), ATTACKS, ids=IDS)
def test_an_attack_is_refused_by_name_and_changes_nothing(
    lays: Trap, code: str, world: World, server: Server, tmp_path: Path
) -> None:
    client = world.client(tmp_path / "device")
    before = server.poll(client, tmp_path, NOON).active
    assert before is not None
    lays(world, server)
    started = time.monotonic()
    report = server.poll(client, tmp_path, LATER, grace_s=0.6, bytes_per_s=1e9)
    assert time.monotonic() - started < 5
    assert report.code == code, report.words
    held = client.held()
    assert held.damaged == ()
    assert held.active is not None
    assert held.active.verified.name == before.verified.name
    assert not (tmp_path / "device" / "staging").exists()


def test_an_old_repository_is_refused_on_a_fresh_device_whose_image_is_newer(
    world: World, server: Server, tmp_path: Path
) -> None:
    built = DAY_1 + timedelta(days=3)
    report = server.poll(world.client(tmp_path / "device", built_at=built), tmp_path, DAY_1)
    assert (report.code, report.clock, report.active) == ("metadata.expired", "clock.behind", None)


def test_an_unexpired_older_state_is_refused_on_a_fresh_device_with_a_seed(
    world: World, server: Server, tmp_path: Path
) -> None:
    old = tmp_path / "old"
    shutil.copytree(world.public, old)
    world.refresh(LATER)
    seed = tmp_path / "seed"
    seed.mkdir()
    shutil.copy(newest(world, roles.TIMESTAMP), seed / "timestamp.json")
    server.folder = old
    assert server.poll(world.client(tmp_path / "bare"), tmp_path, LATER).code == "updated"
    report = server.poll(world.client(tmp_path / "seeded", seed=seed), tmp_path, LATER)
    assert (report.code, report.active) == ("metadata.rollback", None)


def test_a_frozen_repository_is_refused_when_its_day_is_over(
    world: World, server: Server, tmp_path: Path
) -> None:
    """The server froze; so did its clock, and nothing says that ours is wrong."""
    server.date = NOON + timedelta(days=2)
    report = server.poll(world.client(tmp_path / "device"), tmp_path, NOON + timedelta(days=2))
    assert (report.code, report.clock) == ("metadata.expired", None)


def test_a_frozen_repository_and_a_slow_clock_are_told_by_the_signed_floor(
    world: World, server: Server, tmp_path: Path
) -> None:
    client = world.client(tmp_path / "device")
    for day in range(10):  # an honest life of ten days lifts the floor with it
        world.refresh(NOON + timedelta(days=day))
        assert server.poll(client, tmp_path, NOON + timedelta(days=day)).code == "updated"
    report = server.poll(client, tmp_path, NOON)  # 20 days on, the clock fell back to the first
    assert report.clock == "clock.behind"
    assert report.floor == NOON + timedelta(days=9)
    fresh = world.client(tmp_path / "fresh", built_at=NOON + timedelta(days=11))
    report = server.poll(fresh, tmp_path, NOON)
    assert (report.code, report.clock) == ("metadata.expired", "clock.behind")


def test_a_board_without_a_clock_starts_from_the_floor(world: World, server: Server, tmp_path: Path) -> None:
    report = server.poll(world.client(tmp_path / "device"), tmp_path, datetime(1970, 1, 1, tzinfo=UTC))
    assert (report.code, report.clock) == ("updated", "clock.behind")


@pytest.mark.parametrize("ahead", [timedelta(days=2), timedelta(days=365), timedelta(days=365 * 7_000)])
def test_a_fast_clock_is_a_clock_fault_and_heals(
    ahead: timedelta, world: World, server: Server, tmp_path: Path
) -> None:
    client = world.client(tmp_path / "device")
    floor = server.poll(client, tmp_path, NOON).floor
    server.date = LATER
    world.refresh(LATER)
    report = server.poll(client, tmp_path, LATER + ahead)
    assert (report.code, report.clock) == ("clock.ahead", "clock.ahead")
    assert report.floor == floor  # nothing was learnt from the clock
    assert report.active is not None
    assert server.poll(client, tmp_path, LATER).code == "updated"


def test_an_absurd_clock_is_named_without_any_network_time(world: World, tmp_path: Path) -> None:
    report = world.client(tmp_path / "device").feed(world.public, datetime(9999, 12, 31, tzinfo=UTC))
    assert (report.code, report.clock) == ("clock.ahead", "clock.ahead")


def test_a_stolen_timestamp_key_moves_time_by_two_days_until_the_next_root(
    world: World, server: Server, tmp_path: Path
) -> None:
    client = world.client(tmp_path / "device")
    floor = server.poll(client, tmp_path, NOON).floor

    def future(signed: Any) -> None:
        signed.unrecognized_fields[signed_time.FIELD] = "2036-01-01T00:00:00Z"
        signed.expires = datetime(2036, 1, 2, tzinfo=UTC)

    forged_time(world, future)
    report = server.poll(client, tmp_path, LATER)
    assert report.code == "updated"
    assert report.floor == floor + timedelta(hours=48)
    assert report.active is not None
    assert report.active.issued == report.floor  # no age before the year 2036 is hidden by it
    assert client.held().floor == report.floor

    cured = LATER + timedelta(hours=1)
    world.rotate(roles.TIMESTAMP, cured)
    report = server.poll(client, tmp_path, cured)
    assert (report.code, report.clock, report.floor) == ("updated", None, cured), report.words
    assert client.held().floor == cured


@pytest.mark.parametrize("name", [roles.RULES, roles.FIRMWARE, roles.ANCHORS])
def test_an_expired_role_degrades_itself_alone(
    name: str, world: World, server: Server, tmp_path: Path
) -> None:
    document = world.repository.newest(name)
    assert document is not None
    document.signed.version += 1
    document.signed.expires = LATER - timedelta(minutes=1)
    resign(document, world.keys[name])
    world.repository.put(name, document)
    publish_online(
        world.repository, world.keys[roles.SNAPSHOT], world.keys[roles.TIMESTAMP], LATER, {name: document}
    )
    for report in (
        server.poll(world.client(tmp_path / "online"), tmp_path, LATER),
        world.client(tmp_path / "stick").feed(world.public, LATER),
    ):
        assert (report.code, report.missing) == ("updated", {name: "metadata.expired"})
        assert report.active is not None
        assert "revocation/base.json" in report.active.verified.targets


def test_a_role_cannot_publish_for_another(world: World, server: Server, tmp_path: Path) -> None:
    """All keys of `firmware` stolen: a trust list under its name is invisible, and its set is refused."""
    document = world.repository.newest(roles.FIRMWARE)
    listed = world.repository.newest(roles.TRUSTLIST)
    assert document is not None
    assert listed is not None
    document.signed.version += 1
    document.signed.targets["trustlist/evil.json"] = listed.signed.targets[roles.TRUSTLIST_FILE]
    resign(document, world.keys[roles.FIRMWARE])
    world.repository.put(roles.FIRMWARE, document)
    publish_online(
        world.repository,
        world.keys[roles.SNAPSHOT],
        world.keys[roles.TIMESTAMP],
        LATER,
        {roles.FIRMWARE: document},
    )
    assert server.poll(world.client(tmp_path / "device"), tmp_path, LATER).code == "target.limit"
