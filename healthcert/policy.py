"""What the operator demands beyond the rules of the format.

Source: architecture §6 ("a check that cannot run is not_run and changes nothing unless a policy demands
it"); notes/certificates-eu-dcc §2 (a signer's window is broken in real life by two issuers).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from .errors import PolicyError
from .verdict import Stage

MAX_CRL_AGE_DAYS = 3_650.0  # ten years: the longest a signer is valid
MAX_CLOCK_SKEW_S = 3_600.0  # an hour: more than any leeway in the field (Switzerland 300 s)


class Severity(StrEnum):
    """What a finding does: refuse the certificate, add its reason to a passed stage, or nothing."""

    REFUSE = "refuse"
    WARN = "warn"
    OFF = "off"


class ValueSetMode(StrEnum):
    """How codes outside the value sets count.

    OPEN refuses what cannot have been issued (closed lists, numbers never assigned) and remarks on codes
    a newer list may hold; STRICT refuses both; WARN remarks on both.
    """

    OPEN = "open"
    STRICT = "strict"
    WARN = "warn"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Policy:
    """The operator's demands; the defaults are the letter of the specification."""

    require: frozenset[Stage] = frozenset()  # stages that must have run; one that has not: UNDETERMINED
    value_sets: ValueSetMode = ValueSetMode.OPEN
    signer_window: Severity = Severity.REFUSE  # `now` outside the signer's validity
    issued_before_signer: Severity = Severity.REFUSE  # iat before the signer was valid
    expires_after_signer: Severity = Severity.WARN  # exp later than the signer's end
    clock_skew_s: float = 0.0  # leeway on exp and iat, in seconds
    crl_max_age_days: float | None = None  # an older X.509 list leaves revocation open; None: a remark only


DEFAULT_POLICY = Policy()


def parse_policy(obj: Mapping[str, Any]) -> Policy:
    """A policy from its JSON object. Raises PolicyError on any key or value it does not know."""
    known = {field.name for field in fields(Policy)}
    if not isinstance(obj, Mapping) or not set(obj) <= known:
        raise PolicyError("unknown policy key")
    values: dict[str, Any] = {}
    try:
        for name, value in obj.items():
            if name == "require":
                if not isinstance(value, list):
                    raise ValueError("require is a list of stages")
                values[name] = frozenset(Stage(stage) for stage in value)
            elif name == "value_sets":
                values[name] = ValueSetMode(value)
            elif name == "clock_skew_s":
                values[name] = _number(value, MAX_CLOCK_SKEW_S)
            elif name == "crl_max_age_days":
                values[name] = None if value is None else _number(value, MAX_CRL_AGE_DAYS)
            else:
                values[name] = Severity(value)
    except (ValueError, TypeError) as fault:
        raise PolicyError("unknown policy value") from fault
    return Policy(**values)


def _number(value: object, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise ValueError(f"a number from 0 to {most:g} was expected")
    return float(value)
