"""EU certificates revoked by hash, and the ways a holder could try to slip past."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import cbor2
import pytest

from healthcert import Outcome, Stage, Status, Verdict, decode, judge
from healthcert.errors import TrustObjectError
from healthcert.policy import Policy
from healthcert.revocation import UNKNOWN_KID, HashType, batch_of, digests
from healthcert.transport import cwt
from healthcert.trust import parse_trust_object

pytestmark = [pytest.mark.req("K05")]
KID = b"kid-one!"
ORDER_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
FAR = datetime(2030, 1, 1, tzinfo=UTC)


def hashes_of(text: str) -> dict[HashType, bytes]:
    envelope = decode(text).envelope
    return dict(digests(envelope, cwt.parse(envelope.unverified_payload).dcc))


def judged(issuer: Any, now: datetime, text: str, *batches: dict[str, Any], **entry: Any) -> Verdict:
    obj = {"keys": [issuer.entry(**entry)], "dcc_revocations": list(batches)}
    return judge(text, parse_trust_object(obj), now=now)


def batch(kind: HashType, digest: bytes, **changes: Any) -> dict[str, Any]:
    return batch_of(kind, [digest], kid=KID, country="AT", expires=FAR) | changes


@pytest.mark.parametrize("kind", list(HashType))
def test_each_kind_of_hash_revokes(issuer: Any, noon: datetime, kind: HashType) -> None:
    text = issuer.text()
    verdict = judged(issuer, noon, text, batch(kind, hashes_of(text)[kind]))
    assert (verdict.outcome, verdict.reasons) == (Outcome.INVALID, ("revocation.revoked",))
    assert verdict.status(Stage.REVOCATION) is Status.FAIL
    clean = judged(issuer, noon, text, batch(kind, bytes(16)))
    assert (clean.outcome, clean.status(Stage.REVOCATION)) == (Outcome.VALID, Status.PASS)


def test_turning_s_over_makes_a_valid_copy_that_is_still_revoked(issuer: Any, noon: datetime) -> None:
    _, _, payload, signature = issuer.cose()
    flipped = ORDER_P256 - int.from_bytes(signature[32:], "big")
    copy = issuer.text(payload=payload, signature=signature[:32] + flipped.to_bytes(32, "big"))
    original = issuer.text(payload=payload, signature=signature)
    assert copy != original
    listed = batch(HashType.SIGNATURE, hashes_of(original)[HashType.SIGNATURE])
    assert judged(issuer, noon, copy, batch(HashType.SIGNATURE, bytes(16))).outcome is Outcome.VALID
    assert judged(issuer, noon, copy, listed).reasons == ("revocation.revoked",)


def test_of_an_rsa_signature_the_whole_is_hashed(issuer: Any, noon: datetime) -> None:
    text = issuer.text(alg=-37)
    entry = {"spki": issuer.spki(issuer.rsa_key)}
    digest = hashes_of(text)[HashType.SIGNATURE]
    assert judged(issuer, noon, text, batch(HashType.SIGNATURE, bytes(16)), **entry).outcome is Outcome.VALID
    verdict = judged(issuer, noon, text, batch(HashType.SIGNATURE, digest), **entry)
    assert verdict.reasons == ("revocation.revoked",)


def test_one_country_cannot_revoke_what_another_signed(issuer: Any, noon: datetime) -> None:
    text = issuer.text()
    digest = hashes_of(text)[HashType.UCI]
    foreign = batch(HashType.UCI, digest, kid=base64.b64encode(b"kid-two!").decode(), country="DE")
    stranger = batch(HashType.UCI, digest, kid=UNKNOWN_KID, country="DE")
    own = batch(HashType.UCI, digest, kid=UNKNOWN_KID, country="AT")
    assert judged(issuer, noon, text, foreign, stranger).outcome is Outcome.VALID
    assert judged(issuer, noon, text, own).reasons == ("revocation.revoked",)


@pytest.mark.parametrize(
    "header",
    [{}, {4: base64.b64encode(KID)}, {4: base64.b64encode(KID).decode()}],
    ids=["deleted", "base64 as bytes", "base64 as text"],
)
def test_a_kid_outside_the_signature_may_be_deleted_or_respelled_in_vain(
    issuer: Any, noon: datetime, header: dict[int, Any], packer: Any
) -> None:
    def text(unprotected: dict[int, Any]) -> str:
        return packer(cbor2.dumps([parts[0], unprotected, *parts[2:]]))

    parts = issuer.cose(protected={1: -7}, unprotected={4: KID})
    digest = hashes_of(text({4: KID}))[HashType.SIGNATURE]
    verdict = judged(issuer, noon, text(header), batch(HashType.SIGNATURE, digest))
    assert verdict.reasons == ("revocation.revoked",)
    assert judged(issuer, noon, text(header), batch(HashType.SIGNATURE, bytes(16))).outcome is Outcome.VALID


def test_a_second_kid_of_the_same_key_is_no_way_round_a_list(issuer: Any, noon: datetime) -> None:
    other = b"kid-two!"
    keys = [issuer.entry(), issuer.entry(kid=base64.b64encode(other).decode())]
    text = issuer.text(protected={1: -7, 4: other})
    listed = batch(HashType.SIGNATURE, hashes_of(text)[HashType.SIGNATURE])
    trust = parse_trust_object({"keys": keys, "dcc_revocations": [listed]})
    assert judge(text, trust, now=noon).reasons == ("revocation.revoked",)


@pytest.mark.parametrize("listed", ["AT", "AUT", None])
@pytest.mark.parametrize("named", ["AT", "at", "AUT"])
def test_a_batch_of_a_country_meets_its_keys_however_both_are_written(
    issuer: Any, noon: datetime, listed: str | None, named: str
) -> None:
    text = issuer.text()
    digest = hashes_of(text)[HashType.UCI]
    found = judged(
        issuer, noon, text, batch(HashType.UCI, digest, kid=UNKNOWN_KID, country=named), country=listed
    )
    assert "revocation.revoked" in found.reasons


@pytest.mark.parametrize("said", [None, "Ministry"])
def test_where_nobody_names_a_country_nothing_is_cleared(
    issuer: Any, noon: datetime, dcc: Any, said: str | None
) -> None:
    claims = {1: said, 4: 1_670_000_000, 6: 1_640_000_000, -260: {1: dcc()}}
    text = issuer.text(payload=cbor2.dumps({name: value for name, value in claims.items() if value}))
    verdict = judged(issuer, noon, text, batch(HashType.UCI, bytes(16)), country=None)
    assert verdict.outcome is Outcome.UNDETERMINED
    assert "revocation.scope_unknown" in verdict.reasons


def test_every_entry_of_a_certificate_is_asked(issuer: Any, noon: datetime, dcc: Any) -> None:
    several = dcc() | {"ver": "1.0.0"}
    several["v"] = [several["v"][0], several["v"][0] | {"ci": "URN:UVCI:01:AT:2#B"}]
    text = issuer.text(dcc=several)
    second = list(digests(decode(text).envelope, several))[-2:]
    for kind, digest in second:
        assert judged(issuer, noon, text, batch(kind, digest)).reasons == ("revocation.revoked",)


def test_a_batch_that_has_expired_revokes_nothing(issuer: Any, noon: datetime) -> None:
    text = issuer.text()
    over = batch(HashType.UCI, hashes_of(text)[HashType.UCI], expires=(noon - timedelta(days=1)).isoformat())
    assert judged(issuer, noon, text, over).outcome is Outcome.VALID


def test_without_a_list_nothing_was_checked_and_a_policy_may_insist(issuer: Any, noon: datetime) -> None:
    text, trust = issuer.text(), issuer.trust()
    plain = judge(text, trust, now=noon)
    assert (plain.outcome, plain.reasons) == (Outcome.VALID, ())
    assert plain.status(Stage.REVOCATION) is Status.NOT_RUN
    assert plain.unchecked == ("revocation.not_checkable",)
    strict = Policy(require=frozenset({Stage.REVOCATION}))
    verdict = judge(text, trust, strict, noon)
    assert (verdict.outcome, verdict.reasons) == (Outcome.UNDETERMINED, ("policy.revocation_not_checked",))


@pytest.mark.parametrize(
    "change",
    [{"country": None, "kid": UNKNOWN_KID},
     {"hashType": "MD5"}, {"entries": [{"hash": "AAAA"}]}, {"entries": {}}, {"kid": "no base64!"},
     {"entries": [{"hash": base64.b64encode(bytes(16)).decode()}] * 1_001}, {"expires": "soon"}],
)  # fmt: skip
def test_a_malformed_batch_is_refused_as_a_whole(issuer: Any, change: dict[str, Any]) -> None:
    wrong = batch(HashType.UCI, bytes(16)) | change
    with pytest.raises(TrustObjectError):
        parse_trust_object({"keys": [issuer.entry()], "dcc_revocations": [wrong]})


def test_an_odd_identifier_is_hashed_or_skipped_but_never_an_error(
    issuer: Any, noon: datetime, dcc: Any
) -> None:
    for odd in (None, 7, "\ud800", ""):
        entry = dcc()["v"][0] | {"ci": odd, "co": None}
        assert list(digests(decode(issuer.text()).envelope, {"v": [entry, "x"], "t": "no list"}))


@pytest.mark.req("K03")
def test_a_key_without_a_country_leaves_a_remark_beside_the_country_the_certificate_names(
    issuer: Any, noon: datetime
) -> None:
    verdict = judge(issuer.text(), issuer.trust(issuer.entry(country=None)), now=noon)
    assert (verdict.outcome, verdict.issuer) == (Outcome.VALID, "AT")
    assert verdict.reasons == ("key.country_unlisted",)
    assert judge(issuer.text(), issuer.trust(), now=noon).reasons == ()
