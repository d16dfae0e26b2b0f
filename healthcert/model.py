"""What decoding yields: signed bytes and what the envelope says about them, nothing of the holder.

Source: architecture §3 (`decode` before `verify`); hcert-spec §6.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .verdict import Check

EU_DCC = "eu-dcc"
WHO_DDCC = "who-ddcc"
SHC = "shc"
VDS_NC = "vds-nc"
DIVOC = "divoc"
NO_FORMAT = "none"
FORMATS = (EU_DCC, WHO_DDCC, SHC, VDS_NC, DIVOC)

# make(Kind, (its fields in order)): a NamedTuple's own constructor is a Python function and costs three times
# as much, which counts where one is made for every check.
make = tuple.__new__


class Envelope(NamedTuple):
    """A COSE_Sign1 as received, the envelope of EU DCC and WHO DDCC.

    `protected` and `unverified_payload` are the exact bytes signed.
    A tuple, because one is made for every check and a frozen dataclass costs five times as much.
    """

    protected: bytes
    unverified_payload: bytes
    signature: bytes
    kid: bytes | None  # None: neither header names a key
    alg: int | None  # COSE algorithm number; None: neither header names one

    def __repr__(self) -> str:
        """Without the payload: a repr ends in logs and tracebacks."""
        return f"Envelope(kid={self.kid!r}, alg={self.alg}, {len(self.unverified_payload)} bytes)"


class Decoded(NamedTuple):
    """A recognised code. `envelope` belongs to its format alone: only that format's module looks inside."""

    format: str
    checks: tuple[Check, ...]  # the stages decoding passed
    envelope: Any

    def __repr__(self) -> str:
        """Without the envelope: a repr ends in logs and tracebacks."""
        return f"Decoded({self.format}, {self.checks})"


class Finding(NamedTuple):
    """What one format's verification comes to, from the signer on; `verify` folds it into a Verdict.

    `claims` has the shape of `claims.py`; it is None unless the signature holds.
    """

    checks: tuple[Check, ...]
    kind: str | None = None  # "vaccination" | "test" | "recovery"
    issuer: str | None = None  # ISO 3166-1 alpha-2
    claims: Mapping[str, Any] | None = None

    def __repr__(self) -> str:
        """Without the claims: a repr ends in logs and tracebacks."""
        return f"Finding({self.checks}, kind={self.kind})"


class Claims(NamedTuple):
    """The signed content of a CWT, read only after the signature held.

    `expires_at` and `issued_at` are seconds since 1970 UTC, finite and within years 1-9999, or None when
    absent or unreadable (then `time_faults` says which).
    """

    issuer: str | None
    expires_at: float | None
    issued_at: float | None
    time_faults: tuple[str, ...]
    dcc: Mapping[str, Any]
    private: Any = None  # our claim beside the EU payload, as signed and not looked at yet

    def __repr__(self) -> str:
        """Without what the certificate holds: a repr ends in logs and tracebacks."""
        return f"Claims(expires_at={self.expires_at}, issued_at={self.issued_at}, {self.time_faults})"
