"""The status list as outsiders read it. The example is the draft's own."""

from __future__ import annotations

import zlib
from pathlib import Path

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from healthcert import keys
from healthcert.issuing.signers import LocalSigner
from healthcert.transport import cose
from tests.unit.trustlist.revocation.histories import SHARDS, first_generation
from trustlist.revocation.shards import changed
from trustlist.revocation.state import State
from trustlist.revocation.status_list import shard_bits, status_claim, status_list, token
from trustlist.revocation.tiers import difference

pytestmark = pytest.mark.req("K05")
# Source: draft-ietf-oauth-status-list, "Status List Token in CWT Format" (IETF Trust, revised BSD).
EXAMPLE = bytes.fromhex(
    "d2845820a2012610781a6170706c69636174696f6e2f7374617475736c6973742b637774a1044231325850a50278216874"
    "7470733a2f2f6578616d706c652e636f6d2f7374617475736c697374732f31061a648c5bea041a8898dfea19fffe19a8c0"
    "19fffda2646269747301636c73744a78dadbb918000217015d584027d5535dfe0a33291cc9bfb41053ad2493c49d1ee463"
    "5e12548a79bac92916845fee76799c42762f928441c5c344e3612381e0cf88f2f160b3e1f97728ec8403"
)
STATUSES = [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]


def test_our_token_says_what_the_drafts_example_says() -> None:
    bits = changed(bytes(2), {index: bool(value) for index, value in enumerate(STATUSES)})
    assert bits == b"\xb9\xa3"
    signer = LocalSigner(ec.generate_private_key(ec.SECP256R1()))
    times = {"issued_at": 1_686_920_170, "expires": 2_291_720_170, "ttl": 43_200}
    ours = token(bits, uri="https://example.com/statuslists/1", **times, signer=signer)
    theirs_read, ours_read = cbor2.loads(EXAMPLE), cbor2.loads(ours)
    assert ours_read.tag == theirs_read.tag
    assert ours_read.value[0] == theirs_read.value[0]
    ours_claims, theirs_claims = (cbor2.loads(read.value[2]) for read in (ours_read, theirs_read))
    # The compressed bytes differ between zlib builds: compare what is inside.
    lists = [claims.pop(65_533) for claims in (ours_claims, theirs_claims)]
    assert ours_claims == theirs_claims
    assert [(each["bits"], zlib.decompress(each["lst"])) for each in lists] == [(1, bits)] * 2
    envelope = cose.parse(ours)
    assert keys.verifier_of(signer.public_key)(envelope.signature, cose.signed_bytes(envelope))


def test_the_bits_of_a_list_are_those_in_force(tmp_path: Path) -> None:
    base, _ = first_generation(tmp_path)
    bare = State.of(base)
    state = bare.after(difference(bare, opened=SHARDS[:1], bits={SHARDS[0]: {0: True, 10: True}}))
    assert shard_bits(state, SHARDS[0]) == bytes((1, 4, 0, 0))
    assert zlib.decompress(status_list(shard_bits(state, SHARDS[0]))["lst"]) == bytes((1, 4, 0, 0))  # type: ignore[arg-type]
    with pytest.raises(KeyError):
        shard_bits(state, SHARDS[1])


def test_the_claim_in_the_certificate_names_list_and_index() -> None:
    assert status_claim("https://x.example/1", 7) == {"status_list": {"idx": 7, "uri": "https://x.example/1"}}
