"""Lines in, one JSON line out for each, whatever the line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import IO, Any

Answer = Callable[[bytes, bool], dict[str, Any]]  # a line without its end; False: it was cut


def serve(
    source: IO[bytes], sink: IO[str], answer: Answer, limit: int, broken: Callable[[], dict[str, Any]]
) -> int:
    """Answer each line of at most `limit` bytes; `broken()` answers where a fault of ours shows."""
    for line, complete in read_lines(source, limit):
        try:
            printed = json.dumps(answer(line, complete), allow_nan=False)
        except Exception:  # one bad line never ends the stream
            printed = json.dumps(broken())
        sink.write(printed + "\n")
        sink.flush()
    return 0


def read_lines(source: IO[bytes], limit: int) -> Iterator[tuple[bytes, bool]]:
    """Lines without their end; one of `limit` bytes or more is cut (False) and the rest of it skipped."""
    while line := source.readline(limit):
        complete = line.endswith(b"\n") or len(line) < limit
        rest = line
        while rest and not rest.endswith(b"\n") and len(rest) == limit:
            rest = source.readline(limit)
        yield line.rstrip(b"\r\n"), complete
