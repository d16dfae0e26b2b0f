from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scanner.outbox import KEEP, Outbox, OutboxBatch, OutboxBusy, OutboxError, OutboxFull
from scanner.protocol import Reply, ScanReport

AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)


def report(n: int = 0) -> ScanReport:
    return ScanReport(
        AT + timedelta(seconds=n), "valid", (), "eu-dcc", "vaccination", "AT", "v1", (1, 2, 3, 4, 5)
    )


def filled(path: Path, n: int) -> Outbox:
    box = Outbox(path / "box.db")
    assert [box.append(report(i)) for i in range(n)] == list(range(n))
    return box


def next_of(box: Outbox, limit: int = 50) -> OutboxBatch:
    batch = box.next_batch(limit)
    assert batch is not None
    return batch


def overwrite(path: Path, page: int, pages: int = 1) -> None:
    """Noise over some pages of a file, from `page` on (negative: counted from its end)."""
    with path.open("r+b") as file:
        whole = path.stat().st_size // 4096
        file.seek((page if page >= 0 else whole + page) * 4096)
        file.write(random.Random(page).randbytes(pages * 4096))


def break_down(box: Outbox) -> None:
    """As if SQLite found the open file damaged."""
    damage = sqlite3.DatabaseError("made up")
    damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    box._failed(damage)


def days_pass(box: Outbox, since: datetime, span: timedelta) -> int:
    """A kiosk that runs for `span` and prunes every hour; how many entries went."""
    return sum(box.prune(since + timedelta(hours=n)) for n in range(1, span // timedelta(hours=1) + 1))


@pytest.mark.req("K04")
def test_what_was_appended_is_there_after_reopening(tmp_path: Path) -> None:
    filled(tmp_path, 3).close()
    box = Outbox(tmp_path / "box.db")
    batch = next_of(box)
    assert (box.pending(), batch.first_seq, len(batch.bodies), batch.prev) == (3, 0, 3, None)


@pytest.mark.req("K04")
def test_the_journal_is_durable_by_setting(tmp_path: Path) -> None:
    box = filled(tmp_path, 1)
    assert box._db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert box._db.execute("PRAGMA synchronous").fetchone()[0] == 2


def test_a_second_process_cannot_write(tmp_path: Path) -> None:
    box = filled(tmp_path, 1)
    code = (
        "from pathlib import Path\nfrom scanner.outbox import Outbox\n"
        f"Outbox(Path({str(tmp_path / 'box.db')!r}))"
    )
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "OutboxBusy" in child.stderr
    with pytest.raises(OutboxBusy):
        Outbox(tmp_path / "box.db")
    box.close()
    Outbox(tmp_path / "box.db").close()


@pytest.mark.req("K04")
def test_ok_confirms_what_was_sent_and_never_more(tmp_path: Path) -> None:
    box = filled(tmp_path, 10)
    sent = next_of(box, 4)
    box.apply(sent, Reply("ok", 0, 9, 60), AT)
    following = next_of(box)
    assert (box.pending(), following.first_seq) == (6, 4)
    assert following.prev is not None


@pytest.mark.req("K04")
def test_a_restored_service_gets_confirmed_entries_again(tmp_path: Path) -> None:
    box = filled(tmp_path, 10)
    sent = next_of(box)
    box.apply(sent, Reply("ok", 0, 10, 60), AT)
    box.append(report(10))
    sent = next_of(box)
    box.apply(sent, Reply("resend", 0, 4, 60), AT)
    again = next_of(box)
    assert (again.first_seq, again.gap, len(again.bodies), box.pending()) == (4, 0, 7, 7)


@pytest.mark.req("K04")
def test_what_is_held_no_more_is_told_as_a_gap(tmp_path: Path) -> None:
    box = filled(tmp_path, 10)
    sent = next_of(box)
    box.apply(sent, Reply("ok", 0, 10, 60), AT)
    assert days_pass(box, AT, KEEP - timedelta(hours=1)) == 0
    assert days_pass(box, AT + KEEP - timedelta(hours=1), timedelta(hours=2)) == 9
    box.append(report(10))
    sent = next_of(box)
    box.apply(sent, Reply("resend", 0, 4, 60), AT)
    again = next_of(box)
    assert (again.first_seq, again.gap, len(again.bodies), again.end) == (4, 5, 2, 11)


@pytest.mark.req("K04")
def test_a_fork_moves_the_differing_rest_into_the_new_stream(tmp_path: Path) -> None:
    box = filled(tmp_path, 10)
    sent = next_of(box)
    box.apply(sent, Reply("forked", 3, 0, 60, agreed_to=6), AT)
    following = next_of(box)
    assert (box.epoch, following.epoch, following.first_seq, following.bodies) == (3, 3, 0, sent.bodies[6:])
    assert box.append(report(10)) == 4
    assert box.pending() == 5


@pytest.mark.req("K04")
def test_a_fork_at_the_very_start_goes_back_before_it_believes(tmp_path: Path) -> None:
    box = filled(tmp_path, 10)
    sent = next_of(box, 5)
    box.apply(sent, Reply("ok", 0, 5, 60), AT)
    sent = next_of(box)
    box.apply(sent, Reply("forked", 1, 0, 60, agreed_to=4), AT)
    probe = next_of(box)
    assert (probe.epoch, probe.first_seq) == (0, 0)
    box.apply(probe, Reply("forked", 1, 0, 60, agreed_to=2), AT)
    following = next_of(box)
    assert (following.epoch, following.first_seq, following.bodies) == (1, 0, probe.bodies[2:])


def test_a_full_disk_has_a_name_and_takes_nothing_back(tmp_path: Path) -> None:
    box = filled(tmp_path, 5)
    pages = box._db.execute("PRAGMA page_count").fetchone()[0]
    box._db.execute(f"PRAGMA max_page_count = {pages}")
    kept = 5
    full = False
    while not full and kept < 500:
        try:
            box.append(report(kept))
            kept += 1
        except OutboxFull:
            full = True
    assert full
    assert box.pending() == kept
    box._db.execute("PRAGMA max_page_count = 100000")
    assert box.append(report(kept)) == kept


def test_a_file_that_is_damaged_throughout_is_set_aside_and_a_fresh_one_starts(tmp_path: Path) -> None:
    filled(tmp_path, 200).close()
    overwrite(tmp_path / "box.db", 0, 3)
    box = Outbox(tmp_path / "box.db")
    assert (box.pending(), box.set_aside) == (0, 1)
    assert (tmp_path / "box.db.damaged-1").exists()
    assert box.append(report()) == 0


@pytest.mark.parametrize("window", ["outbox.before_commit", "outbox.after_commit"])
def test_a_cut_around_the_commit_leaves_all_or_nothing(tmp_path: Path, window: str) -> None:
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom datetime import datetime, UTC\n"
        "from scanner.outbox import Outbox\nfrom scanner.protocol import ScanReport\n"
        f"box = Outbox(Path({str(tmp_path / 'box.db')!r}),"
        f" point=lambda name: os.kill(os.getpid(), 9) if name == {window!r} else None)\n"
        "box.append(ScanReport(datetime.now(UTC), 'valid', (), 'eu-dcc', None, None, 'v'))\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert Outbox(tmp_path / "box.db").pending() == (window == "outbox.after_commit")


def test_a_closed_outbox_says_so(tmp_path: Path) -> None:
    box = filled(tmp_path, 1)
    box.close()
    with pytest.raises(OutboxError, match="closed"):
        box.append(report())


@pytest.mark.req("K04")
def test_a_reply_to_the_damaged_file_confirms_nothing_in_the_fresh_one(tmp_path: Path) -> None:
    box = Outbox(tmp_path / "outbox.sqlite")
    for _ in range(3):
        box.append(report())
    sent = next_of(box)
    break_down(box)
    box.settle()
    box.append(report())
    box.apply(sent, Reply("ok", 0, 3, 60), datetime.now(UTC))
    assert (box.pending(), box.set_aside) == (4, 0), "all that the first file held waits again"
    box.close()
