"""Any JSON as logic and data gives a result or a CertLogicError, in bounded time."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from healthcert.errors import CertLogicError
from healthcert.rules.certlogic import compile
from healthcert.rules.certlogic_check import COMPARISONS, issues
from healthcert.rules.certlogic_dates import UNITS
from healthcert.rules.evaluate import Result, evaluate
from healthcert.rules.selection import parse_rules

pytestmark = [pytest.mark.req("K16")]
MANY = settings(max_examples=400, deadline=2_000, suppress_health_check=[HealthCheck.too_slow])
OPERATORS = ("if", "and", "===", "in", "+", "!", "plusTime", "dccDateOfBirth", "reduce", "extractFromUVCI")

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
    | st.sampled_from(["2021-05-04", "2004-02", "2020-02-29T23:59:59.9999+01:30", "URN:UVCI:01:AT:1#B"])
)
json_values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=3) | st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=12,
)
paths = st.sampled_from(["", "a", "a.b", "a.0", "b.1.c", "current", "accumulator", "accumulator.0"])


def operations(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    names = st.sampled_from((*OPERATORS, *COMPARISONS, "unheard"))
    loose = st.builds(lambda name, operands: {name: operands}, names, st.lists(inner, max_size=4))
    moved = st.builds(
        lambda date, amount, unit: {"plusTime": [date, amount, unit]},
        inner,
        st.integers(-(10**9), 10**9),
        st.sampled_from(UNITS),
    )
    reduced = st.builds(lambda *operands: {"reduce": list(operands)}, inner, inner, inner)
    return loose | moved | reduced | st.lists(inner, max_size=4)


logics = st.recursive(
    scalars | paths.map(lambda path: {"var": path}) | json_values, operations, max_leaves=20
)


@MANY
@given(logics, json_values)
def test_any_json_gives_a_result_or_an_error_of_its_own_kind(logic: Any, data: Any) -> None:
    found = issues(logic)
    if found:
        with pytest.raises(CertLogicError) as caught:
            compile(logic)
        assert str(caught.value) == found[0].message
        return
    run, before = compile(logic), json.dumps(data)
    first, again = outcome(run, data), outcome(run, data)
    assert first == again
    assert json.dumps(data) == before


def outcome(run: Callable[[Any], Any], data: Any) -> str:
    try:
        return json.dumps(run(data), allow_nan=False)
    except CertLogicError as fault:
        return f"error: {fault}"


HEAD = {
    "Identifier": "GR-AT-0001",
    "Type": "Acceptance",
    "Country": "AT",
    "Version": "1.0.0",
    "SchemaVersion": "1.0.0",
    "Engine": "CERTLOGIC",
    "EngineVersion": "0.7.5",
    "CertificateType": "General",
    "ValidFrom": "2021-06-01T00:00:00Z",
    "ValidTo": "2030-06-01T00:00:00Z",
    "Logic": True,
}


@MANY
@given(st.dictionaries(st.sampled_from([*HEAD, "Region", "Description", "AffectedFields"]), json_values))
def test_any_rule_is_a_rule_or_rejected_by_name_and_never_lost(changes: dict[str, Any]) -> None:
    rules, rejected = parse_rules([HEAD | changes])
    assert len(rules) + len(rejected) == 1
    for rule in rules:
        (found,) = evaluate([rule], {}, {})
        assert found.result in Result
        assert (found.why != "") is (found.result is Result.OPEN)
    for each in rejected:
        assert each.reason
        assert each.identifier == ("GR-AT-0001" if "Identifier" not in changes else None)


@MANY
@given(st.integers(1, 9999), st.integers(1, 12), st.integers(1, 28), st.integers(-200_000, 200_000))
def test_months_there_and_back_lead_home(year: int, month: int, day: int, amount: int) -> None:
    text = f"{year:04}-{month:02}-{day:02}"
    there = {"plusTime": [text, amount, "month"]}
    try:
        moved = compile(there)(None)
    except CertLogicError:
        assert not 12 <= 12 * year + month - 1 + amount < 12 * 10_000
        return
    assert compile({"plusTime": [moved, -amount, "month"]})(None) == f"{text}T00:00:00.000Z"
