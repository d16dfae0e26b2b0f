"""`make fuzz`: every target in turns until each has had its CPU time; interrupt and go on as you like.

The corpus lives under var/fuzz, the state beside this file, so a second call continues. What is kept for the
repository: the state, the log under docs/, and with `--keep` small inputs of the corpus beside this file.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from rich.console import Console

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.fuzz.seeds import KEPT, seeds, write_seeds  # noqa: E402

HOME = ROOT / "var" / "fuzz"
LOG = ROOT / "docs" / "fuzz.md"
STATE = Path(__file__).with_name("state.json")  # kept in the repository: minutes add up over machines
TURN_S = 120
NICENESS = os.environ.get("FUZZ_NICE", "5")  # behind whoever works at this machine, yet not starved
MAX_INPUT_BYTES = 4_096
SLOW_S, MEMORY_MB = (
    2,
    1_024,
)  # instrumented code is 10 to 40 times slower; the replay test holds the real bounds
KEEP_FILES, KEEP_BYTES = 60, 2_048
_SHA1_HEX = 40  # how libFuzzer names what it found; seeds are made by `seeds`
_DONE = re.compile(r"Done (\d+) runs|stat::number_of_executed_units:\s*(\d+)")
_COVERAGE = re.compile(r"cov: (\d+) ft: (\d+) corp: (\d+)")
console, lock = Console(), Lock()


@dataclass
class State:
    """What one target has had so far."""

    cpu_s: float = 0.0
    runs: int = 0
    coverage: int = 0
    corpus: int = 0
    findings: int = 0


def main() -> int:
    """0 when every target has had its time without a finding."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0, help="CPU minutes a target")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--targets", nargs="*", default=list(seeds()), choices=list(seeds()))
    parser.add_argument("--keep", action="store_true", help="copy small inputs into the repository and end")
    parser.add_argument("--report", action="store_true", help="write the log as things stand and end")
    options = parser.parse_args()
    if options.report:
        LOG.write_text(_report(_load()), "utf-8")
        return 0
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell starts us with it ignored
    HOME.mkdir(parents=True, exist_ok=True)
    only = (HOME / "lock").open("w")
    try:
        fcntl.flock(only, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        console.print("another run is at work")
        return 2
    write_seeds(HOME / "corpus")
    if options.keep:
        return keep()
    states = _load()
    with ThreadPoolExecutor(options.workers) as pool:
        try:
            while waiting := [name for name in options.targets if states[name].cpu_s < options.minutes * 60]:
                waiting.sort(key=lambda name: states[name].cpu_s)
                list(pool.map(lambda name: _turn(name, states), waiting[: options.workers]))
        except KeyboardInterrupt:
            console.print("interrupted; call again to go on")
            return 130
    LOG.write_text(_report(states), "utf-8")
    console.print(f"log: {LOG.relative_to(ROOT)}")
    return 1 if any(state.findings for state in states.values()) else 0


def _turn(name: str, states: dict[str, State]) -> None:
    corpus, found = HOME / "corpus" / name, HOME / "findings" / name
    found.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable, str(Path(__file__).with_name("one.py")), name, str(corpus),
        f"-max_total_time={TURN_S}", f"-max_len={MAX_INPUT_BYTES}", f"-timeout={SLOW_S}",
        f"-rss_limit_mb={MEMORY_MB}", f"-artifact_prefix={found}/", "-print_final_stats=1",
    ]  # fmt: skip
    output = HOME / f"{name}.log"
    with output.open("wb") as log:
        process = subprocess.Popen(["nice", "-n", NICENESS, *command], stdout=log, stderr=log, cwd=ROOT)
        _, _, usage = os.wait4(process.pid, 0)
    text = output.read_text("utf-8", "replace")
    state = states[name]
    with lock:
        state.cpu_s += usage.ru_utime + usage.ru_stime
        state.runs += sum(int(a or 0) for a, _ in _DONE.findall(text))
        if seen := _COVERAGE.findall(text):
            state.coverage, state.corpus = int(seen[-1][0]), int(seen[-1][2])
        state.findings = len([path for path in found.iterdir() if path.is_file()])
        STATE.write_text(json.dumps({n: asdict(s) for n, s in states.items()}))
        console.print(
            f"{time.strftime('%H:%M:%S')} {name:<10} {state.cpu_s / 60:6.1f} CPU min {state.runs:>10} runs"
            f"  cov {state.coverage}  corpus {state.corpus}  findings {state.findings}"
        )


def keep() -> int:
    """Copy small inputs of each corpus beside this file, evenly by size; each of them added coverage once."""
    for name in seeds():
        by_size = sorted(
            (HOME / "corpus" / name).iterdir(), key=lambda path: (path.stat().st_size, path.name)
        )
        small = [
            path for path in by_size if path.stat().st_size <= KEEP_BYTES and len(path.name) == _SHA1_HEX
        ]
        target = KEPT / name
        target.mkdir(parents=True, exist_ok=True)
        for path in small[:: max(1, -(-len(small) // KEEP_FILES))]:
            (target / path.name[:16]).write_bytes(path.read_bytes())
        console.print(f"{name}: {len(list(target.iterdir()))} files")
    return 0


def _load() -> dict[str, State]:
    kept = json.loads(STATE.read_text()) if STATE.exists() else {}
    return {name: State(**kept.get(name, {})) for name in seeds()}


def _report(states: dict[str, State]) -> str:
    rows = [
        f"| {name} | {s.cpu_s / 60:.1f} | {s.runs:,} | {s.coverage:,} | {s.corpus:,} | {s.findings} |"
        for name, s in states.items()
    ]
    return "\n".join(
        [
            "# Fuzzing",
            "",
            "`make fuzz` writes this file. Each input goes through one of three doors: a raw text, content",
            "that a trusted key signed, content packed but unsigned. A finding is an exception, a verdict",
            "without a reason, claims without a signature, or more time or memory than instrumented code may",
            f"take ({SLOW_S} s, {MEMORY_MB} MB). The real bounds, 50 ms and 32 MB, are held by",
            "`tests/fuzz/test_replay.py` over the kept corpus, uninstrumented, in `make test`.",
            "",
            f"Last run: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, load average {os.getloadavg()[0]:.1f}.",
            "",
            "| target | CPU minutes | runs | coverage points | corpus | findings |",
            "| --- | --- | --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
