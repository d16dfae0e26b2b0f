"""What one business rule costs, beside reading the JSON it is asked about."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.measure import Figure, figure, interleaved, rate
from healthcert.rules.evaluate import Result, evaluate
from healthcert.rules.selection import parse_rules

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "demo"))

from scenes import testdata  # noqa: E402

LIMIT_US = 20
ROUNDS, SECONDS = 21, 0.1
COMPILED = 20


def figures() -> list[Figure]:
    """rules.per_rule_us."""
    folders = sorted(path.parent for path in (testdata().parent / "business-rules").glob("*/*/rule.json"))
    if not folders:
        return [figure("rules.per_rule_us", None, "us", f"<= {LIMIT_US}", "the corpus of EU rules is absent")]
    objects = [_read(folder / "rule.json") for folder in folders]
    cases = [
        ((rule,), test.get("payload"), test["external"], test["expected"])
        for rule, folder in zip(parse_rules(objects)[0], folders, strict=True)
        for test in map(_read, sorted((folder / "tests").glob("*.json")))
    ]
    for rules, payload, external, expected in cases:
        (found,) = evaluate(rules, payload, external)
        assert found.result is (Result.PASSED if expected else Result.FAILED), "a fast wrong answer"
    texts, total = [json.dumps(payload) for _, payload, _, _ in cases], len(cases)

    def judged(i: int) -> object:
        rules, payload, external, _ = cases[i % total]
        return evaluate(rules, payload, external)

    def parsed(i: int) -> object:
        return json.loads(texts[i % total])

    works: dict[str, Callable[[], float]] = {
        "judged": lambda: rate(judged, SECONDS),
        "parsed": lambda: rate(parsed, SECONDS),
    }
    micros = {
        name: statistics.median(1e6 / each for each in rates)
        for name, rates in interleaved(works, ROUNDS).items()
    }
    how = (
        f"{len(objects)} EU rules on their own {total} tests in turn, compiled once"
        f" ({_compiling(objects):.0f} us a rule), one core, medians of {ROUNDS} rounds of {SECONDS:g} s"
    )
    beside = f"<= {LIMIT_US}; json.loads of the payload alone {micros['parsed']:.1f} us"
    return [figure("rules.per_rule_us", micros["judged"], "us", beside, how)]


def _compiling(objects: list[Any]) -> float:
    """Microseconds to read and compile one rule."""
    begun = time.perf_counter()
    for _ in range(COMPILED):
        parse_rules(objects)
    return (time.perf_counter() - begun) * 1e6 / COMPILED / len(objects)


def _read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))
