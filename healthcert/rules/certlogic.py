"""CertLogic: an expression compiled once to nested functions, then run on many data.

A compiled part is `run(data, meter)`. Outside `reduce` each part runs at most once, so the size of the
expression bounds the work; `reduce` and long lists take their share of `meter` first.

Where the reference implementations disagree: arrays, objects and date-times equal only themselves under
`===` and `in` (JavaScript); an integer step of a path reaches into arrays alone (the specification's
words, Kotlin); a number with a fraction is neither truthy nor falsy (the specification's list, Kotlin).
Source: CertLogic specification 1.3.3 (ehn-dcc-development/eu-dcc-business-rules).
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import datetime
from typing import Any

from ..errors import CertLogicError
from ..limits import MAX_LOGIC_INTEGER, MAX_LOGIC_STEPS, MAX_LOGIC_TEXT_CHARS
from .certlogic_check import COMPARISONS, is_whole, issues
from .certlogic_dates import parse_birth, parse_moment, shift
from .certlogic_result import plain_result

_Run = Callable[[Any, list[int]], Any]
_NO_STACK = "the caller left no stack for this nesting"
_UVCI_PREFIX = "URN:UVCI:"
_OTHER_JSON = frozenset({dict, list, int, bool, float, type(None)})
_CHARS_A_STEP, _TEXTS_A_STEP, _VALUES_A_STEP = 16, 32, 4  # looked at in about the time of one node


def compile(logic: Any) -> Callable[[Any], Any]:
    """The function of `logic`: JSON data to a JSON value (date-times as text).

    Raises CertLogicError when `logic` is no CertLogic; the function raises it when there is no value.
    """
    faults = issues(logic)
    if faults:
        raise CertLogicError(faults[0].message)
    try:
        run = _build(logic)
    except RecursionError:
        raise CertLogicError(_NO_STACK) from None

    def evaluate(data: Any) -> Any:
        try:
            value = run(data, [MAX_LOGIC_STEPS])
            return value if value is True or value is False else plain_result(value)
        except RecursionError:
            raise CertLogicError(_NO_STACK) from None

    return evaluate


def _build(expr: Any) -> _Run:
    if isinstance(expr, dict):
        ((name, operands),) = expr.items()
        return _var(operands) if name == "var" else _BUILDERS[name](*operands)
    if isinstance(expr, list) and not _is_constant(expr):
        parts = [_build(item) for item in expr]
        return lambda data, meter: [part(data, meter) for part in parts]
    value = _constant(expr)
    return lambda data, meter: value


def _is_constant(expr: Any) -> bool:
    return all(map(_is_constant, expr)) if isinstance(expr, list) else not isinstance(expr, dict)


def _constant(expr: Any) -> Any:
    if isinstance(expr, list):
        return [_constant(item) for item in expr]
    return int(expr) if isinstance(expr, float) else expr


def _size(expr: Any) -> int:
    """Nodes that run when `expr` runs once; a reduce within takes its own share when it runs."""
    if isinstance(expr, dict):
        ((name, operands),) = expr.items()
        return operands.count(".") + 1 if name == "var" else 1 + sum(map(_size, operands))
    return 1 if _is_constant(expr) else 1 + sum(map(_size, expr))


def _spend(meter: list[int], steps: int) -> None:
    meter[0] -= steps
    if meter[0] < 0:
        raise CertLogicError(f"more than {MAX_LOGIC_STEPS} steps")


def _var(path: str) -> _Run:
    steps = tuple(int(s) if s.isascii() and s.isdigit() else s for s in path.split(".")) if path else ()

    def run(data: Any, meter: list[int]) -> Any:
        for step in steps:
            if type(data) is dict:
                data = data.get(step)  # keys of JSON are texts: an integer finds nothing
            elif type(data) is list and type(step) is int and step < len(data):
                data = data[step]
            else:
                return None
        kind = type(data)
        if kind is str:
            if len(data) > MAX_LOGIC_TEXT_CHARS:
                raise CertLogicError(f"a text of more than {MAX_LOGIC_TEXT_CHARS} characters")
        elif kind not in _OTHER_JSON and not (kind is datetime and data.tzinfo is None):
            raise CertLogicError("data of a type that JSON does not have")
        return data

    return run


def _truthy(value: Any) -> bool:
    kind = type(value)
    if kind is int or kind is str or kind is list or kind is dict or kind is bool:
        return bool(value)
    if value is None:
        return False
    if is_whole(value):
        return bool(value != 0)
    raise CertLogicError("a value neither truthy nor falsy")


def _if(guard_expr: Any, then_expr: Any, else_expr: Any) -> _Run:
    guard, then, otherwise = _build(guard_expr), _build(then_expr), _build(else_expr)
    return lambda data, meter: (then if _truthy(guard(data, meter)) else otherwise)(data, meter)


def _and(*operands: Any) -> _Run:
    parts = [_build(operand) for operand in operands]

    def run(data: Any, meter: list[int]) -> Any:
        value: Any = True
        for part in parts:
            value = part(data, meter)
            if not _truthy(value):
                break
        return value

    return run


def _not(operand: Any) -> _Run:
    part = _build(operand)
    return lambda data, meter: not _truthy(part(data, meter))


def _same(left: Any, right: Any) -> bool:
    if left is right:
        return True
    kind, other = type(left), type(right)
    if kind is str:
        return other is str and bool(left == right)
    numbers = (kind is int or kind is float) and (other is int or other is float)
    return numbers and bool(left == right)


def _equal(left_expr: Any, right_expr: Any) -> _Run:
    left, right = _build(left_expr), _build(right_expr)
    return lambda data, meter: _same(left(data, meter), right(data, meter))


def _in(item_expr: Any, list_expr: Any) -> _Run:
    item, items = _build(item_expr), _build(list_expr)
    if isinstance(list_expr, list) and all(isinstance(each, str) for each in list_expr):
        texts = frozenset(list_expr)

        def found(data: Any, meter: list[int]) -> bool:
            value = item(data, meter)
            return type(value) is str and value in texts

        return found

    def run(data: Any, meter: list[int]) -> bool:
        value, among = item(data, meter), items(data, meter)
        if type(among) is not list:
            raise CertLogicError('the second operand of "in" is not an array')
        if type(value) is str:
            _spend(meter, len(among) // _TEXTS_A_STEP)
            return value in among
        _spend(meter, len(among) // _VALUES_A_STEP)
        return any(_same(value, each) for each in among)

    return run


def _whole(value: Any) -> int:
    if type(value) is int:
        return value
    if is_whole(value):
        return int(value)
    raise CertLogicError("an operand is not an integer")


def _moment(value: Any) -> Any:
    if type(value) is datetime:
        return value
    raise CertLogicError("an operand is not a date-time")


def _plus(left_expr: Any, right_expr: Any) -> _Run:
    left, right = _build(left_expr), _build(right_expr)

    def run(data: Any, meter: list[int]) -> int:
        total = _whole(left(data, meter)) + _whole(right(data, meter))
        if not -MAX_LOGIC_INTEGER <= total <= MAX_LOGIC_INTEGER:
            raise CertLogicError("a sum that JSON readers do not hold exactly")
        return total

    return run


def _comparison(relation: Callable[[Any, Any], bool], typed: Callable[[Any], Any]) -> Callable[..., _Run]:
    def build(*operands: Any) -> _Run:
        parts = [_build(operand) for operand in operands]
        if len(parts) == 2:
            left, right = parts
            return lambda data, meter: relation(typed(left(data, meter)), typed(right(data, meter)))
        low, middle, high = parts

        def between(data: Any, meter: list[int]) -> bool:
            a, b, c = typed(low(data, meter)), typed(middle(data, meter)), typed(high(data, meter))
            return relation(a, b) and relation(b, c)

        return between

    return build


def _plus_time(date_expr: Any, amount: int, unit: str) -> _Run:
    date, shifted = _build(date_expr), shift(int(amount), unit)

    def run(data: Any, meter: list[int]) -> datetime:
        text = date(data, meter)
        if type(text) is not str:
            raise CertLogicError('the date of "plusTime" is not a text')
        return shifted(parse_moment(text))

    return run


def _birth(date_expr: Any) -> _Run:
    date = _build(date_expr)

    def run(data: Any, meter: list[int]) -> datetime:
        text = date(data, meter)
        if type(text) is not str:
            raise CertLogicError('the operand of "dccDateOfBirth" is not a text')
        return parse_birth(text)

    return run


def _from_uvci(operand: Any, index: int) -> _Run:
    part, place = _build(operand), int(index)

    def run(data: Any, meter: list[int]) -> str | None:
        text = part(data, meter)
        if text is None:
            return None
        if type(text) is not str:
            raise CertLogicError('the operand of "extractFromUVCI" is neither a text nor null')
        _spend(meter, len(text) // _CHARS_A_STEP)
        fragments = text.removeprefix(_UVCI_PREFIX).replace("#", "/").replace(":", "/").split("/")
        return fragments[place] if 0 <= place < len(fragments) else None

    return run


def _reduce(operand: Any, body_expr: Any, initial_expr: Any) -> _Run:
    items, body, initial = _build(operand), _build(body_expr), _build(initial_expr)
    steps = 1 + _size(body_expr)

    def run(data: Any, meter: list[int]) -> Any:
        among = items(data, meter)
        if among is not None and type(among) is not list:
            raise CertLogicError('the first operand of "reduce" is neither an array nor null')
        value = initial(data, meter)
        if among:
            _spend(meter, steps * len(among))
            for item in among:
                value = body({"current": item, "accumulator": value}, meter)
        return value

    return run


_RELATIONS = (operator.lt, operator.gt, operator.le, operator.ge)
_BUILDERS: dict[str, Callable[..., _Run]] = {
    "if": _if,
    "and": _and,
    "!": _not,
    "===": _equal,
    "in": _in,
    "+": _plus,
    **{name: _comparison(r, _whole) for name, r in zip(COMPARISONS[:4], _RELATIONS, strict=True)},
    # "after" is >, "before" <, "not-after" <=, "not-before" >=
    "after": _comparison(operator.gt, _moment),
    "before": _comparison(operator.lt, _moment),
    "not-after": _comparison(operator.le, _moment),
    "not-before": _comparison(operator.ge, _moment),
    "plusTime": _plus_time,
    "dccDateOfBirth": _birth,
    "extractFromUVCI": _from_uvci,
    "reduce": _reduce,
}
