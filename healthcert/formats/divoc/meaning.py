"""Does the document say what was signed, and nothing else?

DIVOC's contexts give several members one IRI, so a signature protects the *set* of their values and not which
member holds which. Whoever holds a certificate may deal the values out anew. So every reading of the signed
set is listed here, those that cannot be are struck out, and the document passes only if what it shows is the
one meaning left:

    schema:id         certificateId batch vaccine manufacturer icd11Code
    schema:date       date effectiveStart effectiveUntil
    schema:doseValue  dose totalDoses

Pairs nothing can tell apart (refId and uhid, gender and sex, the two links) are `TWINS`: claims.py reads them
so that a swap changes nothing. Both context versions yield the same statements, so a document may be shown
under either: the readings never depend on the version.
Source: DIVOC vaccination contexts v1 and v2; notes/certificates-other-formats-and-vietnam §1.5.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from itertools import product
from typing import Any, NamedTuple

from ...rules.products import PRODUCTS, by_name
from ...verdict import Check, Stage, Status
from .makers import maker_of

SWAPPED, AMBIGUOUS, UNSIGNED = "schema.divoc.swap", "schema.divoc.ambiguous", "schema.divoc.unsigned"
TWINS = (("refId", "uhid"), ("gender", "sex"), ("feedbackUrl", "infoUrl"))
MAX_DOSES = 20
_ICD11 = re.compile(r"XM[A-Z0-9]{4}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d(?:T.*)?", re.ASCII | re.DOTALL)
_DIGIT = re.compile(r"\d")
_LETTERS = re.compile(r"[^\W\d_]{3}")

Values = Mapping[str, Any]  # member -> value; absent, null and "" are all absent for a meaning


class Group(NamedTuple):
    """Members that share one IRI. `meaning` of a dealing is None where it cannot be."""

    members: tuple[str, ...]
    # What a member can hold, seen alone: its text and the evidence's id. The signer always writes the members
    # named here, so no reading is without them.
    only: Mapping[str, Callable[[str, str], bool]]
    meaning: Callable[[Values, str], tuple[Any, ...] | None]
    likely: Callable[[Values], bool]  # decides between readings that can all be


def check(document: Mapping[str, Any]) -> Check:
    """PASS, FAIL `schema.divoc.swap`, or UNKNOWN `schema.divoc.ambiguous`. The shape must be right."""
    evidence, subject = document["evidence"][0], document["credentialSubject"]
    verdicts = [_judge(group, evidence, evidence["id"]) for group in GROUPS]
    verdicts.append(_judge_course(evidence))
    verdicts.append(_judge_sex(subject))
    if Status.FAIL in verdicts:
        return Check(Stage.SCHEMA, Status.FAIL, (SWAPPED,))
    if Status.UNKNOWN in verdicts:
        return Check(Stage.SCHEMA, Status.UNKNOWN, (AMBIGUOUS,))
    return Check(Stage.SCHEMA, Status.PASS)


def _judge(group: Group, evidence: Mapping[str, Any], evidence_id: str) -> Status:
    shown = {member: evidence.get(member) for member in group.members}
    shown_meaning = group.meaning(shown, evidence_id)
    possible: dict[tuple[Any, ...], list[Values]] = {}
    for values in readings(group, shown, evidence_id):
        meaning = group.meaning(values, evidence_id)
        if meaning is not None:
            possible.setdefault(meaning, []).append(values)
    if shown_meaning is None:
        untold = any(_text(shown.get(member)) == "" for member in group.only)
        honest = untold or not possible or _is_odd_but_honest(shown)
        return Status.UNKNOWN if honest else Status.FAIL
    if len(possible) == 1:
        return Status.PASS
    likely = [meaning for meaning, deals in possible.items() if any(group.likely(deal) for deal in deals)]
    return Status.PASS if likely == [shown_meaning] else Status.UNKNOWN


def readings(group: Group, shown: Values, evidence_id: str) -> Iterator[dict[str, Any]]:
    """Every way to deal the signed values out to the members: all are used, each as often as one likes.

    Five members have at most five different values: one number, say two products, then batch, maker and code
    with six choices each: 2 x 6^3 = 432 readings, and 5^2 x 6^3 = 5,400 if every text named a product.
    """
    signed = {(type(value), value) for value in shown.values() if value is not None}
    choices = [
        [one for one in signed if only(_text(one[1]), evidence_id)] if only else [(type(None), None), *signed]
        for only in map(group.only.get, group.members)
    ]
    for dealt in product(*choices):
        if signed <= set(dealt):
            yield {member: value for member, (_, value) in zip(group.members, dealt, strict=True)}


def _is_odd_but_honest(shown: Values) -> bool:
    """A brand name where the maker stands: careless, and it names the same product."""
    vaccine, maker = by_name(_text(shown.get("vaccine"))), by_name(_text(shown.get("manufacturer")))
    return vaccine is not None and vaccine is maker


# --- what the product is, whose, which lot, under which number --------------------------------------------


def _meaning_of_ids(values: Values, evidence_id: str) -> tuple[Any, ...] | None:
    number, batch, vaccine, maker, icd11 = (_text(values.get(member)) for member in _IDS)
    known = by_name(vaccine)
    if known is None or not _ends_in(evidence_id, number):
        return None
    if icd11 and not _ICD11.fullmatch(icd11):
        return None
    if batch and (batch == number or maker_of(batch) or _names_product(batch) or _ICD11.fullmatch(batch)):
        return None
    if maker and not maker_of(maker):
        if maker == number or _ICD11.fullmatch(maker):
            return None
        if _names_product(maker) and maker.casefold() != vaccine.casefold():
            return None
    # A maker spelt like the vaccine says nothing more, so it is the same as none.
    whose = "" if maker.casefold() == vaccine.casefold() else maker_of(maker) or maker
    return known.code, whose, batch, number, icd11


def _likely_ids(values: Values) -> bool:
    """A lot has a digit, a maker we do not know has letters and none."""
    batch, maker = _text(values.get("batch")), _text(values.get("manufacturer"))
    if batch and not _DIGIT.search(batch):
        return bool(maker_of(maker))
    return not maker or bool(maker_of(maker)) or bool(_LETTERS.search(maker) and not _DIGIT.search(maker))


def _names_product(text: str) -> bool:
    folded = text.casefold()
    return any(name in folded for known in PRODUCTS for name in known.names)


def _ends_in(evidence_id: str, number: str) -> bool:
    """The id is an address and the number; a lot that happens to equal its last digits is not the number."""
    head = evidence_id.removesuffix(number)
    return bool(number) and head != evidence_id and not head[-1:].isalnum()


# --- when ------------------------------------------------------------------------------------------------


def _meaning_of_dates(values: Values, _: str) -> tuple[Any, ...] | None:
    given, starts, ends = (_text(values.get(member)) for member in _DATES)
    day = day_of(given)
    if day is None or (starts and day_of(starts) != day):
        return None
    if not ends:
        return (day,)
    until = day_of(ends)
    if until is None or until < day:
        return None
    return (day,) if until == day else (day, until)


def day_of(text: Any) -> date | None:
    """The day an ISO 8601 text begins with; None when it is no date."""
    if not isinstance(text, str) or not _DAY.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


# --- how many ----------------------------------------------------------------------------------------------


def _meaning_of_doses(values: Values, _: str) -> tuple[Any, ...] | None:
    dose, total = count_of(values.get("dose")), count_of(values.get("totalDoses"))
    if dose is None or total is None or not 1 <= dose <= total <= MAX_DOSES:
        return None
    return dose, total


def count_of(value: Any) -> int | None:
    """A whole number, written as a number or as one or two digits."""
    if type(value) is int:
        return value
    if type(value) is str and value.isascii() and value.isdigit() and len(value) <= 2:
        return int(value)
    return None


def _judge_course(evidence: Mapping[str, Any]) -> Status:
    """`1 of 1` of a two-dose vaccine may have been `1` with a total nobody signed: equal values are one."""
    known = by_name(_text(evidence.get("vaccine")))
    dose, total = count_of(evidence.get("dose")), count_of(evidence.get("totalDoses"))
    if known is not None and dose is not None and dose == total and dose < known.series:
        return Status.UNKNOWN
    return Status.PASS


def _judge_sex(subject: Mapping[str, Any]) -> Status:
    said = {_text(subject.get(member)).casefold() for member in ("gender", "sex")} - {""}
    return Status.UNKNOWN if len(said) > 1 else Status.PASS


def _any_reading(values: Values) -> bool:
    return True


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


_IDS = ("certificateId", "batch", "vaccine", "manufacturer", "icd11Code")
_DATES = ("date", "effectiveStart", "effectiveUntil")
_DOSES = ("dose", "totalDoses")
GROUPS = (
    Group(
        _IDS,
        {
            "certificateId": lambda text, evidence_id: _ends_in(evidence_id, text),
            "vaccine": lambda text, _: by_name(text) is not None,
        },
        _meaning_of_ids,
        _likely_ids,
    ),
    Group(_DATES, {"date": lambda text, _: day_of(text) is not None}, _meaning_of_dates, _any_reading),
    Group(
        _DOSES,
        {"dose": lambda text, _: text != "", "totalDoses": lambda text, _: text != ""},
        _meaning_of_doses,
        _any_reading,
    ),
)
