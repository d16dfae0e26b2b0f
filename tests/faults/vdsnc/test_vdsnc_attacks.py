"""Signers that should not be believed: every one names its authority, and none gets by on a name."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from healthcert import Outcome, Policy, Stage, Status, Verdict, decode, der, judge
from healthcert.spki import DOMAINS
from healthcert.transport import jcs
from healthcert.trust import parse_trust_object

pytestmark = [pytest.mark.req("K08"), pytest.mark.req("K16")]
NO_LIST = "revocation.not_checkable"
FOREIGN_USAGE = "2.23.136.1.1.3"  # master list signer
DAY = timedelta(days=1)


def judged(pki: Any, text: str, trust: Any = None, **policy: Any) -> Verdict:
    return judge(text, trust or pki.authority.trust(), Policy(**policy), pki.noon)


def refused(verdict: Verdict, *reasons: str) -> None:
    assert verdict.outcome is Outcome.INVALID
    assert verdict.reasons == reasons
    if "signature" in reasons[0] or "trust" in reasons[0]:
        assert verdict.claims is None


def test_the_unchanged_seal_is_valid(pki: Any) -> None:
    verdict = judged(pki, pki.signer.text(), pki.authority.trust(pki.authority.crl()))
    assert (verdict.outcome, verdict.reasons) == (Outcome.VALID, ())
    assert (verdict.format, verdict.kind, verdict.issuer) == ("vds-nc", "vaccination", "AU")


def test_a_forged_signer_with_the_right_names_and_key_id_is_refused(pki: Any) -> None:
    forged = pki.authority.signer(signed_with=ec.generate_private_key(ec.SECP256R1()))
    refused(judged(pki, forged.text()), "trust.no_anchor")


def test_a_signer_of_an_authority_that_is_not_listed_is_refused(pki: Any) -> None:
    other = pki.PassportAuthority(ec.generate_private_key(ec.SECP256R1()))
    refused(judged(pki, other.signer().text()), "trust.no_anchor")
    refused(judged(pki, pki.signer.text(), parse_trust_object({})), "trust.no_anchor")


def test_an_authority_of_another_format_is_none_of_this_one(pki: Any) -> None:
    trust = parse_trust_object({"authorities": [pki.authority.listed(formats=["eu-dcc"])]})
    refused(judged(pki, pki.signer.text(), trust), "trust.no_anchor")


def test_a_signer_cannot_make_signers(pki: Any) -> None:
    under = pki.PassportAuthority(pki.signer.key)
    refused(judged(pki, under.signer().text()), "trust.no_anchor")
    listed = under.listed(x5c=[pki.b64(pki.signer.certificate)])
    assert pki.signer.certificate != under.certificate
    verdict = judged(pki, under.signer().text(), parse_trust_object({"authorities": [listed]}))
    assert verdict.outcome is Outcome.VALID, "being listed makes an anchor, where nothing in it forbids that"


@pytest.mark.parametrize("changes", [{"ca": False, "cert_sign": False}, {"cert_sign": False}])
def test_an_anchor_that_must_not_sign_certificates_vouches_for_nobody(
    pki: Any, changes: dict[str, bool]
) -> None:
    authority = pki.PassportAuthority(pki.ec_key, **changes)
    refused(judged(pki, authority.signer().text(), authority.trust()), "trust.no_anchor")


def test_an_anchor_that_says_nothing_of_what_it_may_do_is_believed(pki: Any) -> None:
    authority = pki.PassportAuthority(pki.ec_key, bare=True)
    assert judged(pki, authority.signer().text(), authority.trust()).outcome is Outcome.VALID


def test_every_authority_of_a_name_is_asked_and_not_more_than_a_hand_full(pki: Any) -> None:
    others = [pki.PassportAuthority(ec.generate_private_key(ec.SECP256R1())) for _ in range(17)]
    few = parse_trust_object({"authorities": [one.listed() for one in (*others[:15], pki.authority)]})
    assert judged(pki, pki.signer.text(), few).outcome is Outcome.VALID
    many = parse_trust_object({"authorities": [one.listed() for one in others]})
    verdict = judged(pki, pki.signer.text(), many)
    assert (verdict.outcome, verdict.reasons) == (Outcome.UNDETERMINED, ("trust.too_many_anchors",))


@pytest.mark.parametrize("usage", [None, (FOREIGN_USAGE,), ("1.3.6.1.4.1.1847.2021.1.2",), ("2.5.29.37.0",)])
def test_a_signer_made_for_something_else_is_refused(pki: Any, usage: Any) -> None:
    verdict = judged(pki, pki.authority.signer(usage=usage).text())
    refused(verdict, "key.usage")
    assert verdict.status(Stage.KEY_USAGE) is Status.FAIL


@pytest.mark.parametrize(
    ("types", "ok"), [(("P",), False), ((), False), (("NT",), False), (None, True), (("P", "NV"), True)]
)
def test_a_signer_of_other_documents_is_refused(pki: Any, types: Any, ok: bool) -> None:
    verdict = judged(pki, pki.authority.signer(types=types).text())
    assert (verdict.outcome is Outcome.VALID) is ok
    assert ("key.usage" in verdict.reasons) is not ok


def test_a_signer_under_a_condition_we_do_not_know_is_refused(pki: Any) -> None:
    unknown = (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True)
    refused(judged(pki, pki.authority.signer(more=[unknown]).text()), "key.critical_extension")


@pytest.mark.parametrize(
    ("window", "reason"),
    [({"last": -1}, "key.expired"), ({"first": 1}, "key.not_yet")],
)
def test_a_signer_outside_its_time_is_refused(pki: Any, window: dict[str, int], reason: str) -> None:
    signer = pki.authority.signer(**{name: pki.noon + days * DAY for name, days in window.items()})
    refused(judged(pki, signer.text()), reason)
    assert judged(pki, signer.text(), signer_window="off").outcome is Outcome.VALID


@pytest.mark.parametrize("claimed", ["JPN", "AT", "AUT", "XXX", "aus"])
def test_a_country_that_is_not_the_signers_is_refused(pki: Any, claimed: str) -> None:
    data = pki.usual_data()
    data["hdr"]["is"] = claimed
    refused(judged(pki, pki.signer.text(data)), "key.country")


def test_a_signer_of_a_third_country_under_the_authority_is_refused(pki: Any) -> None:
    refused(judged(pki, pki.authority.signer(country="NZ").text()), "key.country")


def test_a_territory_signs_under_the_letters_of_its_state(pki: Any) -> None:
    authority = pki.PassportAuthority(pki.ec_key, "CN")
    trust = parse_trust_object({"authorities": [authority.listed(country="HKG")]})
    data = pki.usual_data()
    data["hdr"]["is"] = "HKG"
    assert judged(pki, authority.signer().text(data), trust).outcome is Outcome.VALID
    data["hdr"]["is"] = "CHN"
    refused(judged(pki, authority.signer().text(data), trust), "key.country")


def test_an_authority_listed_for_two_countries_speaks_for_both_and_no_third(pki: Any) -> None:
    authorities = [pki.authority.listed(country=country) for country in ("NZL", "AUS")]
    trust = parse_trust_object({"authorities": authorities})
    assert judged(pki, pki.signer.text(), trust).outcome is Outcome.VALID
    data = pki.usual_data()
    data["hdr"]["is"] = "JPN"
    refused(judged(pki, pki.signer.text(data), trust), "key.country")


def test_a_country_nobody_names_is_not_taken_from_the_header(pki: Any) -> None:
    authority = pki.PassportAuthority(pki.ec_key, "")
    trust = parse_trust_object({"authorities": [authority.listed(country=None)]})
    refused(judged(pki, authority.signer().text(), trust), "key.country")


# Algorithms


def test_authorities_of_every_kind_are_understood(pki: Any) -> None:
    authorities = [
        pki.PassportAuthority(pki.rsa_key),
        pki.PassportAuthority(pki.rsa_key, algorithm=hashes.SHA512()),
        pki.PassportAuthority(pki.rsa_key, algorithm=hashes.SHA256(), pss=True),
        pki.PassportAuthority(ec.generate_private_key(ec.SECP384R1()), algorithm=hashes.SHA384()),
        pki.PassportAuthority(ec.generate_private_key(ec.SECP521R1()), algorithm=hashes.SHA512()),
    ]
    for authority in authorities:
        trust = authority.trust(authority.crl(5))
        assert judged(pki, authority.signer().text(), trust).reasons == ()
        assert judged(pki, authority.signer(serial=5).text(), trust).reasons == ("revocation.revoked",)


@pytest.mark.parametrize(("alg", "curve"), [("ES384", ec.SECP384R1()), ("ES512", ec.SECP521R1())])
def test_signers_on_the_larger_curves_are_understood(pki: Any, alg: str, curve: Any) -> None:
    signer = pki.authority.signer(key=ec.generate_private_key(curve))
    assert judged(pki, signer.text(alg=alg)).outcome is Outcome.VALID
    refused(judged(pki, signer.text(alg=alg, sigvl=pki.b64(bytes(2 * 48)))), "signature.bad")


@pytest.mark.parametrize("alg", ["ES384", "ES512"])
def test_an_algorithm_that_does_not_fit_the_key_is_refused(pki: Any, alg: str) -> None:
    seal = pki.signer.text().replace('"ES256"', f'"{alg}"')
    refused(judged(pki, seal), "signature.alg_mismatch")


@pytest.mark.parametrize("alg", ["none", "HS256", "RS256", "", "es256", "ES256K"])
def test_an_algorithm_that_is_none_of_the_three_is_refused(pki: Any, alg: str) -> None:
    seal = pki.signer.text().replace('"ES256"', f'"{alg}"')
    refused(judged(pki, seal), "signature.alg_unsupported")


def test_an_rsa_signer_is_refused_whatever_it_calls_itself(pki: Any) -> None:
    signer = pki.authority.signer(key=pki.rsa_key)
    refused(judged(pki, signer.text(sigvl=pki.b64(bytes(256 - 66)))), "signature.alg_mismatch")


def test_a_signature_in_der_is_none_of_this_format(pki: Any) -> None:
    raw = pki.signer.sign(pki.usual_data())
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    refused(judged(pki, pki.signer.text(sigvl=pki.b64(der))), "signature.bad")


def test_an_authority_that_spells_its_curve_out_is_understood_when_all_of_it_is_right(pki: Any) -> None:
    domain = DOMAINS[0][0]
    spelled = pki.resigned(pki.authority.certificate, pki.ec_key, spki=pki.spelled_out(pki.ec_key, domain))
    trust = parse_trust_object({"authorities": [pki.authority.listed(x5c=[pki.b64(spelled)])]})
    assert trust.rejected_authorities == ()
    assert judged(pki, pki.signer.text(), trust).outcome is Outcome.VALID


def test_the_point_of_a_trusted_key_over_another_generator_is_not_that_key(pki: Any) -> None:
    """CVE-2020-0601: with the public point as generator the private key is 1."""
    domain, _ = DOMAINS[0]
    point = pki.signer.key.public_key().public_numbers()
    forged_domain = domain._replace(base_x=point.x, base_y=point.y)
    forged = pki.resigned(
        pki.signer.certificate, pki.ec_key, spki=pki.spelled_out(pki.signer.key, forged_domain)
    )
    listed = {"x5c": [pki.b64(pki.signer.certificate)], "formats": ["vds-nc"], "country": "AUS"}
    trust = parse_trust_object({"keys": [listed], "authorities": [pki.authority.listed()]})
    assert judged(pki, pki.signer.text(), trust).outcome is Outcome.VALID
    refused(judged(pki, pki.SealSigner(forged, pki.signer.key).text(), trust), "decode.vds_signer")


# Signers listed themselves


def test_a_listed_signer_needs_no_authority_and_nothing_else_of_its_code_is_believed(pki: Any) -> None:
    listed = {"x5c": [pki.b64(pki.signer.certificate)], "formats": ["vds-nc"], "country": "AUS"}
    trust = parse_trust_object({"keys": [listed]})
    verdict = judged(pki, pki.signer.text(), trust)
    assert (verdict.outcome, verdict.reasons, verdict.unchecked) == (Outcome.VALID, (), (NO_LIST,))
    refused(judged(pki, pki.authority.signer().text(), trust), "trust.no_anchor")
    old = pki.authority.signer(last=pki.noon - DAY)
    expired = parse_trust_object({"keys": [listed | {"x5c": [pki.b64(old.certificate)]}]})
    own = pki.PassportAuthority(old.key)  # the holder of the key writes itself a longer life
    renewed = pki.SealSigner(own.signer(key=old.key).certificate, old.key)
    refused(judged(pki, renewed.text(), expired), "key.expired")


def test_a_listed_signer_is_limited_as_listed_and_by_its_certificate(pki: Any) -> None:
    def trust(signer: Any, **more: Any) -> Any:
        entry = {"x5c": [pki.b64(signer.certificate)], "formats": ["vds-nc"], "country": "AUS"} | more
        return parse_trust_object({"keys": [entry]})

    refused(judged(pki, pki.signer.text(), trust(pki.signer, usage=["t"])), "key.usage")
    refused(judged(pki, pki.signer.text(), trust(pki.signer, country="NZL")), "key.country")
    chip = pki.authority.signer(usage=(FOREIGN_USAGE,))
    refused(judged(pki, chip.text(), trust(chip)), "key.usage")


def test_a_listed_signer_is_still_revoked_by_its_authority(pki: Any) -> None:
    listed = {"x5c": [pki.b64(pki.signer.certificate)], "formats": ["vds-nc"], "country": "AUS"}
    trust = pki.authority.trust(pki.authority.crl(77), keys=[listed])
    refused(judged(pki, pki.signer.text(), trust), "revocation.revoked")


def test_a_bare_key_is_listed_as_well(pki: Any) -> None:
    import base64

    entry = {
        "spki": base64.b64encode(pki.spki_of(pki.signer.key)).decode(),
        "formats": ["vds-nc"],
        "kid": "any",
    }
    assert judged(pki, pki.signer.text(), parse_trust_object({"keys": [entry]})).outcome is Outcome.VALID


# Revocation


def test_a_revoked_signer_is_refused(pki: Any) -> None:
    verdict = judged(pki, pki.signer.text(), pki.authority.trust(pki.authority.crl(1, 77, 99)))
    refused(verdict, "revocation.revoked")
    assert verdict.status(Stage.REVOCATION) is Status.FAIL


def test_without_a_list_revocation_is_said_to_be_open(pki: Any) -> None:
    verdict = judged(pki, pki.signer.text())
    assert (verdict.outcome, verdict.reasons, verdict.unchecked) == (Outcome.VALID, (), (NO_LIST,))
    assert verdict.status(Stage.REVOCATION) is Status.NOT_RUN
    demanded = judged(pki, pki.signer.text(), require=frozenset({Stage.REVOCATION}))
    assert demanded.outcome is Outcome.UNDETERMINED


def test_a_list_of_another_authority_says_nothing(pki: Any) -> None:
    other = pki.PassportAuthority(ec.generate_private_key(ec.SECP256R1()), "NZ")
    other.name = pki.PassportAuthority._named("NZ", "Another")
    trust = pki.authority.trust(other.crl(77))
    assert judged(pki, pki.signer.text(), trust).unchecked == (NO_LIST,)


@pytest.mark.req("K05")
def test_after_a_change_of_keys_the_list_by_the_new_key_revokes_the_signers_of_the_old(pki: Any) -> None:
    old, new = (pki.PassportAuthority(ec.generate_private_key(ec.SECP256R1())) for _ in range(2))
    abroad = pki.PassportAuthority(ec.generate_private_key(ec.SECP256R1()))
    seal = old.signer(serial=77)

    def under(*listed: dict[str, Any], by: Any = new, **list_: Any) -> Any:
        crls = [pki.b64(by.crl(77, **list_))]
        return judged(pki, seal.text(), parse_trust_object({"authorities": list(listed), "x509_crls": crls}))

    refused(under(old.listed(), new.listed()), "revocation.revoked")
    refused(under(new.listed(), old.listed()), "revocation.revoked")
    # the name alone is not enough: the key must be listed too, and for the same country
    assert under(old.listed()).outcome is Outcome.VALID
    assert under(old.listed(), abroad.listed() | {"country": "NZL"}, by=abroad).outcome is Outcome.VALID


def test_a_forged_list_neither_clears_nor_revokes(pki: Any) -> None:
    forger = ec.generate_private_key(ec.SECP256R1())
    clears, revokes = pki.authority.crl(signed_with=forger), pki.authority.crl(77, signed_with=forger)
    for forged in (clears, revokes):
        verdict = judged(pki, pki.signer.text(), pki.authority.trust(forged))
        assert (verdict.outcome, verdict.unchecked) == (Outcome.VALID, ("revocation.list_bad",))
        assert verdict.status(Stage.REVOCATION) is Status.NOT_RUN
    both = pki.authority.trust(clears, pki.authority.crl(77))
    refused(judged(pki, pki.signer.text(), both), "revocation.revoked")
    assert judged(pki, pki.signer.text(), pki.authority.trust(revokes, pki.authority.crl())).reasons == ()


def test_an_authority_that_must_not_sign_lists_has_none(pki: Any) -> None:
    authority = pki.PassportAuthority(pki.ec_key, crl_sign=False)
    verdict = judged(pki, authority.signer().text(), authority.trust(authority.crl(77)))
    assert verdict.unchecked == ("revocation.list_bad",)


@pytest.mark.parametrize(
    ("most", "outcome", "status"),
    [
        (None, Outcome.VALID, Status.PASS),
        (100.0, Outcome.VALID, Status.PASS),
        (30.0, Outcome.UNDETERMINED, Status.UNKNOWN),
    ],
)
def test_a_list_past_its_date_is_a_remark_until_the_operator_sets_an_age(
    pki: Any, most: float | None, outcome: Outcome, status: Status
) -> None:
    old = pki.authority.crl(since=pki.noon - 40 * DAY, until=pki.noon - 10 * DAY)
    verdict = judged(pki, pki.signer.text(), pki.authority.trust(old), crl_max_age_days=most)
    assert (verdict.outcome, verdict.reasons) == (outcome, ("revocation.stale",))
    assert verdict.status(Stage.REVOCATION) is status


@pytest.mark.req("K05")
def test_where_the_check_is_required_a_list_past_its_date_clears_nobody(pki: Any) -> None:
    required = frozenset({Stage.REVOCATION})
    over = pki.authority.crl(since=pki.noon - 900 * DAY, until=pki.noon - 800 * DAY)
    verdict = judged(pki, pki.signer.text(), pki.authority.trust(over), require=required)
    assert (verdict.outcome, verdict.reasons) == (Outcome.UNDETERMINED, ("revocation.stale",))
    fresh = pki.authority.trust(over, pki.authority.crl())
    assert judged(pki, pki.signer.text(), fresh, require=required).reasons == ()
    named = pki.authority.crl(77, since=pki.noon - 900 * DAY, until=pki.noon - 800 * DAY)
    refused(
        judged(pki, pki.signer.text(), pki.authority.trust(named), require=required), "revocation.revoked"
    )


@pytest.mark.req("K05")
def test_a_list_from_the_future_is_not_a_fresh_one(pki: Any) -> None:
    ahead = pki.authority.crl(since=pki.noon + 400 * DAY, until=pki.noon + 500 * DAY)
    for demand in ({"require": frozenset({Stage.REVOCATION})}, {"crl_max_age_days": 10.0}):
        verdict = judged(pki, pki.signer.text(), pki.authority.trust(ahead), **demand)
        assert (verdict.outcome, verdict.reasons) == (Outcome.UNDETERMINED, ("revocation.list_ahead",))
        both = pki.authority.trust(ahead, pki.authority.crl())
        assert judged(pki, pki.signer.text(), both, **demand).reasons == ()
    plain = judged(pki, pki.signer.text(), pki.authority.trust(ahead))
    assert (plain.outcome, plain.reasons) == (Outcome.VALID, ("revocation.list_ahead",))


def test_of_several_lists_the_newest_tells_the_age_and_any_revokes(pki: Any) -> None:
    old = pki.authority.crl(since=pki.noon - 40 * DAY, until=pki.noon - 10 * DAY)
    fresh = pki.authority.crl()
    assert (
        judged(pki, pki.signer.text(), pki.authority.trust(old, fresh), crl_max_age_days=30.0).reasons == ()
    )
    old_hit = pki.authority.crl(77, since=pki.noon - 40 * DAY, until=pki.noon - 10 * DAY)
    for trust in (pki.authority.trust(old_hit), pki.authority.trust(old_hit, fresh)):
        refused(judged(pki, pki.signer.text(), trust, crl_max_age_days=30.0), "revocation.revoked")


def test_what_cannot_be_used_of_a_trust_object_is_reported_and_the_rest_is_used(pki: Any) -> None:
    delta = pki.authority.crl(77, more=[(x509.DeltaCRLIndicator(1), True)])
    trust = pki.authority.trust(
        delta, b"\x30\x00", pki.authority.crl(), authorities=[{"x5c": ["AA"]}, 7, pki.authority.listed()]
    )
    assert [index for index, _ in trust.rejected_crls] == [0, 1]
    assert [index for index, _ in trust.rejected_authorities] == [0, 1]
    assert judged(pki, pki.signer.text(), trust).reasons == ()


def with_salt(pki: Any, signed: bytes, place: int, salt: int) -> bytes:
    """A certificate (algorithm at place 2) or list (1) under RSASSA-PSS with this salt, badly signed."""
    sha = pki.tlv(0x30, bytes.fromhex("0609608648016503040201"), b"\x05\x00")
    mask = pki.tlv(0x30, bytes.fromhex("06092a864886f70d010108"), sha)
    told = (pki.tlv(0xA0, sha), pki.tlv(0xA1, mask), pki.tlv(0xA2, pki.integer(salt)))
    algorithm = pki.tlv(0x30, bytes.fromhex("06092a864886f70d01010a"), pki.tlv(0x30, *told))
    tbs, _, signature = der.children(signed)
    parts = der.children(tbs)
    parts[place] = algorithm
    return pki.tlv(0x30, pki.tlv(0x30, *parts), algorithm, signature)


@pytest.mark.parametrize("salt", [5_000, 2**31, 2**40, 2**70])
def test_a_salt_no_signature_can_have_is_a_forgery_and_no_fault_of_ours(pki: Any, salt: int) -> None:
    authority = pki.PassportAuthority(pki.rsa_key)
    signer = authority.signer()
    forged = pki.SealSigner(with_salt(pki, signer.certificate, 2, salt), signer.key)
    refused(judged(pki, forged.text(), authority.trust()), "trust.no_anchor")
    # a list that says so is one bad list: the others still revoke
    odd = with_salt(pki, authority.crl(), 1, salt)
    refused(judged(pki, signer.text(), authority.trust(odd, authority.crl(77))), "revocation.revoked")


@pytest.mark.req("K16")
def test_no_repr_tells_whose_certificate_it_is(pki: Any) -> None:
    text = pki.signer.text()
    verdict, decoded = judged(pki, text), decode(text)
    assert verdict.claims is not None
    assert "NGUYEN" in str(dict(verdict.claims))
    for shown in (repr(verdict), str(decoded), repr(decoded.envelope), f"{verdict}"):
        assert "NGUYEN" not in shown
        assert "1990-04-05" not in shown


@pytest.mark.req("K03")
def test_a_key_or_authority_that_names_no_format_seals_nothing(pki: Any) -> None:
    bare = {"spki": pki.b64(pki.spki_of(pki.signer.key)), "country": "AU"}
    authority = {name: value for name, value in pki.authority.listed().items() if name != "formats"}
    for absent in ({"keys": [bare]}, {"keys": [bare | {"formats": None}]}, {"authorities": [authority]}):
        refused(judged(pki, pki.signer.text(), parse_trust_object(absent)), "trust.no_anchor")


@pytest.mark.req("K03")
def test_a_listed_key_without_a_country_says_that_nobody_else_named_it(pki: Any) -> None:
    bare = {"spki": pki.b64(pki.spki_of(pki.signer.key)), "formats": ["vds-nc"]}
    verdict = judged(pki, pki.signer.text(), parse_trust_object({"keys": [bare]}))
    assert (verdict.outcome, verdict.issuer) == (Outcome.VALID, "AU")
    assert "key.country_unlisted" in verdict.reasons
    named = judged(pki, pki.signer.text(), parse_trust_object({"keys": [bare | {"country": "AU"}]}))
    assert "key.country_unlisted" not in named.reasons


@pytest.mark.parametrize(
    "wrong", [{"not_after": "2021-12-31T00:00:00Z"}, {"usage": ["t"]}, {"country": "NZL"}]
)
@pytest.mark.parametrize("order", [1, -1])
def test_of_two_listings_of_a_key_the_fitting_one_counts_in_any_order(
    pki: Any, wrong: dict[str, Any], order: int
) -> None:
    bare = {"spki": pki.b64(pki.spki_of(pki.signer.key)), "country": "AUS", "formats": ["vds-nc"]}
    both = parse_trust_object({"keys": [bare | wrong, bare][::order]})
    assert judged(pki, pki.signer.text(), both).outcome is Outcome.VALID
    assert (
        judged(pki, pki.signer.text(), parse_trust_object({"keys": [bare | wrong]})).outcome
        is Outcome.INVALID
    )


@pytest.mark.req("K05")
@pytest.mark.parametrize("order", [1, -1])
def test_a_bare_listing_beside_it_does_not_hide_that_a_certificate_was_revoked(pki: Any, order: int) -> None:
    bare = {"spki": pki.b64(pki.spki_of(pki.signer.key)), "country": "AUS", "formats": ["vds-nc"]}
    whole = {"x5c": [pki.b64(pki.signer.certificate)], "country": "AUS", "formats": ["vds-nc"]}
    trust = pki.authority.trust(pki.authority.crl(77), keys=[bare, whole][::order])
    refused(judged(pki, pki.signer.text(), trust), "revocation.revoked")


def test_data_made_to_be_slow_are_not_canonicalised_for_a_signer_nobody_knows(
    pki: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []

    def count(data: Any) -> bytes:
        made.append(data)
        return canonical(data)

    canonical = jcs.canonical
    stranger = pki.PassportAuthority(ec.generate_private_key(ec.SECP256R1())).signer().text()
    monkeypatch.setattr(jcs, "canonical", count)
    refused(judged(pki, stranger), "trust.no_anchor")
    assert not made
    assert judged(pki, pki.signer.text()).outcome is Outcome.VALID
    assert made
