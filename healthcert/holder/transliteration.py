"""Letters with marks to the A-Z of the machine-readable zone, with every spelling Doc 9303 allows.

Where the standard leaves a choice (Ü: UE, UXX or U) a State keeps to one; so one text has one spelling for
each way of choosing, not for each letter. Beside the standard's table stand the Vietnamese letters, which it
lacks, and Ø as O and Ə, which passports show. Scripts other than Latin are not transliterated here: their
certificates carry the Latin name themselves.
Source: ICAO Doc 9303 part 3, 8th edition, §6.A; §4.6 (apostrophes dropped, hyphens to fillers).
"""

from __future__ import annotations

import unicodedata
from itertools import product
from math import prod

from ..limits import MAX_NAME_CHARS, MAX_NAME_WORDS, MAX_SPELLINGS

Words = tuple[str, ...]

# base letter -> the letters written as it; the second part of a row is Vietnamese
_PLAIN = {
    "A": "ÀÁÂÃĀĂĄẢẠẰẮẲẴẶẦẤẨẪẬ",
    "C": "ÇĆĈĊČ",
    "D": "ÐĎĐ",
    "E": "ÈÉÊËĒĔĖĘĚẺẼẸỀẾỂỄỆ",
    "G": "ĜĞĠĢ",
    "H": "ĤĦ",
    "I": "ÌÍÎÏĨĪĬĮİıỈỊ",
    "J": "Ĵ",
    "K": "Ķ",
    "L": "ĹĻĽĿŁ",
    "N": "ŃŅŇŊ",
    "O": "ÒÓÔÕŌŎŐỎỌỒỐỔỖỘƠỜỚỞỠỢ",
    "R": "ŔŖŘ",
    "S": "ŚŜŞŠȘ",
    "T": "ŢŤŦȚ",
    "U": "ÙÚÛŨŪŬŮŰŲỦỤƯỪỨỬỮỰ",
    "W": "Ŵ",
    "Y": "ÝŶŸỲỶỸỴ",
    "Z": "ŹŻŽ",
}
_WRITTEN_OUT = {"Æ": "AE", "Þ": "TH", "Ĳ": "IJ", "Œ": "OE", "ẞ": "SS"}
_CHOICES = {
    "Ä": ("AE", "A"),
    "Å": ("AA", "A"),
    "Ñ": ("N", "NXX"),
    "Ö": ("OE", "O"),
    "Ø": ("OE", "O"),
    "Ü": ("UE", "UXX", "U"),
    "Ə": ("A", "E"),
}
_ONE = {letter: base for base, letters in _PLAIN.items() for letter in letters} | _WRITTEN_OUT
_DROPPED = frozenset("'’‘ʼʻʹ`´.·\u200b\u200c\u200d")
_BASIC = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")


def spellings(*parts: str) -> tuple[tuple[Words, ...], ...]:
    """Every spelling of a name in several parts, each part as words of A-Z and 0-9; the recommended first.

    Empty if it is too long or holds a letter of another script: what cannot be read is not guessed.
    """
    if sum(map(len, parts)) > 2 * MAX_NAME_CHARS:
        return ()
    lines = [_spell(part) for part in parts]
    if None in lines:
        return ()
    text = "\n".join(line for line in lines if line is not None)
    letters = sorted(set(text) & _CHOICES.keys())
    ways = [_CHOICES[letter] for letter in letters]
    if prod(map(len, ways)) > MAX_SPELLINGS:  # no language: only all recommended, and all plain
        choices = [tuple(way[0] for way in ways), tuple(min(way, key=len) for way in ways)]
    else:
        choices = list(product(*ways))
    tables = (dict(zip(map(ord, letters), choice, strict=True)) for choice in choices)
    out = (tuple(tuple(line.split()) for line in text.translate(table).split("\n")) for table in tables)
    return tuple(spelled for spelled in out if sum(map(len, spelled)) <= MAX_NAME_WORDS)


def _spell(text: str) -> str | None:
    """The text in basic letters, blanks and letters with a choice; None if one of them cannot be read."""
    upper = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).upper())
    out = [_spell_letter(char) for char in upper]
    return None if None in out else "".join(part for part in out if part is not None)


def _spell_letter(char: str) -> str | None:
    """What one character contributes; None if it is a letter we cannot read."""
    if char in _BASIC or char in _CHOICES:
        return char
    if char in _ONE:
        return _ONE[char]
    if char in _DROPPED:
        return ""
    parts = unicodedata.normalize("NFD", char)
    if len(parts) > 1 and parts[0] in _BASIC:  # Ǎ, Ṣ, Ḥ ...: not in the standard's table, plain all the same
        return parts[0]
    category = unicodedata.category(char)
    if category.startswith("M"):
        return ""
    return None if category[0] in "LN" else " "
