"""The signed claims. Called only after the signature held.

`cbor2` reads the common case, and its word counts only where the strict reader would say the same: plain
types that written again are the very bytes received. Whatever else (tags, shared references, duplicate
keys, indefinite or wasteful heads, what one version of the library forgives and another does not) is read
by the strict reader. So a verdict never hangs on the version of `cbor2`.
Source: RFC 8392 §3; hcert-spec §3.3.4-3.3.8; RFC 8949 §4.1 (preferred heads), §5.6 (duplicate keys).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import cbor2

from ..errors import DecodeError
from ..limits import MAX_CBOR_DEPTH, MAX_CBOR_ITEMS, MAX_NUMERIC_DATE, MIN_NUMERIC_DATE
from ..model import Claims
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
_INT_MIN, _INT_MAX = -(1 << 63), (1 << 64) - 1  # what CBOR holds without big-number tags


class _Plain(NamedTuple):
    """The types a value may consist of, besides maps, arrays, numbers, booleans and null."""

    keys: tuple[type, ...]
    texts: tuple[type, ...]


_JSON = _Plain((str,), (str,))
_CBOR = _Plain((int, str, bytes), (str, bytes))


def read_usual(
    payload: bytes, usual_kind: Callable[[Mapping[str, Any]], str | None]
) -> tuple[Claims, str] | None:
    """The claims by the fast reader and their kind, or None when anything about them asks for `parse`.

    `usual_kind` names the kind of a certificate only if that holds bounded plain values of a known shape.
    """
    claims = _fast(payload)
    hcert = None if claims is None else claims.get(CLAIM_HCERT)
    if claims is None or type(hcert) is not dict or len(hcert) != 1:
        return None
    dcc = hcert.get(HCERT_DCC)
    if type(dcc) is not dict:
        return None
    kind = usual_kind(dcc)
    expires, issued, issuer = claims.get(CLAIM_EXP), claims.get(CLAIM_IAT), claims.get(CLAIM_ISS)
    if kind is None or not (
        type(issuer) is str
        and type(expires) is int
        and type(issued) is int
        and MIN_NUMERIC_DATE <= issued <= MAX_NUMERIC_DATE
        and MIN_NUMERIC_DATE <= expires <= MAX_NUMERIC_DATE
    ):
        return None
    private = claims.get(CLAIM_PRIVATE)
    if len(claims) != (4 if private is None else 5):
        return None  # a claim that nobody here looked at
    if private is not None and not _is_bounded(private, len(payload), _CBOR):
        return None
    if cbor2.dumps(claims) != payload:
        return None
    return Claims(issuer.strip() or None, expires, issued, (), dcc, private), kind


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
    return sub_claim == b"\x01" and b"\x64hcid" in payload and b"\x63ver" not in payload


def _fast(payload: bytes) -> dict[Any, Any] | None:
    """What `cbor2` makes of the payload, if that is a map at all; nothing else about it is proved."""
    if not payload or not 0xA1 <= payload[0] <= 0xB7:  # a map of 1 to 23 entries
        return None
    try:
        claims = cbor2.loads(payload)
    except Exception:
        return None  # the strict reader names the fault
    return claims if type(claims) is dict else None


def _is_as_received(claims: dict[Any, Any], payload: bytes) -> bool:
    """Whether these plain values are all the payload says: written again they are the same bytes.

    Bounded first: shared references could make much out of little.
    """
    return _is_bounded(claims, len(payload), _CBOR) and cbor2.dumps(claims) == payload


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


def _is_json(value: Any, room: int) -> bool:
    return _is_bounded(value, room, _JSON)


def _is_bounded(value: Any, room: int, plain: _Plain) -> bool:
    """Only `plain` types, no deeper, larger or longer than the `room` bytes they came from allow."""
    level: list[Any] = [value]
    items = 1  # counted as the strict reader does: keys too
    chars = 0
    for _ in range(MAX_CBOR_DEPTH):
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
