"""Is this payload one we may sign? Stricter than reading, which forgives what issuers in the field do.

Reasons: `schema.<place>` (not schema 1.3), `valueset.<kind>.<field>`, `text.<place>` (a character that is no
text), `name.<field>` (transliteration), `uvci.<cause>`, `sense.<cause>` (well formed and impossible).
Source: eu-dcc-schema 1.3.3 (DCC.combined-schema.json); hcert-spec §3.3.7 (NFC).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from ..formats import dcc as schema
from ..formats.dcc import MAX_FIELD_CHARS
from ..icao import icao_name, is_icao_reading
from ..policy import ValueSetMode
from .sense import sense_faults
from .uvci import uvci_faults

_NAMES = (("fn", "fnt"), ("gn", "gnt"))
_NAME_FIELDS = frozenset(field for pair in _NAMES for field in pair)
_VERSION = re.compile(r"1\.3\.[0-9]{1,2}")
_BIRTH = re.compile(r"(?:(?:19|20)[0-9]{2}(?:-[0-9]{2}){0,2})?")
_ICAO = re.compile(r"[A-Z<]*")
_COUNTRY = re.compile(r"[A-Z]{1,10}")
_DAY = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}")
_CLOCK = r"T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
_MOMENT = re.compile(_DAY.pattern + _CLOCK)
_DAYS, _MOMENTS, _DOSES = frozenset(("dt", "fr", "df", "du")), frozenset(("sc",)), frozenset(("dn", "sd"))
_MOST_DOSES = 99
_LEVELS = 3  # group > list > entry
# Control, surrogate, private and unassigned characters, line separators, and formats such as a change of
# writing direction; the two joiners are letters of some scripts.
_NO_TEXT = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
_JOINERS = "\u200c\u200d"
_EVERY = frozenset(("tg", "co", "is", "ci"))
_V = _EVERY | {"vp", "mp", "ma", "dn", "sd", "dt"}
_T = _EVERY | {"tt", "sc", "tr"}
_R = _EVERY | _DAYS - {"dt"}
# kind -> (required, allowed) in 1.3
_KEYS = {"v": (_V, _V), "t": (_T, _T | {"nm", "ma", "tc"}), "r": (_R, _R)}


def complete(dcc: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of `dcc`: texts in NFC, and names that lack their transliteration given one where possible."""
    out = {key: _composed(value) for key, value in dcc.items()}
    name = out.get("nam")
    if type(name) is dict:
        for written, transliterated in _NAMES:
            text = name.get(written)
            if transliterated not in name and type(text) is str and len(text) <= MAX_FIELD_CHARS:
                reading = icao_name(text)
                if reading:
                    name[transliterated] = reading[:MAX_FIELD_CHARS]
    return out


def payload_faults(dcc: Mapping[str, Any], issuer: str, issued_at: datetime) -> list[str]:
    """Every reason not to sign `dcc` (a completed one), in the name of `issuer` at `issued_at` (aware)."""
    faults: list[str] = []
    kinds = [kind for kind in _KEYS if kind in dcc]
    if len(kinds) != 1 or not dcc.keys() <= {"ver", "nam", "dob", *kinds}:
        return ["schema.groups"]
    kind = kinds[0]
    if not _is_match(_VERSION, dcc.get("ver")):
        faults.append("schema.version")
    if not _is_match(_BIRTH, dcc.get("dob")):
        faults.append("schema.dob")
    faults += _name_faults(dcc.get("nam"))
    entries = dcc[kind]
    if type(entries) is not list or len(entries) != 1 or type(entries[0]) is not dict:
        return [*faults, f"schema.{kind}"]
    entry = entries[0]
    faults += _entry_faults(kind, entry)
    if not any(fault.startswith("schema.") for fault in faults):  # only then may the values be looked into
        faults += schema.check_value_sets(dcc, ValueSetMode.STRICT)[0]
        faults += sense_faults(dcc, kind, entry, issued_at)
    if type(entry.get("ci")) is str:
        faults += uvci_faults(entry["ci"], issuer)
    return faults


def _composed(value: Any, levels: int = _LEVELS) -> Any:
    if type(value) is str:
        return unicodedata.normalize("NFC", value)
    if levels == 0:
        return value  # too deep to be a payload: the schema refuses it
    if isinstance(value, Mapping):
        return {key: _composed(inner, levels - 1) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_composed(inner, levels - 1) for inner in value]
    return value


def _name_faults(name: Any) -> list[str]:
    if type(name) is not dict or not name.keys() <= _NAME_FIELDS:
        return ["schema.nam"]
    faults: list[str] = []
    for written, transliterated in _NAMES:
        text, given = name.get(written, ""), name.get(transliterated, "")
        text_fault = _text_fault(text, f"nam.{written}", may_be_empty=True)
        faults += text_fault
        if not _is_match(_ICAO, given) or len(given) > MAX_FIELD_CHARS:
            faults.append(f"schema.nam.{transliterated}")
        elif not text_fault and text:
            if not given:
                faults.append(f"name.{transliterated}_needed")
            elif is_icao_reading(text, given, MAX_FIELD_CHARS) is False:
                faults.append(f"name.{transliterated}")
    if not any(name.get(transliterated) for _, transliterated in _NAMES):
        faults.append("schema.nam.fnt")
    return faults


def _entry_faults(kind: str, entry: Mapping[str, Any]) -> list[str]:
    required, allowed = _KEYS[kind]
    faults = [f"schema.{kind}.{key}" for key in sorted(required - entry.keys())]
    if not entry.keys() <= allowed:
        faults.append(f"schema.{kind}")
    for key, value in entry.items():
        place = f"{kind}.{key}"
        if key in _DOSES:
            right = type(value) is int and 1 <= value <= _MOST_DOSES
        elif key in _DAYS:
            right = _is_match(_DAY, value) and _is_date(value)
        elif key in _MOMENTS:
            right = _is_match(_MOMENT, value) and _is_moment(value)
        elif key == "co":
            right = _is_match(_COUNTRY, value)
        else:
            faults += _text_fault(value, place)
            continue
        if not right:
            faults.append(f"schema.{place}")
    return faults


def _text_fault(value: Any, place: str, may_be_empty: bool = False) -> list[str]:
    if type(value) is not str or len(value) > MAX_FIELD_CHARS or not (value or may_be_empty):
        return [f"schema.{place}"]
    if value.isascii() and value.isprintable():
        return [] if value == value.strip() else [f"text.{place}"]
    wrong = any(unicodedata.category(c) in _NO_TEXT and c not in _JOINERS for c in value)
    return [f"text.{place}"] if wrong or value != value.strip() else []


def _is_match(pattern: re.Pattern[str], value: Any) -> bool:
    return type(value) is str and pattern.fullmatch(value) is not None


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
