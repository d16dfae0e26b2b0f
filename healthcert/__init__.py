"""Health certificates: text to signed bytes to verdict. Pure functions; `now` and trust are arguments."""

from .decode import decode
from .errors import DecodeError, HealthCertError
from .model import Decoded
from .policy import DEFAULT_POLICY, Policy
from .verdict import Check, Outcome, Stage, Status, Verdict
from .verify import judge, verify

__all__ = [
    "DEFAULT_POLICY",
    "Check",
    "DecodeError",
    "Decoded",
    "HealthCertError",
    "Outcome",
    "Policy",
    "Stage",
    "Status",
    "Verdict",
    "decode",
    "judge",
    "verify",
]
