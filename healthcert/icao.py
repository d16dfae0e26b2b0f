"""Names in the machine-readable alphabet A-Z and `<` of travel documents.

A letter often has more than one permitted reading (Ä is AE or A): the first in the table is the one written,
all of them are accepted when a given transliteration is compared with a name.
Source: ICAO Doc 9303-3 §4.6, §6 A (Latin letters); Vietnamese letters lose their marks, Đ is D.
"""

from __future__ import annotations

import unicodedata

FILLER = "<"
_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_DROPPED = frozenset("'’‘ʼʹ`´.,·")
_DASHES = frozenset("-‐‑‒–—_/<")

# Letters that do not decompose into A-Z and a mark, and those that have readings beside the bare letter.
_READINGS: dict[str, tuple[str, ...]] = {
    "Ä": ("AE", "A"),
    "Å": ("AA", "A"),
    "Æ": ("AE",),
    "Đ": ("D",),
    "Ð": ("D",),
    "Ə": ("E",),
    "Ħ": ("H",),
    "ĸ": ("Q",),
    "Ĳ": ("IJ",),
    "Ł": ("L",),
    "Ñ": ("N", "NXX"),
    "Ŋ": ("N",),
    "Ö": ("OE", "O"),
    "Ø": ("OE", "O"),
    "Œ": ("OE",),
    "ß": ("SS",),
    "ẞ": ("SS",),
    "Ŧ": ("T",),
    "Þ": ("TH",),
    "Ü": ("UE", "U", "UXX"),
}


def icao_name(text: str) -> str | None:
    """`text` transliterated: words parted by `<`. None if it holds a letter the Latin table lacks."""
    letters: list[str] = []
    for readings in _units(text):
        if readings is None:
            return None
        letters.append(readings[0])
    return FILLER.join(word for word in "".join(letters).split(FILLER) if word)


def is_icao_reading(text: str, given: str, longest: int) -> bool | None:
    """Is `given` (A-Z and `<`) a permitted transliteration of `text`? None: the Latin table cannot tell.

    Fillers are not compared. A `given` of `longest` characters may have been cut off there.
    """
    bare = given.replace(FILLER, "")
    reached = {0}
    for readings in _units(text):
        if readings is None:
            return None
        if readings == (FILLER,):
            continue
        if len(given) >= longest and len(bare) in reached:
            return True
        reached = {at + len(each) for at in reached for each in readings if bare.startswith(each, at)}
    return len(bare) in reached


def _units(text: str) -> list[tuple[str, ...] | None]:
    """For each character its readings: one or more texts, the filler, or None for a letter unknown here."""
    return [
        _readings(character) for character in unicodedata.normalize("NFC", text) if not _is_dropped(character)
    ]


def _is_dropped(character: str) -> bool:
    return character in _DROPPED or unicodedata.combining(character) != 0


def _readings(character: str) -> tuple[str, ...] | None:
    if character.isspace() or character in _DASHES:
        return (FILLER,)
    known = _READINGS.get(character) or _READINGS.get(character.upper())
    if known:
        return known
    base = "".join(c for c in unicodedata.normalize("NFD", character) if not unicodedata.combining(c)).upper()
    return (base,) if base and _LETTERS.issuperset(base) else None
