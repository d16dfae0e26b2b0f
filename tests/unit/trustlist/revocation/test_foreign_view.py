"""The mapped list answers as the list in memory does: the check of a certificate cannot tell them apart."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from healthcert.model import Envelope
from healthcert.revocation import HashType, RevocationBatches, batch_of, check_hashes, digests
from tests.unit.trustlist.revocation.histories import first_generation
from trustlist.revocation.hashes import key_of, last_day
from trustlist.revocation.state import State
from trustlist.revocation.tiers import difference

pytestmark = pytest.mark.req("K05")
ENVELOPE = Envelope(b"", b"", b"r" * 32 + b"s" * 32, b"\1" * 8, -7)
DCC = {"v": [{"ci": "URN:UVCI:01:DE:X#1", "co": "DE"}]}
KID, COUNTRY = b"\1" * 8, "DE"
ENDS = datetime(2027, 3, 4, tzinfo=UTC)  # a Thursday: whole weeks since 1970, so both lists end together


@pytest.mark.parametrize("kind", list(HashType))
@pytest.mark.parametrize("by_country", [True, False])
@pytest.mark.parametrize("late", [0, 1])
def test_a_certificate_is_revoked_by_either_list_or_by_neither(
    kind: HashType, by_country: bool, late: int, tmp_path: Path
) -> None:
    found = dict(digests(ENVELOPE, DCC))
    batch = batch_of(kind, [found[kind]], kid=KID, country=COUNTRY, expires=ENDS)
    if by_country:
        batch["kid"] = "UNKNOWN_KID"
    scope = COUNTRY.encode() if by_country else KID
    bare = State.of(first_generation(tmp_path)[0])
    mapped = bare.after(
        difference(bare, foreign={key_of(scope, kind, found[kind]): last_day(ENDS.timestamp())})
    )
    for kids, countries in (
        ([KID], [COUNTRY]),
        ([b"\2" * 8], ["AT"]),
        ([KID], ["AT"]),
        ([b"\2" * 8], [COUNTRY]),
    ):
        asked = (ENVELOPE, DCC, kids, countries)
        ours = check_hashes(*asked, mapped, ENDS.timestamp() + late)
        assert ours == check_hashes(*asked, RevocationBatches([batch]), ENDS.timestamp() + late)
        listed = (countries == [COUNTRY]) if by_country else (kids == [KID])
        assert (ours.reasons == ("revocation.revoked",)) is (listed and not late)
