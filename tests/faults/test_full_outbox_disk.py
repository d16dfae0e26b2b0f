"""A kiosk whose disk is really full: said at once, nothing lost that was kept, and it goes on by itself."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from scanner.outbox import Outbox, OutboxFull
from scanner.protocol import Reply, ScanReport
from tests.conftest import SmallDisk

NOW = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)


def report(number: int) -> ScanReport:
    return ScanReport(NOW + timedelta(seconds=number), "valid", (), "eu-dcc", "vaccination", "AT", "v1")


@pytest.mark.req("K04")
def test_a_full_disk_refuses_the_report_keeps_the_others_and_heals(
    small_disk: Callable[[int], SmallDisk],
) -> None:
    disk = small_disk(2)
    outbox = Outbox(disk.path / "outbox.db")
    kept = [outbox.append(report(0))]
    disk.fill()
    with suppress(OutboxFull):
        while True:  # the journal may still hold room for some
            kept.append(outbox.append(report(len(kept))))
    assert outbox.pending() == len(kept)
    with pytest.raises(OutboxFull):
        outbox.append(report(9_999))

    disk.free()
    kept.append(outbox.append(report(len(kept))))
    assert kept == list(range(len(kept))), "a refused report takes no number"
    outbox.close()

    outbox = Outbox(disk.path / "outbox.db")
    batch = outbox.next_batch(1_000)
    assert batch is not None
    assert (batch.first_seq, len(batch.bodies), outbox.set_aside) == (0, len(kept), 0)
    outbox.apply(batch, Reply("ok", 0, batch.end, 60), NOW)
    assert outbox.pending() == 0
    outbox.close()
