"""When is a request whole? Pure: bytes in, an answer out.

The server's threads get whole requests only (see `worker`), so the frame is read here first, and stricter
than a server reads it: what this module calls whole, no parser waits on any longer.
Source: RFC 9112 §2.1, §6.2, §6.3; RFC 9110 §15.5.9, §15.5.12 (408, 411); RFC 6585 §5 (431).
"""

from __future__ import annotations

from enum import Enum

MAX_HEAD_BYTES = 16_384  # a line of 2,048 and the usual headers: a browser's have 1 to 2 KiB
MAX_BODY_BYTES = 13 * 1_048_576  # the largest body of any route: a picture of 12 MiB, a form around it
_LONGEST_LENGTH = 12  # digits of a Content-Length: beyond a terabyte nobody means it


class State(Enum):
    """What became of the bytes so far; the value of a refusal is its HTTP status."""

    MORE = 0
    WHOLE = 200
    MALFORMED = 400
    TOO_SLOW = 408
    NO_LENGTH = 411
    HEAD_TOO_LARGE = 431


class Arrival:
    """One request on its way in.

    `asks_to_go_on`: the sender waits for "100 Continue" before the body.
    """

    __slots__ = ("_size", "asks_to_go_on", "data")

    def __init__(self) -> None:
        self.data = bytearray()
        self.asks_to_go_on = False
        self._size: int | None = None

    @property
    def head_is_here(self) -> bool:
        """Whether the end of the head was seen."""
        return self._size is not None

    def add(self, part: bytes) -> State:
        """Take the next bytes."""
        looked = max(0, len(self.data) - 3)
        self.data += part
        if self._size is None:
            end = self.data.find(b"\r\n\r\n", looked, MAX_HEAD_BYTES)
            if end < 0:
                return State.MORE if len(self.data) < MAX_HEAD_BYTES else State.HEAD_TOO_LARGE
            length = self._read_head(bytes(self.data[:end]))
            if isinstance(length, State):
                return length
            # a body no route takes is not waited for: the route answers from the head alone
            self._size = end + 4 + (length if length <= MAX_BODY_BYTES else 0)
        return State.MORE if len(self.data) < self._size else State.WHOLE

    def taken(self) -> tuple[bytearray, bool]:
        """The bytes of the whole request, and whether more came than belongs to it."""
        size = self._size or 0
        surplus = len(self.data) > size
        del self.data[size:]
        return self.data, surplus

    def _read_head(self, head: bytes) -> int | State:
        """The length of the body, or why there is none to wait for."""
        lines = head.split(b"\r\n")
        if not lines[0].strip():
            return State.MALFORMED
        lengths: list[bytes] = []
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            match name.strip().lower():
                case b"content-length":
                    lengths.append(value.strip())
                case b"transfer-encoding":
                    return State.NO_LENGTH
                case b"expect":
                    self.asks_to_go_on = value.strip().lower() == b"100-continue"
        if not lengths:
            return 0
        if len(lengths) > 1 or not lengths[0].isdigit() or len(lengths[0]) > _LONGEST_LENGTH:
            return State.MALFORMED
        return int(lengths[0])
