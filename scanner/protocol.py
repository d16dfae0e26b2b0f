"""Messages between kiosk and central service: pure, versioned, nothing personal.

A report is a COSE_Sign1 (ES256, kid = device id, 16 bytes) whose payload is one CBOR map:

    {1: version, 2: device (bytes 16), 3: epoch (uint), 4: first_seq (uint), 5: [entry, ...],
     6: gap?, 7: status?, 8: prev?}

`gap` is the count of sequence numbers from first_seq on that the kiosk no longer holds (an alarm at the
service, never a stop): the entries then start at first_seq + gap. `prev` is `entry_mark` of the entry just
before first_seq, so that two histories that meet at the same number are still told apart. An entry is an
array:

    [at (ms since 1970 UTC), outcome (0 valid, 1 invalid, 2 undetermined), [reason, ...], format, kind|null,
     issuer country|null, trust version, [capture, read, decode, verify, lamp in tenths of ms]]

Each (device, epoch) is a stream of its own; the service names a new epoch when a stream forks.
Source: requirement K04; RFC 8949 §4.2 (encoding), RFC 9052 §4.2 and §4.4 (COSE_Sign1).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from healthcert.transport.cbor import CborError
from scanner import plain_cbor

VERSION = 1
CONTENT_TYPE = "application/cose; cose-type=cose-sign1"
REPLY_TYPE = "application/cbor"
MAX_BATCH_ENTRIES = 1_000
MAX_BATCH_BYTES = 256 * 1024  # 1,000 entries of at most ~200 bytes and the envelope
# 8 reasons, format and kind of 2 + 48 bytes, trust version 2 + 64, time 9, five timings of 5, and heads: 608
MAX_ENTRY_BYTES = 1_024
MAX_REST_BYTES = 2_048  # of a payload, beside its entries: seven short fields, and a status to come
MAX_ENVELOPE_BYTES = 512  # of a message, beside its payload: 95, and some room for headers nobody reads
MAX_REPLY_BYTES = 4 * 1024  # a reply is five small fields, about 60 bytes
MAX_REASONS = 8  # a verdict has ten stages; the first eight reasons tell the story
MAX_NUMBER = 2**62  # stays inside a signed 64-bit column with room for a batch on top
DEVICE_ID_BYTES = 16
MARK_BYTES = 16  # half a SHA-256: far beyond chance, half the bytes

OUTCOMES = ("valid", "invalid", "undetermined")
STAGES = ("capture", "read", "decode", "verify", "lamp")
OK, CREATED, RESEND, FORKED = "ok", "created", "resend", "forked"

_ALG, _KID, _ES256 = 1, 4, -7
_ENTRIES = 5
_WORD = re.compile(r"[a-z][a-z0-9_.-]{0,47}")
_COUNTRY = re.compile(r"[A-Z]{2,3}")
_VERSION = re.compile(r"[\w.:+-]{0,64}", re.ASCII)
_HALF = 32  # bytes of r and of s
_CURVE = ec.ECDSA(SHA256())


class ProtocolError(ValueError):
    """The bytes are not a message of this protocol: their data is bad."""


class BadSignature(ProtocolError):
    """The message is well-formed but not signed by the key of its device."""


@dataclass(frozen=True, slots=True)
class ScanReport:
    """One check as it leaves the kiosk. `stage_ms`: tenths of a millisecond, by stage or in STAGES order."""

    at: datetime
    outcome: str
    reasons: tuple[str, ...]
    format: str
    kind: str | None
    issuer: str | None
    trust_version: str
    stage_ms: Mapping[str, int] | tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """A payload after its signature held. `entries` are decoded arrays whose contents nobody checked."""

    device: bytes
    epoch: int
    first_seq: int
    entries: tuple[Any, ...]
    gap: int = 0
    prev: bytes | None = None

    @property
    def entries_start(self) -> int:
        """Sequence number of the first entry."""
        return self.first_seq + self.gap

    @property
    def end(self) -> int:
        """Sequence number after the last entry."""
        return self.first_seq + self.gap + len(self.entries)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the service answers: where it stands and when it wants the next report (seconds).

    status: `ok`; `created` (accepted into a stream it did not know: earlier ones may be missing there);
    `resend` (from next_seq on); `forked` (entries from `agreed_to` on belong into the new `epoch`).
    """

    status: str
    epoch: int
    next_seq: int
    interval_s: int
    agreed_to: int | None = None


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """A COSE_Sign1 taken apart, nothing checked yet."""

    kid: bytes
    protected: bytes
    unverified_payload: bytes
    signature: bytes


def encode_entry(report: ScanReport) -> bytes:
    """The CBOR array of one check. Only plain code words leave the kiosk; anything else becomes "other".

    Raises ValueError for a time without zone or an unknown outcome.
    """
    if report.at.tzinfo is None:
        raise ValueError("a report needs an aware time")
    timings = report.stage_ms
    tenths = (
        [timings.get(s, 0) for s in STAGES] if isinstance(timings, Mapping) else list(timings[: len(STAGES)])
    )
    country = report.issuer if report.issuer and _COUNTRY.fullmatch(report.issuer) else None
    return cbor2.dumps(
        [
            int(report.at.timestamp() * 1000),
            OUTCOMES.index(report.outcome),
            [word(r) for r in report.reasons[:MAX_REASONS]],
            word(report.format),
            None if report.kind is None else word(report.kind),
            country,
            report.trust_version if _VERSION.fullmatch(report.trust_version) else "other",
            [max(0, min(int(t), 2**32 - 1)) for t in tenths],
        ]
    )


def word(text: object) -> str:
    """`text` if it is a plain code word of at most 48 characters, else "other"."""
    return text if isinstance(text, str) and _WORD.fullmatch(text) else "other"


def entry_time(entry: Any) -> datetime | None:
    """The time an entry claims, None if it claims none that exists."""
    try:
        return datetime.fromtimestamp(entry[0] / 1000, UTC)
    except (TypeError, ValueError, OverflowError, OSError, LookupError):
        return None


def entry_mark(encoded_entry: bytes) -> bytes:
    """A short name of an entry, used to see whether two histories share their last step."""
    return hashlib.sha256(encoded_entry).digest()[:MARK_BYTES]


def encode_batch(
    device: bytes,
    epoch: int,
    first_seq: int,
    entries: Sequence[bytes],
    *,
    gap: int = 0,
    prev: bytes | None = None,
) -> bytes:
    """The payload map from entries that are already encoded; equal batches are equal bytes."""
    parts = [
        b"", b"\x01", cbor2.dumps(VERSION), b"\x02", cbor2.dumps(device), b"\x03", cbor2.dumps(epoch),
        b"\x04", cbor2.dumps(first_seq), b"\x05", _head(4, len(entries)), *entries,
    ]  # fmt: skip
    fields = 5
    if gap:
        parts += [b"\x06", cbor2.dumps(gap)]
        fields += 1
    if prev is not None:
        parts += [b"\x08", cbor2.dumps(prev)]
        fields += 1
    parts[0] = _head(5, fields)
    return b"".join(parts)


def sign_message(payload: bytes, device: bytes, key: ec.EllipticCurvePrivateKey) -> bytes:
    """The COSE_Sign1 of `payload`, ES256, device id as kid in the protected header."""
    protected = cbor2.dumps({_ALG: _ES256, _KID: device})
    r, s = decode_dss_signature(key.sign(_to_sign(protected, payload), _CURVE))
    signature = r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big")
    return cbor2.dumps(cbor2.CBORTag(plain_cbor.TAG_SIGN1, [protected, {}, payload, signature]))


def parse_message(raw: bytes) -> SignedMessage:
    """Take a COSE_Sign1 apart. Raises ProtocolError for anything else, whatever the bytes."""
    with _readable("a COSE_Sign1 of four parts"):
        protected, unprotected, payload, signature = plain_cbor.envelope(raw)
        header = plain_cbor.plain(protected)
    if len(raw) - len(payload) > MAX_ENVELOPE_BYTES:
        raise ProtocolError(f"headers and signature have at most {MAX_ENVELOPE_BYTES} bytes")
    if not isinstance(header, dict) or header.get(_ALG) != _ES256:
        raise ProtocolError("the algorithm must be ES256, in the protected header")
    kid = header.get(_KID)
    if kid is None and isinstance(unprotected, dict):
        kid = unprotected.get(_KID)
    if not isinstance(kid, bytes) or len(kid) != DEVICE_ID_BYTES:
        raise ProtocolError("kid must be the 16 bytes of the device id")
    return SignedMessage(kid, protected, payload, signature)


def verify_message(message: SignedMessage, key: ec.EllipticCurvePublicKey) -> bytes:
    """The payload, once its signature holds. Raises BadSignature."""
    raw = message.signature
    if len(raw) != 2 * _HALF:
        raise BadSignature("an ES256 signature has 64 bytes")
    der = encode_dss_signature(int.from_bytes(raw[:_HALF], "big"), int.from_bytes(raw[_HALF:], "big"))
    try:
        key.verify(der, _to_sign(message.protected, message.unverified_payload), _CURVE)
    except InvalidSignature:
        raise BadSignature("the signature is not of this device's key") from None
    return message.unverified_payload


def parse_batch(payload: bytes) -> Batch:
    """The batch in a payload. Raises ProtocolError.

    What an entry holds is no reason to refuse, as long as it is plain CBOR of at most MAX_ENTRY_BYTES.
    """
    with _readable(
        f"a map with at most {MAX_BATCH_ENTRIES} entries of {MAX_ENTRY_BYTES} bytes"
        f" and {MAX_REST_BYTES} bytes beside them"
    ):
        plain_cbor.check_report(
            payload,
            entries_field=_ENTRIES,
            most_entries=MAX_BATCH_ENTRIES,
            most_entry=MAX_ENTRY_BYTES,
            most_rest=MAX_REST_BYTES,
        )
        fields = cbor2.loads(payload)  # checked: no tag, no depth, no unkept promise
    if fields.get(1) != VERSION:
        raise ProtocolError("not a report of protocol version 1")
    device, entries, prev = fields.get(2), fields.get(_ENTRIES), fields.get(8)
    if not isinstance(device, bytes) or len(device) != DEVICE_ID_BYTES:
        raise ProtocolError("field 2 (device) must be 16 bytes")
    if not isinstance(entries, list | tuple):
        raise ProtocolError("field 5 (entries) must be an array")
    if prev is not None and not (isinstance(prev, bytes) and len(prev) == MARK_BYTES):
        raise ProtocolError(f"field 8 (prev) must be {MARK_BYTES} bytes")
    epoch, first_seq, gap = _number(fields, 3), _number(fields, 4), _number(fields, 6, default=0)
    return Batch(device, epoch, first_seq, tuple(entries), gap, prev)


def parse_entries(stored_message: bytes) -> tuple[Any, ...]:
    """The entries of a message whose signature was checked before it was stored."""
    return parse_batch(parse_message(stored_message).unverified_payload).entries


def encode_reply(reply: Reply) -> bytes:
    """The CBOR map of a reply."""
    fields: dict[str, Any] = {
        "status": reply.status, "epoch": reply.epoch, "next_seq": reply.next_seq,
        "interval_s": reply.interval_s,
    }  # fmt: skip
    if reply.agreed_to is not None:
        fields["agreed_to"] = reply.agreed_to
    return cbor2.dumps(fields)


def parse_reply(raw: bytes) -> Reply:
    """A reply from its bytes. Raises ProtocolError."""
    with _readable("a reply"):
        fields = plain_cbor.plain(raw)
    if not isinstance(fields, dict) or fields.get("status") not in (OK, CREATED, RESEND, FORKED):
        raise ProtocolError("not a reply of this protocol")
    agreed = _number(fields, "agreed_to") if fields.get("agreed_to") is not None else None
    if fields["status"] == FORKED and agreed is None:
        raise ProtocolError("a forked reply must say how far both agree")
    return Reply(
        fields["status"],
        _number(fields, "epoch"),
        _number(fields, "next_seq"),
        _number(fields, "interval_s"),
        agreed,
    )


def _to_sign(protected: bytes, payload: bytes) -> bytes:
    return cbor2.dumps(["Signature1", protected, b"", payload])


def _head(major: int, count: int) -> bytes:
    """A CBOR head of major type `major` in its shortest form (counts of this protocol stay below 65,536)."""
    if count < 24:
        return bytes([major << 5 | count])
    if count < 256:
        return bytes([major << 5 | 24, count])
    return bytes([major << 5 | 25]) + count.to_bytes(2, "big")


def _number(fields: Mapping[Any, Any], name: int | str, default: int | None = None) -> int:
    value = fields.get(name, default)
    if type(value) is not int or not 0 <= value < MAX_NUMBER:
        raise ProtocolError(f"field {name} must be a whole number from 0")
    return value


@contextmanager
def _readable(what: str) -> Iterator[None]:
    try:
        yield
    except CborError as error:
        raise ProtocolError(f"not {what}: {error}") from None
    except (ValueError, cbor2.CBORDecodeError) as error:  # text that is no UTF-8
        raise ProtocolError(f"not {what}: {type(error).__name__}") from None
