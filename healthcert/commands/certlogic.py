"""`python -m healthcert certlogic`: {"logic":…, "data":…} a line, {"result":…} or {"error":"…"} back.

Missing `data` is null. Date-times in a result are texts, 2021-05-04T13:37:42.000Z.
Source: architecture §6.
"""

from __future__ import annotations

import json
from typing import IO, Any, NoReturn

from ..errors import CertLogicError
from ..limits import MAX_LOGIC_LINE_BYTES
from ..rules.certlogic import compile
from .lines import serve


def run(source: IO[bytes], sink: IO[str]) -> int:
    """Answer every line until the source ends."""
    return serve(source, sink, answer, MAX_LOGIC_LINE_BYTES, lambda: {"error": "internal.error"})


def answer(line: bytes, complete: bool) -> dict[str, Any]:
    """The answer to one line; `complete` is False when it was longer than MAX_LOGIC_LINE_BYTES."""
    if not complete:
        return {"error": "input.line_too_long"}
    try:
        request = json.loads(line, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return {"error": "input.not_json"}
    if not isinstance(request, dict) or "logic" not in request:
        return {"error": "input.no_logic"}
    try:
        return {"result": compile(request["logic"])(request.get("data"))}
    except CertLogicError as fault:
        return {"error": str(fault)}


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
