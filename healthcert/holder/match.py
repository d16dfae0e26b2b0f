"""Whether a certificate belongs to the document in the officer's hand, or two certificates to one person.

Name and birth date decide, unless both sides carry a document number that can be compared:

    number   name \\ birth date   same          partial       absent        differs
    absent   agrees              MATCH         CANNOT_TELL   CANNOT_TELL   NO_MATCH
             unclear             CANNOT_TELL   CANNOT_TELL   CANNOT_TELL   NO_MATCH
             differs             NO_MATCH      NO_MATCH      NO_MATCH      NO_MATCH
    same     agrees              MATCH         MATCH         MATCH         CANNOT_TELL
             unclear             MATCH         MATCH         MATCH         CANNOT_TELL
             differs             CANNOT_TELL   CANNOT_TELL   CANNOT_TELL   NO_MATCH
    differs  any                 NO_MATCH for a document; as "absent" for two certificates, MATCH never

    "agrees" is EQUAL or COMPATIBLE of `names`; "unclear" includes a name that is absent or unreadable.
    Numbers of States can coincide: a same number beside another name or birth date asks a person.

Then MATCH becomes CANNOT_TELL if the sexes differ or the citizen-ID code contradicts itself. An expired
document is a remark: it changes who may travel, not whose certificate it is.

Only a passport's number is compared to refuse: another card has another number and says nothing. A national
number (an `identifier`, the citizen number) is used to confirm only.
Source: issue "healthcert" step 5; notes/certificates-other-formats-and-vietnam §1.6 (pid.i), §3.4.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, NoReturn

from .citizen_id import CitizenId
from .dates import Agreement, PartialDate, compare_dates, is_century_apart, is_day_month_swap, parse_birth
from .mrz import Mrz
from .name_rules import NameLevel
from .names import NAME_REASONS, PersonName, compare_names, make_name

_MAX_NUMBER_CHARS = 64  # a zone holds at most 22 characters of one; anything longer is no number
_MIN_NUMBER_CHARS = 5  # shorter ones are serials that many people share
_NOT_IN_NUMBERS = re.compile(r"[^A-Z0-9]")
_SEXES = {"m": "M", "male": "M", "nam": "M", "f": "F", "female": "F", "nữ": "F"}


class BindingOutcome(StrEnum):
    """The three ends of a comparison."""

    MATCH = "match"
    NO_MATCH = "no_match"
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True, slots=True)
class Binding:
    """The outcome, `holder.*` codes that explain or qualify it, and how each field compared.

    `details` maps name, birth_date, sex, document_number to words such as "same"; it holds no personal data.
    """

    outcome: BindingOutcome
    reasons: tuple[str, ...] = ()
    details: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> NoReturn:
        raise TypeError("a Binding has three outcomes; compare binding.outcome with BindingOutcome.MATCH")


REASONS = NAME_REASONS | {
    "holder.birth_date_differs",
    "holder.birth_date_partial",
    "holder.birth_date_absent",
    "holder.birth_date_day_month_swapped",  # beside differs
    "holder.birth_date_century",  # the zone's two-digit year fits only another century
    "holder.document_number_differs",
    "holder.sex_differs",
    "holder.citizen_id_inconsistent",
    "holder.document_expired",
}


@dataclass(frozen=True, slots=True, repr=False)
class _Person:
    """What either side says of its holder. `numbers` may refuse and confirm, `confirming` only confirm."""

    name: PersonName
    birth: PartialDate
    sex: str | None
    numbers: frozenset[str]
    confirming: frozenset[str]


_M, _N, _C = BindingOutcome.MATCH, BindingOutcome.NO_MATCH, BindingOutcome.CANNOT_TELL
_NAME_ROW = {
    NameLevel.EQUAL: "agrees",
    NameLevel.COMPATIBLE: "agrees",
    NameLevel.UNCLEAR: "unclear",
    NameLevel.DIFFERENT: "differs",
}
_COLUMNS = (Agreement.SAME, Agreement.PARTIAL, Agreement.ABSENT, Agreement.DIFFERS)
_TABLE = {
    (number_is_same, name, birth): outcome
    for number_is_same, name, outcomes in (
        (False, "agrees", (_M, _C, _C, _N)),
        (False, "unclear", (_C, _C, _C, _N)),
        (False, "differs", (_N, _N, _N, _N)),
        (True, "agrees", (_M, _M, _M, _C)),
        (True, "unclear", (_M, _M, _M, _C)),
        (True, "differs", (_C, _C, _C, _N)),
    )
    for birth, outcome in zip(_COLUMNS, outcomes, strict=True)
}


def bind(claims: Mapping[str, Any], document: Mrz | CitizenId, today: date) -> Binding:
    """Whether the holder of `claims` (shape of `claims.py`, any format) is the holder of `document`."""
    reasons: list[str] = []
    if isinstance(document, Mrz):
        person = _of_mrz(document)
        if document.expires is not None and document.expires < today:
            reasons.append("holder.document_expired")
    else:
        person = _of_citizen_id(document)
        if document.disagreements:
            reasons.append("holder.citizen_id_inconsistent")
    return _compare(
        _of_claims(claims), person, reasons, other_number=_N, two_digit_year=isinstance(document, Mrz)
    )


def same_person(claims: Mapping[str, Any], others: Mapping[str, Any]) -> Binding:
    """Whether two certificates name one holder; the same for both orders of the arguments.

    Two passports of one person have two numbers, so another number alone does not refuse here.
    """
    return _compare(_of_claims(claims), _of_claims(others), [], other_number=_C, two_digit_year=False)


def _compare(
    a: _Person, b: _Person, remarks: list[str], *, other_number: BindingOutcome, two_digit_year: bool
) -> Binding:
    name = compare_names(a.name, b.name)
    birth, birth_reasons = _compare_births(a.birth, b.birth, two_digit_year)
    number = _compare_numbers(a, b)
    sex = Agreement.ABSENT if not (a.sex and b.sex) else _agreement(a.sex == b.sex)

    outcome = _TABLE[number is Agreement.SAME, _NAME_ROW[name.level], birth]
    reasons = [*name.reasons, *birth_reasons]
    if number is Agreement.DIFFERS:
        reasons.insert(0, "holder.document_number_differs")
        outcome = _N if outcome is _N else other_number
    if sex is Agreement.DIFFERS:
        reasons.append("holder.sex_differs")
    if outcome is _M and (sex is Agreement.DIFFERS or "holder.citizen_id_inconsistent" in remarks):
        outcome = _C
    details = {"name": name.level, "birth_date": birth, "sex": sex, "document_number": number}
    return Binding(outcome, (*reasons, *remarks), {key: value.value for key, value in details.items()})


def _compare_births(
    a: PartialDate, b: PartialDate, two_digit_year: bool
) -> tuple[Agreement, tuple[str, ...]]:
    birth = compare_dates(a, b)
    if birth is Agreement.SAME:
        return birth, ()
    if birth is not Agreement.DIFFERS:
        return birth, (f"holder.birth_date_{birth.value}",)
    if two_digit_year and is_century_apart(a, b):
        return Agreement.PARTIAL, ("holder.birth_date_century",)
    swapped = ("holder.birth_date_day_month_swapped",) if is_day_month_swap(a, b) else ()
    return birth, ("holder.birth_date_differs", *swapped)


def _compare_numbers(a: _Person, b: _Person) -> Agreement:
    if (a.numbers | a.confirming) & (b.numbers | b.confirming):
        return Agreement.SAME
    return Agreement.DIFFERS if a.numbers and b.numbers else Agreement.ABSENT


def _agreement(same: bool) -> Agreement:
    return Agreement.SAME if same else Agreement.DIFFERS


def _of_mrz(mrz: Mrz) -> _Person:
    number = _numbers(mrz.document_number)
    return _Person(
        make_name([(mrz.family_name, mrz.given_name)], cut=mrz.name_field_full),
        mrz.birth_date,
        mrz.sex,
        number if mrz.is_passport else frozenset(),
        number | _numbers(mrz.citizen_number),
    )


def _of_citizen_id(card: CitizenId) -> _Person:
    numbers = _numbers(card.number, card.old_number)
    return _Person(make_name([(card.full_name, "")]), card.birth_date, card.sex, frozenset(), numbers)


def _of_claims(claims: Mapping[str, Any]) -> _Person:
    found = claims.get("holder")
    holder = found if isinstance(found, Mapping) else {}

    def text(key: str) -> str:
        value = holder.get(key)
        if isinstance(value, list | tuple):  # given names as FHIR has them
            value = " ".join(part for part in value if isinstance(part, str))
        return value if isinstance(value, str) else ""

    family, given, full = text("family_name"), text("given_name"), text("full_name")
    family_icao, given_icao = text("family_name_icao"), text("given_name_icao")
    writings = [(family or family_icao, given or given_icao), (family_icao or family, given_icao or given)]
    return _Person(
        make_name([*writings, (full, "")]),
        parse_birth(holder.get("date_of_birth")),
        _SEXES.get(text("sex").strip().lower()),
        _numbers(holder.get("document_number")),
        _numbers(holder.get("identifier")),
    )


def _numbers(*values: object) -> frozenset[str]:
    """Numbers without blanks, hyphens and fillers, in upper case; what is no number is left out."""
    texts = [v for v in values if isinstance(v, str) and len(v) <= _MAX_NUMBER_CHARS]
    plain = (_NOT_IN_NUMBERS.sub("", text.upper()) for text in texts)
    return frozenset(number for number in plain if len(number) >= _MIN_NUMBER_CHARS)
