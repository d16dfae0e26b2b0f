"""Whether an entry speaks of COVID-19: this gate's rules count no other disease's doses, tests or recoveries.

Formats hand on the code the issuer signed. Where no disease is told the vaccine may settle it, and of tests
those that look for this virus by their very code, or stand in a proof that exists for this disease alone.
Source: hcert value sets 2.9.0 (tg, vp, mp); ICD-10 and ICD-11 on COVID-19; SNOMED CT (disease and virus);
ICAO TR VDS-NC 1.1 (`icao.test` has no field for a disease).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from ..model import VDS_NC
from ..rules import codes
from ..rules.fhir_codes import COVID_19
from ..rules.fhir_codes import TEST_TYPES as LOINC_TESTS
from .doses import product_of

_CODES = frozenset(
    {
        COVID_19, "840533007",  # SNOMED CT: the disease; the virus
        "RA01", "RA01.0", "RA01.1", "XN109",  # ICD-11: the disease, its two blocks, the virus
        "U07.1", "U07.2",  # ICD-10
        "COVID-19", "SARS-COV-2",  # in words
    }
)  # fmt: skip
# ICD-11 extension codes of vaccines against COVID-19, by the way they are made (facts only)
_ICD11_VACCINES = frozenset(
    {"XM68M6", "XM1NL1", "XM5DF6", "XM9QW8", "XM0CX4", "XM5JC5", "XM1J92", "XM6AT1", "XM0GQ8"}
)
_VACCINES = codes.VACCINES | codes.PRODUCTS | _ICD11_VACCINES
_VACCINE_FIELDS = ("product", "product_source", "vaccine", "vaccine_source")


class Disease(StrEnum):
    """The answers."""

    COVID_19 = "covid_19"
    OTHER = "other"
    UNTOLD = "untold"


def disease_of(kind: str, entry: Mapping[str, Any], format: str) -> Disease:
    """What an entry of a kind ("vaccination", "test", "recovery") speaks of, in a certificate of `format`.

    A code unknown here beside a vaccine against COVID-19 contradicts it or is another spelling: UNTOLD.
    """
    told = entry.get("disease")
    if isinstance(told, str) and told.strip():
        if told.strip().upper() in _CODES:
            return Disease.COVID_19
        return Disease.UNTOLD if _settled(kind, entry, format) else Disease.OTHER
    return Disease.COVID_19 if _settled(kind, entry, format) else Disease.UNTOLD


def _settled(kind: str, entry: Mapping[str, Any], format: str) -> bool:
    if kind == "vaccination":
        values = [value for name in _VACCINE_FIELDS if isinstance(value := entry.get(name), str)]
        return not _VACCINES.isdisjoint(values) or product_of(entry) is not None
    if kind == "test":
        named = [entry.get(name) for name in ("test_type", "test_type_source")]
        return format == VDS_NC or any(isinstance(code, str) and code in LOINC_TESTS for code in named)
    return False
