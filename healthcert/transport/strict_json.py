"""JSON for what arrives unsigned: every text has one meaning or none.

Python's reader keeps the last of two equal names, knows NaN, makes infinity of 1e999, lets half a
surrogate pair through and recurses as deep as it is told. Each of these is refused here.
Source: RFC 8259 §4, §9; RFC 7493 (I-JSON) §2; requirement K16.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from ..limits import MAX_JSON_CHARS, MAX_JSON_DEPTH, MAX_JSON_NUMBER_CHARS

# A string, also one that never ends (so that a failed match is not tried again at every quote), or a bracket.
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
_STEP = {"[": 1, "{": 1, "]": -1, "}": -1}


class JsonError(ValueError):
    """The text is no JSON, or JSON beyond our bounds.

    `args[0]` is one word: malformed, too_long, too_deep, duplicate_key, number, surrogate.
    """


def loads(text: str, *, max_depth: int = MAX_JSON_DEPTH) -> Any:
    """The value `text` names. Raises JsonError.

    Whole numbers come as int of at most MAX_JSON_NUMBER_CHARS characters, the others as finite float.
    """
    if len(text) > MAX_JSON_CHARS:
        raise JsonError("too_long")
    # no nesting is deeper than the brackets are many: the usual text is not walked
    if text.count("{") + text.count("[") > max_depth and _depth(text) > max_depth:
        raise JsonError("too_deep")
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError:
        raise JsonError("malformed") from None
    if "\\u" in text or not text.isascii():
        _refuse_surrogates(value)
    return value


def _depth(text: str) -> int:
    deepest = depth = 0
    for token in _STRING_OR_BRACKET.finditer(text):
        depth += _STEP.get(token[0], 0)
        deepest = max(deepest, depth)
    return deepest


def _refuse_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise JsonError("surrogate") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise JsonError("duplicate_key")
    return found


def _whole(text: str) -> int:
    if len(text) > MAX_JSON_NUMBER_CHARS:
        raise JsonError("number")
    return int(text)


def _broken(text: str) -> float:
    if len(text) > MAX_JSON_NUMBER_CHARS or not math.isfinite(number := float(text)):
        raise JsonError("number")
    return number


def _constant(name: str) -> float:
    raise JsonError("number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_whole, parse_float=_broken, parse_constant=_constant
)
