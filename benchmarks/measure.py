"""How things are measured here: interleaved rounds, medians, and the load average beside every figure."""

from __future__ import annotations

import json
import math
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table and of var/bench.json."""

    id: str
    value: float | None
    unit: str
    limit_or_peer: str
    load: float
    how: str


def figure(id: str, value: float | None, unit: str, limit_or_peer: str, how: str) -> Figure:
    """A figure with the load average of the last minute."""
    rounded = None if value is None else float(f"{value:.4g}") if abs(value) < 1000 else round(value)
    return Figure(id, rounded, unit, limit_or_peer, round(os.getloadavg()[0], 2), how)


def rate(
    work: Callable[[int], object], seconds: float, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Calls per second of `work(i)`, i counting up, over at least `seconds` of `clock`."""
    count, begun = 0, clock()
    ends = begun + seconds
    while True:
        for _ in range(50):
            work(count)
            count += 1
        now = clock()
        if now >= ends:
            return count / (now - begun)


def cpu_rate(work: Callable[[int], object], seconds: float) -> float:
    """`rate` in the time this process had a core: others on the machine then cost it caches, not its turn."""
    return rate(work, seconds, time.process_time)


def interleaved(works: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Every work once a round, in turn, so that a busy moment hits all alike."""
    found: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            found[name].append(work())
    return found


def median_ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """The median over the rounds of one rate by the other."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def write(figures: Sequence[Figure], path: Path) -> None:
    """var/bench.json."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(each) for each in figures], indent=1, ensure_ascii=False) + "\n")


def table(figures: Sequence[Figure]) -> str:
    """For a person."""
    rows = [("id", "value", "unit", "limit or peer", "load")]
    rows += [
        (e.id, "-" if e.value is None else f"{e.value:g}", e.unit, e.limit_or_peer, f"{e.load}")
        for e in figures
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join(
        "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows
    )
