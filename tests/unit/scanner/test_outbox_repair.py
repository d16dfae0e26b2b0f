"""A damaged journal: what is readable goes on under its numbers, what is lost is told, a cut is finished."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scanner import outbox_file
from scanner.outbox import Outbox, OutboxError, OutboxUnusable
from scanner.protocol import Reply, ScanReport, encode_entry

AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
PAGE = 4_096


def report(n: int) -> ScanReport:
    return ScanReport(AT + timedelta(seconds=n), "valid", (), "eu-dcc", None, "AT", "v1")


def filled(path: Path, number: int, *, confirmed: int = 0) -> Path:
    """A closed journal of `number` reports of which the service has `confirmed`."""
    box = Outbox(path / "box.db")
    with box._commit("fill") as db:
        db.executemany(
            "INSERT INTO entries VALUES (0, ?, ?, 0, NULL)",
            ((n, encode_entry(report(n))) for n in range(number)),
        )
        db.execute("UPDATE streams SET next_seq = ?", (number,))
    while box._db is not None and confirmed:
        sent = box.next_batch(min(confirmed, 500))
        assert sent is not None
        box.apply(sent, Reply("ok", 0, sent.end, 60), AT)
        confirmed -= len(sent.bodies)
    box.close()
    return path / "box.db"


def root_of(path: Path, table: str) -> int:
    with sqlite3.connect(path) as db:
        page = db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]
    db.close()
    return int(page) - 1


def leaves(path: Path) -> list[int]:
    """Pages of the journal that hold reports and nothing else, in the order of their numbers."""
    data = path.read_bytes()
    found = [n for n in range(4, len(data) // PAGE) if data[n * PAGE] == 10]
    return sorted(found, key=lambda n: data[n * PAGE : (n + 1) * PAGE].find(b"\x88\x1b"))


def ruin(path: Path, page: int) -> None:
    with path.open("r+b") as file:
        file.seek(page * PAGE)
        file.write(random.Random(page).randbytes(PAGE))


def delivered(box: Outbox) -> tuple[dict[int, bytes], int]:
    """All that the box sends to a service that takes everything: by number, and the sum of the gaps."""
    got: dict[int, bytes] = {}
    gaps = 0
    while (sent := box.next_batch(500)) is not None:
        got.update(enumerate(sent.bodies, sent.first_seq + sent.gap))
        gaps += sent.gap
        box.apply(sent, Reply("ok", sent.epoch, sent.end, 60), AT)
    return got, gaps


@pytest.mark.req("K04")
@pytest.mark.parametrize("which", [1, 20, -1])
def test_a_ruined_page_costs_its_own_reports_and_they_are_told_as_a_gap(tmp_path: Path, which: int) -> None:
    path = filled(tmp_path, 2_000, confirmed=200)
    ruin(path, leaves(path)[which])
    box = Outbox(path)
    assert box.set_aside == 1
    assert 1_650 < box.pending() <= 1_800
    box.append(report(2_000))
    waiting = box.pending()
    got, gaps = delivered(box)
    assert all(body == encode_entry(report(n)) for n, body in got.items()), "every one under its number"
    assert len(got) == waiting
    assert len(got) + gaps == 1_801, "what is not there is told"


@pytest.mark.req("K04")
def test_without_its_counters_all_readable_reports_are_sent_again_under_their_numbers(tmp_path: Path) -> None:
    path = filled(tmp_path, 300, confirmed=100)
    ruin(path, root_of(path, "streams"))
    box = Outbox(path)
    assert (box.pending(), box.append(report(300))) == (300, 300)
    got, gaps = delivered(box)
    assert (got, gaps) == ({n: encode_entry(report(n)) for n in range(301)}, 0)


@pytest.mark.req("K04")
def test_a_row_that_is_no_report_is_not_copied(tmp_path: Path) -> None:
    path = filled(tmp_path, 60)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE entries SET body = ? WHERE seq = 30", (b"\xc1noise",))
        db.execute("UPDATE entries SET at = 'noon' WHERE seq = 31")
    db.close()
    path.rename(tmp_path / "box.db.broken")
    got, gaps = delivered(Outbox(path))
    assert (sorted(got), gaps) == ([n for n in range(60) if n not in (30, 31)], 2)


@pytest.mark.req("K04")
@pytest.mark.parametrize("log", ["box.db.broken-wal", "box.db-wal"], ids=["moved", "not yet moved"])
def test_what_is_only_in_the_write_ahead_log_is_saved_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, log: str
) -> None:
    box = Outbox(tmp_path / "box.db")
    for n in range(40):
        box.append(report(n))
    copy = tmp_path / "cut"
    copy.mkdir()
    for part, name in (("box.db", "box.db.broken"), ("box.db-wal", log)):  # as a power cut leaves them
        (copy / name).write_bytes((tmp_path / part).read_bytes())
    assert Outbox(copy / "box.db").pending() == 40
    assert "40 reports copied over" in caplog.text, "read with their log, not by a log that lay about"
    assert {p.name for p in copy.iterdir()} >= {"box.db", "box.db.damaged-1"}


@pytest.mark.req("K04")
@pytest.mark.parametrize("cut", range(6))
def test_a_repair_cut_at_any_rename_is_finished_by_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: int
) -> None:
    path = filled(tmp_path, 1_000)
    ruin(path, leaves(path)[5])
    done: list[Path] = []
    real = Path.replace

    def cutting(self: Path, target: Path) -> Path:
        if len(done) == cut:
            raise KeyboardInterrupt
        done.append(target)
        return real(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", cutting)
        try:
            Outbox(path).close()
        except KeyboardInterrupt:
            assert len(done) == cut
    box = Outbox(path)
    assert 900 < box.pending() < 1_000
    assert box.set_aside == 1
    assert not (tmp_path / "box.db.broken").exists()
    box.close()


@pytest.mark.req("K01", "K04")
def test_damage_found_while_running_is_repaired_behind_the_callers_back(tmp_path: Path) -> None:
    todo: list[Callable[[], None]] = []
    path = filled(tmp_path, 500)
    box = Outbox(path, background=todo.append)
    ruin(path, leaves(path)[5])
    damage = sqlite3.DatabaseError("made up")
    damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    box._failed(damage)
    with pytest.raises(OutboxError):
        box.append(report(500))
    assert not (tmp_path / "box.db.damaged-1").exists(), "nothing of the repair on the caller's thread"
    todo[0]()
    assert box.append(report(500)) == 500
    assert box.set_aside == 1


@pytest.mark.req("K04")
def test_a_fault_of_the_moment_is_not_taken_for_reports_that_are_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path, 30).rename(tmp_path / "box.db.broken")
    real = sqlite3.connect

    class NoRoom(sqlite3.Connection):
        def execute(self, *_: object) -> sqlite3.Cursor:
            error = sqlite3.OperationalError("no room for the shared memory")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE
            raise error

    def connect(path: object, **more: object) -> sqlite3.Connection:
        return real(path, **more, **({"factory": NoRoom} if "mode=ro" in str(path) else {}))  # type: ignore[call-overload]

    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", connect)
        box = Outbox(tmp_path / "box.db", background=lambda work: None)
        with pytest.raises(OutboxError):
            box.append(report(30))
    box.settle()
    assert box.pending() == 30


@pytest.mark.parametrize("blocked", ["folder", "file"])
def test_a_path_that_can_never_hold_an_outbox_is_refused_at_once(tmp_path: Path, blocked: str) -> None:
    if blocked == "folder":
        (tmp_path / "in the way").write_text("")
        path = tmp_path / "in the way" / "box.db"
    else:
        path = tmp_path / "box.db"
        path.mkdir()
    with pytest.raises(OutboxUnusable, match=r"outbox\.path"):
        Outbox(path)


def test_the_number_of_set_aside_files_does_not_count_their_tails(tmp_path: Path) -> None:
    for name in ("damaged-1", "damaged-1-wal", "damaged-1-shm", "damaged-2"):
        (tmp_path / f"box.db.{name}").write_bytes(b"")
    assert outbox_file.set_aside(tmp_path / "box.db") == 2
