"""CertLogic beyond its own suite: dates, strict values, and limits that hold while evaluating."""

from __future__ import annotations

import copy
import sys
import time
from typing import Any

import pytest

from healthcert.errors import CertLogicError
from healthcert.limits import (
    MAX_LOGIC_DEPTH,
    MAX_LOGIC_INTEGER,
    MAX_LOGIC_NODES,
    MAX_LOGIC_TEXT_CHARS,
    MAX_PLUS_TIME,
)
from healthcert.rules.certlogic import compile
from healthcert.rules.certlogic_check import issues

pytestmark = [pytest.mark.req("K08"), pytest.mark.req("K16")]
CURRENT, SO_FAR = {"var": "current"}, {"var": "accumulator"}


def value(logic: Any, data: Any = None) -> Any:
    return compile(logic)(data)


def fault(logic: Any, data: Any = None) -> str:
    with pytest.raises(CertLogicError) as caught:
        value(logic, data)
    assert len(str(caught.value)) < 160
    return str(caught.value)


def plus(text: str, amount: int = 0, unit: str = "day") -> Any:
    return value({"plusTime": [text, amount, unit]})


@pytest.mark.parametrize(
    ("text", "amount", "unit", "expected"),
    [
        ("2020-02-29", 1, "day", "2020-03-01T00:00:00.000Z"),
        ("2020-02-29", 1, "month", "2020-03-29T00:00:00.000Z"),
        ("2020-02-29", 1, "year", "2021-03-01T00:00:00.000Z"),
        ("2020-02-29", -4, "year", "2016-02-29T00:00:00.000Z"),
        ("2021-01-31", 1, "month", "2021-03-03T00:00:00.000Z"),
        ("2021-03-31", -1, "month", "2021-03-03T00:00:00.000Z"),
        ("2021-01-31", -13, "month", "2019-12-31T00:00:00.000Z"),
        ("2021-12-01", 1, "month", "2022-01-01T00:00:00.000Z"),
        ("2021-06-23T00:00:00.000Z", -72, "hour", "2021-06-20T00:00:00.000Z"),
        ("2021-06-23", -180, "day", "2020-12-25T00:00:00.000Z"),
    ],
)
def test_adding_time_runs_over_as_in_javascript(text: str, amount: int, unit: str, expected: str) -> None:
    assert plus(text, amount, unit) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2004", "2004-12-31T00:00:00.000Z"),
        ("2004-02", "2004-02-29T00:00:00.000Z"),
        ("2021-05-04", "2021-05-04T00:00:00.000Z"),
        ("2021-05-04T13:37:42", "2021-05-04T13:37:42.000Z"),
        ("2021-05-04T13:37:42Z", "2021-05-04T13:37:42.000Z"),
        ("2021-08-20T12:03:12+2", "2021-08-20T10:03:12.000Z"),
        ("2021-08-20T12:03:12+02", "2021-08-20T10:03:12.000Z"),
        ("2021-08-20T12:03:12-130", "2021-08-20T13:33:12.000Z"),
        ("2021-08-20T12:03:12-0130", "2021-08-20T13:33:12.000Z"),
        ("2021-08-01T00:00:00+1:00", "2021-07-31T23:00:00.000Z"),
        ("2021-08-01T00:00:00+01:00", "2021-07-31T23:00:00.000Z"),
        ("2021-08-01T00:00:00.1Z", "2021-08-01T00:00:00.100Z"),
        ("2021-08-01T00:00:00.0019999Z", "2021-08-01T00:00:00.001Z"),
        ("2021-08-01T00:00:00." + "9" * 60, "2021-08-01T00:00:00.999Z"),
    ],
)
def test_every_allowed_form_of_a_date_is_read(text: str, expected: str) -> None:
    assert plus(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "20210504",
        "2021-W18-2",
        "2021-13",
        "2021-02-30",
        "0000-01-01",
        "0000",
        "2021-05-04T13:37",
        "2021-05-04t13:37:42z",
        "2021-05-04 13:37:42",
        "2021-05-04T24:00:00",
        "2021-05-04T23:59:60",
        "2021-05-04T13:37:42+24:00",
        "2021-05-04T13:37:42+02:",
        "2021-05-04T13:37:42.",
        "2021-05-04\n",
        "٢٠٢١-05-04",
        "0001-01-01T00:00:00+01:00",
    ],
)
def test_any_other_date_is_an_error(text: str) -> None:
    assert "date" in fault({"plusTime": [text, 0, "day"]})


@pytest.mark.parametrize("unit", ["year", "month", "day", "hour"])
def test_no_amount_leads_out_of_the_calendar(unit: str) -> None:
    assert "9999" in fault({"plusTime": ["2021-05-31", MAX_PLUS_TIME, unit]})
    assert "9999" in fault({"plusTime": ["2021-05-31", -MAX_PLUS_TIME, unit]})
    assert "amount" in fault({"plusTime": ["2021-05-31", MAX_PLUS_TIME + 1, unit]})


def test_a_birth_date_takes_no_time_of_day() -> None:
    assert value({"dccDateOfBirth": ["1999-02"]}) == "1999-02-28T00:00:00.000Z"
    assert "date" in fault({"dccDateOfBirth": ["1999-02-01T00:00:00Z"]})


MOMENT = {"plusTime": ["2021-05-04", 0, "day"]}


@pytest.mark.parametrize("odd", [MOMENT, {"var": "decimal"}], ids=["date-time", "decimal"])
def test_what_is_neither_truthy_nor_falsy_decides_nothing(odd: Any) -> None:
    data = {"decimal": 3.5}
    for logic in ({"if": [odd, 1, 2]}, {"and": [True, odd]}, {"and": [odd, True]}, {"!": [odd]}):
        assert fault(logic, data) == "a value neither truthy nor falsy"
    assert value({"and": [False, odd]}, data) is False


def test_truth_and_one_are_two_things() -> None:
    assert value({"===": [{"var": ""}, 1]}, True) is False
    assert value({"in": [{"var": ""}, {"var": ""}]}, [1]) is False
    assert value({"in": [True, [1, "true"]]}) is False
    assert value({"in": [True, {"var": ""}]}, [1, "true"]) is False
    assert value({"in": [1, {"var": ""}]}, [True, 1.0]) is True
    assert "integer" in fault({"+": [True, 1]})
    assert "integer" in fault({"<": [False, 1]})
    assert "amount" in fault({"plusTime": ["2021", True, "day"]})


@pytest.mark.parametrize("item", [None, True, 1, [], {}, ["a"]])
def test_only_a_text_is_a_member_of_a_list_of_texts(item: Any) -> None:
    assert value({"in": [{"var": ""}, ["a", "b"]]}, item) is False
    assert value({"in": [{"var": ""}, ["a", "b"]]}, "b") is True


def test_arrays_objects_and_dates_equal_only_themselves() -> None:
    data = {"a": [1], "b": [1], "o": {}}
    assert value({"===": [{"var": "a"}, {"var": "a"}]}, data) is True
    assert value({"===": [{"var": "a"}, {"var": "b"}]}, data) is False
    assert value({"===": [MOMENT, MOMENT]}) is False
    assert value({"in": [{"var": "o"}, [{"var": "o"}]]}, data) is True


def test_a_path_reaches_into_arrays_by_number_and_objects_by_name() -> None:
    data = {"text": "abc", "list": [1, 2], "0": "zero"}
    for path in ("text.0", "text.length", "list.length", "list.-1", "list.2", "list.x", "0"):
        assert value({"var": path}, data) is None
    assert value({"var": "list.1"}, data) == 2


def test_types_are_checked_where_the_specification_says_so() -> None:
    assert "array" in fault({"in": [1, {"var": "x"}]}, {"x": "1"})
    assert "array" in fault({"reduce": [{"var": "x"}, CURRENT, 0]}, {"x": {}})
    assert "date-time" in fault({"after": [MOMENT, "2021-05-04"]})
    assert "text" in fault({"plusTime": [{"var": "x"}, 0, "day"]}, {"x": 2021})
    assert "text" in fault({"plusTime": [MOMENT, 0, "day"]})
    assert "text" in fault({"dccDateOfBirth": [{"var": "x"}]})
    assert "text" in fault({"extractFromUVCI": [1, 0]})


@pytest.mark.parametrize(
    ("logic", "word"),
    [
        ({"if": [True, 1]}, "operands"),
        ({"and": [True]}, "operands"),
        ({"<": [1, 2, 3, 4]}, "operands"),
        ({"plusTime": ["2021", 1, "week"]}, "unit"),
        ({"extractFromUVCI": ["", "0"]}, "index"),
        ({"if": [True, 1, {"unheard": []}]}, "unrecognised"),
        ({"var": "a..b"}, "path"),
        (None, "invalid"),
        ([None], "invalid"),
        (2**60, "integer"),
    ],
)
def test_an_expression_is_checked_whole_before_any_of_it_runs(logic: Any, word: str) -> None:
    assert word in fault(logic)


def test_numbers_stay_where_every_reader_holds_them_exactly() -> None:
    assert value({"+": [MAX_LOGIC_INTEGER, 0]}) == MAX_LOGIC_INTEGER
    assert "exactly" in fault({"+": [MAX_LOGIC_INTEGER, 1]})
    assert "exactly" in fault({"+": [{"var": ""}, 1.0]}, 10**400)
    assert "exactly" in fault({"var": ""}, 10**400)
    assert "exactly" in fault({"var": ""}, float("nan"))
    assert repr(value({"var": ""}, {"n": 2.0})) == "{'n': 2}"


def test_size_and_depth_of_an_expression_are_bounded() -> None:
    widest = ["x"] * (MAX_LOGIC_NODES - 1)
    assert value(widest) == widest
    assert "nodes" in fault([*widest, "x"])
    assert "nodes" in fault([{"var": ".".join("a" * 500)}] * 10)
    deepest: Any = True
    for _ in range(MAX_LOGIC_DEPTH - 1):
        deepest = {"!": [deepest]}
    assert value(deepest) is (MAX_LOGIC_DEPTH % 2 == 1)
    assert "deep" in fault({"!": [deepest]})
    assert "text" in fault("x" * (MAX_LOGIC_TEXT_CHARS + 1))
    assert "text" in fault({"var": ""}, "x" * (MAX_LOGIC_TEXT_CHARS + 1))


def test_an_expression_of_a_hundred_thousand_levels_is_an_issue_and_no_crash() -> None:
    bottomless: Any = 1
    for _ in range(100_000):
        bottomless = [bottomless]
    assert "deep" in issues(bottomless)[0].message


HOSTILE: dict[str, tuple[Any, Any]] = {
    "long": ({"reduce": [{"var": ""}, {"+": [CURRENT, SO_FAR]}, 0]}, [1] * 1_000_000),
    "nested": (
        {"reduce": [{"var": ""}, {"reduce": [CURRENT, {"reduce": [[1, 2, 3], CURRENT, 0]}, 0]}, 0]},
        [[1] * 1000] * 1000,
    ),
    "look-ups": ({"reduce": [{"var": ""}, {"in": [7, CURRENT]}, 0]}, [list(range(10, 10_000))] * 5_000),
    "searches": ({"reduce": [{"var": ""}, {"in": ["q", CURRENT]}, 0]}, [["p"] * 50_000] * 5_000),
    "doubling": ({"reduce": [{"var": ""}, [SO_FAR, SO_FAR], 1]}, [1] * 64),
    "nesting": ({"reduce": [{"var": ""}, [SO_FAR], 1]}, [1] * 20_000),
    "fragments": ({"reduce": [{"var": ""}, {"extractFromUVCI": [":" * 1024, 1]}, ""]}, [1] * 10_000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_data_cost_bounded_time(name: str) -> None:
    logic, data = HOSTILE[name]
    begun = time.process_time()
    assert fault(logic, data) in {"more than 100000 steps", "a result too large to give"}
    assert time.process_time() - begun < 2  # 0.1 s on an idle machine


def test_neither_data_nor_expression_change_by_use() -> None:
    data = {"list": [{"a": [1]}], "d": "2021-05-04"}
    logic = ["x", {"var": "list"}, ["y", "z"], {"plusTime": [{"var": "d"}, 1, "day"]}]
    run, before = compile(logic), copy.deepcopy(data)
    first = run(data)
    first[1][0]["a"].append(2)
    first[2].clear()
    assert data == before
    assert run(data) == ["x", [{"a": [1]}], ["y", "z"], "2021-05-05T00:00:00.000Z"]


def test_a_caller_deep_in_its_own_stack_gets_the_same_kind_of_error() -> None:
    logic: Any = True
    for _ in range(MAX_LOGIC_DEPTH - 1):
        logic = {"!": [logic]}
    run = compile(logic)

    def at_depth(levels: int) -> None:
        if levels:
            at_depth(levels - 1)
            return
        with pytest.raises(CertLogicError, match="stack"):
            run(None)
        with pytest.raises(CertLogicError, match="stack"):
            compile(logic)

    frame, used = sys._getframe(), 1
    while frame.f_back:
        frame, used = frame.f_back, used + 1
    at_depth(sys.getrecursionlimit() - used - 100)


def test_data_that_json_does_not_have_are_refused() -> None:
    assert "JSON" in fault({"var": ""}, {1, 2})
    assert "JSON" in fault({"if": [{"var": "x"}, 1, 2]}, {"x": b"bytes"})
