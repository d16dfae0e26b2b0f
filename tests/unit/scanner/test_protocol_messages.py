from __future__ import annotations

import uuid
from datetime import UTC, datetime

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner import protocol as p

AT = datetime(2026, 11, 22, 8, 30, 15, 250_000, tzinfo=UTC)
DEVICE = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff").bytes
KEY = ec.derive_private_key(7, ec.SECP256R1())


def report(**changes: object) -> p.ScanReport:
    values: dict[str, object] = {
        "at": AT, "outcome": "invalid", "reasons": ("time.expired",), "format": "eu-dcc",
        "kind": "vaccination",
        "issuer": "AT", "trust_version": "2026-11-22.1", "stage_ms": (10, 61, 3, 2, 1),
    }  # fmt: skip
    return p.ScanReport(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.req("K04")
def test_an_entry_is_the_same_bytes_today_and_tomorrow() -> None:
    assert p.encode_entry(report()).hex() == (
        "881b000001a202609ad201816c74696d652e657870697265646665752d6463636b76616363696e61"
        "74696f6e6241546c323032362d31312d32322e31850a183d030201"
    )


@pytest.mark.req("K04")
def test_a_batch_is_a_map_of_the_fields_in_the_specification() -> None:
    payload = p.encode_batch(DEVICE, 2, 40, [p.encode_entry(report())], gap=3, prev=b"m" * 16)
    assert cbor2.loads(payload) == {
        1: 1, 2: DEVICE, 3: 2, 4: 40, 6: 3, 8: b"m" * 16,
        5: [[int(AT.timestamp() * 1000), 1, ["time.expired"], "eu-dcc", "vaccination", "AT", "2026-11-22.1",
             [10, 61, 3, 2, 1]]],
    }  # fmt: skip
    batch = p.parse_batch(payload)
    assert (batch.entries_start, batch.end) == (43, 44)


@pytest.mark.req("K04")
@pytest.mark.parametrize("size", [0, 1, 23, 24, 255, 256, 1000])
def test_a_signed_batch_of_any_size_reads_back(size: int) -> None:
    payload = p.encode_batch(DEVICE, 0, 0, [p.encode_entry(report())] * size)
    message = p.parse_message(p.sign_message(payload, DEVICE, KEY))
    assert message.kid == DEVICE
    assert len(p.parse_batch(p.verify_message(message, KEY.public_key())).entries) == size


@pytest.mark.req("K04")
def test_a_full_batch_of_usual_entries_fits_the_size_limit() -> None:
    payload = p.encode_batch(DEVICE, 0, 0, [p.encode_entry(report())] * p.MAX_BATCH_ENTRIES)
    assert len(p.sign_message(payload, DEVICE, KEY)) <= p.MAX_BATCH_BYTES


def test_another_key_or_a_changed_payload_is_a_bad_signature() -> None:
    raw = p.sign_message(p.encode_batch(DEVICE, 0, 0, []), DEVICE, KEY)
    with pytest.raises(p.BadSignature):
        p.verify_message(p.parse_message(raw), ec.derive_private_key(8, ec.SECP256R1()).public_key())
    good = p.parse_message(raw)
    for changed in (
        p.SignedMessage(good.kid, good.protected, good.unverified_payload + b"x", good.signature),
        p.SignedMessage(good.kid, good.protected, good.unverified_payload, good.signature[:-1]),
        p.SignedMessage(good.kid, good.protected, good.unverified_payload, bytes(64)),
        p.SignedMessage(good.kid, good.protected, good.unverified_payload, b"\xff" * 64),
    ):
        with pytest.raises(p.BadSignature):
            p.verify_message(changed, KEY.public_key())


@given(st.binary(max_size=300))
def test_any_bytes_are_a_message_or_a_protocol_error(raw: bytes) -> None:
    for parse in (p.parse_message, p.parse_batch, p.parse_reply):
        try:
            parse(raw)
        except p.ProtocolError:
            continue


@given(st.data())
@settings(max_examples=200)
def test_a_flipped_bit_never_passes_as_signed(data: st.DataObject) -> None:
    raw = bytearray(p.sign_message(p.encode_batch(DEVICE, 0, 0, [p.encode_entry(report())]), DEVICE, KEY))
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    original = p.encode_batch(DEVICE, 0, 0, [p.encode_entry(report())])
    try:
        payload = p.verify_message(p.parse_message(bytes(raw)), KEY.public_key())
    except p.ProtocolError:
        return
    assert payload == original  # only the unsigned wrapping may change


@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=8))
def test_only_plain_code_words_leave_the_kiosk(reason: str, kind: str, issuer: str) -> None:
    entry = cbor2.loads(p.encode_entry(report(reasons=(reason,), format=kind, kind=kind, issuer=issuer,
                                              trust_version=reason)))  # fmt: skip
    for text in (entry[2][0], entry[3], entry[4]):
        plain = text.isascii() and text[0].islower() and not set(text) & set(" :/\"'<>%")
        assert text == "other" or plain
    assert entry[5] is None or (entry[5].isupper() and len(entry[5]) <= 3)
    assert entry[6] == "other" or len(entry[6]) <= 64


@pytest.mark.req("K04")
def test_a_report_has_no_place_for_a_person() -> None:
    assert set(p.ScanReport.__slots__) == {
        "at", "outcome", "reasons", "format", "kind", "issuer", "trust_version", "stage_ms",
    }  # fmt: skip
    body = p.encode_entry(report(reasons=("Nguyễn Văn A", "HC1:NCFOXN", "079123456789"), issuer="Nguyễn"))
    for personal in ("Nguy", "HC1", "0791"):
        assert personal.encode() not in body


@given(st.builds(p.Reply, st.sampled_from(["ok", "created", "resend"]), st.integers(0, 2**40),
                 st.integers(0, 2**60), st.integers(0, 4000)))  # fmt: skip
def test_a_reply_reads_back(reply: p.Reply) -> None:
    assert p.parse_reply(p.encode_reply(reply)) == reply


def test_a_forked_reply_must_say_how_far_both_agree() -> None:
    with pytest.raises(p.ProtocolError):
        p.parse_reply(cbor2.dumps({"status": "forked", "epoch": 1, "next_seq": 0, "interval_s": 60}))
