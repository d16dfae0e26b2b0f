"""A format that is recognised and not verified: a person decides."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from ..model import Decoded, Finding
from ..policy import Policy
from ..trust import TrustView
from ..verdict import Check, Stage, Status


def decode(format: str) -> Callable[[str], Decoded]:
    """A reader that only names the format."""
    return lambda text: Decoded(format, (), None)


def verify(decoded: Decoded, trust: TrustView, policy: Policy, now: datetime) -> Finding:
    """Nothing is known about it."""
    return Finding((Check(Stage.SIGNATURE, Status.UNKNOWN, ("format.unsupported",)),))
