"""A policy of a gate as data: read from JSON, closed (an unknown key is an error), dated.

The rulebooks this package brings along stand in `policies/`; an operator's own come with the signed trust
data. Times and periods are days in the zone the caller's `now` carries.
Source: requirements K02, K08, C07, C16; notes/certificates-other-formats-and-vietnam §1.7, §3.6.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from importlib import resources
from itertools import pairwise
from typing import Any, NamedTuple

from ..errors import HealthCertError, PolicyError
from ..model import FORMATS
from ..rules.rule import Rejected, Rule, parse_rules
from .recognition import HOST, Agreement, Portal
from .series import SeriesRule

MAX_AGREEMENTS = 1_000  # 250 countries, each renewed three times
MAX_PERIODS = 200  # a change every week for four years
MAX_TEST_AGE_H = 24.0 * 366
MAX_WAIT_DAYS = 366
KINDS = ("vaccination", "test", "recovery", "declaration")


class Mode(StrEnum):
    """What the gate stands for. There is no default: a rulebook names its mode."""

    VENUE = "venue"
    AIRPORT = "airport"
    SITE = "site"


class RuleSet(NamedTuple):
    """CertLogic rules of this gate; what could not be read stands beside them and opens the question."""

    rules: tuple[Rule, ...] = ()
    rejected: tuple[Rejected, ...] = ()


NO_RULES = RuleSet()


@dataclass(frozen=True, slots=True)
class Period:
    """What is asked between two days, both included: of every group at least one kind. Empty: nothing."""

    since: date
    until: date | None
    require: tuple[tuple[str, ...], ...]

    def holds(self, today: date) -> bool:
        """Whether `today` lies inside."""
        return self.since <= today and (self.until is None or today <= self.until)


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Everything a decision depends on besides the evidence and `now`."""

    name: str
    mode: Mode
    home: str  # the country whose own certificates need no recognition
    accept: tuple[str, ...]  # kinds that open this gate
    periods: tuple[Period, ...] = ()
    agreements: tuple[Agreement, ...] | None = None  # None: every issuer of the trust list counts
    series_rule: SeriesRule = SeriesRule.PRODUCT
    accept_shortened: bool = True
    wait_days: int = 0
    max_test_age_h: Mapping[str, float] | None = None  # by test type; None: this gate takes no test
    rules: RuleSet = NO_RULES  # CertLogic, for EU certificates alone
    region: str | None = None
    portals: tuple[Portal, ...] = ()


def load_rulebook(name: str) -> Rulebook:
    """A rulebook of this package by its name. Raises PolicyError."""
    source = resources.files(__package__).joinpath("policies", f"{name}.json")
    if not name.replace("-", "").isalnum() or not source.is_file():
        raise PolicyError(f"no rulebook named {name!r}")
    return parse_rulebook(json.loads(source.read_text("utf-8")))


def parse_rulebook(obj: Mapping[str, Any]) -> Rulebook:
    """A rulebook from its JSON object. Raises PolicyError that names the key."""
    if not isinstance(obj, Mapping):
        raise PolicyError("a rulebook is a JSON object")
    unknown = set(obj) - set(_KEYS) - {"comment", "sources"}
    if unknown:
        raise PolicyError(f"unknown key of a rulebook: {min(map(str, unknown))}")
    missing = {"name", "mode", "home", "accept"} - set(obj)
    if missing:
        raise PolicyError(f"a rulebook needs {min(missing)}")
    values: dict[str, Any] = {}
    for key, value in obj.items():
        if key not in _KEYS:
            continue
        field, read = _KEYS[key]
        try:
            values[field] = read(value)
        except (ValueError, TypeError, KeyError, HealthCertError) as fault:
            raise PolicyError(f"{key} of a rulebook: {fault}") from fault
    return Rulebook(**values)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 80:
        raise ValueError("a short text is expected")
    return value


def _country(value: Any) -> str:
    if not isinstance(value, str) or len(value) != 2 or not value.isupper():
        raise ValueError("a country code of two letters is expected")
    return value


def _kinds(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(kind in KINDS for kind in value):
        raise ValueError(f"a list of {', '.join(KINDS)} is expected")
    return tuple(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false is expected")
    return value


def _days(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MAX_WAIT_DAYS:
        raise ValueError(f"a whole number of days up to {MAX_WAIT_DAYS} is expected")
    return value


def _test_ages(value: Any) -> Mapping[str, float] | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise ValueError("an object of test type and hours is expected")
    for hours in value.values():
        if isinstance(hours, bool) or not isinstance(hours, int | float) or not 0 < hours <= MAX_TEST_AGE_H:
            raise ValueError("hours are a positive number")
    return {str(kind): float(hours) for kind, hours in value.items()}


def _last_day(value: Any) -> date | None:
    return None if value is None else date.fromisoformat(value)


def _periods(value: Any) -> tuple[Period, ...]:
    if not isinstance(value, list) or len(value) > MAX_PERIODS:
        raise ValueError("a list of periods is expected")
    found = []
    for entry in value:
        if set(entry) != {"since", "until", "require"}:
            raise ValueError("a period has since, until and require")
        groups = tuple(_kinds(group) for group in entry["require"])
        found.append(Period(date.fromisoformat(entry["since"]), _last_day(entry["until"]), groups))
    found.sort(key=lambda period: period.since)
    for earlier, later in pairwise(found):
        if earlier.until is None or earlier.until >= later.since:
            raise ValueError(f"two periods hold on {later.since}")
    return tuple(found)


def _agreements(value: Any) -> tuple[Agreement, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) > MAX_AGREEMENTS:
        raise ValueError("a list of agreements is expected")
    return tuple(_agreement(entry) for entry in value)


def _portal(entry: Any) -> Portal:
    if set(entry) != {"country", "portal"} or not HOST.fullmatch(entry["portal"]):
        raise ValueError("a portal has country and portal, a host name")
    return Portal(_country(entry["country"]), entry["portal"])


def _agreement(entry: Any) -> Agreement:
    if not set(entry) <= {"country", "since", "until", "formats", "name"}:
        raise ValueError("unknown key of an agreement")
    formats = frozenset(entry.get("formats") or ())
    if not formats <= set(FORMATS):
        raise ValueError("unknown format of an agreement")
    return Agreement(
        _country(entry["country"]),
        date.fromisoformat(entry["since"]),
        _last_day(entry.get("until")),
        formats,
    )


_KEYS: Mapping[str, tuple[str, Any]] = {
    "name": ("name", _text),
    "mode": ("mode", Mode),
    "home": ("home", _country),
    "accept": ("accept", _kinds),
    "periods": ("periods", _periods),
    "agreements": ("agreements", _agreements),
    "series_rule": ("series_rule", SeriesRule),
    "accept_shortened": ("accept_shortened", _flag),
    "wait_days": ("wait_days", _days),
    "max_test_age_h": ("max_test_age_h", _test_ages),
    "rules": ("rules", lambda value: RuleSet(*parse_rules(value))),
    "region": ("region", _text),
    "portals": ("portals", lambda value: tuple(_portal(entry) for entry in value)),
}
