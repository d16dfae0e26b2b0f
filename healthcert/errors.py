"""Exceptions of this room. They stay inside: `judge` turns them into verdicts.

Three families: *their data is bad* (`DecodeError`), *what we were given to judge with is bad*
(`TrustObjectError`, `PolicyError`, `RuleListError`), and *what we were asked to make is bad* (`IssueError`).
`CertLogicError` is either of the first two: a rule that cannot judge, or data it cannot judge.
"""

from __future__ import annotations

from collections.abc import Sequence

from .verdict import Check, Stage


class HealthCertError(Exception):
    """Parent of every error this package raises on purpose."""


class DecodeError(HealthCertError):
    """The text is not what it claims to be: `stage` where it broke, `code` the stable reason.

    `format` and `passed` are filled in by `decode`, which alone knows whose stages these are.
    """

    format = "none"
    passed: tuple[Check, ...] = ()

    def __init__(self, stage: Stage, code: str) -> None:
        super().__init__(f"{stage.value}: {code}")
        self.stage = stage
        self.code = code


class KeyMaterialError(HealthCertError):
    """One key of a trust object cannot be used; the message says why and holds no key bytes."""


class TrustObjectError(HealthCertError):
    """The trust object as a whole is not usable."""


class PolicyError(HealthCertError):
    """A policy asks for something this build does not know; nothing is silently ignored."""


class CertLogicError(HealthCertError):
    """An expression is no CertLogic or has no value on its data; the reason is short and holds no data."""


class RuleListError(HealthCertError):
    """A list of business rules as a whole is not usable."""


class IssueError(HealthCertError):
    """A certificate cannot be made: `faults` are all the stable reasons found, none holds personal data."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__(", ".join(faults))
        self.faults = tuple(faults)
