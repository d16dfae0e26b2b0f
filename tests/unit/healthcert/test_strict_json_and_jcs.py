"""JSON with one meaning, and its one canonical form."""

from __future__ import annotations

import json
import struct
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from healthcert.limits import MAX_JSON_CHARS, MAX_JSON_DEPTH
from healthcert.transport import jcs
from healthcert.transport.strict_json import JsonError, loads

pytestmark = [pytest.mark.req("K08"), pytest.mark.req("K16")]

# RFC 8785 appendix B: the double's bits, and how it is written.
PUBLISHED_NUMBERS = """
0000000000000000 0
8000000000000000 0
0000000000000001 5e-324
8000000000000001 -5e-324
7fefffffffffffff 1.7976931348623157e+308
ffefffffffffffff -1.7976931348623157e+308
4340000000000000 9007199254740992
c340000000000000 -9007199254740992
4430000000000000 295147905179352830000
44b52d02c7e14af5 9.999999999999997e+22
44b52d02c7e14af6 1e+23
44b52d02c7e14af7 1.0000000000000001e+23
444b1ae4d6e2ef4e 999999999999999700000
444b1ae4d6e2ef4f 999999999999999900000
444b1ae4d6e2ef50 1e+21
3eb0c6f7a0b5ed8c 9.999999999999997e-7
3eb0c6f7a0b5ed8d 0.000001
41b3de4355555553 333333333.3333332
41b3de4355555554 333333333.33333325
41b3de4355555555 333333333.3333333
41b3de4355555556 333333333.3333334
41b3de4355555557 333333333.33333343
becbf647612f3696 -0.0000033333333333333333
43143ff3c1cb0959 1424953923781206.2
"""


@pytest.mark.parametrize("line", PUBLISHED_NUMBERS.split("\n")[1:-1])
def test_the_published_numbers_are_written_as_published(line: str) -> None:
    bits, expected = line.split()
    assert jcs.number(struct.unpack(">d", bytes.fromhex(bits))[0]) == expected


def test_the_published_object_has_the_published_bytes() -> None:
    text = r"""{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }"""
    assert (
        jcs.canonical(loads(text))
        == (
            '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
            '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
        ).encode()
    )


def test_the_published_names_are_sorted_by_utf_16() -> None:
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\x80", "\xf6"]
    written = jcs.canonical(dict.fromkeys(names, 0))
    assert list(json.loads(written)) == ["\r", "1", "\x80", "\xf6", "\u20ac", "\U0001f600", "\ufb33"]


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=4), inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(_VALUES)
def test_the_canonical_form_reads_back_to_itself(value: Any) -> None:
    once = jcs.canonical(value)
    assert jcs.canonical(loads(once.decode())) == once


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=4), _VALUES, max_size=4))
def test_order_escapes_and_spaces_do_not_change_it(value: dict[str, Any]) -> None:
    turned = dict(reversed(value.items()))
    assert jcs.canonical(loads(json.dumps(turned, indent=3, ensure_ascii=True))) == jcs.canonical(value)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=4), _VALUES, max_size=4))
def test_the_quick_way_gives_the_bytes_of_the_long_way(value: dict[str, Any]) -> None:
    parts: list[str] = []
    jcs._write(value, parts.append)
    assert jcs.canonical(value) == "".join(parts).encode()


@settings(max_examples=500, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_written_number_is_the_same_double_in_as_few_digits(value: float) -> None:
    written = jcs.number(value)
    assert float(written) == value
    digits = [c for c in written.partition("e")[0] if c.isdigit()]
    assert len("".join(digits).strip("0")) <= 17


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), {1, 2}, {"a": b""}, "\ud800", {"\ud800": 1}, 10**400]
)
def test_what_json_does_not_hold_has_no_canonical_form(value: Any) -> None:
    with pytest.raises(jcs.CanonicalError):
        jcs.canonical(value)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "malformed"),
        ("{", "malformed"),
        ('{"a":1}x', "malformed"),
        ("{'a':1}", "malformed"),
        ('{"a":"\n"}', "malformed"),
        ("\ufeff{}", "malformed"),
        ("[01]", "malformed"),
        ('{"a":1,"a":1}', "duplicate_key"),
        ('{"a":1,"\\u0061":2}', "duplicate_key"),
        ('[{"b":{"a":1,"c":2,"a":3}}]', "duplicate_key"),
        ("NaN", "number"),
        ("[-Infinity]", "number"),
        ("[1e999]", "number"),
        ("[" + "1" * 33 + "]", "number"),
        ("[0." + "1" * 33 + "]", "number"),
        ('"\\ud800"', "surrogate"),
        ('{"\\udc00":1}', "surrogate"),
        ('"\ud800"', "surrogate"),
        ("[" * (MAX_JSON_DEPTH + 1) + "]" * (MAX_JSON_DEPTH + 1), "too_deep"),
        ("[" * 100_000, "too_deep"),
        ('{"a":' * 20_000, "too_deep"),
        (" " * (MAX_JSON_CHARS + 1), "too_long"),
    ],
)
def test_json_with_no_or_two_meanings_is_refused_by_name(text: str, word: str) -> None:
    with pytest.raises(JsonError) as caught:
        loads(text)
    assert caught.value.args == (word,)


def test_brackets_inside_strings_do_not_count_as_depth() -> None:
    value = {"a": "[{" * 100 + '\\"', "b": ["\\"]}
    assert loads(json.dumps(value)) == value
    deepest = "[" * MAX_JSON_DEPTH + "]" * MAX_JSON_DEPTH
    assert loads(deepest) == json.loads(deepest)
    with pytest.raises(JsonError, match="too_deep"):
        loads("[[[]]]", max_depth=2)


@pytest.mark.parametrize("text", ['"' + '\\"' * 60_000, '"\\' * 40_000, "[" * 40 + '"' * 100_000])
def test_no_text_costs_more_than_its_length(text: str) -> None:
    started = time.perf_counter()
    with pytest.raises(JsonError):
        loads("{" * 40 + text)
    assert time.perf_counter() - started < 0.25


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60) | st.text('{}[]":,\\u0123dDcCeE.+- ntf', max_size=40))
def test_whatever_is_read_is_what_the_usual_reader_reads(text: str) -> None:
    try:
        value = loads(text)
    except JsonError:
        return
    assert value == json.loads(text)
    jcs.canonical(value)
