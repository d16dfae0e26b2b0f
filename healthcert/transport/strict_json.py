"""JSON for what arrives unsigned: every text has one meaning or none.

Python's reader keeps the last of two equal names, knows NaN, makes infinity of 1e999, lets half a
surrogate pair through and recurses as deep as it is told. Each of these is refused here.
Source: RFC 8259 §4, §9; RFC 7493 (I-JSON) §2; requirement K16.
"""

from __future__ import annotations

import json
import math
from itertools import accumulate
from typing import Any

from ..limits import MAX_JSON_CHARS, MAX_JSON_DEPTH, MAX_JSON_NUMBER_CHARS

_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NO_BRACKETS = bytes(code for code in range(256) if code not in _STEP)
_SPACE = " \t\n\r"  # RFC 8259 section 2


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
        value = _decode(text)
    except json.JSONDecodeError:
        raise JsonError("malformed") from None
    except RecursionError:  # the caller stood deep already
        raise JsonError("too_deep") from None
    if "\\u" in text or not text.isascii():
        _refuse_surrogates(value)
    return value


def _decode(text: str) -> Any:
    """`_DECODER.decode`, without its search for whitespace around an object that has none."""
    if text[:1] != "{":
        return _DECODER.decode(text)
    value, end = _DECODER.raw_decode(text)
    if end != len(text) and text[end:].strip(_SPACE):
        raise JsonError("malformed")
    return value


def _depth(text: str) -> int:
    """How deep the brackets outside strings nest.

    In JSON a backslash stands only inside a string. With the escaped ones taken out, every other piece
    between quotes is outside one; up to the first fault of a malformed text that holds too.
    """
    bare = text.replace("\\\\", "").replace('\\"', "") if "\\" in text else text
    outside = "".join(bare.split('"')[::2]).encode("ascii", "replace")
    return max(accumulate(map(_STEP.__getitem__, outside.translate(None, _NO_BRACKETS))), default=0)


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
