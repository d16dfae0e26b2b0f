"""One frozen state of whom we believe. A scan holds exactly one from start to end.

Source: architecture §3 ("same text, same snapshot, same now: same verdict") and §6 (trust object).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from healthcert.trust import Signer, StaticTrust, parse_trust_object


@dataclass(frozen=True, slots=True)
class TrustSnapshot:
    """Signers as of `issued_at` (aware; None: the source did not say). Satisfies `TrustView`."""

    issued_at: datetime | None
    _trust: StaticTrust

    @classmethod
    def from_trust_object(cls, obj: Mapping[str, Any], *, issued_at: datetime | None) -> TrustSnapshot:
        """A snapshot of a trust object. Raises TrustObjectError; ValueError on a naive `issued_at`."""
        if issued_at is not None and issued_at.tzinfo is None:
            raise ValueError("issued_at must be an aware datetime")
        return cls(issued_at, parse_trust_object(obj))

    @property
    def version(self) -> str:
        """Names the content: equal content, equal version."""
        return self._trust.version

    @property
    def rejected(self) -> tuple[tuple[int, str], ...]:
        """(index, reason) of every key that could not be used, for the operator to see."""
        return self._trust.rejected

    def signers(self, format: str, kid: bytes) -> tuple[Signer, ...]:
        """Every signer of `format` under `kid`."""
        return self._trust.signers(format, kid)
