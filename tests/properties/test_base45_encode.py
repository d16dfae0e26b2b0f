"""Base45 written with all pairs at once is the base45 of the standard."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from healthcert.transport import base45

pytestmark = [pytest.mark.req("C20")]
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"


def by_the_book(data: bytes) -> str:
    """RFC 9285 §4, one pair after the other."""
    letters: list[str] = []
    for start in range(0, len(data), 2):
        pair = data[start : start + 2]
        value = int.from_bytes(pair, "big")
        for _ in range(len(pair) + 1):
            value, digit = divmod(value, 45)
            letters.append(ALPHABET[digit])
    return "".join(letters)


def test_every_pair_of_bytes_is_written_as_the_standard_says() -> None:
    every_pair = b"".join(value.to_bytes(2, "big") for value in range(65_536))
    assert base45.encode(every_pair) == by_the_book(every_pair)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=700))
def test_any_bytes_are_written_as_the_standard_says(data: bytes) -> None:
    assert base45.encode(data) == by_the_book(data)


@pytest.mark.parametrize(
    ("data", "text"), [(b"", ""), (b"AB", "BB8"), (b"Hello!!", "%69 VD92EX0"), (b"base-45", "UJCLQE7W581")]
)
def test_the_examples_of_the_standard(data: bytes, text: str) -> None:
    assert base45.encode(data) == text
