"""Rules run on one certificate, and what they come to as the stage "rules" of a verdict.

Source: EU DCC Validation Rules 1.0; notes/certificates-eu-dcc §4 (PASSED, FAILED, OPEN).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from ..errors import CertLogicError
from ..verdict import Check, Stage, Status
from .certlogic_dates import moment_text
from .codes import VALUE_SETS
from .rule import Rejected, Rule, RuleType, parse_version
from .selection import select, spoken_of

VALUE_SET_CODES: Mapping[str, list[str]] = {name: sorted(codes) for name, codes in VALUE_SETS.items()}
NO_RULE = "rule.none"


class Result(StrEnum):
    """How one rule ended. OPEN: it could not be judged, ask a person."""

    PASSED = "passed"
    FAILED = "failed"
    OPEN = "open"


class RuleResult(NamedTuple):
    """One rule and how it ended; `why` says what kept an OPEN one from a result and holds no data."""

    rule: Rule
    result: Result
    why: str = ""


# looked up once: attribute access on an Enum class is a function call in Python 3.11
_PASSED, _FAILED, _OPEN, _ACCEPTANCE = Result.PASSED, Result.FAILED, Result.OPEN, RuleType.ACCEPTANCE


def build_external(
    *,
    clock: datetime,
    arrival: str,
    issuer: str | None = None,
    region: str | None = None,
    kid: str | None = None,
    issued_at: str | None = None,
    expires_at: str | None = None,
    value_sets: Mapping[str, list[str]] = VALUE_SET_CODES,
) -> dict[str, Any]:
    """What rules may ask beside the certificate.

    `clock` is aware; `issued_at` and `expires_at` are RFC 3339 date-times as in the claims (a rule reads
    them with plusTime; the reference verifier's own spelling drops zero seconds and cannot be read).
    `kid` is base64.
    """
    if clock.tzinfo is None:
        raise ValueError("clock must be an aware datetime")
    return {
        "validationClock": moment_text(clock.astimezone(UTC).replace(tzinfo=None)),
        "valueSets": dict(value_sets),
        "countryCode": arrival.upper(),
        "exp": expires_at,
        "iat": issued_at,
        "issuerCountryCode": (issuer or "").upper(),
        "kid": kid or "",
        "region": region or "",
    }


def evaluate(rules: Iterable[Rule], payload: Any, external: Mapping[str, Any]) -> tuple[RuleResult, ...]:
    """Each rule's result on `payload` (the DCC as JSON), in the order of `rules`. Never raises."""
    data = {"payload": payload, "external": dict(external)}
    return tuple(_judge(rule, payload, data) for rule in rules)


def _judge(rule: Rule, payload: Any, data: dict[str, Any]) -> RuleResult:
    if rule.run is None:
        return RuleResult(rule, _OPEN, rule.unusable)
    if isinstance(payload, dict) and "ver" in payload:
        schema = parse_version(payload["ver"])
        if schema is None or schema[0] != rule.schema_version[0] or schema < rule.schema_version:
            return RuleResult(rule, _OPEN, "written for another schema than the certificate's")
    try:
        value = rule.run(data)
    except CertLogicError as fault:
        return RuleResult(rule, _OPEN, str(fault))
    if not isinstance(value, bool):
        return RuleResult(rule, _OPEN, "neither true nor false")
    passes = value is (rule.type is _ACCEPTANCE)
    return RuleResult(rule, _PASSED if passes else _FAILED)


def check_rules(
    dcc: Any,
    rules: Iterable[Rule],
    *,
    arrival: str,
    clock: datetime,
    kind: str | None,
    issuer: str | None,
    region: str | None = None,
    rejected: Sequence[Rejected] = (),
    **more: Any,
) -> Check:
    """The stage "rules" for the signed content `dcc` of a certificate; `more` goes to `build_external`.

    Any FAILED rule fails it; else any OPEN one, or an unreadable one of either country, makes it unknown.
    Without any rule it has not run (`rule.none`), which a policy may refuse to accept.
    Raises ValueError on a naive clock.
    """
    external = build_external(clock=clock, arrival=arrival, issuer=issuer, region=region, **more)
    chosen = select(rules, arrival=arrival, region=region, issuer=issuer, kind=kind, clock=clock)
    results = evaluate(chosen, dcc, external)
    named: dict[Result, list[str]] = {result: [] for result in Result}
    for each in results:
        named[each.result].append(each.rule.identifier)
    named[Result.OPEN] += [
        each.identifier or "unreadable" for each in spoken_of(rejected, arrival=arrival, issuer=issuer)
    ]
    if failed := named[Result.FAILED]:
        return Check(Stage.RULES, Status.FAIL, tuple(f"rule.{name}" for name in dict.fromkeys(failed)))
    if opened := named[Result.OPEN]:
        return Check(Stage.RULES, Status.UNKNOWN, tuple(f"rule.open.{n}" for n in dict.fromkeys(opened)))
    return Check(Stage.RULES, Status.PASS) if results else Check(Stage.RULES, Status.NOT_RUN, (NO_RULE,))
