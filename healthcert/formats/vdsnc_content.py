"""The message of a VDS-NC: a proof of vaccination or of testing, its structure and what it says.

    icao.vacc  uvci, pid{n dob sex i ai}, ve[{des nam dis vd[{dvc seq ctr lot adm dvn}]}]
    icao.test  utci, pid{n dob dt dn}, sp{spn ctr cd{p e a}}, dat{sc ri}, tr{tc r m}, opt

Unknown members are let through; known ones have their type. `n` holds primary and secondary identifier with
two spaces between them.
Source: ICAO TR VDS-NC 1.1 annexes (field names and meanings as listed in Path-Check/paper-cred
payloads/icao.vacc.1.md and icao.test.1.md, facts only); WHO ICD-11 (RA01.0, XN109).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from ..claims import build_claims
from ..rules.countries import alpha_2
from ..rules.products import Product, by_code, by_name
from ..verdict import Check, Stage, Status

VERSION = 1
KINDS = {"icao.vacc": "vaccination", "icao.test": "test"}
MAX_FIELD_CHARS = 200
_DAY_S = 86_400.0
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_NEVER = float("-inf")
_COVID_19 = "840539006"
_DISEASES = {"RA01": _COVID_19, "RA01.0": _COVID_19, "RA01.1": _COVID_19, "XN109": _COVID_19}
_DETECTED, _NOT_DETECTED = "260373001", "260415000"
_RESULTS = {
    "positive": _DETECTED,
    "abnormal": _DETECTED,
    "negative": _NOT_DETECTED,
    "normal": _NOT_DETECTED,
}
_TEST_TYPES = {"molecular(pcr)": "LP6464-4", "molecular(other)": "LP6464-4", "antigen": "LP217198-3"}

_TEXT, _DAY, _MOMENT, _COUNT = "text", "day", "moment", "count"
# Members of one object: name -> (type, required)
_Shape = Mapping[str, tuple[str, bool]]
_PERSON: _Shape = {name: (_TEXT, name == "n") for name in ("n", "dob", "sex", "i", "ai", "dt", "dn")}
_EVENT: _Shape = dict.fromkeys(("des", "nam", "dis"), (_TEXT, False))
_DOSE: _Shape = {
    "dvc": (_DAY, True),
    "seq": (_COUNT, False),
    "ctr": (_TEXT, False),
    "lot": (_TEXT, False),
    "adm": (_TEXT, False),
    "dvn": (_DAY, False),
}
_PROVIDER: _Shape = {"spn": (_TEXT, False), "ctr": (_TEXT, False)}
_DATES: _Shape = {"sc": (_MOMENT, True), "ri": (_MOMENT, False)}
_RESULT: _Shape = {"tc": (_TEXT, True), "r": (_TEXT, True), "m": (_TEXT, False)}

_PASS = Check(Stage.SCHEMA, Status.PASS)


def check(header: Mapping[str, Any], message: Mapping[str, Any]) -> tuple[str | None, Check]:
    """What the message speaks of, and whether it is built that way.

    A seal of another type or version is a genuine document that we do not know: a person decides.
    """
    kind = KINDS.get(header["t"]) if isinstance(header.get("t"), str) else None
    version = header.get("v")
    if kind is None or type(version) not in (int, float) or version != VERSION:
        return None, Check(Stage.SCHEMA, Status.UNKNOWN, ("format.unsupported",))
    faults = [] if _is_text(header.get("is")) and header.get("is") else ["schema.is"]
    faults += _faults(message.get("pid"), _PERSON, "pid")
    faults += _vaccination(message) if kind == "vaccination" else _test(message)
    if not faults:
        return kind, _PASS
    return kind, Check(Stage.SCHEMA, Status.FAIL, tuple(dict.fromkeys(faults)))


def latest(message: Mapping[str, Any], kind: str | None) -> float:
    """Seconds since 1970 of the latest thing that has happened; minus infinity where nothing can be read."""
    if kind == "test":
        dates = message.get("dat")
        found = [_instant(dates.get(name)) for name in ("sc", "ri")] if isinstance(dates, Mapping) else []
    else:
        found = [_instant(dose.get("dvc")) for _, dose in _doses(message)]
    return max((instant for instant in found if instant is not None), default=_NEVER)


def claims(read: tuple[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The common shape of a message that `check` passed: (kind, signed data)."""
    kind, data = read
    message = data["msg"]
    holder = _holder(message["pid"])
    if kind == "test":
        return build_claims(holder, tests=[_test_claims(message)], vds=data)
    entries = [_dose_claims(event, dose, message) for event, dose in _doses(message)]
    return build_claims(holder, vaccinations=entries, vds=data)


def _vaccination(message: Mapping[str, Any]) -> list[str]:
    faults = [] if _is_text(message.get("uvci")) else ["schema.uvci"]
    events = message.get("ve")
    if not isinstance(events, list) or not events:
        return [*faults, "schema.ve"]
    for event in events:
        faults += _faults(event, _EVENT, "ve")
        doses = event.get("vd") if isinstance(event, dict) else None
        if not isinstance(doses, list) or not doses:
            faults.append("schema.ve.vd")
            continue
        if not event.get("des") and not event.get("nam"):
            faults.append("schema.ve.des")
        for dose in doses:
            faults += _faults(dose, _DOSE, "ve.vd")
    return faults


def _test(message: Mapping[str, Any]) -> list[str]:
    faults = [] if _is_text(message.get("utci")) else ["schema.utci"]
    if message.get("sp") is not None:
        faults += _faults(message["sp"], _PROVIDER, "sp")
    return [*faults, *_faults(message.get("dat"), _DATES, "dat"), *_faults(message.get("tr"), _RESULT, "tr")]


def _faults(value: Any, shape: _Shape, path: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"schema.{path}"]
    faults = []
    for name, (kind, required) in shape.items():
        given = value.get(name)
        if (required and given in (None, "")) or not _FITS[kind](given):
            faults.append(f"schema.{path}.{name}")
    return faults


def _holder(person: Mapping[str, Any]) -> dict[str, Any]:
    family, two_spaces, given = person["n"].partition("  ")
    return {
        "family_name": family.strip() if two_spaces else None,
        "given_name": given.strip() or None,
        "full_name": person["n"],
        "date_of_birth": person.get("dob"),
        "sex": person.get("sex"),
        "document_number": person.get("i") or person.get("dn"),
        "document_type": person.get("dt"),
        "identifier": person.get("ai"),
    }


def _dose_claims(
    event: Mapping[str, Any], dose: Mapping[str, Any], message: Mapping[str, Any]
) -> dict[str, Any]:
    product: Product | None = by_code(event.get("des")) or by_name(event.get("nam"))
    return {
        "disease": _DISEASES.get(event.get("dis") or "", event.get("dis")),
        "disease_source": event.get("dis"),
        "vaccine": product.prophylaxis if product else event.get("des"),
        "vaccine_source": event.get("des"),
        "product": product.code if product else event.get("nam"),
        "product_source": event.get("nam"),
        "manufacturer": product.holder if product else None,
        "dose": _count(dose.get("seq")),
        "date": dose["dvc"],
        "next_date": dose.get("dvn"),
        "country": alpha_2(dose.get("ctr")) or dose.get("ctr"),
        "country_source": dose.get("ctr"),
        "lot": dose.get("lot"),
        "centre": dose.get("adm"),
        "id": message.get("uvci"),
    }


def _test_claims(message: Mapping[str, Any]) -> dict[str, Any]:
    provider, dates, result = message.get("sp") or {}, message["dat"], message["tr"]
    country = provider.get("ctr")
    return {
        "test_type": _TEST_TYPES.get(result["tc"].casefold().replace(" ", ""), result["tc"]),
        "test_type_source": result["tc"],
        "sample": result.get("m"),
        "sampled_at": dates["sc"],
        "reported_at": dates.get("ri"),
        "result": _RESULTS.get(result["r"].casefold().strip(), result["r"]),
        "result_source": result["r"],
        "centre": provider.get("spn"),
        "country": alpha_2(country) or country,
        "country_source": country,
        "id": message.get("utci"),
    }


def _doses(message: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """(event, dose) of everything that has the shape of one."""
    events = message.get("ve")
    for event in events if isinstance(events, list) else ():
        doses = event.get("vd") if isinstance(event, dict) else None
        for dose in doses if isinstance(doses, list) else ():
            if isinstance(dose, dict):
                yield event, dose


def _is_text(value: Any) -> bool:
    return value is None or (type(value) is str and len(value) <= MAX_FIELD_CHARS)


def _is_day(value: Any) -> bool:
    return value is None or (_instant(value) is not None and len(value) == 10)


def _is_moment(value: Any) -> bool:
    return value is None or _instant(value) is not None


def _is_count(value: Any) -> bool:
    return value is None or _count(value) is not None


_FITS = {_TEXT: _is_text, _DAY: _is_day, _MOMENT: _is_moment, _COUNT: _is_count}


def _count(value: Any) -> int | None:
    """A dose number: Australia writes 1, the report speaks of text of at most two digits."""
    if type(value) is str and value.isascii() and value.isdigit() and len(value) <= 2:
        value = int(value)
    if type(value) is float and value.is_integer():  # 1.0 has the canonical form of 1
        value = int(value)
    return value if type(value) is int and 0 < value < 100 else None


def _instant(value: Any) -> float | None:
    """Seconds since 1970 of a day's beginning or of a moment, no zone meaning UTC; None for anything else."""
    if type(value) is not str or not 10 <= len(value) <= MAX_FIELD_CHARS:
        return None
    if not value[4] == value[7] == "-":  # no week dates, no basic notation
        return None
    try:
        if len(value) == 10:
            return (date.fromisoformat(value).toordinal() - _EPOCH_DAY) * _DAY_S
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
