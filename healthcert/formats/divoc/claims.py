"""A signed DIVOC document in the common shape of claims.

What a swap could change is read so that it changes nothing: dates as days, the two register numbers as one
sorted list, gender and sex as one. The document itself stands under `divoc` without those members.
Source: DIVOC vaccination contexts v1 and v2; notes/certificates-other-formats-and-vietnam §1.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...claims import build_claims
from ...rules.products import by_name
from . import meaning

_COVID_19 = "840539006"  # SNOMED CT, the only disease DIVOC certificates speak of
_TWINS = {member for pair in meaning.TWINS for member in pair}
# The reference signer writes India's code when the register names no country, also in Sri Lanka.
_TEMPLATE_COUNTRY = ("IN", "IND")


def present(document: Mapping[str, Any], issued: float | None, country: str | None) -> dict[str, Any]:
    """The claims of a document whose meaning was checked; `country` is the signer's."""
    subject, evidence = document["credentialSubject"], document["evidence"][0]
    product = by_name(evidence["vaccine"])
    day = meaning.day_of(evidence["date"])
    until = meaning.day_of(evidence.get("effectiveUntil"))
    numbers = sorted(
        {str(subject[name]) for name in ("refId", "uhid") if subject.get(name) not in (None, "")}
    )
    holder = {
        "full_name": subject["name"],
        "date_of_birth": subject.get("dob") or None,
        "sex": subject.get("gender") or subject.get("sex") or None,
        "nationality": subject.get("nationality") or None,
        "document_number": _passport(subject["id"]),
        "references": numbers or None,
    }
    entry = {
        "disease": _COVID_19 if product else None,
        "vaccine": product.prophylaxis if product else None,
        "vaccine_source": evidence.get("icd11Code") or None,
        "product": product.code if product else None,
        "product_source": evidence["vaccine"],
        "manufacturer": _maker(evidence),
        "dose": meaning.count_of(evidence.get("dose")),
        "doses_total": meaning.count_of(evidence.get("totalDoses")),
        "date": None if day is None else day.isoformat(),
        "effective_until": None if until is None or until == day else until.isoformat(),
        "lot": _said(evidence.get("batch")),
        "country": _country(evidence, country),
        "id": _said(evidence.get("certificateId")),
        "issuer": document["issuer"],
    }
    return build_claims(holder, vaccinations=[entry], issued_at=issued, divoc=_without_twins(document))


def _passport(identity: str) -> str | None:
    method, _, number = identity.removeprefix("did:").partition(":")
    return number if method.casefold() == "passport" and number else None


def _said(value: Any) -> str | None:
    return None if value is None else str(value).strip() or None


def _maker(evidence: Mapping[str, Any]) -> str | None:
    """Not told where it only repeats the vaccine: the signature cannot tell that from silence."""
    maker, vaccine = evidence.get("manufacturer") or "", evidence["vaccine"]
    return None if not maker or maker.strip().casefold() == vaccine.strip().casefold() else maker


def _country(evidence: Mapping[str, Any], signer: str | None) -> str | None:
    address = (evidence.get("facility") or {}).get("address") or {}
    code = address.get("addressCountry")
    if not isinstance(code, str) or not code:
        return None
    return None if code in _TEMPLATE_COUNTRY and signer not in (None, "IN") else code


def _without_twins(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_twins(inner) for name, inner in value.items() if name not in _TWINS}
    return [_without_twins(inner) for inner in value] if isinstance(value, list) else value
