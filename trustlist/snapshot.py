"""One frozen state of whom we believe. A scan holds exactly one from start to end.

Source: architecture §3 ("same text, same snapshot, same now: same verdict") and §6 (trust object).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from healthcert.anchors import Authority, RevocationLists
from healthcert.certificates import Certificate, Crl
from healthcert.model import FORMATS
from healthcert.revocation import HashedRevocations
from healthcert.trust import NO_KID, Signer, StaticTrust, parse_trust_object

CLOCK_SLACK = timedelta(days=1)  # time zones told wrongly and drift, never a lost clock battery


def told_issued_at(content: Mapping[str, Any]) -> datetime | None:
    """The `issued_at` a trust file tells; None: it tells none. Raises ValueError, so without a zone."""
    told = content.get("issued_at")
    if not isinstance(told, str):
        return None
    issued = datetime.fromisoformat(told)
    if issued.tzinfo is None:
        raise ValueError("issued_at has no time zone")
    return issued


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

    def judging_time(self, now: datetime) -> datetime | None:
        """The moment to judge by; None when `now` stands before the data was even issued."""
        if self.issued_at is not None and now < self.issued_at - CLOCK_SLACK:
            return None
        return now

    @property
    def version(self) -> str:
        """Names the content: equal content, equal version."""
        return self._trust.version

    @property
    def is_empty(self) -> bool:
        """Whether nobody at all is believed: no signer and no authority of any format."""
        return not any(self.signers(name, NO_KID) or self.authorities(name) for name in FORMATS)

    @property
    def rejected(self) -> tuple[tuple[int, str], ...]:
        """(index, reason) of every key that could not be used, for the operator to see."""
        return self._trust.rejected

    @property
    def rejected_authorities(self) -> tuple[tuple[int, str], ...]:
        """(index, reason) of every authority that could not be used."""
        return self._trust.rejected_authorities

    @property
    def rejected_crls(self) -> tuple[tuple[int, str], ...]:
        """(index, reason) of every X.509 revocation list that could not be used."""
        return self._trust.rejected_crls

    def signers(self, format: str, kid: bytes) -> tuple[Signer, ...]:
        """Every signer of `format` under `kid`."""
        return self._trust.signers(format, kid)

    def authorities(self, format: str) -> tuple[Authority, ...]:
        """The anchors of `format`."""
        return self._trust.authorities(format)

    def smart_crl(self, issuer: str, kid: str) -> Mapping[str, Any] | None:
        """The revocation list of a SMART Health Card key; None: not checkable."""
        return self._trust.smart_crl(issuer, kid)

    def x509_crls(self) -> tuple[Crl, ...]:
        """Every X.509 revocation list at hand."""
        return self._trust.x509_crls()

    def issuers_of(self, format: str, certificate: Certificate) -> tuple[Authority, ...]:
        """The anchors of `format` that `certificate` names as its issuer."""
        return self._trust.issuers_of(format, certificate)

    def crls_of(self, anchor: Certificate) -> RevocationLists:
        """The revocation lists of an anchor."""
        return self._trust.crls_of(anchor)

    @property
    def dcc_revocations(self) -> HashedRevocations | None:
        """The hashed revocations of EU certificates; None: not checkable."""
        return self._trust.dcc_revocations
