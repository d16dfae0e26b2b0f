"""A policy of a gate as data: read from JSON, closed (an unknown key is an error), dated.

The rulebooks this package brings along stand in `policies/`; an operator's own come with the signed trust
data. Days and periods are those of the rulebook's own zone, whatever zone the caller's `now` carries.
Source: requirements K02, K08, C07, C16; notes/certificates-other-formats-and-vietnam §1.7, §3.6.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from enum import StrEnum
from importlib import resources
from typing import Any, NamedTuple

from ..errors import HealthCertError, PolicyError
from ..rules.rule import Rejected, Rule, parse_rules
from .recognition import Agreement, Portal
from .rulebook_fields import (
    HOME_ZONE,
    Period,
    read_agreements,
    read_country,
    read_days,
    read_flag,
    read_kinds,
    read_periods,
    read_portal,
    read_test_ages,
    read_text,
    read_zone,
)
from .series import SeriesRule


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
_HOME = read_zone(HOME_ZONE)


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
    positive_days: int = 14  # for so long a positive test refuses
    zone: tzinfo = _HOME  # whose calendar says which day it is
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


_KEYS: Mapping[str, tuple[str, Any]] = {
    "name": ("name", read_text),
    "mode": ("mode", Mode),
    "home": ("home", read_country),
    "accept": ("accept", read_kinds),
    "periods": ("periods", read_periods),
    "agreements": ("agreements", read_agreements),
    "series_rule": ("series_rule", SeriesRule),
    "accept_shortened": ("accept_shortened", read_flag),
    "wait_days": ("wait_days", read_days),
    "positive_days": ("positive_days", read_days),
    "timezone": ("zone", read_zone),
    "max_test_age_h": ("max_test_age_h", read_test_ages),
    "rules": ("rules", lambda value: RuleSet(*parse_rules(value))),
    "region": ("region", read_text),
    "portals": ("portals", lambda value: tuple(read_portal(entry) for entry in value)),
}
