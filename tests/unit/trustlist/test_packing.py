"""Published files: the same bytes for the same content, and never more out than was signed."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustlist.errors import TrustlistError
from trustlist.packing import pack, unpack


@given(data=st.binary(max_size=2_000), compress=st.booleans())
def test_what_was_packed_comes_out_again(data: bytes, compress: bool) -> None:
    packed, custom = pack(data, compress=compress)
    assert unpack(packed, custom, 2_000) == data
    assert pack(data, compress=compress) == (packed, custom)


@pytest.mark.req("K02")
@pytest.mark.parametrize(
    ("packed", "custom"),
    [
        (gzip.compress(bytes(10_000_000)), {"encoding": "gzip", "unpacked": 100}),
        (gzip.compress(b"abc"), {"encoding": "gzip", "unpacked": 2}),
        (gzip.compress(b"abc"), {"encoding": "gzip", "unpacked": 4}),
        (gzip.compress(b"abc") + b"more", {"encoding": "gzip", "unpacked": 3}),
        (gzip.compress(b"abc")[:-1], {"encoding": "gzip", "unpacked": 3}),
        (b"not gzip", {"encoding": "gzip", "unpacked": 3}),
        (b"abc", {"encoding": "brotli", "unpacked": 3}),
        (b"abc", {"encoding": "plain", "unpacked": 1001}),
        (b"abc", {"encoding": "plain", "unpacked": True}),
        (b"abc", {"encoding": "plain"}),
        (b"abc", None),
    ],
)
def test_other_than_signed_is_refused(packed: bytes, custom: object) -> None:
    with pytest.raises(TrustlistError, match=r"^target\."):
        unpack(packed, custom, 1_000)
