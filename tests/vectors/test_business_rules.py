"""The EU's business rules with their own tests (dgc-business-rules-testdata cf57b97, Apache-2.0)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from healthcert.rules.certlogic_check import issues
from healthcert.rules.evaluate import Result, evaluate
from healthcert.rules.rule import RuleType
from healthcert.rules.selection import parse_rules

pytestmark = [pytest.mark.req("K08")]
RULES, TESTS = 86, 551


@pytest.fixture(scope="module")
def corpus(testdata: Path) -> list[tuple[Any, list[Any]]]:
    """(rule JSON, its tests' JSON)."""
    folders = sorted(path.parent for path in (testdata / "business-rules").glob("*/*/rule.json"))
    return [(_read(folder / "rule.json"), _tests(folder)) for folder in folders]


def _read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def _tests(folder: Path) -> list[Any]:
    return [_read(path) for path in sorted((folder / "tests").glob("*.json"))]


def test_every_rule_of_the_corpus_is_read_and_can_run(corpus: list[tuple[Any, list[Any]]]) -> None:
    rules, rejected = parse_rules([rule for rule, _ in corpus])
    assert rejected == ()
    assert [rule.identifier for rule in rules if rule.run is None] == []
    assert {rule.type for rule in rules} == {RuleType.ACCEPTANCE}
    assert [rule["Identifier"] for rule, _ in corpus if issues(rule["Logic"])] == []
    assert len(rules) == RULES


def test_every_test_of_the_corpus_comes_out_as_its_country_says(corpus: list[tuple[Any, list[Any]]]) -> None:
    ran, wrong = 0, []
    for raw, tests in corpus:
        rules, _ = parse_rules([raw])
        for number, test in enumerate(tests):
            (found,) = evaluate(rules, test.get("payload"), test["external"])
            ran += 1
            if found.result is not (Result.PASSED if test["expected"] else Result.FAILED):
                wrong.append((raw["Identifier"], number, found.result, found.why))
    assert wrong == []
    assert ran == TESTS
