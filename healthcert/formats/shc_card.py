"""The signed content of a SMART Health Card: its structure checked, and put into the shape of `claims.py`.

A card may hold any FHIR resource. Vaccinations and tests are those of COVID-19 alone; whatever else it holds
stays in `fhir` as signed, because a rule that counts doses must not count another disease's. A card whose
COVID-19 entries name no person is refused; one without such entries (the official lab report) passes with
`schema.no_patient` as a remark.
Source: SMART Health Cards Framework 1.4.0; HL7 FHIR R4 (Patient, Immunization, Observation); HL7 SMART
Health Cards: Vaccination & Testing IG.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from ..claims import LaterClaims, build_claims
from ..rid_list import is_rid
from ..rules.fhir_codes import COVID_19, COVID_CVX, CVX, LOINC, RESULTS, TEST_TYPES
from ..rules.products import Product, by_code, by_cvx
from ..verdict import Check, Stage, Status

CARD_TYPE = "https://smarthealth.cards#health-card"
MAX_FIELD_CHARS = 200  # the longest name, lot or place of the official cards has 30
_GIVEN = frozenset({"completed"})  # Immunization.status; not-done and entered-in-error are no doses
_REPORTED = frozenset({"final", "amended", "corrected"})  # Observation.status of a result that stands
_VERSION = re.compile(r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{1,3}", re.ASCII)
# A year, a month or a day; a time needs its zone. More digits of a second than Python reads are passed over.
_MOMENT = re.compile(
    r"([0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?)"
    r"(?:(T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?)[0-9]{0,12}(Z|[+-][0-9]{2}:[0-9]{2}))?"
)
_MOMENT_CHARS = 48  # the longest that matches has 44
_FIRST_DAY = "0000-01-01"
_ISSUER = re.compile(r"https://[^\s/?#]+(/[^\s?#]*[^\s/?#])?")
_ICD11 = "http://id.who.int/icd"
_DAY_CHARS = 10
_PASS = Check(Stage.SCHEMA, Status.PASS)


class Card(NamedTuple):
    """What is in a signed payload. `kinds` are those of `Signer.usage` it needs, `kind` the verdict's."""

    check: Check
    kinds: frozenset[str]
    kind: str | None
    rid: str | None
    claims: Mapping[str, Any]

    def __repr__(self) -> str:
        """Without the claims: a repr ends in logs and tracebacks."""
        return f"Card({self.check}, {self.kind})"


class _Content:
    """The resources of a bundle, and the faults found on the way to them."""

    def __init__(self, payload: Mapping[str, Any]) -> None:
        self.faults: list[str] = []
        vc = self.expect(payload.get("vc"), dict, "vc")
        types = self.expect(vc.get("type"), list, "vc.type")
        if CARD_TYPE not in types:
            self.faults.append("schema.vc.type")
        self.rid = vc.get("rid")
        if self.rid is not None and not is_rid(self.rid):
            self.faults.append("schema.vc.rid")
            self.rid = None
        self.issuer = payload.get("iss")
        if (
            not isinstance(self.issuer, str)
            or not _is_text(self.issuer)
            or not _ISSUER.fullmatch(self.issuer)
        ):
            self.faults.append("schema.iss")
        subject = self.expect(vc.get("credentialSubject"), dict, "vc.credentialSubject")
        version = subject.get("fhirVersion")
        if not isinstance(version, str) or not _VERSION.fullmatch(version):
            self.faults.append("schema.fhirVersion")
        self.bundle = self.expect(subject.get("fhirBundle"), dict, "fhirBundle")
        if self.bundle.get("resourceType") != "Bundle":
            self.faults.append("schema.fhirBundle")
        entries = self.expect(self.bundle.get("entry"), list, "fhirBundle.entry")
        self.of: dict[str, list[Mapping[str, Any]]] = {}
        for entry in entries:
            resource = entry.get("resource") if isinstance(entry, dict) else None
            resource = resource if isinstance(resource, dict) else {}
            name = resource.get("resourceType")
            if isinstance(name, str):
                self.of.setdefault(name, []).append(resource)
            else:
                self.faults.append("schema.fhirBundle.entry")

    def expect(self, value: Any, kind: type, where: str) -> Any:
        """`value` if it is a `kind`; else an empty one, and the fault `schema.<where>`."""
        if isinstance(value, kind):
            return value
        self.faults.append(f"schema.{where}")
        return kind()

    def text(self, value: Any, where: str) -> str | None:
        """An optional text of bounded length."""
        if value is None or (isinstance(value, str) and _is_text(value)):
            return value
        self.faults.append(f"schema.{where}")
        return None


def read_card(payload: Mapping[str, Any], issued_at: float | None, expires_at: float | None) -> Card:
    """The card in a signed payload, whatever it holds; times as the caller read them."""
    content = _Content(payload)
    doses = _doses(content)
    tests = _tests(content)
    given = any(_status(record) in _GIVEN for record in content.of.get("Immunization", ()))
    tested = bool(content.of.get("Observation"))
    remarks = _check_persons(content, bool(doses or tests))
    kinds = frozenset(letter for letter, there in (("v", given), ("t", tested)) if there)
    kind = "vaccination" if given else "test" if tested else None
    if content.faults:
        check = Check(Stage.SCHEMA, Status.FAIL, tuple(dict.fromkeys(content.faults)))
        return Card(check, kinds, kind, content.rid, build_claims({}, fhir=content.bundle))
    claims = LaterClaims(_claims, (content, doses, tests, issued_at, expires_at))
    check = Check(Stage.SCHEMA, Status.PASS, remarks) if remarks else _PASS
    return Card(check, kinds, kind, content.rid, claims)


def _claims(
    read: tuple[_Content, list[dict[str, Any]], list[dict[str, Any]], float | None, float | None],
) -> dict[str, Any]:
    """The claims of a card without faults."""
    content, doses, tests, issued_at, expires_at = read
    return build_claims(
        _holder(content),
        vaccinations=doses,
        tests=tests,
        issued_at=issued_at,
        expires_at=expires_at,
        fhir=content.bundle,
    )


def _check_persons(content: _Content, needed: bool) -> tuple[str, ...]:
    """Exactly one person if the card holds evidence, at most one otherwise; the remark if there is none."""
    patients = content.of.get("Patient", [])
    if len(patients) > 1 or (needed and not patients):
        content.faults.append("schema.Patient")
    if not patients:
        return ("schema.no_patient",)
    patient = patients[0]
    names = content.expect(patient.get("name"), list, "Patient.name")
    name = names[0] if names and isinstance(names[0], dict) else {}
    given = name.get("given", [])
    parts = [name.get("family"), name.get("text"), *(given if isinstance(given, list) else [0])]
    texts = [part for part in parts if isinstance(part, str)]
    if not any(texts) or not _is_text(" ".join(texts)) or any(part not in (None, *texts) for part in parts):
        content.faults.append("schema.Patient.name")
    birth = patient.get("birthDate")
    if birth is not None and not (_is_moment(birth) and len(birth) <= _DAY_CHARS):
        content.faults.append("schema.Patient.birthDate")
    return ()


def _holder(content: _Content) -> dict[str, Any]:
    if not content.of.get("Patient"):
        return {}
    patient = content.of["Patient"][0]
    name = patient["name"][0]
    return {
        "family_name": name.get("family"),
        "given_name": " ".join(part for part in name.get("given", ()) if part) or None,
        "full_name": name.get("text"),
        "date_of_birth": patient.get("birthDate"),
    }


def _doses(content: _Content) -> list[dict[str, Any]]:
    """The COVID-19 doses in order of their days, numbered: two records of one day are one dose."""
    found: list[tuple[str, dict[str, Any]]] = []
    for record in content.of.get("Immunization", ()):
        if not _status(record):
            content.faults.append("schema.Immunization.status")
        if _status(record) not in _GIVEN:
            continue
        codings = list(_codings(record.get("vaccineCode")))
        if not codings:
            content.faults.append("schema.Immunization.vaccineCode")
        product, cvx = _product(codings)
        if product is None and cvx is None:
            continue
        moment: Any = record.get("occurrenceDateTime")
        if not _is_moment(moment):
            content.faults.append("schema.Immunization.occurrenceDateTime")
            continue
        found.append((moment, _dose(content, record, product, cvx or codings[0][1])))
    found.sort(key=lambda one: one[0])
    number = _number_days(moment[:_DAY_CHARS] for moment, _ in found)
    return [dose | {"dose": number[moment[:_DAY_CHARS]]} for moment, dose in found]


def _dose(content: _Content, record: Mapping[str, Any], product: Product | None, code: str) -> dict[str, Any]:
    return {
        "disease": COVID_19,
        "vaccine": product.prophylaxis if product else code,
        "vaccine_source": code,
        "product": product.code if product else None,
        "manufacturer": product.holder if product else None,
        "doses_total": product.series if product else None,
        "date": record["occurrenceDateTime"],
        "lot": content.text(record.get("lotNumber"), "Immunization.lotNumber"),
        "centre": _performer(content, record, "Immunization.performer", inside="actor"),
        "issuer": content.issuer,
    }


def _product(codings: Iterable[tuple[str, str]]) -> tuple[Product | None, str | None]:
    """The product the codings name, and the CVX code if it is one of COVID-19."""
    product, cvx = None, None
    for system, code in codings:
        if system == CVX and code in COVID_CVX:
            product, cvx = product or by_cvx(code), code
        elif system.startswith(_ICD11):
            product = product or by_code(code)
    return product, cvx


def _number_days(days: Iterable[str]) -> dict[str, int]:
    """1, 2, 3 for the different days. A day told less precisely ("2021-03") is not counted a second time
    beside one within it; it takes that one's number.
    """
    ordered = sorted(set(days))
    numbers: dict[str, int] = {}
    number = 0
    for day, following in zip(ordered, [*ordered[1:], ""], strict=False):
        numbers[day] = number + 1
        if not following.startswith(day):
            number += 1
    return numbers


def _tests(content: _Content) -> list[dict[str, Any]]:
    found = []
    for record in content.of.get("Observation", ()):
        named = [c for system, c in _codings(record.get("code")) if system == LOINC and c in TEST_TYPES]
        if not named or _status(record) not in _REPORTED:
            continue
        period = record.get("effectivePeriod")
        start = period.get("start") if isinstance(period, dict) else None
        sampled = record.get("effectiveDateTime", start)
        if not _is_moment(sampled):
            content.faults.append("schema.Observation.effectiveDateTime")
            continue
        codings = list(_codings(record.get("valueCodeableConcept")))
        results = {RESULTS[coding] for coding in codings if coding in RESULTS}
        if len(results) > 1:
            content.faults.append("schema.Observation.valueCodeableConcept")
        found.append(
            {
                "disease": COVID_19,
                "test_type": TEST_TYPES[named[0]],
                "test_type_source": named[0],
                "sampled_at": sampled,
                "result": next(iter(results), None),
                "result_source": codings[0][1] if codings else None,
                "centre": _performer(content, record, "Observation.performer"),
                "issuer": content.issuer,
            }
        )
    return sorted(found, key=lambda one: str(one["sampled_at"]))


def _performer(
    content: _Content, record: Mapping[str, Any], where: str, inside: str | None = None
) -> str | None:
    """What the first performer is called."""
    performers = record.get("performer")
    first = performers[0] if isinstance(performers, list) and performers else None
    if inside is not None and isinstance(first, dict):
        first = first.get(inside)
    return content.text(first.get("display") if isinstance(first, dict) else None, where)


def _codings(concept: Any) -> Iterator[tuple[str, str]]:
    """(system, code) of every coding of a FHIR CodeableConcept; what is malformed is passed over."""
    codings = concept.get("coding") if isinstance(concept, dict) else None
    for coding in codings if isinstance(codings, list) else ():
        if isinstance(coding, dict):
            system, code = coding.get("system"), coding.get("code")
            if isinstance(system, str) and isinstance(code, str) and len(code) <= MAX_FIELD_CHARS:
                yield system, code


def _status(record: Mapping[str, Any]) -> str:
    status = record.get("status")
    return status if isinstance(status, str) else ""


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MAX_FIELD_CHARS


def _is_moment(value: Any) -> bool:
    """Is `value` a FHIR date or dateTime: a year, a month, a day, or a time with its zone?"""
    if not isinstance(value, str) or len(value) > _MOMENT_CHARS:
        return False
    match = _MOMENT.fullmatch(value)
    if match is None:
        return False
    day, time, zone = match.groups()
    try:
        date.fromisoformat(day + _FIRST_DAY[len(day) :])
        return time is None or datetime.fromisoformat(f"2000-01-01{time}{zone}") is not None
    except ValueError:
        return False
