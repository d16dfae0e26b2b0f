"""The value of an expression as JSON of its own: copied, date-times as text, bounded in size and depth.

A few nested arrays built by `reduce` can share parts, so that a small value writes out to gigabytes; and a
caller who changes a result must not change the data or the compiled expression.
Source: CertLogic specification 1.3.3 (values are self-contained JSON).
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from ..errors import CertLogicError
from ..limits import MAX_LOGIC_DEPTH, MAX_LOGIC_INTEGER, MAX_LOGIC_RESULT
from .certlogic_dates import moment_text


def plain_result(value: Any) -> Any:
    """`value` copied to plain JSON. Raises CertLogicError when it is too large, too deep or no JSON."""
    return _copy(value, 1, [MAX_LOGIC_RESULT])


def _copy(value: Any, depth: int, room: list[int]) -> Any:
    kind = type(value)
    room[0] -= 1 + (len(value) if kind is str else 0)
    if room[0] < 0 or depth > MAX_LOGIC_DEPTH:
        raise CertLogicError("a result too large to give")
    if kind is list:
        return [_copy(item, depth + 1, room) for item in value]
    if kind is dict:
        return {_copy(key, depth, room): _copy(item, depth + 1, room) for key, item in value.items()}
    return _plain(value)


def _plain(value: Any) -> Any:
    kind = type(value)
    if value is None or kind is str or kind is bool:
        return value
    if kind is datetime and value.tzinfo is None:
        return moment_text(value)
    if kind is float and math.isfinite(value):
        return int(value) if value.is_integer() and abs(value) <= MAX_LOGIC_INTEGER else value
    if kind is int and abs(value) <= MAX_LOGIC_INTEGER:
        return value
    raise CertLogicError("a result that JSON readers do not hold exactly")
