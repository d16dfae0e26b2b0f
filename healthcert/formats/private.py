"""What a certificate may say beside the EU payload: its kind and the holder's nationality.

Viet Nam's vaccine passport has eleven fields, the EU payload a place for ten of them and a closed schema.
Nationality and kind therefore travel in a claim of their own, which foreign verifiers pass over: labels
below -65536 are for private use and a reader ignores claims it does not know.
Source: RFC 8392 §3, §9.1 (private use); Decision 5772/QĐ-BYT (the eleven fields).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

KIND, NATIONALITY = 1, 2  # labels inside the claim
DOMESTIC, PASSPORT = "domestic", "passport"
KINDS = (DOMESTIC, PASSPORT)
_ALPHA_3 = re.compile(r"[A-Z]{3}")
_LABELS = frozenset((KIND, NATIONALITY))


class Private(NamedTuple):
    """`kind`: one of KINDS; `nationality`: ISO 3166-1 alpha-3; None: not stated."""

    kind: str | None
    nationality: str | None


def is_nationality(value: object) -> bool:
    """Has `value` the form of an alpha-3 country code?"""
    return type(value) is str and _ALPHA_3.fullmatch(value) is not None


def read_private(value: Any) -> Private | None:
    """The claim as signed; None when absent or malformed (any unknown label or value makes it so)."""
    if type(value) is not dict or not value or not value.keys() <= _LABELS:
        return None
    kind, nationality = value.get(KIND), value.get(NATIONALITY)
    if (KIND in value and kind not in KINDS) or (NATIONALITY in value and not is_nationality(nationality)):
        return None
    return Private(kind, nationality)


def write_private(private: Private) -> Mapping[int, str]:
    """The claim to sign; empty when nothing is stated."""
    stated = ((KIND, private.kind), (NATIONALITY, private.nationality))
    return {label: value for label, value in stated if value is not None}
