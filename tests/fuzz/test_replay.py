"""Every kept input of the fuzzers, uninstrumented: right, within 50 ms and 32 MB each."""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from healthcert import Outcome
from tests.fuzz.seeds import KEPT, seeds
from tests.fuzz.targets import OUTCOMES, READY, TARGETS

pytestmark = [pytest.mark.req("K16")]
MAX_SECONDS, MAX_BYTES, TRIES = 0.050, 32 * 1_048_576, 5


def inputs(name: str) -> list[bytes]:
    kept = [path.read_bytes() for path in sorted((KEPT / name).glob("*"))]
    return [*seeds()[name], *kept]


def test_every_target_has_seeds() -> None:
    assert set(seeds()) == set(TARGETS) == set(READY)


@pytest.mark.parametrize("name", sorted(set(TARGETS) - {"certlogic"}))
def test_a_fuzzer_starts_from_a_certificate_that_is_valid(name: str) -> None:
    ends = [OUTCOMES[name](data) for data in seeds()[name]]
    assert Outcome.VALID in ends, "nothing behind the signature would ever be reached"


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_the_corpus_is_judged_within_its_time(name: str) -> None:
    slow = []
    for data in inputs(name):
        ready = READY[name](data)
        best = min(_seconds(ready) for _ in range(TRIES))
        if best > MAX_SECONDS:
            slow.append((best, data[:80]))
    assert slow == []


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_the_corpus_is_judged_within_its_memory(name: str) -> None:
    tracemalloc.start()
    try:
        for data in inputs(name):
            ready = READY[name](data)
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            ready()
            assert tracemalloc.get_traced_memory()[1] - before <= MAX_BYTES, data[:80]
    finally:
        tracemalloc.stop()


def _seconds(ready: Callable[[], None]) -> float:
    """Of a core, the least of some: the machine is shared, and waiting for it is not our time."""
    begun = time.thread_time()
    ready()
    return time.thread_time() - begun
