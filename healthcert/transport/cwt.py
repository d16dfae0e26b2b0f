"""The signed claims. Called only after the signature held.

`cbor2` reads the common case, and its word counts only where the strict reader would say the same: plain
types that written again are the very bytes received, or the usual shape with no tag that makes plain types
out of others. Whatever else (references, duplicate keys, indefinite or wasteful heads, what one version of
the library forgives and another does not) is read by the strict reader: no verdict hangs on a version.
Source: RFC 8392 §3; hcert-spec §3.3.4-3.3.8; RFC 8949 §4.1 (preferred heads), §5.6 (duplicate keys).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import cbor2

from ..errors import DecodeError
from ..limits import MAX_CBOR_DEPTH, MAX_CBOR_ITEMS, MAX_NUMERIC_DATE, MIN_NUMERIC_DATE
from ..model import Claims, make
from ..verdict import Stage
from .cbor import CborError, Reader

CLAIM_ISS = 1
CLAIM_EXP = 4
CLAIM_IAT = 6
CLAIM_HCERT = -260
CLAIM_PRIVATE = -70_001  # below -65536: private use; `formats.private` says what it holds
HCERT_DCC = 1
HCERT_DDCC = (1, 3, 4)  # 3 vaccination, 4 test (proposed by WHO)
_HCERT_HEAD = b"\x39\x01\x03\xa1"  # -260: a map of one
_DCC_HEAD = _HCERT_HEAD + bytes((HCERT_DCC,))
# Heads of a usual certificate: 4 members, 4 of the name, then one entry of so many. No text holds these,
# for none of it is UTF-8.
_USUAL_HEAD, _NAME_HEAD = _DCC_HEAD + b"\xa4", b"\x63nam\xa4"
_GROUP_HEADS = {
    kind: tuple(bytes((0x61, ord(kind), 0x81, 0xA0 + size)) for size in range(16)) for kind in "vtr"
}
# The group stands first wherever keys are sorted by length: then one search finds both.
_SORTED_HEADS = {kind: tuple(_USUAL_HEAD + head for head in heads) for kind, heads in _GROUP_HEADS.items()}
# Any bytes that no certificate holds. All end in bits that ASCII letters and digits do not end in, so that
# the search for them steps over nine bytes at a time.
_END = b"\xff\xfe\xfd\xfc\xbf\xfe\xbd\xfc"
_END_ITEM = b"\x48" + _END
_LONGEST_TAG = 9  # bytes of a tag head with a 64-bit number
_SHALLOW = MAX_CBOR_DEPTH // 2  # the quick reading of a DDCC keeps away from the bounds of the strict one
_FEW_CLAIMS = 16
_INT_MIN, _INT_MAX = -(1 << 63), (1 << 64) - 1  # what CBOR holds without big-number tags
# Tags that make a plain number or text out of something else: big numbers (2, 3: around bytes, perhaps in
# tags of their own) and references (25, 29), in any length of head. No text holds these bytes, for none of
# it is UTF-8; a time may, and goes the long way.
_MADE = re.compile(rb"[\xc2\xc3][\x40-\x5f\xc0-\xdb]|[\xd8-\xdb]\x00*[\x02\x03\x19\x1d]")


# What is left of a payload without any such head is nothing: one pass, and most certificates are done.
_NO_HEAD = bytes(code for code in range(256) if code not in (0xC2, 0xC3, *range(0xD8, 0xDC)))


class _Plain(NamedTuple):
    """The types a value may consist of, besides maps, arrays, numbers, booleans and null."""

    keys: tuple[type, ...]
    texts: tuple[type, ...]


_JSON = _Plain((str,), (str,))
_CBOR = _Plain((int, str, bytes), (str, bytes))


def read_usual(payload: bytes) -> Claims | None:
    """The claims by the fast reader, or None when anything about them asks for `parse`.

    `dcc` may hold any type `cbor2` makes, and of a key that stands twice the last: the caller proves it plain
    and asks `announces`, or calls `parse`.
    """
    claims = _fast(payload)
    if claims is None:
        return None
    hcert = claims.get(CLAIM_HCERT)
    dcc = hcert.get(HCERT_DCC) if type(hcert) is dict else None
    expires, issued, issuer = claims.get(CLAIM_EXP), claims.get(CLAIM_IAT), claims.get(CLAIM_ISS)
    if not (
        type(dcc) is dict
        and type(issuer) is str
        and type(expires) is int
        and type(issued) is int
        and MIN_NUMERIC_DATE <= issued <= MAX_NUMERIC_DATE
        and MIN_NUMERIC_DATE <= expires <= MAX_NUMERIC_DATE
    ):
        return None
    if len(claims) != 4:  # anything but our own claim would go unseen
        private = claims.get(CLAIM_PRIVATE)
        plain = len(claims) == 5 and private is not None and _is_bounded(private, len(payload), _CBOR)
        if not plain or _encoded(CLAIM_PRIVATE, private) not in payload:
            return None
    return make(Claims, (issuer.strip() or None, expires, issued, (), dcc, claims.get(CLAIM_PRIVATE)))


def announces(payload: bytes, kind: str, members: int) -> bool:
    """Whether the maps of a usual certificate promise what was read: 4, 4 and `members` of the one entry.

    Then no key stood twice, which `cbor2` does not tell, and no tag made a value what it is. Other
    certificates: `parse`.
    """
    if payload.rfind(_NAME_HEAD) < 0:  # from behind: the name stands near the end
        return False
    if payload.translate(None, _NO_HEAD) and _MADE.search(payload):
        return False
    if payload.find(_SORTED_HEADS[kind][members]) >= 0:
        return True
    return _USUAL_HEAD in payload and _GROUP_HEADS[kind][members] in payload


def parse(payload: bytes) -> Claims:
    """The claims in `payload`, proved to hold JSON types only.

    Raises DecodeError at SCHEMA: `decode.cwt`, `decode.cwt_trailing`, `decode.cwt_duplicate_key`,
    `decode.cwt_too_deep`, `decode.cwt_too_many`, `schema.no_dcc`.
    """
    claims = _fast(payload)
    if claims is None or not _is_as_received(claims, payload):
        claims = _strict_any(payload)
    if not _is_plain(claims, len(payload)):
        raise DecodeError(Stage.SCHEMA, "decode.cwt")
    hcert = claims.get(CLAIM_HCERT)
    dcc = hcert.get(HCERT_DCC) if isinstance(hcert, Mapping) else None
    if not isinstance(dcc, Mapping):
        raise DecodeError(Stage.SCHEMA, "schema.no_dcc")
    return _claims(claims, dcc)


def parse_ddcc(payload: bytes) -> tuple[Mapping[str, Any], float | None, float | None, tuple[str, ...]]:
    """The DDCC map, expiry and issue time (seconds since 1970 or None) and the faults of those times.

    A time that is absent is no fault here: the bare map has none.
    Raises DecodeError at SCHEMA with the codes of `parse`.
    """
    claims = _written_plainly(payload)
    if claims is None:
        claims = _strict_any(payload)
    hcert = claims.get(CLAIM_HCERT)
    if not isinstance(hcert, Mapping):
        if not _is_json(claims, len(payload)):
            raise DecodeError(Stage.SCHEMA, "decode.cwt")
        return claims, None, None, ()
    ddcc = next((hcert[key] for key in HCERT_DDCC if isinstance(hcert.get(key), Mapping)), None)
    if ddcc is None:
        raise DecodeError(Stage.SCHEMA, "schema.no_dcc")
    if not _is_json(ddcc, len(payload)):
        raise DecodeError(Stage.SCHEMA, "decode.cwt")
    faults: list[str] = []
    expires = issued = None
    if claims.get(CLAIM_EXP) is not None:
        expires = _numeric_date(claims[CLAIM_EXP], "exp", faults)
    if claims.get(CLAIM_IAT) is not None:
        issued = _numeric_date(claims[CLAIM_IAT], "iat", faults)
    return ddcc, expires, issued, tuple(faults)


def _claims(claims: Mapping[Any, Any], dcc: Mapping[str, Any]) -> Claims:
    expires, issued, issuer = claims.get(CLAIM_EXP), claims.get(CLAIM_IAT), claims.get(CLAIM_ISS)
    issuer = issuer.strip() or None if isinstance(issuer, str) else None
    faults: list[str] = []
    exp = _numeric_date(expires, "exp", faults)
    iat = _numeric_date(issued, "iat", faults)
    return Claims(issuer, exp, iat, tuple(faults), dcc, claims.get(CLAIM_PRIVATE))


def looks_like_ddcc(payload: bytes) -> bool:
    """True if the payload has a shape only WHO DDCC comes in, judged by its heads and key names alone.

    Seen or proposed: the bare map (its first key is a text: no CWT claims), and CWT -260 with 3, 4, or 1
    around a map that has `hcid` and no `ver`. Nothing is believed because of it: it chooses whose signers
    are asked and which structure must hold afterwards.
    Source: notes/certificates-other-formats-and-vietnam §1.1, §1.3.
    """
    if len(payload) < 2 or not (0xA1 <= payload[0] <= 0xB7 or payload[0] == 0xBF):
        return False
    if payload[1] >> 5 == 3:
        return True
    at = payload.find(_HCERT_HEAD)
    sub_claim = payload[at + len(_HCERT_HEAD) : at + len(_HCERT_HEAD) + 1] if at >= 0 else b""
    if sub_claim in (b"\x03", b"\x04"):
        return True
    return sub_claim == b"\x01" and b"\x63ver" not in payload and b"\x64hcid" in payload


def _may_end_in_a_tag(payload: bytes) -> bool:
    """A tag head behind the claims would stand before our mark, and some tags let it through unchanged."""
    if len(payload) < _LONGEST_TAG:
        return True
    return (
        0xC0 <= payload[-1] <= 0xD7
        or payload[-2] == 0xD8
        or payload[-3] == 0xD9
        or payload[-5] == 0xDA
        or payload[-9] == 0xDB
    )


def _fast(payload: bytes) -> dict[Any, Any] | None:
    if not payload or not 0xA1 <= payload[0] <= 0xB7:  # a map of 1 to 23 entries
        return None
    if _END in payload or _may_end_in_a_tag(payload):
        return None
    try:
        # an array of the claims and a mark: the mark is the second item only if nothing lies between
        claims, mark = cbor2.loads(b"\x82" + payload + _END_ITEM)
    except Exception:
        return None  # the strict reader names the fault
    if mark != _END or type(claims) is not dict or len(claims) != payload[0] - 0xA0:
        return None
    return claims


def _written_plainly(payload: bytes) -> dict[Any, Any] | None:
    """What the strict reader gives, where `payload` is the one plain way to write it; None says nothing.

    Values of JSON types that `cbor2` writes back to the same bytes leave no room for a tag, a key twice or
    bytes behind them.
    """
    if len(payload) > MAX_CBOR_ITEMS:  # as many items at most as bytes
        return None
    try:
        claims = cbor2.loads(payload)
        if type(claims) is not dict or not _is_shallow(claims, len(payload)):
            return None
        return claims if cbor2.dumps(claims) == payload else None
    except Exception:
        return None  # the strict reader names the fault


def _is_shallow(claims: dict[Any, Any], room: int) -> bool:
    """A bare map, or scalar claims and one map under the hcert claim; far from every bound."""
    hcert = claims.get(CLAIM_HCERT)
    if hcert is None:
        return _is_json(claims, room, _SHALLOW)
    if len(claims) > _FEW_CLAIMS or type(hcert) is not dict or len(hcert) != 1:
        return False
    for label, value in claims.items():
        if type(label) is not int or (label != CLAIM_HCERT and type(value) not in (int, str, float)):
            return False
    ((kind, inner),) = hcert.items()
    return type(kind) is int and type(inner) is dict and _is_json(inner, room, _SHALLOW)


def _is_as_received(claims: dict[Any, Any], payload: bytes) -> bool:
    """Whether these plain values are all the payload says: written again they are the same bytes.

    Bounded first: shared references could make much out of little.
    """
    return _is_bounded(claims, len(payload), _CBOR) and cbor2.dumps(claims) == payload


def _encoded(label: int, value: Any) -> bytes:
    """A claim as it stands in a payload."""
    return bytes(cbor2.dumps(label) + cbor2.dumps(value))


def _strict_any(payload: bytes) -> dict[Any, Any]:
    reader = Reader(payload)
    try:
        claims = reader.item()
    except CborError as fault:
        word = str(fault)
        known = word in ("duplicate_key", "too_deep", "too_many")
        raise DecodeError(Stage.SCHEMA, f"decode.cwt_{word}" if known else "decode.cwt") from None
    if not reader.at_end():
        raise DecodeError(Stage.SCHEMA, "decode.cwt_trailing")
    if type(claims) is not dict:
        raise DecodeError(Stage.SCHEMA, "decode.cwt")
    return claims


def _is_plain(claims: dict[Any, Any], room: int) -> bool:
    """The times are scalars and the certificate under the hcert claim is JSON (`_is_json`)."""
    for name in (CLAIM_EXP, CLAIM_IAT):
        if type(claims.get(name)) not in (int, float, str, bool, type(None)):
            return False
    hcert = claims.get(CLAIM_HCERT)
    return type(hcert) is not dict or _is_json(hcert.get(HCERT_DCC), room)


def _is_json(value: Any, room: int, depth: int = MAX_CBOR_DEPTH) -> bool:
    return _is_bounded(value, room, _JSON, depth)


def _is_bounded(value: Any, room: int, plain: _Plain, depth: int = MAX_CBOR_DEPTH) -> bool:
    """Only `plain` types, no deeper than `depth`, no larger or longer than their `room` bytes allow."""
    level: list[Any] = [value]
    items = 1  # counted as the strict reader does: keys too
    chars = 0
    for _ in range(depth):
        below: list[Any] = []
        for value in level:
            kind = type(value)
            if kind is dict:
                for key, inner in value.items():
                    if type(key) not in plain.keys:
                        return False
                    if type(key) is not int:
                        chars += len(key)
                    if type(inner) is str:
                        chars += len(inner)
                    else:
                        below.append(inner)
                items += 2 * len(value)
            elif kind is list:
                below += value
                items += len(value)
            elif kind in plain.texts:
                chars += len(value)
            elif kind is int:
                if not _INT_MIN <= value <= _INT_MAX:
                    return False
            elif kind is float:
                if not math.isfinite(value):
                    return False
            elif kind is not bool and value is not None:
                return False
        if items > MAX_CBOR_ITEMS or chars > room:
            return False
        if not below:
            return True
        level = below
    return False


def _numeric_date(value: Any, name: str, faults: list[str]) -> float | None:
    if value is None:
        faults.append(f"time.{name}_missing")
        return None
    if type(value) in (int, float) and MIN_NUMERIC_DATE <= value <= MAX_NUMERIC_DATE:
        seconds: float = value
        return seconds
    faults.append(f"time.{name}_unreadable")  # not a number, NaN, infinite, or beyond year 9999
    return None
