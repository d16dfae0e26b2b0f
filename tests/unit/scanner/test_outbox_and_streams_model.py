"""Kiosks against a service held in memory: lost replies, doubled messages, restores, clones, lost journals.

The service below follows `verifier_service.fleet.streams.decide`, the same function the real one asks.
"""

from __future__ import annotations

import copy
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cbor2
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from scanner.outbox import KEEP, Outbox, OutboxBatch
from scanner.protocol import Batch, Reply, ScanReport, encode_entry
from verifier_service.fleet.models import Stream
from verifier_service.fleet.streams import Do, decide, mark_after

START = datetime(2026, 11, 22, tzinfo=UTC)


class Service:
    """Streams in memory: epoch -> (next_seq, mark, parent, {seq: body})."""

    def __init__(self) -> None:
        self.streams: dict[int, tuple[int, bytes | None, int | None]] = {}
        self.held: dict[int, dict[int, bytes]] = {}
        self.missing = 0

    def take(self, sent: OutboxBatch) -> Reply:
        entries = tuple(cbor2.loads(body) for body in sent.bodies)
        batch = Batch(b"d" * 16, sent.epoch, sent.first_seq, entries, sent.gap, sent.prev)
        created = sent.epoch not in self.streams
        stand, mark, parent = self.streams.setdefault(sent.epoch, (0, None, None))
        mine = self.held.setdefault(sent.epoch, {})
        decision = decide(batch, Stream(sent.epoch, stand, mark), sorted(mine.items()))
        status = "created" if created else "ok"
        if decision.do is Do.RESEND:
            return Reply("resend", sent.epoch, stand, 60)
        if decision.do is Do.FORK:
            newest = max(self.streams)
            if not (self.streams[newest][0] == 0 and self.streams[newest][2] == sent.epoch):
                newest += 1
                self.streams[newest] = (0, None, sent.epoch)
            return Reply("forked", newest, 0, 60, decision.agreed_to)
        if decision.do is Do.STORE:
            self.missing += decision.gap
            for seq, body in enumerate(
                sent.bodies[decision.skip :], batch.end - len(entries) + decision.skip
            ):
                mine[seq] = body
            self.streams[sent.epoch] = (batch.end, mark_after(batch), parent)
            stand = batch.end
        return Reply(status, sent.epoch, stand, 60)

    def bodies(self) -> Counter[bytes]:
        return Counter(body for stream in self.held.values() for body in stream.values())


class Fleet(RuleBasedStateMachine):
    """One registered device, at times running twice."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.service, self.backups = Service(), []
        self.kiosks = [Outbox(self.folder / "0.db")]
        self.truth: set[bytes] = set()
        self.now, self.count, self.pruned = START, 0, False

    @rule(which=st.integers(0, 3), scans=st.integers(1, 7))
    def scan(self, which: int, scans: int) -> None:
        for _ in range(scans):
            self.count += 1
            made = ScanReport(
                self.now + timedelta(milliseconds=self.count), "valid", (), "eu-dcc", None, None, "v"
            )
            self.kiosks[which % len(self.kiosks)].append(made)
            self.truth.add(encode_entry(made))

    @rule(which=st.integers(0, 3), limit=st.integers(1, 6), lost=st.booleans(), twice=st.booleans())
    def send(self, which: int, limit: int, lost: bool, twice: bool) -> None:
        box = self.kiosks[which % len(self.kiosks)]
        sent = box.next_batch(limit)
        if sent is None:
            return
        reply = self.service.take(sent)
        if twice:
            self.service.take(sent)
        if not lost:
            box.apply(sent, reply, self.now)

    @rule()
    def back_up(self) -> None:
        self.backups.append(copy.deepcopy(self.service))

    @precondition(lambda self: self.backups)
    @rule(which=st.integers(0, 9))
    def restore(self, which: int) -> None:
        """Put an earlier copy of the service in place; nothing of it was pruned yet on the kiosk."""
        missing = self.service.missing
        self.service = copy.deepcopy(self.backups[which % len(self.backups)])
        self.service.missing = max(missing, self.service.missing)

    @precondition(lambda self: len(self.kiosks) < 3)
    @rule()
    def clone(self) -> None:
        """Copy the memory of kiosk 0 into a second machine: both go on with the same identity."""
        self.kiosks[0]._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        target = self.folder / f"{len(self.kiosks)}.db"
        target.write_bytes((self.folder / "0.db").read_bytes())
        self.kiosks.append(Outbox(target))

    @invariant()
    def nothing_is_doubled_by_numbers(self) -> None:
        for box in getattr(self, "kiosks", []):
            total, distinct = box._db.execute("SELECT count(*), count(DISTINCT body) FROM entries").fetchone()
            assert total == distinct

    @invariant()
    def the_number_at_hand_is_what_waits(self) -> None:
        for box in getattr(self, "kiosks", []):
            (waiting,) = box._db.execute(
                "SELECT count(*) FROM entries e, streams s WHERE e.epoch = s.epoch AND e.seq >= s.sent_to"
            ).fetchone()
            assert box.pending() == waiting

    def teardown(self) -> None:
        if not hasattr(self, "kiosks"):
            return
        for box in self.kiosks:  # a last scan makes even a kiosk at rest talk to a restored service
            self.count += 1
            made = ScanReport(
                self.now + timedelta(milliseconds=self.count), "valid", (), "eu-dcc", None, None, "v"
            )
            box.append(made)
            self.truth.add(encode_entry(made))
        for _ in range(400):
            moved = False
            for box in self.kiosks:
                sent = box.next_batch(50)
                if sent is not None:
                    box.apply(sent, self.service.take(sent), self.now)
                    moved = True
            if not moved:
                break
        assert not any(box.pending() for box in self.kiosks), "no case blocks later reports"
        seen = self.service.bodies()
        assert set(seen) == self.truth, "every check arrived"
        if len(self.kiosks) == 1:
            assert max(seen.values()) == 1, "and once"
            assert self.service.missing == 0
        for box in self.kiosks:
            box.close()


Fleet.TestCase.settings = settings(
    max_examples=150, stateful_step_count=30, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)  # fmt: skip
TestFleet = pytest.mark.req("K04")(Fleet.TestCase)


@pytest.mark.req("K04")
def test_pruned_entries_become_a_counted_gap_and_reports_go_on(tmp_path: Path) -> None:
    service, box = Service(), Outbox(tmp_path / "box.db")

    def scan(n: int) -> None:
        box.append(ScanReport(START + timedelta(seconds=n), "valid", (), "eu-dcc", None, None, "v"))

    def drain() -> None:
        while (sent := box.next_batch(50)) is not None:
            box.apply(sent, service.take(sent), START)

    for n in range(20):
        scan(n)
    empty = copy.deepcopy(service)
    drain()
    for hour in range(KEEP // timedelta(hours=1) + 24):
        box.prune(START + timedelta(hours=hour))
    service = empty
    scan(20)
    drain()
    assert (service.missing, len(service.bodies()), service.streams[0][0]) == (19, 2, 21)


@pytest.mark.req("K04")
def test_a_lost_journal_goes_on_in_a_new_stream(tmp_path: Path) -> None:
    service = Service()
    for attempt in range(3):
        box = Outbox(tmp_path / f"{attempt}.db")
        for n in range(5):
            box.append(
                ScanReport(START + timedelta(seconds=100 * attempt + n), "valid", (), "x", None, None, "v")
            )
        while (sent := box.next_batch(2)) is not None:
            box.apply(sent, service.take(sent), START)
    assert (len(service.bodies()), len(service.streams)) == (15, 3)
