"""COSE_Sign1: the envelope around the signed bytes.

Accepted: tag 18, the CWT tag 61 around tag 18, and no tag at all (three countries issue untagged ones).
`kid` and `alg` may stand in either header; the protected one wins.
Source: RFC 8152 §4.2, §4.4; RFC 8392 §6; hcert-spec §3.3.1, §3.3.3; official vectors CO18-CO23, CO28.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..errors import DecodeError
from ..model import Envelope, make
from ..verdict import Stage
from .cbor import CborError, Reader

TAG_SIGN1 = 18
TAG_CWT = 61
LABEL_ALG = 1
LABEL_CRIT = 2
LABEL_KID = 4
_ALLOWED_TAGS = ((), (TAG_SIGN1,), (TAG_CWT, TAG_SIGN1))
_CONTEXT = b"\x84\x6aSignature1"  # array(4), text(10): the head of a Sig_structure
_ARRAY_OF_FOUR = b"\x84"
_NO_EXTERNAL_DATA = b"\x40"
_KEY = 6  # bytes that tell the usual envelopes apart


def _bytes_head(size: int) -> bytes:
    if size < 24:
        return bytes((0x40 | size,))
    if size < 0x100:
        return bytes((0x58, size))
    if size < 0x10000:
        return b"\x59" + size.to_bytes(2, "big")
    return b"\x5a" + size.to_bytes(4, "big")


class _Usual(NamedTuple):
    """Where things stand in an envelope as nearly every issuer writes it.

    Its first six bytes are the row's key; `lead` follows up to the kid, `behind` follows the kid up to the
    payload at `at`. The protected header ends at `protected_end`; `tail` is the head of a signature of
    `size`.
    """

    lead: bytes
    kid: int
    kid_end: int
    behind: bytes
    at: int
    protected_end: int
    alg: int
    tail: bytes
    size: int


def _usual_rows() -> dict[bytes, _Usual]:
    """Tag 18, an array of four, an algorithm and a kid of eight bytes, which `K` stands for."""
    k = b"K" * 8
    rows = {}
    for alg, value, tail, size in (
        (-7, b"\x26", b"\x58\x40", 64),  # ES256: P-256
        (-37, b"\x38\x24", b"\x59\x01\x00", 256),  # PS256: RSA-2048
    ):
        for protected, unprotected in (
            (b"\xa2\x01" + value + b"\x04\x48" + k, b"\xa0"),
            (b"\xa2\x04\x48" + k + b"\x01" + value, b"\xa0"),
            (b"\xa3\x01" + value + b"\x03\x18\x3d\x04\x48" + k, b"\xa0"),  # 3: the content is a CWT
            (b"\xa1\x01" + value, b"\xa1\x04\x48" + k),
        ):
            head = b"\xd2\x84" + _bytes_head(len(protected)) + protected
            whole = head + unprotected
            kid = whole.index(k)
            end = kid + len(k)
            rows[whole[:_KEY]] = _Usual(
                whole[_KEY:kid], kid, end, whole[end:], len(whole), len(head), alg, tail, size
            )
    return rows


_USUAL = _usual_rows()
_NEW_HEADERS = {-7: b"\xa2\x01\x26\x04\x48", -37: b"\xa2\x01\x38\x24\x04\x48"}


def parse(data: bytes) -> Envelope:
    """The envelope in `data`, complete and with nothing behind it.

    Raises DecodeError at COSE: `decode.cose`, `decode.cose_tag`, `decode.cose_trailing`,
    `decode.cose_duplicate_key`, `decode.cose_too_deep`, `decode.cose_critical`.
    """
    usual = _usual(data)
    if usual is not None:
        return usual
    try:
        protected, unprotected, payload, signature = _four(data)
        headers = _headers(protected)
    except CborError as fault:
        word = str(fault)
        known = word in ("duplicate_key", "too_deep", "too_many", "tag", "trailing")
        raise DecodeError(Stage.COSE, f"decode.cose_{word}" if known else "decode.cose") from None
    if LABEL_CRIT in headers:
        raise DecodeError(Stage.COSE, "decode.cose_critical")
    kid = headers[LABEL_KID] if LABEL_KID in headers else unprotected.get(LABEL_KID)
    alg = headers[LABEL_ALG] if LABEL_ALG in headers else unprotected.get(LABEL_ALG)
    if isinstance(kid, str):
        kid = kid.encode()
    return Envelope(
        protected=protected,
        unverified_payload=payload,
        signature=signature,
        kid=kid if isinstance(kid, bytes) else None,
        alg=alg if type(alg) is int else None,
    )


def signed_bytes(envelope: Envelope) -> bytes:
    """The Sig_structure: exactly what the signer signed, protected header as received."""
    protected, payload = envelope.protected, envelope.unverified_payload
    protected_head, payload_head = _bytes_head(len(protected)), _bytes_head(len(payload))
    return b"".join((_CONTEXT, protected_head, protected, _NO_EXTERNAL_DATA, payload_head, payload))


def protected_header(alg: int, kid: bytes) -> bytes:
    """The protected header {1: alg, 4: kid} in deterministic CBOR; `alg` ES256 or PS256, `kid` 8 bytes."""
    return _NEW_HEADERS[alg] + kid


def write(envelope: Envelope) -> bytes:
    """The tagged COSE_Sign1 of `envelope`, its unprotected header empty; `parse` gives it back."""
    parts = []
    for part in (envelope.protected, envelope.unverified_payload, envelope.signature):
        parts += [_bytes_head(len(part)), part]
    return b"".join((b"\xd2\x84", *parts[:2], b"\xa0", *parts[2:]))


def _usual(data: bytes) -> Envelope | None:
    """The envelope if it has a usual shape: the same as the strict reader below gives, only sooner."""
    row = _USUAL.get(data[:_KEY])
    if row is None:
        return None
    lead, kid, kid_end, behind, at, protected_end, alg, tail, size = row
    start = at + 3
    if data[_KEY:kid] != lead or data[kid_end:at] != behind or len(data) < start:
        return None
    head = data[at]
    if head == 0x59:
        end = start + (data[at + 1] << 8 | data[at + 2])
    elif head == 0x58:
        start -= 1
        end = start + data[at + 1]
    else:
        return None
    behind_tail = end + len(tail)
    if len(data) != behind_tail + size or not data.startswith(tail, end):
        return None
    return make(
        Envelope, (data[3:protected_end], data[start:end], data[behind_tail:], data[kid:kid_end], alg)
    )


def _four(data: bytes) -> tuple[bytes, Mapping[Any, Any], bytes, bytes]:
    reader = Reader(data)
    tags: list[int] = []
    while not reader.at_end() and data[reader.position] >> 5 == 6 and len(tags) < 3:
        tags.append(reader.head()[2] or 0)
    if tuple(tags) not in _ALLOWED_TAGS:
        raise CborError("tag")
    if data[reader.position : reader.position + 1] == _ARRAY_OF_FOUR:
        reader.position += 1
        protected = reader.byte_string()
        unprotected = reader.item()
        payload = reader.byte_string()
        signature = reader.byte_string()
    else:
        parts = reader.item()
        if type(parts) is not list or len(parts) != 4:
            raise CborError("trailing" if not reader.at_end() else "malformed")
        protected, unprotected, payload, signature = parts
    if not reader.at_end():
        raise CborError("trailing")
    if not (type(protected) is type(payload) is type(signature) is bytes and type(unprotected) is dict):
        raise CborError("malformed")
    return protected, unprotected, payload, signature


def _headers(protected: bytes) -> Mapping[Any, Any]:
    if not protected:
        return {}
    reader = Reader(protected)
    headers = reader.item()
    if not reader.at_end():
        raise CborError("trailing")
    if type(headers) is not dict:
        raise CborError("malformed")
    return headers
