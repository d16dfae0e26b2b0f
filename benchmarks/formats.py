"""Full verdicts of every other format beside their own raw signature checks, all cores together, and DIVOC.

The certificates are made here by an issuer of each format, so that no test data are needed. The EU's own
ES256 certificates are measured in `verifying`.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import issuers
from benchmarks.issuers import NOW, Issued
from benchmarks.measure import Figure, cpu_rate, figure, interleaved, median_ratio, rate
from healthcert import DEFAULT_POLICY, Outcome, judge
from healthcert.model import EU_DCC, SHC, VDS_NC, WHO_DDCC
from healthcert.trust import StaticTrust, parse_trust_object

ROOT = Path(__file__).resolve().parents[1]
CERTIFICATES = 64
ROUNDS, SECONDS = 41, 0.1
SCALING_ROUNDS, SCALING_S = 5, 1.0
DIVOC_CERTIFICATES, DIVOC_ROUNDS, COLD_STARTS = 8, 15, 5
MAKERS: dict[str, tuple[Callable[[int], Issued], str]] = {
    EU_DCC: (issuers.eu_dcc, "PS256"),
    WHO_DDCC: (issuers.who_ddcc, "ES256"),
    SHC: (issuers.shc, "ES256"),
    VDS_NC: (issuers.vds_nc, "ES256"),
}
# Run in a process of its own: the first DIVOC verdict reads the pinned contexts.
_COLD = """
import json, sys, time
from benchmarks.issuers import NOW
from healthcert import DEFAULT_POLICY, judge
from healthcert.trust import parse_trust_object
text, trust = json.load(sys.stdin)
view = parse_trust_object(trust)
begun = time.perf_counter()
verdict = judge(text, view, DEFAULT_POLICY, NOW)
spent = time.perf_counter() - begun
assert verdict.outcome.value == "valid", verdict.reasons
print(spent * 1000)
"""


def figures() -> list[Figure]:
    """verify.ratio_<format>, verify.scaling, verify.divoc_warm_ms and verify.divoc_cold_ms."""
    return [*(_ratio(name) for name in MAKERS), _scaling(), *_divoc()]


def _ratio(name: str) -> Figure:
    maker, algorithm = MAKERS[name]
    made = maker(CERTIFICATES)
    trust, texts, raw = _trusted(made), made.texts, made.raw

    def full(i: int) -> object:
        return judge(texts[i % CERTIFICATES], trust, DEFAULT_POLICY, NOW)

    def bare(i: int) -> object:
        return raw[i % CERTIFICATES]()

    found = interleaved(
        {"full": lambda: cpu_rate(full, SECONDS), "raw": lambda: cpu_rate(bare, SECONDS)}, ROUNDS
    )
    per_s, raw_per_s = (statistics.median(found[which]) for which in ("full", "raw"))
    how = f"{CERTIFICATES} certificates made here, core time, medians of {ROUNDS} rounds of {SECONDS:g} s"
    beside = f"{per_s:.0f}/s, raw {algorithm} {raw_per_s:.0f}/s"
    label = name.replace("-", "_")
    return figure(f"verify.ratio_{label}", median_ratio(found["full"], found["raw"]), "of raw", beside, how)


def _trusted(made: Issued) -> StaticTrust:
    """What vouches for the certificates; asserts that each of them is valid."""
    trust = parse_trust_object(made.trust)
    for text in made.texts:
        verdict = judge(text, trust, DEFAULT_POLICY, NOW)
        assert verdict.outcome is Outcome.VALID, verdict.reasons
    for check in made.raw:
        check()
    return trust


def _scaling() -> Figure:
    """The rate of all cores together by the rate of one, times cores; one process a core."""
    cores = os.cpu_count() or 1
    made = issuers.who_ddcc(CERTIFICATES)
    context = multiprocessing.get_context("spawn")
    links = []
    for _ in range(cores):
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, made.texts, dict(made.trust)), daemon=True)
        process.start()
        links.append((process, ours))
    try:
        for _, link in links:
            link.recv()  # ready
        ratios = []
        for _ in range(SCALING_ROUNDS):
            alone = _together(links[:1])
            ratios.append(_together(links) / (alone * cores))
    finally:
        for process, link in links:
            link.send(False)
            process.join(10)
    how = (
        f"WHO DDCC, {cores} processes and one in turn, medians of {SCALING_ROUNDS} rounds of {SCALING_S:g} s"
    )
    return figure("verify.scaling", statistics.median(ratios), "of linear", f"{cores} cores", how)


def _together(links: list[Any]) -> float:
    """Verdicts a second of these processes at once."""
    for _, link in links:
        link.send(True)
    return sum(float(link.recv()) for _, link in links)


def _work(link: Any, texts: list[str], trust_object: dict[str, Any]) -> None:
    """One process: whenever told, measures for SCALING_S."""
    trust = parse_trust_object(trust_object)

    def full(i: int) -> object:
        return judge(texts[i % len(texts)], trust, DEFAULT_POLICY, NOW)

    rate(full, SCALING_S / 10)
    link.send("ready")
    while link.recv():
        link.send(rate(full, SCALING_S))


def _divoc() -> list[Figure]:
    """Milliseconds of a DIVOC verdict once its contexts are read, and of a process's first."""
    made = issuers.divoc(DIVOC_CERTIFICATES)
    trust = _trusted(made)
    spent = []
    for _ in range(DIVOC_ROUNDS):
        for text in made.texts:
            begun = time.perf_counter()
            judge(text, trust, DEFAULT_POLICY, NOW)
            spent.append((time.perf_counter() - begun) * 1000)
    cold = []
    for text in made.texts[:COLD_STARTS]:
        done = subprocess.run(
            [sys.executable, "-c", _COLD],
            input=json.dumps([text, made.trust]), capture_output=True, text=True, check=True, cwd=ROOT,
        )  # fmt: skip
        cold.append(float(done.stdout))
    how = f"{DIVOC_CERTIFICATES} certificates made here, Ed25519; cold: the first in {COLD_STARTS} processes"
    return [
        figure("verify.divoc_warm_ms", statistics.median(spent), "ms", "-", how),
        figure("verify.divoc_cold_ms", statistics.median(cold), "ms", "-", how),
    ]
