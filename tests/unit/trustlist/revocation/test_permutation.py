"""Indices come from a secret permutation: none twice, none in order, and back again."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trustlist.revocation.permutation import SIZE, IndexPermutation

pytestmark = pytest.mark.req("K05")
KEY = bytes(range(32))
GOLDEN = [622379, 332901, 784269, 716487]


@settings(max_examples=30, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.integers(0, SIZE - 1))
def test_every_index_leads_back_to_its_counter(key: bytes, value: int) -> None:
    permutation = IndexPermutation(key)
    assert permutation.counter(permutation.index(value)) == value
    assert permutation.index(permutation.counter(value)) == value


def test_the_same_key_gives_the_same_indices_for_ever() -> None:
    assert [IndexPermutation(KEY).index(counter) for counter in (0, 1, 2, SIZE - 1)] == GOLDEN


def test_the_first_certificates_are_spread_over_the_shard_and_differ_from_another_shards() -> None:
    one, other = IndexPermutation(KEY), IndexPermutation(KEY[::-1])
    first = [one.index(counter) for counter in range(4_096)]
    assert len(set(first)) == len(first)
    eighths = [sum(index * 8 // SIZE == part for index in first) for part in range(8)]
    assert all(400 < size < 630 for size in eighths)  # 512 each, six standard deviations
    assert sum(before < after for before, after in pairwise(first)) in range(1_850, 2_250)
    assert sum(other.index(counter) == index for counter, index in enumerate(first)) < 5


@pytest.mark.parametrize("value", [-1, SIZE])
def test_what_is_no_index_is_refused(value: int) -> None:
    with pytest.raises(ValueError, match="indices"):
        IndexPermutation(KEY).index(value)
    with pytest.raises(ValueError, match="indices"):
        IndexPermutation(KEY).counter(value)


def test_a_key_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        IndexPermutation(KEY[1:])


def test_all_indices_are_given_out_exactly_once() -> None:
    permutation = IndexPermutation(KEY)
    seen = bytearray(SIZE)
    for counter in range(SIZE):
        seen[permutation.index(counter)] += 1
    assert seen == b"\1" * SIZE
