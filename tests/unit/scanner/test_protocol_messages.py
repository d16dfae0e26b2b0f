from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner import plain_cbor
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


HARMLESS_TAG = b"\xd9\xd9\xf7"  # 55799, which means nothing: cbor2 reads through it. Source: RFC 8949 §3.4.6
NEVER = re.compile(rb"(?!)")


def sealed(protected: bytes, unprotected: bytes, payload: bytes, signature: bytes, begin: bytes) -> bytes:
    return begin + protected + unprotected + payload + signature


@pytest.mark.req("K04")
@pytest.mark.parametrize("place", [None, 0, 1, 2, 3, 4])
def test_a_tag_is_refused_wherever_it_stands_in_what_nobody_signed(place: int | None) -> None:
    parts = [cbor2.dumps(x) for x in (cbor2.dumps({1: -7, 4: DEVICE}), {}, b"payload", bytes(64))]
    tagged = [HARMLESS_TAG + part if n == place else part for n, part in enumerate(parts)]
    raw = sealed(*tagged, begin=b"\xd2\x84" if place != 4 else b"\xd2" + HARMLESS_TAG + b"\x84")
    if place is None:
        assert p.parse_message(raw).kid == DEVICE
        return
    with pytest.raises(p.ProtocolError):
        p.parse_message(raw)


@pytest.mark.req("K04")
def test_a_tag_inside_a_header_is_refused() -> None:
    protected = b"\xa2\x01\x26\x04" + HARMLESS_TAG + b"\x50" + DEVICE
    unprotected = b"\xa1\x18\x63" + HARMLESS_TAG + b"\x00"
    good = cbor2.dumps({1: -7, 4: DEVICE})
    for first, second in ((protected, b"\xa0"), (good, unprotected)):
        raw = sealed(cbor2.dumps(first), second, b"\x41x", cbor2.dumps(bytes(64)), b"\x84")
        with pytest.raises(p.ProtocolError, match="tag"):
            p.parse_message(raw)


@pytest.mark.req("K04")
def test_a_tag_in_a_payload_or_a_reply_is_refused() -> None:
    entry = p.encode_entry(report())
    for inside in (HARMLESS_TAG + entry, b"\x81" + HARMLESS_TAG + b"\x00", cbor2.dumps(2**80)):
        with pytest.raises(p.ProtocolError, match="tag"):
            p.parse_batch(p.encode_batch(DEVICE, 0, 0, [entry, inside, entry]))
    whole = p.encode_batch(DEVICE, 0, 0, [entry])
    status = bytes([whole[0] + 1]) + whole[1:] + b"\x07"
    assert p.parse_batch(status + b"\xa1\x61a\x01").first_seq == 0
    for bad in (HARMLESS_TAG + whole, status + HARMLESS_TAG + b"\x00"):
        with pytest.raises(p.ProtocolError, match="tag"):
            p.parse_batch(bad)
    with pytest.raises(p.ProtocolError, match="tag"):
        p.parse_reply(HARMLESS_TAG + p.encode_reply(p.Reply("ok", 0, 0, 60)))


@pytest.mark.req("K04")
def test_a_message_has_bounds_in_every_part() -> None:
    def payload(entry: bytes = b"\x00", status: bytes = b"\x00", count: bytes = b"\x81") -> bytes:
        start = b"\xa6\x01\x01\x02\x50" + DEVICE + b"\x03\x00\x04\x00\x05"
        return start + count + entry + b"\x07" + status

    p.parse_batch(payload(cbor2.dumps(bytes(p.MAX_ENTRY_BYTES - 3)), cbor2.dumps(bytes(1_900))))
    for bad in (
        payload(cbor2.dumps(bytes(p.MAX_ENTRY_BYTES - 2))),
        payload(status=cbor2.dumps(bytes(p.MAX_REST_BYTES))),
        payload(b"\x81" * 40 + b"\x00"),
        payload(count=b"\x9b\x7f" + b"\xff" * 7),
        payload(b"\x9a\x7f\xff\xff\xff"),
        payload(b"\x00" * 1_001, count=b"\x99\x03\xe9"),
        payload() + b"\x00",
        payload(b"\x00\x05\x80"),
    ):
        with pytest.raises(p.ProtocolError):
            p.parse_batch(bad)
    usual = [cbor2.dumps(cbor2.dumps({1: -7, 4: DEVICE})), b"\x41x", cbor2.dumps(bytes(64))]
    bulky = cbor2.dumps({99: bytes(p.MAX_ENVELOPE_BYTES)})
    with pytest.raises(p.ProtocolError):
        p.parse_message(b"\x84" + usual[0] + bulky + usual[1] + usual[2])


@given(st.lists(st.text("abc.", min_size=1, max_size=48), max_size=12), st.text("ab", max_size=64),
       st.none() | st.text("abc", min_size=1, max_size=48), st.none() | st.sampled_from(["AT", "VNM"]),
       st.none() | st.tuples(*[st.integers(0, 2**33)] * 5))  # fmt: skip
def test_every_entry_a_kiosk_writes_takes_the_quick_way(
    reasons: list[str], version: str, kind: str | None, issuer: str | None, times: tuple[int, ...] | None
) -> None:
    entry = p.encode_entry(report(reasons=tuple(reasons), trust_version=version, kind=kind, issuer=issuer,
                                  stage_ms=times or ()))  # fmt: skip
    assert plain_cbor._USUAL_ENTRY.fullmatch(entry)
    assert len(entry) <= p.MAX_ENTRY_BYTES


def test_the_quick_way_takes_no_tag_and_no_other_number_of_reasons() -> None:
    entry = p.encode_entry(report(reasons=("a", "time.expired")))
    at_ms, outcome, reasons, *words, times = cbor2.loads(entry)
    items = [b"\x88", *map(cbor2.dumps, (at_ms, outcome)), b"\x82", *map(cbor2.dumps, (*reasons, *words)),
             b"\x85", *map(cbor2.dumps, times)]  # fmt: skip
    assert b"".join(items) == entry
    for number, item in enumerate(items):
        before, after = b"".join(items[:number]), b"".join(items[number + 1 :])
        for tag in range(0xC0, 0xE0):
            for bad in (before + bytes([tag]) + item + after, before + bytes([tag]) + item[1:] + after):
                assert not plain_cbor._USUAL_ENTRY.match(bad), (number, tag)
    for count in {*range(24)} - {2}:
        assert not plain_cbor._USUAL_ENTRY.match(entry[:11] + bytes([0x80 + count]) + entry[12:])


@given(st.data())
@settings(max_examples=300)
def test_the_quick_way_takes_nothing_that_the_thorough_way_refuses(data: st.DataObject) -> None:
    entry = p.encode_entry(report(reasons=("a", "time.expired")))
    raw = bytearray(p.encode_batch(DEVICE, 0, 0, [entry] * 3, prev=b"m" * 16))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 2))] = data.draw(
            st.binary(max_size=2) | st.sampled_from([HARMLESS_TAG, b"\xc1", b"\x88\x1b", b"\x9f", b"\xff"])
        )

    def ending() -> object:
        try:
            return p.parse_batch(bytes(raw))
        except p.ProtocolError:
            return None

    quick = ending()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain_cbor, "_USUAL_ENTRY", NEVER)
        assert ending() == quick
