"""Where the time of a full verdict goes, stage by stage, as one certificate meets them.

Each stage is timed in its place, between its neighbours, because alone it would find the caches warm: what
the signature check leaves of them costs the other stages a quarter of their time. The least of many rounds
counts: whatever else the machine does only adds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from healthcert import DEFAULT_POLICY, judge
from healthcert.formats import dcc, eu_dcc
from healthcert.formats.hcert import find_signers
from healthcert.model import EU_DCC, Envelope
from healthcert.transport import base45, cose, cwt
from healthcert.transport.inflate import inflate
from healthcert.trust import StaticTrust

ROUNDS = 60
SIGNATURE = "signature with its search"


def stages(texts: Sequence[str], trust: StaticTrust, now: datetime) -> dict[str, float]:
    """Microseconds of each stage of a usual EU certificate, `whole` last; means over the texts."""
    least: list[dict[str, float]] = [{} for _ in texts]
    for _ in range(ROUNDS):
        for best, text in zip(least, texts, strict=True):
            for name, spent in _walk(text, trust, now).items():
                best[name] = min(spent, best.get(name, spent))
            begun = time.perf_counter()
            judge(text, trust, DEFAULT_POLICY, now)
            spent = time.perf_counter() - begun
            best["whole"] = min(spent, best.get("whole", spent))
    names = list(least[0])
    means = {name: sum(best[name] for best in least) / len(least) * 1e6 for name in names}
    clock = means.pop("clock")
    return {name: value - clock for name, value in means.items()}


def told(found: dict[str, float]) -> str:
    """One sentence: the stages, and what the whole costs beyond them."""
    whole = found["whole"]
    rest = whole - sum(value for name, value in found.items() if name != "whole")
    parts = ", ".join(f"{name} {value:.1f}" for name, value in found.items() if name != "whole")
    return f"of {whole:.1f} us (least of {ROUNDS} rounds): {parts}, calls and results between them {rest:.1f}"


def _walk(text: str, trust: StaticTrust, now: datetime) -> dict[str, float]:
    """Seconds of each stage, this once."""
    spent: dict[str, float] = {}
    packed = _timed(spent, "base45", lambda: base45.decode(text[4:]))
    message = _timed(spent, "inflate", lambda: inflate(packed))
    envelope: Envelope = _timed(spent, "COSE", lambda: cose.parse(message))
    _timed(spent, "EU or WHO", lambda: cwt.looks_like_ddcc(envelope.unverified_payload))
    found, _ = _timed(spent, SIGNATURE, lambda: find_signers(envelope, trust, EU_DCC))
    claims = _timed(spent, "CBOR", lambda: cwt.read_usual(envelope.unverified_payload))
    if claims is None:
        claims = cwt.parse(envelope.unverified_payload)
    kind = _timed(spent, "content", lambda: dcc.usual_kind(claims.dcc))
    kinds = (kind,) if kind else dcc.groups(claims.dcc)
    _timed(spent, "usage", lambda: eu_dcc.check_usage(kinds, found[0]))
    _timed(spent, "time", lambda: eu_dcc.check_time(claims, found[0], DEFAULT_POLICY, now.timestamp()))
    _timed(spent, "clock", lambda: None)
    return spent


def _timed(spent: dict[str, float], name: str, work: Callable[[], Any]) -> Any:
    begun = time.perf_counter()
    result = work()
    spent[name] = time.perf_counter() - begun
    return result
