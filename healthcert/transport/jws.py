"""Compact JWS to its parts. Nothing in it is believed: the key is chosen by the trust data, and the payload
stays as it came, compressed, until the signature held.

Source: RFC 7515 §3.1, §4.1, §5.2; SMART Health Cards Framework 1.4.0, "Health Cards are Compact".
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from ..errors import DecodeError
from ..limits import MAX_JWS_HEADER_CHARS, MAX_REMEMBERED_HEADERS
from ..verdict import Stage
from . import base64url, strict_json

ALG = "ES256"
ZIP = "DEF"


class Jws(NamedTuple):
    """A JWS as received. `signed` are the exact bytes signed; `alg` is what the header says, of any type."""

    signed: bytes
    unverified_payload: bytes
    signature: bytes
    kid: str
    alg: Any

    def __repr__(self) -> str:
        """Without the payload: a repr ends in logs and tracebacks."""
        return f"Jws(kid={self.kid!r}, {len(self.unverified_payload)} bytes)"


def parse(text: str) -> Jws:
    """The parts of `header.payload.signature`.

    Raises DecodeError at Stage.COSE, the stage of envelopes: `decode.jws`, `decode.jws_header`,
    `decode.jws_crit`, `decode.jws_zip`, `decode.jws_kid`.
    """
    raw = text.encode("ascii", "replace")  # what is not ASCII becomes "?", which base64url refuses
    parts = raw.split(b".", 3)
    if len(parts) != 3:
        raise DecodeError(Stage.COSE, "decode.jws")
    head, payload, signature = (base64url.decode(part) for part in parts)
    if head is None or payload is None or signature is None or len(parts[0]) > MAX_JWS_HEADER_CHARS:
        raise DecodeError(Stage.COSE, "decode.jws")
    header = read_header(head)
    if "crit" in header:  # we understand no extension that must be understood
        raise DecodeError(Stage.COSE, "decode.jws_crit")
    if header.get("zip") != ZIP:
        raise DecodeError(Stage.COSE, "decode.jws_zip")
    kid = header.get("kid")
    if not isinstance(kid, str) or not kid:
        raise DecodeError(Stage.COSE, "decode.jws_kid")
    return Jws(raw[: raw.rindex(b".")], payload, signature, kid, header.get("alg"))


@lru_cache(MAX_REMEMBERED_HEADERS)
def read_header(raw: bytes) -> Mapping[str, Any]:
    """The JSON object in `raw`, strictly; an issuer writes the same one on all its cards.

    Raises DecodeError `decode.jws_header`.
    """
    try:
        header = strict_json.loads(raw.decode("utf-8"))
    except ValueError:
        header = None
    if not isinstance(header, dict):
        raise DecodeError(Stage.COSE, "decode.jws_header")
    return header
