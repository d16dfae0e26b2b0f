"""The EU Digital COVID Certificate: structure of schema 1.0 to 1.3, and value sets.

Written by hand because a generic validator costs more than the signature. Tolerated, because issuers do
it and the official vectors call it valid: `null` and empty groups, dates with a time behind them,
trailing spaces, either transliterated name alone, partial and empty dates of birth.
Source: eu-dcc-schema 1.3.3 and its change log; notes/certificates-eu-dcc §2 and §6.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from ..policy import ValueSetMode
from ..rules import codes

KINDS = {"v": "vaccination", "t": "test", "r": "recovery"}
MAX_FIELD_CHARS = 80

_VERSION = re.compile(r"1\.[0-3]\.[0-9]{1,3}")
_BIRTH = re.compile(r"((19|20)[0-9]{2}(-[0-9]{2}(-[0-9]{2})?)?)?")
_NAME = re.compile(r"[A-Z<]*")
_COUNTRY = re.compile(r"[A-Z]{1,10}")
_CLOCK = re.compile(r"[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)? ?(Z|z|[+-][0-9]{2}(:?[0-9]{2})?)?")
_HOLDER_ID = re.compile(r"ORG-1[0-9]{8,9}")
# Device numbers of the Joint Research Centre count upwards; the list at hand ends at 2,183 and is live.
# Twice that and more has never been assigned.
HIGHEST_DEVICE_ID = 4_999
_MANY_DOSES = 100
_RAPID_TEST = "LP217198-3"

# field -> (required, what it is)
_TEXT, _DOSE, _DAY, _MOMENT, _LAND = range(5)
_COMMON = (("tg", True, _TEXT), ("co", True, _LAND), ("is", True, _TEXT), ("ci", True, _TEXT))
_FIELDS: Mapping[str, Sequence[tuple[str, bool, int]]] = {
    "v": (
        ("vp", True, _TEXT),
        ("mp", True, _TEXT),
        ("ma", True, _TEXT),
        ("dn", True, _DOSE),
        ("sd", True, _DOSE),
        ("dt", True, _DAY),
        *_COMMON,
    ),
    "t": (
        ("tt", True, _TEXT),
        ("nm", False, _TEXT),
        ("ma", False, _TEXT),
        ("sc", True, _MOMENT),
        ("dr", False, _MOMENT),
        ("tr", True, _TEXT),
        ("tc", False, _TEXT),
        *_COMMON,
    ),
    "r": (("fr", True, _DAY), ("df", True, _DAY), ("du", True, _DAY), *_COMMON),
}


def groups(dcc: Mapping[str, Any]) -> tuple[str, ...]:
    """The kinds (v, t, r) the certificate holds entries of; `null` and empty groups do not count."""
    return tuple([kind for kind in KINDS if dcc.get(kind)])  # a list is quicker than a generator


EVENT = {"v": "dt", "t": "sc", "r": "fr"}  # the field that tells when it happened


def latest_day(dcc: Mapping[str, Any], kinds: Sequence[str]) -> str:
    """The latest day (`YYYY-MM-DD`) something certified happened on; `check_schema` must have passed."""
    return max([entry[EVENT[kind]].strip()[:10] for kind in kinds for entry in dcc[kind]], default="")


# One expression over all texts of a usual certificate, joined by line feeds: what it accepts,
# `check_schema` accepts (a property test holds the two together). 29 February goes the long way.
_LINE = r"[^\n]{0,80}+"  # possessive: nothing behind it could take back what it took
_DATE = (
    r"20[0-9]{2}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
    r"|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
)
_HEAD = r"1\.[0-3]\.[0-9]\n(?:19|20)[0-9]{2}(?:-[0-9]{2}){0,2}\n[A-Z<]{0,80}+\n[A-Z<]{0,80}+\n"
_HEAD += 4 * (_LINE + r"\n")
_USUAL_V = re.compile(_HEAD + _DATE).fullmatch
_SAMPLED = _DATE + r"T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
_USUAL_T = re.compile(_HEAD + _SAMPLED + r"\n(?:" + _SAMPLED + r")?\n" + _LINE + r"\n" + _LINE).fullmatch
_USUAL_R = re.compile(_HEAD + _DATE + r"\n" + _DATE + r"\n" + _DATE).fullmatch
_V_FIELDS, _R_FIELDS = len(_FIELDS["v"]), len(_FIELDS["r"])
# bound here: one look-up less for each of them, on every certificate
_DISEASES, _COUNTRIES = codes.DISEASES, codes.COUNTRIES
_VACCINES, _PRODUCTS, _HOLDERS = codes.VACCINES, codes.PRODUCTS, codes.HOLDERS
_T_KEYS = frozenset(("tg", "tt", "nm", "ma", "sc", "dr", "tr", "tc", "co", "is", "ci"))


def usual_kind(dcc: Mapping[str, Any]) -> str | None:
    """v, t or r if this is a certificate of the usual shape without any fault or unlisted code.

    Then it holds texts and small numbers only and passes `check_schema` and, in every mode,
    `check_value_sets`. None says nothing: ask those two.
    """
    try:
        kind = "v" if "v" in dcc else "t" if "t" in dcc else "r"
        name, entries = dcc["nam"], dcc[kind]
        (entry,) = entries
        if not (
            type(entries) is list
            and type(entry) is type(name) is dict
            and len(dcc) == len(name) == 4
            and entry["tg"] in _DISEASES
            and entry["co"] in _COUNTRIES
        ):
            return None
        head = (
            dcc["ver"],
            dcc["dob"],
            name["fnt"],
            name["gnt"],
            name["fn"],
            name["gn"],
            entry["is"],
            entry["ci"],
        )
        if kind == "v":
            dose, doses = entry["dn"], entry["sd"]
            right = (
                _USUAL_V("\n".join((*head, entry["dt"]))) is not None
                and type(dose) is type(doses) is int
                and 0 < dose < _MANY_DOSES
                and 0 < doses < _MANY_DOSES
                and entry["vp"] in _VACCINES
                and entry["mp"] in _PRODUCTS
                and entry["ma"] in _HOLDERS
                and len(entry) == _V_FIELDS
            )
        elif kind == "t":
            more = (entry["sc"], entry.get("dr", ""), entry.get("nm", ""), entry.get("tc", ""))
            right = (
                _USUAL_T("\n".join((*head, *more))) is not None
                and entry["tt"] in codes.TEST_TYPES
                and entry["tr"] in codes.TEST_RESULTS
                and ("ma" not in entry or entry["ma"] in codes.TEST_DEVICES)
                and entry.keys() <= _T_KEYS
            )
        else:
            matched = _USUAL_R("\n".join((*head, entry["fr"], entry["df"], entry["du"])))
            right = matched is not None and len(entry) == _R_FIELDS
        return kind if right else None
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def check_schema(dcc: Mapping[str, Any]) -> tuple[str, ...]:
    """Stable reasons (`schema.<place>`) why the structure is wrong; empty when it is right."""
    faults: list[str] = []
    version = dcc.get("ver")
    if type(version) is not str or not _VERSION.fullmatch(version.strip()):
        faults.append("schema.version")
    _check_name(dcc.get("nam"), faults)
    birth = dcc.get("dob")
    if type(birth) is not str or not _is_birth(birth.strip()):
        faults.append("schema.dob")
    _check_groups(dcc, type(version) is str and version.startswith("1.0."), faults)
    return tuple(dict.fromkeys(faults))


def _check_groups(dcc: Mapping[str, Any], several_allowed: bool, faults: list[str]) -> None:
    found = groups(dcc)
    if not found:
        faults.append("schema.no_entry")
    elif len(found) > 1 and not several_allowed:
        faults.append("schema.several_groups")
    for kind in found:
        entries = dcc[kind]
        if type(entries) is not list:
            faults.append(f"schema.{kind}")
            continue
        if len(entries) > 1 and not several_allowed:
            faults.append("schema.several_entries")
        for entry in entries:
            if type(entry) is dict:
                _check_entry(kind, entry, faults)
            else:
                faults.append(f"schema.{kind}")


def _check_entry(kind: str, entry: Mapping[str, Any], faults: list[str]) -> None:
    for name, required, what in _FIELDS[kind]:
        value = entry.get(name)
        if value is None:
            if required:
                faults.append(f"schema.{kind}.{name}")
        elif what == _DOSE:
            if type(value) not in (int, float) or value < 1 or value != int(value):
                faults.append(f"schema.{kind}.{name}")
        elif (
            type(value) is not str
            or len(value) > MAX_FIELD_CHARS
            or (
                (what == _DAY and not _is_day(value.strip()))
                or (what == _MOMENT and not _is_day(value.strip()))
                or (what == _LAND and not _COUNTRY.fullmatch(value.strip()))
            )
        ):
            faults.append(f"schema.{kind}.{name}")


def _check_name(name: Any, faults: list[str]) -> None:
    if type(name) is not dict:
        faults.append("schema.nam")
        return
    if name.get("fnt") is None and name.get("gnt") is None:
        faults.append("schema.nam.fnt")
    for field in ("fn", "gn", "fnt", "gnt"):
        value = name.get(field)
        if value is None:
            continue
        wrong = type(value) is not str or len(value) > MAX_FIELD_CHARS
        if wrong or (field[-1] == "t" and not _NAME.fullmatch(value.strip())):
            faults.append(f"schema.nam.{field}")


def _is_birth(text: str) -> bool:
    if _BIRTH.fullmatch(text):
        return True
    return len(text) > 10 and bool(_BIRTH.fullmatch(text[:10])) and bool(_CLOCK.fullmatch(text, 10))


def _is_day(text: str) -> bool:
    day = text[:10]
    if len(day) != 10 or day[4] != "-":
        return False
    try:
        date.fromisoformat(day)
    except ValueError:
        return False
    return len(text) == 10 or bool(_CLOCK.fullmatch(text, 10))


def check_value_sets(dcc: Mapping[str, Any], mode: ValueSetMode) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(refusals, remarks), each stable reasons `valueset.<kind>.<field>`; entries must be well formed."""
    if mode is ValueSetMode.OFF:
        return (), ()
    never: list[str] = []
    unlisted: list[str] = []
    for kind in groups(dcc):
        for entry in dcc[kind]:
            _judge_codes(kind, entry, never, unlisted)
    if mode is ValueSetMode.STRICT:
        never, unlisted = never + unlisted, []
    elif mode is ValueSetMode.WARN:
        never, unlisted = [], never + unlisted
    return tuple(dict.fromkeys(never)), tuple(dict.fromkeys(unlisted))


def _judge_codes(kind: str, entry: Mapping[str, Any], never: list[str], unlisted: list[str]) -> None:
    def text(name: str) -> str:
        value = entry.get(name)
        return value.strip() if type(value) is str else ""

    if text("tg") not in codes.DISEASES:
        never.append(f"valueset.{kind}.tg")
    country = text("co")
    if country not in codes.COUNTRIES:
        (never if len(country) <= 2 else unlisted).append(f"valueset.{kind}.co")
    if kind == "v":
        for name, known in (("vp", codes.VACCINES), ("mp", codes.PRODUCTS)):
            if text(name) not in known:
                (unlisted if text(name) else never).append(f"valueset.v.{name}")
        holder = text("ma")
        if holder not in codes.HOLDERS:
            possible = holder and (not holder.startswith("ORG-") or _HOLDER_ID.fullmatch(holder))
            (unlisted if possible else never).append("valueset.v.ma")
    elif kind == "t":
        if text("tt") not in codes.TEST_TYPES:
            never.append("valueset.t.tt")
        if text("tr") not in codes.TEST_RESULTS:
            never.append("valueset.t.tr")
        device = text("ma")
        if text("tt") == _RAPID_TEST and device and device not in codes.TEST_DEVICES:
            numbered = device.isascii() and device.isdigit()
            (never if numbered and int(device) > HIGHEST_DEVICE_ID else unlisted).append("valueset.t.ma")
