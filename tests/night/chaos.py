"""Drives a kiosk through a script of certificates while kiosk, service and database are killed.

The script is the truth. Every certificate names an issuer of its own ("AAA", "AAB", ...), so each report at
the service tells which certificate it stands for.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import sqlite3
import string
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import psycopg

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "demo"), str(ROOT / "tests" / "night")]

from forge import Authority  # noqa: E402
from scenes import draw  # noqa: E402

from hardware.scene import render  # noqa: E402
from scanner.identity import load_or_create  # noqa: E402
from scanner.protocol import OUTCOMES, parse_entries  # noqa: E402
from verifier_service.cli import register_device  # noqa: E402
from verifier_service.migrate import migrate  # noqa: E402
from verifier_service.postgres.supervisor import APP_ROLE, Cluster  # noqa: E402

SCAN_POINTS = ("lamp.shown", "outbox.before_commit", "outbox.after_commit")
SEND_POINTS = ("uplink.before_send", "uplink.after_reply", "ack.before_commit", "ack.after_commit")
KIOSK_POINTS = SCAN_POINTS + SEND_POINTS
SERVICE_POINTS = ("ingest.before_commit", "ingest.after_commit", "reply.before_send")
MAY_LOSE = ("lamp.shown", "outbox.before_commit")  # the lamp has spoken, the disk has not
SLACK = 40  # scans the script may be ahead of its share of kills
STUCK_S = 5.0
HOLD_S = 2.0
SEEN_WITHIN_S = 60.0
ARRIVED_WITHIN_S = 240.0


def code(number: int) -> str:
    """Three letters for a scan: 17,576 of them."""
    letters = string.ascii_uppercase
    return letters[number // 676] + letters[number // 26 % 26] + letters[number % 26]


@dataclass(frozen=True, slots=True)
class Kill:
    """One planned kill."""

    id: int
    victim: str
    point: str
    nth: int

    def plan(self) -> str:
        """As the victim reads it."""
        target = "db" if self.victim == "db" else "self"
        return json.dumps({"id": self.id, "point": self.point, "nth": self.nth, "target": target})


@dataclass(slots=True)
class Result:
    """What came of it."""

    scans: int
    kills: Counter[str]
    may_miss: list[str]
    shown: list[str]
    reported: list[str]
    outcomes: dict[str, str]
    wanted: dict[str, str]
    counted: Counter[str]
    alarms: int
    log: list[dict[str, Any]] = field(default_factory=list)


def plan_kills(each: dict[str, int], rng: random.Random) -> tuple[list[Kill], list[Kill]]:
    """Kills of the kiosk, and of service and database, `each` giving the number per window of a victim."""

    def of(victim: str, points: tuple[str, ...], first: int) -> list[Kill]:
        names = [point for point in points for _ in range(each[victim])]
        rng.shuffle(names)
        return [
            Kill(first + place, victim, name, rng.randint(1, 9 if name in SCAN_POINTS else 2))
            for place, name in enumerate(names)
        ]

    kiosk = of("kiosk", KIOSK_POINTS, 0)
    others = of("service", SERVICE_POINTS, 10_000) + of("db", SERVICE_POINTS, 20_000)
    rng.shuffle(others)
    return kiosk, others


class Chaos:
    """One run in a folder of its own."""

    def __init__(self, home: Path, scans: int, each: dict[str, int], seed: int = 2) -> None:
        shutil.rmtree(home / "kiosk", ignore_errors=True)
        self.home, self.scans, self.rng = home, scans, random.Random(seed)
        self.kiosk_home, self.mailbox = home / "kiosk", home / "kiosk" / "mailbox"
        self.mailbox.mkdir(parents=True)
        self.cluster = Cluster(home / "postgres")
        self.kiosk_kills, self.other_kills = plan_kills(each, self.rng)
        self.total = len(self.kiosk_kills) + len(self.other_kills)
        self.done: list[Kill] = []
        self.log: list[dict[str, Any]] = []
        self.authority, self.now = Authority(), datetime.now(UTC) - timedelta(days=1)
        self.kiosk: subprocess.Popen[bytes] | None = None
        self.service: subprocess.Popen[bytes] | None = None
        self.restarts = Counter[str]()
        self.struck: str | None = None  # the window in which the kiosk was last killed
        self.told = 0  # size of the service's notes when last looked at

    def run(self) -> Result:
        """All scans and all kills."""
        try:
            self._prepare()
            may_miss = self._drive()
            return self._settle(may_miss)
        finally:
            for process in (self.kiosk, self.service):
                if process is not None and process.poll() is None:
                    process.kill()
                    process.wait()
            self.cluster.stop()

    # --- making ---------------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        self.cluster.start()
        self.database = f"chaos_{time.time_ns()}"
        self.owner = self.cluster.ensure_database(self.database)
        migrate(self.owner)
        identity = load_or_create(self.kiosk_home / "identity", production=False)
        self.device = identity.device_id
        register_device(self.owner, self.device, identity.public_pem, "Chaos")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        trust = self.kiosk_home / "trust.json"
        trust.write_text(json.dumps(self.authority.trust_object()))
        self.settings = self.kiosk_home / "kiosk.toml"
        self.settings.write_text(
            f'[camera]\nkind = "mailbox"\npath = {json.dumps(str(self.mailbox))}\nfps = 60\n'
            f'stale_s = 60.0\n[lamp]\nkind = "recording"\n[trust]\nfile = {json.dumps(str(trust))}\n'
            f'[service]\nurl = "http://127.0.0.1:{self.port}"\n[screen]\nport = 0\n'
        )
        self._arm()

    def _child(self, name: str, argument: str, **environment: str) -> subprocess.Popen[bytes]:
        self.restarts[name] += 1
        with (self.home / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [
                    sys.executable,
                    str(ROOT / "tests/night/chaos_child.py"),
                    name,
                    str(self.kiosk_home),
                    argument,
                ],
                env={**os.environ, "APP_ENV": "demo", **environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _start_kiosk(self) -> None:
        self.kiosk = self._child("kiosk", str(self.settings))

    def _start_service(self) -> None:
        self.service = self._child(
            "service",
            str(self.cluster.data / "postmaster.pid"),
            DATABASE_URL=self.cluster.dsn(self.database, APP_ROLE),
            BIND=f"127.0.0.1:{self.port}",
            WORKERS="1",
            REPORT_INTERVAL_S="1",
        )

    # --- driving --------------------------------------------------------------------------------------------

    def _arm(self) -> None:
        for name, kills in (("kiosk", self.kiosk_kills), ("service", self.other_kills)):
            plan = self.kiosk_home / f"{name}.plan"
            half = plan.with_suffix(".half")
            half.write_text(kills[0].plan() if kills else "{")
            half.replace(plan)

    def _tend(self) -> None:
        """Bring back what died, and note which planned kill it was."""
        # Looked at before the notes are read: a victim writes its note first and dies then.
        dead = {
            name: process is None or process.poll() is not None
            for name, process in (("kiosk", self.kiosk), ("service", self.service))
        }
        for name, kills in (("kiosk", self.kiosk_kills), ("service", self.other_kills)):
            told = self.kiosk_home / f"{name}.done"
            lines = told.read_text().splitlines() if kills and told.exists() else []
            if not lines or json.loads(lines[-1])["id"] != kills[0].id:
                continue
            if kills[0].victim != "db":
                process = self.kiosk if name == "kiosk" else self.service
                assert process is not None
                process.wait(30)
                dead[name] = True
            if name == "kiosk":
                self.struck = kills[0].point
            self.log.append({"at": time.time(), "victim": kills[0].victim, "point": kills[0].point})
            self.done.append(kills.pop(0))
            self._arm()
        if not self.cluster.is_up():
            self.cluster.start()
        if dead["service"]:
            self._start_service()
        if dead["kiosk"]:
            for picture in self.mailbox.iterdir():
                picture.unlink()
            self._start_kiosk()

    def _drive(self) -> list[str]:
        may_miss: list[str] = []
        number, moved = 0, time.monotonic()
        while number < self.scans:
            before = len(self.done)
            self._tend()
            if len(self.done) != before:
                moved = time.monotonic()
            ahead = number / self.scans * self.total - len(self.done)
            if ahead * self.scans / max(1, self.total) > SLACK and time.monotonic() - moved < STUCK_S:
                time.sleep(0.02)
                continue
            if ahead > 0:
                moved = time.monotonic() - STUCK_S / 2
            if self._show(number, may_miss):
                number += 1
        deadline = time.monotonic() + ARRIVED_WITHIN_S
        while self.other_kills or self.kiosk_kills:
            if time.monotonic() > deadline:
                raise AssertionError(f"kills left: {self.kiosk_kills} {self.other_kills}")
            self._tend()
            if self._show(number, may_miss):  # a few more scans, so that the last windows open
                number += 1
        self.shown = number
        return may_miss

    def _show(self, number: int, may_miss: list[str]) -> bool:
        """Hold certificate `number` before the camera until scanned; False if it must be shown again."""
        days = -30 if number % 5 == 4 else 365
        picture = draw(self.authority.certificate(code(number), self.now, days))
        self._hold(number, picture)
        turn = time.monotonic() + HOLD_S
        deadline = time.monotonic() + SEEN_WITHIN_S
        lives, self.struck = self.restarts["kiosk"], None
        while time.monotonic() < deadline:
            if self._scanned(number):
                return True
            self._tend_if_needed()
            if self.restarts["kiosk"] == lives:
                if time.monotonic() > turn:  # as a person would: held a little differently
                    self._hold(number, picture)
                    turn = time.monotonic() + HOLD_S
                time.sleep(0.005)
                continue
            if self.struck in MAY_LOSE:
                may_miss.append(code(number))
                return True
            return self.struck == "outbox.after_commit" or self._in_outbox(number)
        raise AssertionError(f"scan {number} was not seen; the kiosk's log tells more")

    def _hold(self, number: int, picture: bytes) -> None:
        frame = render(picture, width=800, height=600, seed=self.rng.randint(0, 2**31))
        half = self.mailbox / ".next"
        half.write_bytes(bytes(cv2.imencode(".png", frame, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1]))
        for old in self.mailbox.glob("*.png"):
            old.unlink()
        half.replace(self.mailbox / f"{number:06d}.png")

    def _tend_if_needed(self) -> None:
        told = self.kiosk_home / "service.done"
        size = told.stat().st_size if told.exists() else 0
        if size != self.told or self.kiosk is None or self.kiosk.poll() is not None:
            self.told = size
            self._tend()

    def _scanned(self, number: int) -> bool:
        scans = self.kiosk_home / "kiosk.scans"
        return scans.exists() and scans.read_text().endswith(f"{code(number)}\n")

    def _in_outbox(self, number: int) -> bool:
        """Whether a kiosk killed elsewhere (its uplink thread) had kept this scan before it died."""
        import cbor2

        with sqlite3.connect(self.kiosk_home / "outbox.sqlite") as link:
            row = link.execute("SELECT body FROM entries ORDER BY epoch DESC, seq DESC LIMIT 1").fetchone()
        link.close()
        return bool(row) and cbor2.loads(row[0])[5] == code(number)

    # --- judging --------------------------------------------------------------------------------------------

    def _settle(self, may_miss: list[str]) -> Result:
        deadline = time.monotonic() + ARRIVED_WITHIN_S
        while self._pending():
            if time.monotonic() > deadline:
                raise AssertionError("the outbox was not emptied in time")
            self._tend()
            time.sleep(0.1)
        with psycopg.connect(self.owner) as link:
            batches = link.execute(
                "SELECT body, skip, count FROM scan_batch WHERE device_id = %s ORDER BY epoch, first_seq",
                [self.device],
            ).fetchall()
            counted = Counter(
                dict(link.execute("SELECT outcome, sum(checks)::int FROM scan_counter GROUP BY outcome"))
            )
            alarms = link.execute("SELECT count(*) FROM device_alarm").fetchone()
        entries = [
            entry for body, skip, count in batches for entry in parse_entries(body)[skip : skip + count]
        ]
        wanted = {code(n): "invalid" if n % 5 == 4 else "valid" for n in range(self.shown)}
        return Result(
            scans=self.shown,
            kills=Counter(f"{kill.victim} {kill.point}" for kill in self.done),
            may_miss=may_miss,
            shown=list(wanted),
            reported=[entry[5] for entry in entries],
            outcomes={entry[5]: OUTCOMES[entry[1]] for entry in entries},
            wanted=wanted,
            counted=counted,
            alarms=int(alarms[0]) if alarms else 0,
            log=self.log,
        )

    def _pending(self) -> int:
        link = sqlite3.connect(self.kiosk_home / "outbox.sqlite", timeout=10)
        try:
            row = link.execute(
                "SELECT count(*) FROM entries e, streams s WHERE e.epoch = s.epoch AND e.seq >= s.sent_to"
            ).fetchone()
        finally:
            link.close()
        return int(row[0])


def check(result: Result) -> None:
    """Nothing lost, nothing doubled, nothing out of order, nothing judged differently."""
    assert len(set(result.reported)) == len(result.reported), "a report was doubled"
    missing = set(result.shown) - set(result.reported)
    assert missing <= set(result.may_miss), f"lost outside the stated window: {missing}"
    assert result.reported == [name for name in result.shown if name not in missing], "the order changed"
    assert all(result.wanted[name] == outcome for name, outcome in result.outcomes.items())
    assert result.counted == Counter(result.outcomes.values()), "counters and reports differ"
    assert result.alarms == 0, "a gap or fork was alarmed though none happened"


def summary(result: Result) -> dict[str, Any]:
    """For the log that is kept."""
    victims = Counter[str]()
    for name, count in result.kills.items():
        victims[name.split()[0]] += count
    return {
        "scans": result.scans,
        "reported": len(result.reported),
        "lost_in_the_stated_window": sorted(set(result.shown) - set(result.reported)),
        "killed": dict(victims),
        "windows": dict(sorted(result.kills.items())),
        "kills": result.log,
    }
