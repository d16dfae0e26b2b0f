"""The language tests of CertLogic 1.3.3 (ehn-dcc-development/eu-dcc-business-rules, Apache-2.0)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from healthcert.errors import CertLogicError
from healthcert.rules.certlogic import compile
from healthcert.rules.certlogic_check import issues

pytestmark = [pytest.mark.req("K08")]
RUNNABLE, CASES_OF_VALIDATION = 218, 23

# Skipped by the suite itself: behaviour it wishes for, which 1.3.3 does not have. True: holds here anyway.
SKIPPED = {
    # `in` on what is no array is an error by the specification; the wish is false
    ("null-safety", 0): False,
    ("null-safety", 1): False,
    ("null-safety", 2): False,
    ("null-safety", 3): False,
    # `reduce` does not hand the whole data to its body; six of ten hold without it
    ("patched reduce knows about global data", 0): True,
    ("patched reduce knows about global data", 1): True,
    ("patched reduce knows about global data", 2): True,
    ("patched reduce knows about global data", 3): True,
    ("patched reduce knows about global data", 4): True,
    ("patched reduce knows about global data", 5): True,
    ("patched reduce knows about global data", 6): False,
    ("patched reduce knows about global data", 7): False,
    ("patched reduce knows about global data", 8): False,
    ("patched reduce knows about global data", 9): False,
}


def assertions(testdata: Path) -> Iterator[tuple[bool, str, int, Any, Any, Any]]:
    """(skipped, case, place in it, expression, data, expected)."""
    for path in sorted((testdata / "certlogic" / "testSuite").glob("*.json")):
        suite = json.loads(path.read_text("utf-8"))
        for case in suite["cases"]:
            for place, each in enumerate(case["assertions"]):
                skipped = "skip" in (part.get("directive") for part in (suite, case, each))
                logic = each.get("certLogicExpression", case.get("certLogicExpression"))
                yield skipped, case["name"], place, logic, each["data"], each["expected"]


def holds(logic: Any, data: Any, expected: Any) -> bool:
    try:
        result = compile(logic)(data)
    except CertLogicError:
        return False
    return json.dumps(result) == json.dumps(expected)  # as texts, since True == 1


def test_every_runnable_assertion_of_the_language_holds(testdata: Path) -> None:
    ran = [each for each in assertions(testdata) if not each[0]]
    assert [each[1:] for each in ran if not holds(*each[3:])] == []
    assert len(ran) == RUNNABLE


def test_the_skipped_assertions_are_these_and_hold_or_not_as_said(testdata: Path) -> None:
    found = {(name, place): holds(*rest) for skip, name, place, *rest in assertions(testdata) if skip}
    assert found == SKIPPED
    assert Counter(SKIPPED.values()) == {True: 6, False: 8}


def test_the_format_check_finds_the_issues_of_the_suite_in_its_words(testdata: Path) -> None:
    cases = [
        case
        for path in sorted((testdata / "certlogic" / "validation-testSuite").glob("*.json"))
        for case in json.loads(path.read_text("utf-8"))["cases"]
    ]
    assert len(cases) == CASES_OF_VALIDATION
    for case in cases:
        assert [issue._asdict() for issue in issues(case["certLogicExpression"])] == case["issues"], case


def test_what_the_check_faults_does_not_compile_and_what_it_passes_does(testdata: Path) -> None:
    for path in sorted((testdata / "certlogic" / "validation-testSuite").glob("*.json")):
        for case in json.loads(path.read_text("utf-8"))["cases"]:
            if case["issues"]:
                with pytest.raises(CertLogicError):
                    compile(case["certLogicExpression"])
            else:
                compile(case["certLogicExpression"])
