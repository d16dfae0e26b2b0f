"""What a check of a certificate comes to: data, never an exception and never a bare bool.

A `Verdict` keeps every check that ran. Three outcomes exist: VALID, INVALID (a definite refusal) and
UNDETERMINED (we cannot know: ask a person). A definite refusal wins over UNDETERMINED.
Source: requirement K03, K16; architecture §3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, NoReturn


class Outcome(StrEnum):
    """The three ends of a check."""

    VALID = "valid"
    INVALID = "invalid"
    UNDETERMINED = "undetermined"


class Status(StrEnum):
    """How one stage ended. NOT_RUN changes nothing unless a policy demands the check."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    NOT_RUN = "not_run"
    UNKNOWN = "unknown"  # ran into "we cannot know"; printed as not_run


class Stage(StrEnum):
    """The stages of a check, in order. A stage that fails stops the ones that would trust its output."""

    PREFIX = "prefix"
    BASE45 = "base45"
    ZLIB = "zlib"
    COSE = "cose"
    SIGNATURE = "signature"
    KEY_USAGE = "key_usage"
    TIME = "time"
    SCHEMA = "schema"
    REVOCATION = "revocation"
    RULES = "rules"


@dataclass(frozen=True, slots=True)
class Check:
    """One stage, how it ended, and the stable reason codes (`phase.cause`) it gives for that."""

    stage: Stage
    status: Status
    reasons: tuple[str, ...] = ()


class Verdict(NamedTuple):
    """The result of one check, replayable: same text, same trust, same policy, same `now` -> equal."""

    outcome: Outcome
    checks: tuple[Check, ...]
    format: str  # "eu-dcc" | ... | "none"
    kind: str | None  # "vaccination" | "test" | "recovery"; None while unsigned or unread
    issuer: str | None  # ISO 3166-1 alpha-2 country of the signer or of the signed claims
    claims: Mapping[str, Any] | None  # None unless the signature holds; never log it
    trust_version: str
    at: datetime

    @property
    def reasons(self) -> tuple[str, ...]:
        """Stable reason codes of all checks that ran, in stage order, each once; empty: VALID, no remarks."""
        return tuple(dict.fromkeys(r for c in self.checks if c.status is not _NOT_RUN for r in c.reasons))

    @property
    def unchecked(self) -> tuple[str, ...]:
        """Why checks did not run, each once: these change nothing unless a policy demands the check."""
        return tuple(dict.fromkeys(r for c in self.checks if c.status is _NOT_RUN for r in c.reasons))

    def status(self, stage: Stage) -> Status:
        """How `stage` ended; NOT_RUN if it never ran."""
        return next((c.status for c in self.checks if c.stage is stage), Status.NOT_RUN)

    def __repr__(self) -> str:
        """Without the claims: a repr ends in logs and tracebacks."""
        return (
            f"Verdict({self.outcome.value}, {self.format}, kind={self.kind}, reasons={self.reasons}, "
            f"trust={self.trust_version}, at={self.at.isoformat()})"
        )

    def __bool__(self) -> NoReturn:
        raise TypeError("a Verdict has three outcomes; compare verdict.outcome with Outcome.VALID")


# looked up once: attribute access on an Enum class is a function call in Python 3.11
_FAIL, _UNKNOWN, _NOT_RUN = Status.FAIL, Status.UNKNOWN, Status.NOT_RUN
_VALID, _INVALID, _UNDETERMINED = Outcome.VALID, Outcome.INVALID, Outcome.UNDETERMINED


def fold(checks: Iterable[Check]) -> Outcome:
    """Many checks to one outcome: any FAIL refuses, else any UNKNOWN asks, else VALID."""
    outcome = _VALID
    for check in checks:
        status = check.status
        if status is _FAIL:
            return _INVALID
        if status is _UNKNOWN:
            outcome = _UNDETERMINED
    return outcome
