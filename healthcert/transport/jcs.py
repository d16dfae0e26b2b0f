"""The JSON Canonicalization Scheme: one byte string for a JSON value, however it was written.

Source: RFC 8785 §3.2 (serialization), appendix B (numbers); ECMA-262 Number::toString.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from json.encoder import JSONEncoder, encode_basestring
from typing import Any

# Beyond 2^53 not every whole number is a double: RFC 8785 then writes the double nearest to it.
_MAX_EXACT = 1 << 53
_FIXED_BELOW = 21  # ECMAScript writes 10^21 and more with an exponent,
_FIXED_ABOVE = -6  # and what begins after more than five zeros behind the point
# Python's own encoder writes the canonical form but for three things: the order of names beyond the basic
# plane, numbers with a point or an exponent, and whole numbers of more digits than a double holds.
_NEARLY = JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
_BEYOND_THE_BASIC_PLANE = re.compile("[\ud800-\U0010ffff]")
_NUMBER_TO_WRITE_ANEW = re.compile(r"[:,\[]-?\d+(?:[.e]|\d{15})")


class CanonicalError(ValueError):
    """The value is none JSON holds."""


def canonical(value: Any) -> bytes:
    """The canonical form, UTF-8.

    `value` is as `strict_json.loads` returns it: its depth is bounded there. Raises CanonicalError on what
    JSON does not hold: other types, NaN and infinities, half a surrogate pair, numbers beyond a double.
    """
    parts: list[str] = []
    try:
        if type(value) is dict:
            text = _NEARLY.encode(value)
            if _NUMBER_TO_WRITE_ANEW.search(text) is None and (
                text.isascii() or _BEYOND_THE_BASIC_PLANE.search(text) is None
            ):
                return text.encode()
        _write(value, parts.append)
        return "".join(parts).encode()
    except (ValueError, OverflowError, RecursionError, TypeError) as fault:
        raise CanonicalError("no canonical form") from fault


def _write(value: Any, put: Any) -> None:
    kind = type(value)
    if kind is str:
        put(encode_basestring(value))  # the short escapes, \u00xx for other controls, nothing else escaped
    elif kind is dict:
        _write_object(value, put)
    elif kind is list:
        put("[")
        for index, item in enumerate(value):
            if index:
                put(",")
            _write(item, put)
        put("]")
    elif kind is int:
        put(str(value) if -_MAX_EXACT <= value <= _MAX_EXACT else number(float(value)))
    elif kind is float:
        put(number(value))
    elif value is True:
        put("true")
    elif value is False:
        put("false")
    elif value is None:
        put("null")
    else:
        raise ValueError("not a JSON value")


def _write_object(value: Mapping[str, Any], put: Any) -> None:
    names = sorted(value)
    if not "".join(names).isascii():  # only beyond the basic plane do the two orders differ
        names.sort(key=_utf_16)
    lead = "{"
    for name in names:
        put(lead)
        put(encode_basestring(name))
        put(":")
        _write(value[name], put)
        lead = ","
    put("}" if names else "{}")


def _utf_16(name: str) -> bytes:
    return name.encode("utf-16-be")


def number(value: float) -> str:
    """A double as ECMAScript writes it: the shortest digits that read back. Raises ValueError."""
    if not math.isfinite(value):
        raise ValueError("not a JSON number")
    if value == 0:
        return "0"  # minus zero too
    mantissa, _, exponent = f"{abs(value)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    point = len(whole) + int(exponent or 0)  # where the point stands, counted from the first digit
    digits = whole + fraction
    if whole == "0":
        digits = fraction.lstrip("0")
        point -= 1 + len(fraction) - len(digits)
    digits = digits.rstrip("0")
    sign = "-" if value < 0 else ""
    return sign + _place(digits, point)


def _place(digits: str, point: int) -> str:
    """`digits` (no zeros at either end) as 0.digits x 10^point."""
    count = len(digits)
    if count <= point <= _FIXED_BELOW:
        return digits + "0" * (point - count)
    if 0 < point <= _FIXED_BELOW:
        return f"{digits[:point]}.{digits[point:]}"
    if _FIXED_ABOVE < point <= 0:
        return "0." + "0" * -point + digits
    mantissa = digits if count == 1 else f"{digits[0]}.{digits[1:]}"
    return f"{mantissa}e{point - 1:+d}"
