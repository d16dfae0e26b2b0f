"""What goes into making a certificate, and what stands between preparing and signing it."""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .. import keys
from ..formats.private import KINDS, Private, is_nationality
from ..rules import codes

# A code of Viet Nam's passport expires twelve months after it was made (Decision 5772/QĐ-BYT; a new one is
# then made without being asked for).
VALIDITY_YEARS = 1

# Before it there was no such disease; after it the year later is no year.
FIRST_YEAR, LAST_YEAR = 2020, 9_998

# A code must be readable from paper. hcert-spec §4.2.2: alphanumeric mode, error correction level Q, at most
# 60 mm across the diagonal, which is 42 mm a side. Version 27 has 125 modules a side: 42 / 125 = 0.34 mm,
# the least a kiosk's camera resolves with two pixels a module at arm's length. 27-Q holds 808 bytes of data:
# 6,464 bits - 4 (mode) - 13 (count) = 6,447; two characters take 11 bits: 586 pairs = 1,172 characters.
QR_VERSION, QR_LEVEL = 27, "Q"
MAX_QR_CHARS = (8 * 808 - 4 - 13) // 11 * 2


@dataclass(frozen=True, slots=True)
class CertificateRequest:
    """One certificate to be made.

    `dcc`: the EU payload (schema 1.3); `fnt` and `gnt` may be left out where the Latin table can compute
    them. `issued_at`: aware, the instant every check is made for; dates of the payload are days of its zone.
    `expires_at`: None is a year later. `kind` (of `formats.private.KINDS`) and `nationality` (alpha-3)
    travel outside the EU payload.
    """

    dcc: Mapping[str, Any] = field(repr=False)
    issuer: str  # ISO 3166-1 alpha-2
    alg: int  # COSE number: ES256 or PS256
    kid: bytes  # 8 bytes
    issued_at: datetime
    expires_at: datetime | None = None
    kind: str | None = None
    nationality: str | None = field(default=None, repr=False)

    @property
    def private(self) -> Private:
        """What the claim beside the EU payload is to say."""
        return Private(self.kind, self.nationality)

    def expiry(self) -> datetime:
        """`expires_at`, or the same day a year later (28 February for the 29th)."""
        if self.expires_at is not None:
            return self.expires_at
        year, month = self.issued_at.year + VALIDITY_YEARS, self.issued_at.month
        day = min(self.issued_at.day, calendar.monthrange(year, month)[1])
        return self.issued_at.replace(year=year, day=day)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A certificate that passed every check and lacks only the signature. Made by `prepare`.

    `to_be_signed` is the Sig_structure, the exact input of the signature; `protected` and `payload` are the
    bytes that travel. Times in seconds since 1970. Holds personal data: never log it.
    """

    to_be_signed: bytes = field(repr=False)
    protected: bytes = field(repr=False)
    payload: bytes = field(repr=False)
    alg: int
    kid: bytes
    group: str  # v, t or r
    issued_at: int
    expires_at: int


def request_faults(request: CertificateRequest) -> list[str]:
    """`request.<field>` for everything beside the payload that is not usable."""
    private = request.private
    checks = (
        (isinstance(request.dcc, Mapping), "request.dcc"),
        (request.alg in (keys.ES256, keys.PS256), "request.alg"),
        (type(request.kid) is bytes and len(request.kid) == keys.KID_BYTES, "request.kid"),
        (type(request.issuer) is str and request.issuer in codes.COUNTRIES, "request.issuer"),
        (_is_usable(request.issued_at), "request.issued_at"),
        (request.expires_at is None or _is_usable(request.expires_at), "request.expires_at"),
        (private.kind is None or private.kind in KINDS, "request.kind"),
        (private.nationality is None or is_nationality(private.nationality), "request.nationality"),
    )
    faults = [reason for right, reason in checks if not right]
    if not faults and request.expiry() <= request.issued_at:
        faults.append("request.expires_at")
    return faults


def _is_usable(instant: object) -> bool:
    if not isinstance(instant, datetime) or instant.utcoffset() is None:
        return False
    return FIRST_YEAR <= instant.year <= LAST_YEAR
