"""Revocation on a kiosk at full size: 5 million of 200 million own certificates, and 5 million foreign ones.

Made here with random keys and indices. The fingerprints in the files are made up: only the publisher hashes
every entry; a kiosk takes them as they stand and adds to them.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import Figure, figure, quantile
from healthcert.revocation import HashType
from trustlist.revocation.delta import encode
from trustlist.revocation.files import Files
from trustlist.revocation.fingerprint import Fingerprint
from trustlist.revocation.limits import PREFIX_BITS, SHARD_BITS
from trustlist.revocation.manifest import Manifest, Part
from trustlist.revocation.rvh import write_hashes
from trustlist.revocation.shard_id import Shard
from trustlist.revocation.shards import write_shards
from trustlist.revocation.state import State
from trustlist.revocation.store import RevocationStore
from trustlist.revocation.tiers import difference

ROOT = Path(__file__).resolve().parents[1]
SHARDS, REVOKED, FOREIGN = 191, 5_000_000, 5_000_000
DAYS = [20_804 + 7 * week for week in range(52)]
LOOKUPS, LOADS, ADDED = 20_000, 5, 1_000
OWN = [Shard("VN", 12 * 2027 + number // 12, number % 12) for number in range(SHARDS)]


def figures() -> list[Figure]:
    """revocation.lookup_p99_us, .memory_mb, .load_ms, .delta_1000_bytes."""
    (ROOT / "var").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "var") as name:
        folder = Path(name)
        made = _make(folder)
        delta = _delta(folder)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.revocation", name], capture_output=True, check=True, cwd=ROOT
        )
        seen: dict[str, Any] = json.loads(done.stdout)
    how = (
        f"5 M of 200 M own in {SHARDS} lists ({made['own_mb']:.1f} MB) and 5 M foreign"
        f" ({made['foreign_mb']:.1f} MB), files in the page cache, a fresh process;"
        " a look-up is one own index and six foreign probes,"
        f" {LOOKUPS} of them, median {seen['p50']:.1f} us; memory is private pages, what is asked among them"
    )
    sizes = (
        f"{ADDED} random own revocations over {SHARDS} lists; {ADDED} foreign ones {delta['foreign']} bytes"
        f" (<= 11000); both taken in {seen['apply_ms']:.1f} ms with the journal synced (< 50)"
    )
    return [
        figure("revocation.lookup_p99_us", seen["p99"], "us", "< 1000", how),
        figure("revocation.memory_mb", seen["memory_mb"], "MB", "< 25; a set of the hashes alone 436", how),
        figure("revocation.load_ms", seen["load_ms"], "ms", "< 100; a set of the hashes alone 2500", how),
        figure(
            "revocation.delta_1000_bytes", delta["own"], "bytes", "<= 3200; lists fetched anew 5.5 M", sizes
        ),
    ]


def _make(folder: Path) -> dict[str, float]:
    rng = np.random.default_rng(20_261_125)
    files = Files()
    own = files.write(folder / "own-1", _own(rng))
    foreign = files.write(folder / "foreign-1", _foreign(rng))
    manifest = Manifest(1, 1_000, DAYS[0], Part(*own), Part(*foreign), None)
    files.write(folder / "journal-1", [b""])
    files.write(folder / "current", [manifest.encode()])
    return {"own_mb": own[1] / 1e6, "foreign_mb": foreign[1] / 1e6}


def _own(rng: np.random.Generator) -> Iterator[bytes]:
    bits = np.zeros(SHARDS << SHARD_BITS, dtype=np.uint8)
    bits[rng.choice(bits.size, REVOKED, replace=False, shuffle=False)] = 1
    parts = bits.reshape(SHARDS, -1)
    rows = [(shard, Fingerprint(int(part.sum()), 1)) for shard, part in zip(OWN, parts, strict=True)]
    return write_shards(
        1, SHARD_BITS, rows, (np.packbits(part, bitorder="little").tobytes() for part in parts)
    )


def _foreign(rng: np.random.Generator) -> Iterator[bytes]:
    """Random keys: two numbers, the prefix and 8 bytes, sorted by both."""
    prefixes = rng.integers(0, 1 << PREFIX_BITS, FOREIGN, dtype=np.uint16)
    suffixes = rng.integers(0, 2**64, FOREIGN, dtype=np.uint64)
    order = np.lexsort((suffixes, prefixes))
    records = np.empty((FOREIGN, 9), dtype=np.uint8)
    records[:, :8] = suffixes[order].astype(">u8").view(np.uint8).reshape(-1, 8)
    records[:, 8] = rng.integers(0, len(DAYS), FOREIGN, dtype=np.uint8)
    sizes = np.bincount(prefixes, minlength=1 << PREFIX_BITS).tolist()
    counts = np.bincount(records[:, 8], minlength=len(DAYS)).tolist()
    classes = [(day, Fingerprint(count, 1)) for day, count in zip(DAYS, counts, strict=True)]
    return write_hashes(1, PREFIX_BITS, classes, sizes, [records.tobytes()])


def _delta(folder: Path) -> dict[str, int]:
    """Both deltas laid beside the files; the sizes of each."""
    state = _state(folder)
    rng = random.Random(1)
    bits: dict[Shard, dict[int, bool]] = {}
    while sum(map(len, bits.values())) < ADDED:
        shard, index = rng.choice(OWN), rng.randrange(1 << SHARD_BITS)
        if not state.is_set(shard, index):
            bits.setdefault(shard, {})[index] = True
    own = difference(state, bits=bits)
    later = state.after(own)
    foreign = difference(later, foreign={rng.randbytes(10): rng.choice(DAYS) for _ in range(ADDED)})
    sizes = {}
    for name, delta, directory in (("own", own, later.directory), ("foreign", foreign, later.directory)):
        data = encode(delta, directory, SHARD_BITS)
        (folder / f"delta-{name}").write_bytes(data)
        sizes[name] = len(data)
    return sizes


def _state(folder: Path) -> State:
    state = RevocationStore(folder).state
    assert state is not None, "what was made can be read"
    return state


def _fresh(folder: Path) -> dict[str, float]:
    """In a process of its own: load, look up, take both deltas."""
    before = _private_mb()
    loads = []
    for _ in range(LOADS):
        begun = time.perf_counter()
        store = RevocationStore(folder)
        loads.append((time.perf_counter() - begun) * 1e3)
    state = store.state
    assert state is not None
    rng = random.Random(2)
    asked = [(rng.choice(OWN), rng.randrange(1 << SHARD_BITS), rng.randbytes(16)) for _ in range(LOOKUPS)]
    scopes, kinds, instant = (b"DE", b"\1" * 8), tuple(HashType), DAYS[0] * 86_400.0
    # The pages the look-ups touch are made warm by a first round.
    for _ in range(2):
        micros: list[float] = []
        for shard, index, digest in asked:
            begun = time.perf_counter_ns()
            state.standing(shard, index)
            for scope in scopes:
                for kind in kinds:
                    state.is_listed(scope, kind, digest, instant)
            micros.append((time.perf_counter_ns() - begun) / 1e3)
    memory = _private_mb() - before
    begun = time.perf_counter()
    for name in ("own", "foreign"):
        store.apply((folder / f"delta-{name}").read_bytes())
    apply_ms = (time.perf_counter() - begun) * 1e3
    return {
        "p50": quantile(micros, 0.5),
        "p99": quantile(micros, 0.99),
        "memory_mb": memory,
        "load_ms": sorted(loads)[len(loads) // 2],
        "apply_ms": apply_ms,
    }


def _private_mb() -> float:
    """Pages only this process holds, not those of the files."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1e3
    raise AssertionError("no RssAnon")


if __name__ == "__main__":
    print(json.dumps(_fresh(Path(sys.argv[1]))))
