"""The quick reading of signed claims never says anything but what the strict reading says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from healthcert import DecodeError, Outcome, judge
from healthcert.formats import dcc
from healthcert.transport import cwt
from tests.faults.odd_cbor import ITEMS, TAGS, doubled, payloads

pytestmark = [pytest.mark.req("K14"), pytest.mark.req("K16")]
PAYLOADS = list(payloads())


def _said(read: Callable[[bytes], Any], payload: bytes) -> str:
    try:
        return repr(read(payload))  # NaN is not equal to itself, its name is
    except DecodeError as fault:
        return str(fault)


def _strict(payload: bytes) -> Any:
    """`cwt.parse` where the library is never asked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cwt, "_fast", lambda _: None)
        return cwt.parse(payload)


def _agree(payload: bytes) -> None:
    strict = _said(_strict, payload)
    assert _said(cwt.parse, payload) == strict, payload.hex()
    usual = _usual(payload)
    assert usual is None or repr(usual) == strict, payload.hex()


def _usual(payload: bytes) -> Any:
    """What is believed without `cwt.parse`, as `formats.eu_dcc` asks for it."""
    claims = cwt.read_usual(payload)
    kind = None if claims is None else dcc.usual_kind(claims.dcc)
    if claims is None or kind is None or not cwt.announces(payload, kind, len(claims.dcc[kind][0])):
        return None
    return claims


def test_odd_cbor_at_any_place_is_read_as_the_strict_reader_reads_it() -> None:
    for payload in PAYLOADS:
        _agree(payload)


def test_the_usual_payload_takes_the_quick_way_and_hardly_any_odd_one_does() -> None:
    quick = [payload for payload in PAYLOADS if _usual(payload) is not None]
    assert PAYLOADS[0] in quick
    assert len(quick) < len(PAYLOADS) / 20


def test_odd_cbor_in_the_usual_payload_is_never_believed_for_its_looks() -> None:
    """Each odd item and tag before and instead of each byte: 80,000 payloads, of which few are believed."""
    good, believed = PAYLOADS[0], 0
    for item in (*ITEMS, *TAGS):
        for at in range(len(good)):
            for payload in (good[:at] + item + good[at:], good[:at] + item + good[at + len(item) :]):
                usual = _usual(payload)
                if usual is not None:
                    believed += 1
                    assert repr(usual) == _said(_strict, payload), payload.hex()
    assert 0 < believed < 4000


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(PAYLOADS), st.sampled_from([*ITEMS, *TAGS]), st.integers(0, 400))
def test_odd_cbor_spliced_in_anywhere_is_read_as_the_strict_reader_reads_it(
    payload: bytes, item: bytes, at: int
) -> None:
    _agree(payload[:at] + item + payload[at:])
    _agree(payload[:at] + item + payload[at + len(item) :])


@pytest.mark.parametrize("payload", doubled(), ids=("entry", "name", "certificate", "hcert"))
def test_a_name_said_twice_in_any_map_is_refused(
    issuer: Any, packer: Callable[[bytes], str], noon: datetime, payload: bytes
) -> None:
    text = packer(cbor2.dumps(cbor2.CBORTag(18, issuer.cose(payload=payload))))
    verdict = judge(text, issuer.trust(), now=noon)
    assert (verdict.outcome, verdict.reasons) == (Outcome.INVALID, ("decode.cwt_duplicate_key",))


def test_little_that_refers_to_itself_often_is_not_written_out(
    issuer: Any, packer: Callable[[bytes], str], noon: datetime
) -> None:
    """2^60 items, were they written out: each array holds the one before it twice (tags 28 and 29)."""
    many = b"".join(b"\xd8\x1c\x82" for _ in range(60)) + b"\x80\x80"
    many += b"".join(b"\xd8\x1d\x18" + bytes([59 - n]) for n in range(59))
    payload = PAYLOADS[0]
    payload = bytes([payload[0] + 1]) + payload[1:] + b"\x07" + many
    text = packer(cbor2.dumps(cbor2.CBORTag(18, issuer.cose(payload=payload))))
    assert judge(text, issuer.trust(), now=noon).outcome is Outcome.INVALID
