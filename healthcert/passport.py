"""The eleven fields of Viet Nam's vaccine passport, out of the claims of any format.

Source: Decision 5772/QĐ-BYT of 20 December 2021 (fields and their order);
notes/certificates-other-formats-and-vietnam §3.1 (which key of the EU payload each is).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .claims import GROUPS
from .rules import codes

_MANY_DOSES = 100
NOT_STATED = "Không nêu / Not stated"


class Field(NamedTuple):
    """One line of the passport: its name in both languages and what the certificate says, or NOT_STATED."""

    vietnamese: str
    english: str
    value: str


def passport_fields(claims: Mapping[str, Any]) -> tuple[Field, ...]:
    """The eleven, in the order of the decision; of several doses the latest speaks."""
    holder = claims.get("holder") or {}
    doses = [dose for dose in claims.get("vaccinations") or () if isinstance(dose, Mapping)]
    latest = max(doses, key=_when, default={})
    entry = latest or _first_entry(claims)
    received = max([len(doses), *(count for dose in doses if (count := _count(dose)) is not None)])
    return (
        Field("Họ và tên", "Full name", _text(_name(holder))),
        Field("Ngày tháng năm sinh", "Date of birth", _text(holder.get("date_of_birth"))),
        Field("Quốc tịch", "Nationality", _text(holder.get("nationality"))),
        Field(
            "Bệnh dịch mà chứng nhận nhắm tới",
            "Targeted disease",
            _named("disease-agent-targeted", entry.get("disease")),
        ),
        Field("Số mũi tiêm đã nhận", "Number of doses received", _text(received or None)),
        Field("Ngày tiêm", "Date of vaccination", _text(latest.get("date"))),
        Field("Liều số", "Dose number", _text(_count(latest))),
        Field("Vắc xin", "Vaccine", _named("sct-vaccines-covid-19", latest.get("vaccine"))),
        Field(
            "Sản phẩm vắc xin", "Vaccine product", _named("vaccines-covid-19-names", latest.get("product"))
        ),
        Field(
            "Nhà cung cấp hoặc sản xuất vắc xin",
            "Supplier or manufacturer",
            _named("vaccines-covid-19-auth-holders", latest.get("manufacturer")),
        ),
        Field("Mã số của chứng nhận", "Certificate number", _text(entry.get("id"))),
    )


def _first_entry(claims: Mapping[str, Any]) -> Mapping[str, Any]:
    entries = (entry for name in GROUPS for entry in claims.get(name) or ())
    return next((entry for entry in entries if isinstance(entry, Mapping)), {})


def _name(holder: Mapping[str, Any]) -> str | None:
    """Family name first, as Vietnamese names are written; the transliteration where nothing else is said."""
    if isinstance(holder.get("full_name"), str):
        return str(holder["full_name"])
    for family, given in (("family_name", "given_name"), ("family_name_icao", "given_name_icao")):
        parts = [part for part in (holder.get(family), holder.get(given)) if isinstance(part, str) and part]
        if parts:
            return " ".join(parts)
    return None


def _when(dose: Mapping[str, Any]) -> tuple[str, int]:
    return str(dose.get("date") or ""), _count(dose) or 0


def _count(dose: Mapping[str, Any]) -> int | None:
    value = dose.get("dose")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < _MANY_DOSES:
        return None
    return int(value) if value == int(value) else None  # some issuers sign 2.0


def _named(value_set: str, code: Any) -> str:
    return _text(codes.DISPLAYS[value_set].get(code, code) if isinstance(code, str) else None)


def _text(value: Any) -> str:
    return str(value) if value not in (None, "") and isinstance(value, str | int) else NOT_STATED
