"""The unique certificate identifier (UVCI) and its check character.

The check is Luhn's, modulo 38, over the whole identifier with its prefix. The order of the alphabet is the
one that official certificates of Austria, Denmark, Hungary, Iceland, Lithuania, San Marino and Slovenia
agree with.
Source: eHealth Network, guidelines on verifiable vaccination certificates, release 2, annex 2; Commission
Implementing Decision (EU) 2021/1073, annex II.
"""

from __future__ import annotations

import re

from ..formats.dcc import MAX_FIELD_CHARS

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/:"
PREFIX = "URN:UVCI:01:"
_SHAPE = re.compile(r"URN:UVCI:01:([A-Z]{2}):[A-Z0-9]+(?:[/:][A-Z0-9]+)*#([A-Z0-9/:])")
_SIZE = len(ALPHABET)
# What a character adds at the places that count once and twice, counted from the end.
_ONCE = {character: value for value, character in enumerate(ALPHABET)}
_TWICE = {character: sum(divmod(2 * value, _SIZE)) for value, character in enumerate(ALPHABET)}


def check_character(body: str) -> str:
    """The character behind `#` for everything before it. Raises KeyError for a character outside ALPHABET."""
    total = sum(_TWICE[c] for c in body[::-2]) + sum(_ONCE[c] for c in body[-2::-2])
    return ALPHABET[-total % _SIZE]


def with_check(body: str) -> str:
    """`body` (`URN:UVCI:01:VN:...`) with its check character."""
    return f"{body}#{check_character(body)}"


def uvci_faults(identifier: str, country: str) -> list[str]:
    """Why `identifier` cannot be one that `country` gave out: `uvci.form`, `uvci.country`, `uvci.check`."""
    found = _SHAPE.fullmatch(identifier)
    if found is None or len(identifier) > MAX_FIELD_CHARS:
        return ["uvci.form"]
    faults = [] if found[1] == country else ["uvci.country"]
    if check_character(identifier[:-2]) != found[2]:
        faults.append("uvci.check")
    return faults
