"""However much waits: the lamp's thread gets its turn, numbers are at hand, a jumping clock ages nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scanner.outbox import KEEP, Outbox, OutboxBatch, OutboxError
from scanner.outbox_state import CHUNK
from scanner.protocol import Reply, ScanReport, encode_entry, entry_mark

AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def report(n: int = 0) -> ScanReport:
    return ScanReport(AT + timedelta(seconds=n), "valid", (), "eu-dcc", None, "AT", "v1")


def with_entries(path: Path, number: int, **more: object) -> Outbox:
    """An outbox that was away from its service for long."""
    box = Outbox(path / "box.db")
    with box._commit("fill") as db:
        db.executemany(
            "INSERT INTO entries VALUES (0, ?, ?, 0, NULL)",
            ((n, encode_entry(report(n))) for n in range(number)),
        )
        db.execute("UPDATE streams SET next_seq = ?", (number,))
    box.close()
    return Outbox(path / "box.db", **more)  # type: ignore[arg-type]


def next_of(box: Outbox, limit: int = 50) -> OutboxBatch:
    batch = box.next_batch(limit)
    assert batch is not None
    return batch


def confirm(box: Outbox, now: datetime) -> None:
    while (sent := box.next_batch(1_000)) is not None:
        box.apply(sent, Reply("ok", sent.epoch, sent.end, 60), now)


@pytest.mark.req("K01")
def test_what_waits_is_known_without_asking_the_file(tmp_path: Path) -> None:
    box, asked = with_entries(tmp_path, 3), []
    assert box._db is not None
    box._db.set_trace_callback(asked.append)
    assert (box.pending(), asked) == (3, [])


@pytest.mark.req("K01")
def test_a_fork_of_a_long_history_moves_in_chunks_and_reports_come_in_between(tmp_path: Path) -> None:
    chunks: list[int] = []

    def between(name: str) -> None:
        if name == "move.after_commit":
            (moved,) = box._db.execute("SELECT count(*) FROM entries WHERE epoch = 1").fetchone()  # type: ignore[union-attr]
            chunks.append(moved - sum(chunks) - len(chunks))  # less one appended after each chunk before
            box.append(report(10_000 + len(chunks)))

    box = with_entries(tmp_path, 3 * CHUNK + 7, point=between)
    sent = next_of(box)
    box.apply(sent, Reply("forked", 1, 0, 60, agreed_to=0), AT)
    seen = []
    while (batch := box.next_batch(1_000)) is not None:
        seen += batch.bodies
        box.apply(batch, Reply("ok", batch.epoch, batch.end, 60), AT)
    assert chunks == [CHUNK, CHUNK, CHUNK, 7]
    wanted = [encode_entry(report(n)) for n in [*range(3 * CHUNK + 7), *(10_001 + n for n in range(4))]]
    assert sorted(seen) == sorted(wanted)


@pytest.mark.req("K04")
def test_a_fork_cut_short_goes_on_after_the_restart(tmp_path: Path) -> None:
    def cut(name: str) -> None:
        if name == "move.after_commit":
            raise RuntimeError("the power is gone")

    box = with_entries(tmp_path, 2 * CHUNK, point=cut)
    box.apply(next_of(box), Reply("forked", 1, 0, 60, agreed_to=0), AT)
    with pytest.raises(RuntimeError):
        box.next_batch()
    box.close()
    box = Outbox(tmp_path / "box.db")
    assert box.pending() == 2 * CHUNK
    bodies = []
    while (batch := box.next_batch(1_000)) is not None:
        assert batch.epoch == 1
        bodies += batch.bodies
        box.apply(batch, Reply("ok", 1, batch.end, 60), AT)
    assert bodies == [encode_entry(report(n)) for n in range(2 * CHUNK)]


@pytest.mark.req("K04")
def test_going_far_back_counts_what_waits_again(tmp_path: Path) -> None:
    box = with_entries(tmp_path, 3 * CHUNK)
    confirm(box, AT)
    box.append(report(9_999))
    box.apply(next_of(box), Reply("resend", 0, 10, 60), AT)
    assert box.pending() == 3 * CHUNK - 10 + 1


def test_a_fork_into_an_older_stream_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    box = with_entries(tmp_path, 5)
    sent = next_of(box)
    with pytest.raises(OutboxError, match="not newer"):
        box.apply(sent, Reply("forked", 0, 0, 60, agreed_to=2), AT)
    assert next_of(box) == sent


@pytest.mark.req("K04")
def test_a_clock_that_jumps_from_1970_to_today_forgets_nothing(tmp_path: Path) -> None:
    box, early = with_entries(tmp_path, 5), datetime(1970, 1, 1, 1, tzinfo=UTC)
    confirm(box, early)
    assert [box.prune(AT), box.prune(AT + HOUR)] == [0, 0]
    assert sum(box.prune(AT + n * HOUR) for n in range(2, KEEP // HOUR - 2)) == 0
    assert sum(box.prune(AT + n * HOUR) for n in range(KEEP // HOUR - 2, KEEP // HOUR + 2)) == 4


@pytest.mark.req("K04")
def test_a_clock_set_back_by_years_does_not_keep_reports_for_years(tmp_path: Path) -> None:
    box = with_entries(tmp_path, 5)
    confirm(box, AT + timedelta(days=3_650))
    assert sum(box.prune(AT + n * HOUR) for n in range(KEEP // HOUR + 3)) == 4


@pytest.mark.req("K04")
def test_the_entry_before_the_next_report_stays_as_its_mark(tmp_path: Path) -> None:
    box = with_entries(tmp_path, 5)
    confirm(box, AT)
    box.append(report(5))
    assert sum(box.prune(AT + n * HOUR) for n in range(KEEP // HOUR + 5)) == 4
    batch = next_of(box)
    assert (batch.first_seq, batch.gap, batch.prev) == (5, 0, entry_mark(encode_entry(report(4))))


@pytest.mark.req("K04")
def test_old_reports_are_forgotten_in_chunks(tmp_path: Path) -> None:
    box = with_entries(tmp_path, 2 * CHUNK + 5)
    confirm(box, AT)
    assert sum(box.prune(AT + n * HOUR) for n in range(KEEP // HOUR)) == 0
    assert [box.prune(AT + KEEP + HOUR) for _ in range(4)] == [CHUNK, CHUNK, 4, 0]
    assert box.pending() == 0
