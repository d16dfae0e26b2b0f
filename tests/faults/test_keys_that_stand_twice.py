"""A key that stands twice in a certificate: no reader may choose which of the two it shows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import cbor2
import pytest

from healthcert import Outcome, judge

pytestmark = [pytest.mark.req("K01"), pytest.mark.req("K16")]
_MARK = "@@"


def doubled(place: str, dcc: dict[str, Any], kind: str = "v") -> bytes:
    """The certificate in CBOR, with the first member of one of its maps standing there twice."""
    maps = {"dcc": dcc, "name": dcc["nam"], "entry": dcc[kind][0]}
    plain = cbor2.dumps(maps[place])
    assert 0xA0 < plain[0] < 0xB6
    member = next(iter(maps[place]))
    twice = bytes((plain[0] + 1,)) + cbor2.dumps(member) + cbor2.dumps(maps[place][member]) + plain[1:]
    return cbor2.dumps(dcc).replace(plain, twice)


@pytest.mark.parametrize("place", ["dcc", "name", "entry"])
@pytest.mark.parametrize("more", [{}, {"nam": {"fnt": "NGUYEN"}}], ids=["usual", "read strictly"])
def test_a_key_twice_in_any_map_of_the_certificate_is_refused(
    issuer: Any, noon: datetime, dcc: Any, place: str, more: dict[str, Any]
) -> None:
    content = dcc() | more
    assert judge(issuer.text(dcc=content), issuer.trust(), now=noon).outcome is Outcome.VALID
    claims = {1: "AT", 4: 1_670_000_000, 6: 1_640_000_000, -260: {1: _MARK}}
    payload = cbor2.dumps(claims).replace(cbor2.dumps(_MARK), doubled(place, content))
    verdict = judge(issuer.text(payload=payload), issuer.trust(), now=noon)
    assert (verdict.outcome, verdict.reasons) == (Outcome.INVALID, ("decode.cwt_duplicate_key",))
