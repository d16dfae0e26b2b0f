"""One frozen state of whom we believe. A scan holds exactly one from start to end.

Source: architecture §3 ("same text, same snapshot, same now: same verdict") and §6 (trust object).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from healthcert.trust import Authority, Signer, StaticTrust, parse_trust_object


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

    def authorities(self, format: str) -> tuple[Authority, ...]:
        """The anchors of `format`."""
        return self._trust.authorities(format)

    def smart_crl(self, issuer: str, kid: str) -> Mapping[str, Any] | None:
        """The revocation list of a SMART Health Card key; None: not checkable."""
        return self._trust.smart_crl(issuer, kid)

    def x509_crls(self) -> tuple[bytes, ...]:
        """Every X.509 revocation list at hand."""
        return self._trust.x509_crls()
