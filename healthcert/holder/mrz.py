"""The machine-readable zone of a travel document: TD1, TD2, TD3 and visas of both sizes.

Spaces, line ends, lower case and missing line breaks are tolerated; a character is never changed. A check
digit that does not hold is an error that names its field. Where exactly one exchange of a letter and a digit
that look alike would make everything hold, the error offers that text as `suggestion`, for a person to judge.
Source: ICAO Doc 9303, 8th edition: part 3 §4.3-4.9 (fields, check digits), part 4 §4.2 (TD3), part 5 §4.2
(TD1), part 6 §4.2 (TD2), part 7 §4 (visas).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from ..errors import HealthCertError
from ..limits import MAX_MRZ_CHARS
from .dates import UNKNOWN_DATE, PartialDate, make_date

FILLER = "<"
_WEIGHTS = (7, 3, 1)
_VALUES = {FILLER: 0} | {char: int(char, 36) for char in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_CHARACTERS = re.compile(r"[A-Z0-9<]+")
_STATE = re.compile(r"([A-Z]{1,3})<*")
_NAME = re.compile(r"[A-Z][A-Z<]*")
_NUMBER = re.compile(r"[A-Z0-9][A-Z0-9<]*")
_BIRTH = re.compile(r"(?:[0-9]{2}|<<){3}")
_SEXES = {"F": "F", "M": "M", FILLER: None, "X": None}
# The marks some readers make of fillers.
_QUOTES = {ord("‹"): FILLER, ord("«"): FILLER * 2}
_LOOK_ALIKE = {a: b for one, other in ("O0", "I1", "B8", "S5", "Z2") for a, b in ((one, other), (other, one))}
# A document is held up within decades of its expiry: years from 50 back to 49 ahead of today.
_YEARS_AHEAD = 49
# Viet Nam writes this on cards that never expire; the window would make it 1999.
_NEVER = "991231"


class MrzError(HealthCertError):
    """The text is no sound machine-readable zone. Neither message nor repr holds any of it.

    `code` is the first fault, `codes` all of one kind; `suggestion` is a repaired text or None.
    """

    def __init__(self, code: str, codes: tuple[str, ...] = (), suggestion: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.codes = codes or (code,)
        self.suggestion = suggestion


@dataclass(frozen=True, slots=True, repr=False)
class Mrz:
    """What the zone says. Names in A-Z and blanks; states as the up to three letters printed."""

    layout: str  # TD1 | TD2 | TD3 | MRV-A | MRV-B
    document_code: str
    issuing_state: str
    document_number: str
    nationality: str
    birth_date: PartialDate
    sex: str | None  # F | M | None: unspecified
    expires: date | None  # None: the document does not say
    family_name: str
    given_name: str  # empty: the holder has a single name
    name_field_full: bool  # then the name may have been cut
    optional_data: tuple[str, ...]

    def __repr__(self) -> str:
        return f"<Mrz {self.layout}>"  # never the holder's data in a log

    @property
    def is_passport(self) -> bool:
        """True for a passport booklet or card, whose number certificates carry."""
        return self.document_code.startswith("P")

    @property
    def citizen_number(self) -> str | None:
        """The 12-digit number on a Vietnamese chip card: its document number is the last nine of them."""
        digits = self.optional_data[0][:12]
        whole = len(digits) == 12 and digits.isdecimal() and digits.endswith(self.document_number)
        return digits if whole and self.issuing_state == "VNM" else None


class _Layout(NamedTuple):
    """Where each field lies in the lines joined; `None` for a check digit the layout does not have."""

    name: str
    width: int
    codes: str  # first letters of document codes
    names: slice
    number: slice
    nationality: slice
    birth: slice
    sex: int
    expiry: slice
    optional: tuple[slice, ...]
    optional_check: int | None
    composite: tuple[slice, ...]
    composite_check: int | None
    long_number: bool  # a number of more than nine runs on in the optional data


def _two_lines(
    name: str, width: int, codes: str, optional_end: int, optional_check: int | None, checked: bool
) -> _Layout:
    def at(start: int, end: int) -> slice:
        return slice(width + start, width + end)

    return _Layout(
        name,
        width,
        codes,
        names=slice(5, width),
        number=at(0, 9),
        nationality=at(10, 13),
        birth=at(13, 19),
        sex=width + 20,
        expiry=at(21, 27),
        optional=(at(28, optional_end),),
        optional_check=optional_check,
        composite=(at(0, 10), at(13, 20), at(21, width - 1)) if checked else (),
        composite_check=2 * width - 1 if checked else None,
        long_number=checked and optional_check is None,
    )


_TD1 = _Layout(
    "TD1",
    30,
    "IAC",
    names=slice(60, 90),
    number=slice(5, 14),
    nationality=slice(45, 48),
    birth=slice(30, 36),
    sex=37,
    expiry=slice(38, 44),
    optional=(slice(15, 30), slice(48, 59)),
    optional_check=None,
    composite=(slice(5, 37), slice(38, 45), slice(48, 59)),
    composite_check=59,
    long_number=True,
)
# characters in all -> the layouts of that size, told apart by their document code
_LAYOUTS = {
    90: (_TD1,),
    72: (_two_lines("TD2", 36, "IAC", 35, None, True), _two_lines("MRV-B", 36, "V", 36, None, False)),
    88: (_two_lines("TD3", 44, "P", 42, 44 + 42, True), _two_lines("MRV-A", 44, "V", 44, None, False)),
}


def check_digit(text: str) -> str:
    """The check digit over `text` (A-Z, 0-9, filler): weights 7, 3, 1 repeated, modulo 10."""
    return str(sum(_VALUES[char] * _WEIGHTS[i % 3] for i, char in enumerate(text)) % 10)


def parse_mrz(text: str, today: date) -> Mrz:
    """The zone in `text`; `today` settles centuries: nobody is born after it. Raises MrzError only."""
    zone = _compact(text)
    try:
        return _read(zone, today)
    except MrzError as fault:
        raise MrzError(fault.code, fault.codes, _suggest(zone, today)) from None


def _compact(text: str) -> str:
    if not isinstance(text, str) or len(text) > MAX_MRZ_CHARS:
        raise MrzError("mrz.length")
    zone = "".join(text.split()).translate(_QUOTES)
    if not zone.isascii() or (zone and not _CHARACTERS.fullmatch(zone.upper())):
        raise MrzError("mrz.characters")
    if len(zone) not in _LAYOUTS:
        raise MrzError("mrz.length")
    return zone.upper()


def _suggest(zone: str, today: date) -> str | None:
    """The zone with one look-alike exchanged, if exactly one exchange makes all of it hold."""
    repaired: list[_Layout] = []
    suggestion = ""
    for i, char in enumerate(zone):
        if char not in _LOOK_ALIKE:
            continue
        candidate = zone[:i] + _LOOK_ALIKE[char] + zone[i + 1 :]
        try:
            _read(candidate, today)
        except MrzError:
            continue
        repaired.append(_find_layout(candidate))
        suggestion = candidate
    if len(repaired) != 1:
        return None
    width = repaired[0].width
    return "\n".join(suggestion[i : i + width] for i in range(0, len(suggestion), width))


def _find_layout(zone: str) -> _Layout:
    found = [layout for layout in _LAYOUTS[len(zone)] if zone[0] in layout.codes]
    if not found or not (zone[1].isalpha() or zone[1] == FILLER):
        raise MrzError("mrz.document_code")
    return found[0]


def _read(zone: str, today: date) -> Mrz:
    layout = _find_layout(zone)
    number, number_check, optional = _split_number(zone, layout)
    wrong = _wrong_check_digits(zone, layout, number, number_check)
    if wrong:
        raise MrzError(wrong[0], wrong)
    names = zone[layout.names]
    family, _, given = names.partition(FILLER * 2)
    if not _NAME.fullmatch(names):
        raise MrzError("mrz.name")
    if not _NUMBER.fullmatch(number):
        raise MrzError("mrz.document_number")
    if zone[layout.sex] not in _SEXES:
        raise MrzError("mrz.sex")
    return Mrz(
        layout=layout.name,
        document_code=zone[:2].rstrip(FILLER),
        issuing_state=_state(zone[2:5], "mrz.issuing_state"),
        document_number=number.rstrip(FILLER),
        nationality=_state(zone[layout.nationality], "mrz.nationality"),
        birth_date=_birth_date(zone[layout.birth], today),
        sex=_SEXES[zone[layout.sex]],
        expires=_expiry(zone[layout.expiry], today),
        family_name=_words(family),
        given_name=_words(given),
        name_field_full=not names.endswith(FILLER),
        optional_data=tuple(data.rstrip(FILLER) for data in optional),
    )


def _split_number(zone: str, layout: _Layout) -> tuple[str, str, tuple[str, ...]]:
    """Document number, its check digit, and the optional data without the number's second half."""
    number, check = zone[layout.number], zone[layout.number.stop]
    optional = tuple(zone[part] for part in layout.optional)
    if layout.long_number and check == FILLER and not number.endswith(FILLER):
        rest, _, left = optional[0].partition(FILLER)
        if rest:  # its last character is the check digit of the whole number
            return number + rest[:-1], rest[-1], (left, *optional[1:])
    return number, check, optional


def _wrong_check_digits(zone: str, layout: _Layout, number: str, number_check: str) -> tuple[str, ...]:
    fields = [
        ("document_number", number, number_check),
        ("birth_date", zone[layout.birth], zone[layout.birth.stop]),
        ("expiry_date", zone[layout.expiry], zone[layout.expiry.stop]),
    ]
    if layout.optional_check is not None:
        fields.append(("optional_data", zone[layout.optional[0]], zone[layout.optional_check]))
    if layout.composite_check is not None:
        covered = "".join(zone[part] for part in layout.composite)
        fields.append(("composite", covered, zone[layout.composite_check]))
    # an empty field may show a filler in place of the digit 0
    return tuple(
        f"mrz.check_digit.{name}"
        for name, text, digit in fields
        if digit != check_digit(text) and not (digit == FILLER and not text.strip(FILLER))
    )


def _state(field: str, code: str) -> str:
    found = _STATE.fullmatch(field)
    if found is None:
        raise MrzError(code)
    return found[1]


def _words(field: str) -> str:
    return " ".join(field.replace(FILLER, " ").split())


def _birth_date(field: str, today: date) -> PartialDate:
    """yymmdd in the latest century that is not in the future; fillers or 00 for what is not known."""
    if not _BIRTH.fullmatch(field):
        raise MrzError("mrz.birth_date")
    if field.startswith(FILLER):
        return UNKNOWN_DATE
    month, day = [None if part in ("00", FILLER * 2) else int(part) for part in (field[2:4], field[4:])]
    year = today.year - today.year % 100 + int(field[:2])
    if (year, month or 1, day or 1) > (today.year, today.month, today.day):
        year -= 100
    try:
        return make_date(year, month, day)
    except ValueError:
        raise MrzError("mrz.birth_date") from None


def _expiry(field: str, today: date) -> date | None:
    """yymmdd within 50 years back and 49 ahead of today; None if all fillers."""
    if field == FILLER * 6:
        return None
    if not field.isdecimal():
        raise MrzError("mrz.expiry_date")
    earliest = today.year if field == _NEVER else today.year + _YEARS_AHEAD - 99
    year = earliest + (int(field[:2]) - earliest) % 100
    try:
        return date(year, int(field[2:4]), int(field[4:]))
    except ValueError:
        raise MrzError("mrz.expiry_date") from None
