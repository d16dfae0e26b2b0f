"""Reading rendered 1280x720 frames, and the whole way from photon to lamp on 15 % of a core."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.measure import Figure, figure, quantile
from hardware.scene import render
from scanner.vision import default_reader

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "demo"))

from scenes import DEMO_NOW, choose, load_vectors, testdata, write_frames  # noqa: E402

FRAMES = 400
SHARE = 0.15  # of one core
BURST_S = 0.002  # how far the process may be ahead of its share
TICK_S = 0.0005
LIMIT_MS = 150


def reading() -> list[Figure]:
    """read.rate_720p, read.wrong, read.hit_p99_ms."""
    with_picture = [vector for vector in load_vectors(testdata()) if vector.picture]
    reader, hits, wrong, seen = default_reader(), [], 0, 0
    for number in range(FRAMES):
        vector = with_picture[number % len(with_picture)]
        try:
            frame = render(vector.picture, seed=number)
        except ValueError:
            continue
        seen += 1
        begun = time.perf_counter()
        texts = {symbol.text for symbol in reader.read(frame)}
        spent = (time.perf_counter() - begun) * 1000
        if texts:
            hits.append(spent)
            wrong += texts != {vector.text} and not _known(texts, with_picture)
    how = f"{seen} rendered 1280x720 frames of official pictures, one look each"
    return [
        figure("read.rate_720p", len(hits) / seen, "of frames", ">= 0.91 (photographs)", how),
        figure("read.wrong", float(wrong), "frames", "0", how),
        figure("read.hit_p99_ms", quantile(hits, 0.99), "ms", "-", how),
    ]


def _known(texts: set[str], vectors: list[object]) -> bool:
    """Some pictures of the vectors show another certificate of the set than their JSON names."""
    return texts <= {getattr(vector, "text", "") for vector in vectors}


def photon_to_lamp() -> list[Figure]:
    """kiosk.photon_to_lamp_p99_ms, with the kiosk process held to 15 % of a core."""
    home = ROOT / "var" / "bench" / "kiosk"
    home.mkdir(parents=True, exist_ok=True)
    for old in home.glob("outbox*"):
        old.unlink()
    scenes, trust = choose(load_vectors(testdata()))
    script = write_frames(scenes * 5, home / "camera", hold_s=0.8, pause_s=0.0)
    (home / "trust.json").write_text(json.dumps(trust))
    (home / "kiosk.toml").write_text(
        f'[camera]\nkind = "folder"\npath = {json.dumps(str(script.parent))}\n'
        f'script = {json.dumps(str(script))}\nfps = 15\n[lamp]\nkind = "recording"\n'
        f'[trust]\nfile = "trust.json"\n[screen]\nport = 0\n[demo]\nnow = "{DEMO_NOW.isoformat()}"\n'
    )
    lines, share, stops = _throttled(home)
    times = [float(line["photon_to_lamp_ms"]) for line in lines]
    stages = {name: quantile([float(line["ms"][name]) for line in lines], 0.99) for name in lines[0]["ms"]}
    told = ", ".join(f"{name} {value:.1f}" for name, value in stages.items())
    how = (
        f"{len(times)} scans at 1280x720; at most {SHARE:.0%} of a core at any time, stopped {stops} times,"
        f" took {share:.1%} over all; p99 per stage (ms): {told}"
    )
    p99 = quantile(times, 0.99)
    return [figure("kiosk.photon_to_lamp_p99_ms", p99, "ms", f"<= {LIMIT_MS} at {SHARE:.0%} of a core", how)]


def _throttled(home: Path) -> tuple[list[dict[str, dict[str, float]]], float, int]:
    """Run the kiosk held to SHARE of a core; its lines, the share it took, how often it was stopped."""
    argv = [sys.executable, "-m", "scanner", "run", "--settings", str(home / "kiosk.toml")]
    out = home / "scans.jsonl"
    with out.open("w") as log:
        process = subprocess.Popen(
            [*argv, "--once-through", "--jsonl"], stdout=log, env={**os.environ, "APP_ENV": "demo"}
        )
    while process.poll() is None and not out.stat().st_size:
        time.sleep(0.01)  # start-up is not what is measured
    first = last = _cpu_s(process.pid) or 0.0
    begun = then = time.perf_counter()
    # An allowance that fills at SHARE and holds no more than BURST_S: idle moments are not saved up.
    stopped, stops, allowance = False, 0, BURST_S
    while process.poll() is None:
        used, now = _cpu_s(process.pid), time.perf_counter()
        if used is None:
            break
        allowance = min(BURST_S, allowance + SHARE * (now - then)) - (used - last)
        last, then = used, now
        if (allowance < 0) != stopped:
            stopped = not stopped
            stops += stopped
            os.kill(process.pid, signal.SIGSTOP if stopped else signal.SIGCONT)
        time.sleep(TICK_S)
    if process.poll() is None:
        os.kill(process.pid, signal.SIGCONT)
        process.wait(60)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    return lines[1:], (last - first) / (then - begun), stops


def _cpu_s(pid: int) -> float | None:
    """Processor seconds of all threads. Source: proc(5), /proc/pid/task/tid/schedstat (nanoseconds)."""
    try:
        return (
            sum(
                int((task / "schedstat").read_text().split()[0])
                for task in Path(f"/proc/{pid}/task").iterdir()
            )
            / 1e9
        )
    except (OSError, IndexError, ValueError):
        return None
