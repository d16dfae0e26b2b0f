"""Reading CBOR that gives tags no effect, because it refuses them: for what comes over a network.

`cbor2` acts on tags while it reads (regular expressions, fractions, shared references), so seconds of work
fit into a few kilobytes that nobody signed. Here every byte passes one of two checks first: healthcert's
reader, made to refuse tags, or for an entry as our kiosks write it one regular expression, which is twenty
times faster. Only then may `cbor2` build the values.
Source: RFC 8949 §3 (heads), §3.4 (tags); requirement K04.
"""

from __future__ import annotations

import re
from typing import Any

from healthcert.transport.cbor import CborError, Reader

MAX_FIELDS = 16  # a report has eight, and room for as many to come
TAG_SIGN1 = 18
_ARRAY, _MAP, _TAG = 4, 5, 6


class PlainReader(Reader):
    """healthcert's reader; a tag anywhere is an error. Bounded: depth, items, and no unkept promise."""

    __slots__ = ()

    def head(self) -> tuple[int, int, int | None]:
        """The next head. Raises CborError, also for a tag."""
        found = super().head()
        if found[0] == _TAG:
            raise CborError("tag")
        return found


def plain(raw: bytes) -> Any:
    """The one item in `raw`. Raises CborError."""
    reader = PlainReader(raw)
    value = reader.item()
    if not reader.at_end():
        raise CborError("trailing")
    return value


def envelope(raw: bytes) -> tuple[bytes, Any, bytes, bytes]:
    """Protected header, unprotected header, payload and signature of a COSE_Sign1, tagged 18 or bare.

    Raises CborError.
    """
    reader = PlainReader(raw)
    if raw[:1] == bytes([_TAG << 5 | TAG_SIGN1]):
        reader.position = 1
    if reader.head()[::2] != (_ARRAY, 4):
        raise CborError("malformed")
    protected, unprotected = reader.byte_string(), reader.item()
    payload, signature = reader.byte_string(), reader.byte_string()
    if not reader.at_end():
        raise CborError("trailing")
    return protected, unprotected, payload, signature


def check_report(
    payload: bytes, *, entries_field: int, most_entries: int, most_entry: int, most_rest: int
) -> None:
    """Return if `payload` is one plain map whose field `entries_field`, if there, is an array within bounds.

    `most_entry`: bytes of one entry. `most_rest`: bytes of everything beside the entries. Raises CborError.
    """
    reader = PlainReader(payload)
    major, _, fields = reader.head()
    if major != _MAP or fields is None or fields > MAX_FIELDS:
        raise CborError("malformed")
    seen, rest = set(), len(payload)
    for _ in range(fields):
        key = reader.item()
        if type(key) is not int or key in seen:
            raise CborError("malformed")
        seen.add(key)
        if key == entries_field:
            before = reader.position
            _pass_entries(reader, most_entries, most_entry)
            rest -= reader.position - before
        else:
            reader.item(1)
    if not reader.at_end():
        raise CborError("trailing")
    if rest > most_rest:
        raise CborError("too_large")


def _pass_entries(reader: PlainReader, most: int, most_bytes: int) -> None:
    major, _, count = reader.head()
    if major != _ARRAY or count is None or count > most:
        raise CborError("malformed")
    data, position, usual = reader.data, reader.position, _USUAL_ENTRY.match
    for _ in range(count):
        found = usual(data, position)
        if found is not None:
            end = found.end()
        else:
            reader.position, reader.items = position, 0  # an entry is bounded by its bytes
            reader.item(2)
            end = reader.position
        if end - position > most_bytes:
            raise CborError("too_large")
        position = end
    reader.position = position


def _pattern() -> re.Pattern[bytes]:
    """An entry as `protocol.encode_entry` writes it: 8 items, each of a shape that cannot hide a tag.

    Every alternative begins with another byte, so a match takes time linear in its length.
    """
    short = b"|".join(re.escape(bytes([0x60 + n])) + b".{%d}" % n for n in range(24))
    long = b"|".join(re.escape(bytes([n])) + b".{%d}" % n for n in range(24, 65))
    text = b"(?:" + short + b"|\x78(?:" + long + b"))"
    number = rb"(?:[\x00-\x17]|\x18.|\x19..|\x1a....)"
    reasons = b"|".join(re.escape(bytes([0x80 + n])) + text * n for n in range(9))
    maybe = b"(?:\xf6|" + text + b")"
    return re.compile(
        rb"\x88\x1b.{8}[\x00-\x02](?:"
        + reasons
        + b")"
        + text
        + maybe
        + maybe
        + text
        + rb"(?:\x85"
        + number * 5
        + rb"|\x80)",
        re.DOTALL,
    )


_USUAL_ENTRY = _pattern()
