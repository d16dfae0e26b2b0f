"""Is this JSON a CertLogic expression, and one of bounded size? What is wrong with it, in words.

Every expression passes here before it is compiled, so the compiler may rely on shapes.
Source: CertLogic specification 1.3.3, its JSON schema and its validation test suite (whose sentences are
kept, since the suite compares them).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..limits import (
    MAX_LOGIC_DEPTH,
    MAX_LOGIC_INTEGER,
    MAX_LOGIC_NODES,
    MAX_LOGIC_TEXT_CHARS,
    MAX_PLUS_TIME,
)
from .certlogic_dates import UNITS

_MAX_SHOWN = 64  # characters of an expression repeated in a sentence about it


class Issue(NamedTuple):
    """One fault: the (sub-)expression that has it, and what it is."""

    expr: Any
    message: str


class _Form(NamedTuple):
    """How many operands an operator takes, and which of them are plain values instead of expressions."""

    least: int
    most: int
    plain: Mapping[int, tuple[Callable[[Any], bool], str]] = {}


def is_whole(value: object) -> bool:
    """Is it an integer of CertLogic? 2.0 is one, as in JavaScript; True is none."""
    if type(value) is int:
        return -MAX_LOGIC_INTEGER <= value <= MAX_LOGIC_INTEGER
    return type(value) is float and value.is_integer() and abs(value) <= MAX_LOGIC_INTEGER


def _is_amount(value: object) -> bool:
    return is_whole(value) and abs(value) <= MAX_PLUS_TIME  # type: ignore[arg-type]


def _is_unit(value: object) -> bool:
    return isinstance(value, str) and value in UNITS


_PLUS_TIME = {
    1: (_is_amount, f'the amount of "plusTime" is an integer within {MAX_PLUS_TIME}'),
    2: (_is_unit, f'the unit of "plusTime" is one of {", ".join(UNITS)}'),
}
_UVCI = {1: (is_whole, 'the index of "extractFromUVCI" is an integer')}
COMPARISONS = ("<", ">", "<=", ">=", "after", "before", "not-after", "not-before")
_FORMS: dict[str, _Form] = {
    "if": _Form(3, 3),
    "and": _Form(2, MAX_LOGIC_NODES),
    "===": _Form(2, 2),
    "in": _Form(2, 2),
    "+": _Form(2, 2),
    "!": _Form(1, 1),
    "reduce": _Form(3, 3),
    "dccDateOfBirth": _Form(1, 1),
    "plusTime": _Form(3, 3, _PLUS_TIME),
    "extractFromUVCI": _Form(2, 2, _UVCI),
    **{operator: _Form(2, 3) for operator in COMPARISONS},
}


class _Stop(Exception):
    """The expression is larger than any we look through."""


class _Look:
    """One look through an expression; `nodes` counts what was seen."""

    def __init__(self) -> None:
        self.nodes = 0
        self.found: list[Issue] = []

    def at(self, expr: Any, depth: int) -> None:
        self.nodes += 1
        if self.nodes > MAX_LOGIC_NODES:
            raise _Stop(f"an expression of more than {MAX_LOGIC_NODES} nodes")
        if depth > MAX_LOGIC_DEPTH:
            raise _Stop(f"an expression nested more than {MAX_LOGIC_DEPTH} deep")
        if isinstance(expr, list):
            for item in expr:
                self.at(item, depth + 1)
        elif isinstance(expr, dict):
            self._operation(expr, depth)
        elif fault := _literal_fault(expr):
            self.found.append(Issue(expr, fault))

    def _operation(self, expr: dict[str, Any], depth: int) -> None:
        if len(expr) != 1:
            self._say(expr, f"expression object must have exactly one key, but it has {len(expr)}")
            return
        ((operator, operands),) = expr.items()
        if operator == "var":
            self._path(expr, operands)
        elif not isinstance(operands, list):
            self._say(expr, 'operation not of the form { "<operator>": [ <values...> ] }')
        elif (form := _FORMS.get(operator)) is None:
            self._say(expr, f'unrecognised operator: "{str(operator)[:_MAX_SHOWN]}"')
        else:
            self._operands(expr, operator, operands, form, depth)

    def _operands(self, expr: Any, operator: str, operands: list[Any], form: _Form, depth: int) -> None:
        if not form.least <= len(operands) <= form.most:
            takes = str(form.least) if form.least == form.most else f"{form.least} or more"
            self._say(expr, f'"{operator}" takes {takes} operands, here are {len(operands)}')
        for place, operand in enumerate(operands[: form.most]):
            if place not in form.plain:
                self.at(operand, depth + 1)
                continue
            self.nodes += 1
            holds, otherwise = form.plain[place]
            if not holds(operand):
                self._say(expr, otherwise)

    def _path(self, expr: Any, path: object) -> None:
        if not isinstance(path, str):
            self._say(expr, 'not of the form { "var": "<path>" }')
        elif len(path) > MAX_LOGIC_TEXT_CHARS or not (path == "" or all(path.split("."))):
            self._say(expr, f"data access path doesn't have a valid format: {path[:_MAX_SHOWN]}")
        else:
            self.nodes += path.count(".")  # each step of a path is work

    def _say(self, expr: Any, message: str) -> None:
        self.found.append(Issue(expr, message))


def _literal_fault(value: object) -> str | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return None if len(value) <= MAX_LOGIC_TEXT_CHARS else f"a text of more than {MAX_LOGIC_TEXT_CHARS}"
    if not isinstance(value, int | float):
        return "invalid CertLogic expression"
    if is_whole(value):
        return None
    if isinstance(value, int) or value.is_integer():
        return "an integer that JSON readers do not hold exactly"
    return f"{value} is a non-integer number"


def issues(expr: Any) -> tuple[Issue, ...]:
    """Everything wrong with `expr` as an expression; empty when it is one. Never raises."""
    look = _Look()
    try:
        look.at(expr, 1)
    except _Stop as stop:
        look.found.append(Issue(expr, str(stop)))
    except RecursionError:
        look.found.append(Issue(expr, "the caller left no stack for this nesting"))
    return tuple(look.found)
