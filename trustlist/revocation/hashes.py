"""The key under which a foreign hash is kept, bound to whose batch it came in.

Key = first 10 bytes of SHA-256(domain | scope | hash type | 16-byte hash). The scope is a kid, or a country
where the batch knows no kid: one country cannot revoke another's certificates. Domain, type and hash have
fixed lengths, so no two (scope, type, hash) are spelt alike.
Source: notes/revocation §3.2; notes/certificates-eu-dcc §3.2.
"""

from __future__ import annotations

import hashlib
import math

from healthcert.revocation import HASH_BYTES, HashType

from .errors import FormatError
from .limits import FOREVER, KEY_BYTES

DOMAIN = b"cong-xanh/foreign-revocation/1\0"
# The numbers are part of the format: never given to another type.
TYPE_CODES = {HashType.SIGNATURE: b"\x01", HashType.UCI: b"\x02", HashType.COUNTRYCODEUCI: b"\x03"}
DAY_SECONDS = 86_400
# 255 classes of a week are 4.9 years; of a day they would not even hold one year of certificates.
CLASS_DAYS = 7
_DOMAIN_HASH = hashlib.sha256(DOMAIN)


def key_of(scope: bytes, kind: HashType, digest: bytes) -> bytes:
    """The 10-byte key. Raises FormatError unless the digest has 16 bytes."""
    if len(digest) != HASH_BYTES:
        raise FormatError("foreign.hash")
    hashed = _DOMAIN_HASH.copy()
    hashed.update(scope + TYPE_CODES[kind] + digest)
    return hashed.digest()[:KEY_BYTES]


def last_day(ends: float) -> int:
    """The expiry class of a batch that ends at `ends` (s since 1970): that day rounded up, to whole weeks.

    Never earlier than told. What ends before 1970 gets day 0; what has no end, or none that a date can hold,
    lasts for good.
    """
    if math.isnan(ends) or ends >= (FOREVER - CLASS_DAYS) * DAY_SECONDS:
        return FOREVER
    if ends <= 0:
        return 0
    return -(-math.ceil(ends) // (CLASS_DAYS * DAY_SECONDS)) * CLASS_DAYS  # whole numbers: no rounding


def is_over(day: int, instant: float) -> bool:
    """Whether an entry of class `day` revokes nothing any more at `instant` (s since 1970)."""
    return day != FOREVER and instant > day * DAY_SECONDS
