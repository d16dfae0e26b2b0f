"""A real repository on disk, published day by day, and a real server that can be told to misbehave."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from securesystemslib.signer import CryptoSigner

from trustlist import roles
from trustlist.client.http_fetcher import HttpFetcher
from trustlist.client.store import Bootstrap
from trustlist.client.update import Client, Report
from trustlist.publish import ceremony, proposals
from trustlist.publish.approve import _allowed, release, sign
from trustlist.publish.publishing import publish_online
from trustlist.publish.repository import Repository
from trustlist.publish.rotate import propose_rotation

SAMPLE = Path(__file__).resolve().parents[2] / "vectors" / "sample" / "at-1-vaccination.json"
CERTIFICATE = json.loads(SAMPLE.read_text("utf-8"))["TESTCTX"]["CERTIFICATE"]
KEY = {"x5c": [CERTIFICATE], "formats": ["eu-dcc"]}
ANCHOR = {"x5c": [CERTIFICATE], "country": "AT", "formats": ["eu-dcc"]}
DAY_1 = datetime(2026, 11, 1, 8, tzinfo=UTC)


@dataclass
class World:
    """The publisher with everybody's keys."""

    home: Path
    repository: Repository
    keys: dict[str, list[CryptoSigner]]
    root: bytes

    @property
    def public(self) -> Path:
        return self.home / "public"

    @property
    def online(self) -> dict[str, list[CryptoSigner]]:
        return {name: self.keys[name] for name in (roles.SNAPSHOT, roles.TIMESTAMP)}

    def publish(self, path: str, content: Any, now: datetime) -> None:
        name = path.partition("/")[0]
        self.release(
            proposals.propose_files(self.repository, name, {path: json.dumps(content).encode()}, now), now
        )

    def release(self, id: str, now: datetime, *more: CryptoSigner) -> None:
        for signer in (*(one for held in self.keys.values() for one in held), *more):
            proposal = proposals.load(self.repository, id, now)
            if any(
                signer.public_key.keyid in _keyids(self.repository, proposal, name)
                for name in proposal.metadata
            ):
                sign(self.repository, proposal, signer)
        release(self.repository, proposals.load(self.repository, id, now), self.online, now)

    def refresh(self, now: datetime) -> None:
        publish_online(self.repository, self.keys[roles.SNAPSHOT], self.keys[roles.TIMESTAMP], now)

    def rotate(self, name: str, now: datetime) -> CryptoSigner:
        fresh = CryptoSigner.generate_ed25519()
        old = self.keys[name][0]
        id = propose_rotation(self.repository, name, old.public_key.keyid, fresh.public_key, now)
        self.keys[name] = [fresh, *self.keys[name][1:]]
        self.release(id, now, *([old] if name == roles.ROOT else []))
        return old

    def client(self, home: Path, *, built_at: datetime = DAY_1, seed: Path | None = None) -> Client:
        return Client(home, Bootstrap(self.root, built_at, seed))


def _keyids(repository: Repository, proposal: proposals.Proposal, name: str) -> set[str]:
    return _allowed(repository, proposal, name)


@pytest.fixture(scope="session", autouse=True)
def no_flushing() -> Iterator[None]:
    """Nobody pulls the plug here: waiting for the disk would be most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield


@pytest.fixture(scope="session")
def first_days(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A repository with anchors, a list, rules and revocations; made once, copied for each test."""
    home = tmp_path_factory.mktemp("world")
    repository = Repository(home)
    keys = ceremony.make_keys(home / "keys")
    world = World(home, repository, keys, ceremony.hold(repository, keys, DAY_1))
    world.publish(roles.ANCHORS_FILE, {"authorities": [ANCHOR]}, DAY_1 + timedelta(minutes=1))
    world.publish(roles.TRUSTLIST_FILE, {"keys": [KEY]}, DAY_1 + timedelta(minutes=2))
    world.publish("rules/rules.json", {"rules": []}, DAY_1 + timedelta(minutes=3))
    world.publish("revocation/base.json", {"revoked": []}, DAY_1 + timedelta(minutes=4))
    return world


@pytest.fixture
def world(first_days: World, tmp_path: Path) -> World:
    home = tmp_path / "world"
    shutil.copytree(first_days.home, home)
    return World(home, Repository(home), dict(first_days.keys), first_days.root)


@dataclass
class Server:
    """Serves `folder`; `misbehave` may take over a request: it returns whether it did."""

    folder: Path
    address: str = ""
    date: datetime | None = None
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    misbehave: Callable[[BaseHTTPRequestHandler], bool] = lambda handler: False

    def poll(self, client: Client, home: Path, now: datetime, **limits: float) -> Report:
        return client.poll(self.address, now, HttpFetcher(home / "parts", **limits))


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            server.requests.append((self.path, self.headers.get("Range")))
            if server.misbehave(self):
                self.close_connection = True
                return
            path = server.folder / self.path.lstrip("/")
            data = path.read_bytes() if path.is_file() else b""
            start, self.status = 0, 200 if path.is_file() else 404
            if (told := self.headers.get("Range")) and path.is_file():
                start, self.status = int(told.removeprefix("bytes=").rstrip("-")), 206
            self.send_response(self.status)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            self.wfile.write(data[start:])

        def date_time_string(self, timestamp: float | None = None) -> str:
            told = server.date or DAY_1
            return told.strftime("%a, %d %b %Y %H:%M:%S GMT")

        def log_message(self, *words: object) -> None:
            pass

    return Handler


@pytest.fixture
def server(world: World) -> Iterator[Server]:
    told = Server(world.public)
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(told))
    http.daemon_threads = True
    told.address = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield told
    http.shutdown()
    http.server_close()
