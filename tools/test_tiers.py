"""Run the test tiers one after the other and print what each took.

Tiers: unmarked, db, e2e, slow. `night` is never run here. Exit code 1 as soon as any tier failed (all run) or
when no tier had a test, 2 when a path does not exist.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

NO_TESTS_COLLECTED = 5


@dataclass(frozen=True, slots=True)
class Tier:
    """One run of pytest: a marker expression, whether it spreads over workers, its budget in minutes."""

    name: str
    expression: str
    parallel: bool
    budget_min: int


TIERS = (
    Tier("unmarked", "not db and not e2e and not slow and not night", True, 5),
    Tier("db", "db and not e2e and not slow and not night", True, 5),
    Tier("e2e", "e2e and not slow and not night", False, 8),
    Tier("slow", "slow and not night", False, 10),
)


def run(tier: Tier, workers: int, paths: list[str]) -> tuple[int, float]:
    """Run one tier; returns (pytest's exit code, seconds)."""
    argv = [sys.executable, "-m", "pytest", "-q", "-m", tier.expression, *paths]
    if tier.parallel and workers > 1:
        argv += ["-n", str(workers), "--dist", "loadgroup"]
    started = time.monotonic()
    code = subprocess.run(argv, check=False).returncode
    return code, time.monotonic() - started


def verdict(codes: list[int]) -> int:
    """The exit code for those of the tiers: a tier without tests is fine, all tiers without are not."""
    return 1 if set(codes) - {0, NO_TESTS_COLLECTED} or 0 not in codes else 0


def word(code: int) -> str:
    """How a tier ended."""
    return {0: "passed", NO_TESTS_COLLECTED: "no tests"}.get(code, "FAILED")


def main() -> int:
    """Run every tier and print the table of times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("paths", nargs="*", default=["tests"])
    args = parser.parse_args()
    absent = [path for path in args.paths if not Path(path.partition("::")[0]).exists()]
    if absent:
        sys.stderr.write(f"no such path: {', '.join(absent)}\n")
        return 2
    rows = []
    for tier in TIERS:
        sys.stdout.write(f"\n== {tier.name} ==\n")
        sys.stdout.flush()
        rows.append((tier, *run(tier, args.workers, args.paths)))
    sys.stdout.write("\ntier        result   time      budget\n")
    for tier, code, seconds in rows:
        sys.stdout.write(f"{tier.name:<11} {word(code):<8} {seconds:6.1f} s  {tier.budget_min:>3} min\n")
    codes = [code for _, code, _ in rows]
    if set(codes) == {NO_TESTS_COLLECTED}:
        sys.stdout.write("no test ran: nothing to judge\n")
    return verdict(codes)


if __name__ == "__main__":
    sys.exit(main())
