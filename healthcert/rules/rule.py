"""One business rule, read from the JSON in which the Union's gateway hands it out.

A rule whose head can be read is kept even when its logic cannot: it is OPEN when evaluated, so that a rule
this build does not understand never turns into "no rule". A rule whose head cannot be read is rejected, by
name if it has one.
Source: EU DCC Validation Rules 1.0 (rule schema); notes/certificates-eu-dcc §4.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from ..errors import CertLogicError, RuleListError
from ..limits import MAX_RULE_DESCRIPTIONS, MAX_RULE_TEXT_CHARS, MAX_RULES
from ..times import parse_instant
from .certlogic import compile

_Member = TypeVar("_Member", bound=StrEnum)
Version = tuple[int, int, int]
ENGINE = "CERTLOGIC"
ENGINE_VERSION: Version = (1, 3, 3)  # the specification this build implements
SCHEMA_LINE = (1, 3)  # the newest line of DCC schemas; a rule names the schema it was written for

_IDENTIFIER = re.compile(r"(GR|VR|TR|RR|IR)-[A-Z]{2}-[0-9]{4}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_VERSION = re.compile(r"([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})")


class RuleType(StrEnum):
    """Whose rule it is: of the country of arrival (true passes) or of the issuer (true is invalid)."""

    ACCEPTANCE = "Acceptance"
    INVALIDATION = "Invalidation"


class CertificateType(StrEnum):
    """The certificates a rule speaks of."""

    GENERAL = "General"
    TEST = "Test"
    VACCINATION = "Vaccination"
    RECOVERY = "Recovery"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule ready to run; `valid_from` and `valid_to` (inclusive) are aware instants.

    `run` takes {"payload":…, "external":…}; None means this build cannot run it and `unusable` says why.
    """

    identifier: str
    type: RuleType
    country: str  # ISO 3166-1 alpha-2, or "EU"
    region: str  # "" for the whole country
    version: Version
    schema_version: Version
    engine: str
    engine_version: Version
    certificate_type: CertificateType
    descriptions: tuple[tuple[str, str], ...]  # (language, text)
    valid_from: datetime
    valid_to: datetime
    affected_fields: tuple[str, ...]
    run: Callable[[Any], Any] | None = field(compare=False, repr=False)
    unusable: str = ""


class Rejected(NamedTuple):
    """An entry of a list that is no readable rule: its place, name and country if it has them, and why."""

    place: int  # from 0
    identifier: str | None
    country: str | None
    reason: str


def parse_rules(objects: Any) -> tuple[tuple[Rule, ...], tuple[Rejected, ...]]:
    """Rules of a JSON list, and what of it is none. Raises RuleListError on no list or one too long."""
    if not isinstance(objects, list):
        raise RuleListError("business rules are a JSON list")
    if len(objects) > MAX_RULES:
        raise RuleListError(f"more than {MAX_RULES} business rules")
    rules, rejected = [], []
    for index, each in enumerate(objects):
        try:
            rules.append(_rule(each))
        except _HeadError as fault:
            name, country = (_shaped(each, *shape) for shape in (("Identifier", _IDENTIFIER), _BY_COUNTRY))
            rejected.append(Rejected(index, name, country, str(fault)))
    return tuple(rules), tuple(rejected)


def parse_version(value: object) -> Version | None:
    """major.minor.patch as numbers, so that 1.10.0 is newer than 1.9.0; None for anything else."""
    found = _VERSION.fullmatch(value) if isinstance(value, str) else None
    return None if found is None else (int(found[1]), int(found[2]), int(found[3]))


class _HeadError(ValueError):
    """What is wrong with the head of a rule; shows no value of it."""


_BY_COUNTRY = ("Country", _COUNTRY)


def _shaped(obj: Any, name: str, pattern: re.Pattern[str]) -> str | None:
    value = obj.get(name) if isinstance(obj, dict) else None
    return value if isinstance(value, str) and pattern.fullmatch(value) else None


def _rule(obj: Any) -> Rule:
    if not isinstance(obj, dict):
        raise _HeadError("not an object")
    engine = _text(obj, "Engine")
    engine_version, schema_version = _version(obj, "EngineVersion"), _version(obj, "SchemaVersion")
    run, unusable = _program(obj.get("Logic"), engine, engine_version, schema_version)
    rule = Rule(
        identifier=_needed(obj, "Identifier", _IDENTIFIER),
        type=_member(obj, "Type", RuleType),
        country=_needed(obj, "Country", _COUNTRY),
        region=_text(obj, "Region") if obj.get("Region") is not None else "",
        version=_version(obj, "Version"),
        schema_version=schema_version,
        engine=engine,
        engine_version=engine_version,
        certificate_type=_member(obj, "CertificateType", CertificateType),
        descriptions=_descriptions(obj.get("Description")),
        valid_from=_instant(obj, "ValidFrom"),
        valid_to=_instant(obj, "ValidTo"),
        affected_fields=_fields(obj.get("AffectedFields")),
        run=run,
        unusable=unusable,
    )
    if rule.valid_to < rule.valid_from:
        raise _HeadError("ValidTo lies before ValidFrom")
    if rule.identifier.startswith("IR") and rule.type is not RuleType.INVALIDATION:
        raise _HeadError("an IR rule that is no Invalidation")
    return rule


def _program(
    logic: Any, engine: str, engine_version: Version, schema_version: Version
) -> tuple[Callable[[Any], Any] | None, str]:
    if engine != ENGINE or engine_version > ENGINE_VERSION:
        return None, "an engine this build does not have"
    if schema_version[0] != SCHEMA_LINE[0] or schema_version[:2] > SCHEMA_LINE:
        return None, "a schema this build does not know"
    try:
        return compile(logic), ""
    except CertLogicError as fault:
        return None, str(fault)


def _text(obj: dict[str, Any], name: str) -> str:
    value = obj.get(name)
    if not isinstance(value, str) or len(value) > MAX_RULE_TEXT_CHARS:
        raise _HeadError(f"{name} is no text of at most {MAX_RULE_TEXT_CHARS} characters")
    return value.strip()


def _needed(obj: dict[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    value = _shaped(obj, name, pattern)
    if value is None:
        raise _HeadError(f"{name} has not the form it must have")
    return value


def _version(obj: dict[str, Any], name: str) -> Version:
    version = parse_version(obj.get(name))
    if version is None:
        raise _HeadError(f"{name} is no version of three numbers")
    return version


def _member(obj: dict[str, Any], name: str, kind: type[_Member]) -> _Member:
    try:
        return kind(_text(obj, name))
    except ValueError:
        raise _HeadError(f"{name} is none of {', '.join(kind)}") from None


def _instant(obj: dict[str, Any], name: str) -> datetime:
    try:
        return parse_instant(_text(obj, name))
    except (ValueError, OverflowError):
        raise _HeadError(f"{name} is no RFC 3339 instant") from None


def _descriptions(value: Any) -> tuple[tuple[str, str], ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MAX_RULE_DESCRIPTIONS:
        raise _HeadError(f"Description is no list of at most {MAX_RULE_DESCRIPTIONS}")
    if not all(isinstance(each, dict) for each in value):
        raise _HeadError("Description holds something other than objects")
    return tuple((_text(each, "lang"), _text(each, "desc")) for each in value)


def _fields(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MAX_RULE_TEXT_CHARS:
        raise _HeadError("AffectedFields is no short list")
    if not all(isinstance(each, str) and len(each) <= MAX_RULE_TEXT_CHARS for each in value):
        raise _HeadError("AffectedFields holds something other than short texts")
    return tuple(value)
