"""Viet Nam's signer: RSA, under an intermediate authority, without the Union's key usages.

No genuine Vietnamese code with a licence is known, so the whole way is walked with a chain of our own that is
built like theirs.
"""

from __future__ import annotations

import base64
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from healthcert import DEFAULT_POLICY, Outcome, judge, keys
from healthcert.formats.window import check_window
from healthcert.keys import PS256
from healthcert.transport import base45
from healthcert.trust import Signer, StaticTrust, parse_trust_object

pytestmark = [pytest.mark.req("K08"), pytest.mark.req("K01")]
KID = base64.b64decode("ZtJVElOdWm0=")
IN_TIME, TODAY = datetime(2022, 1, 15, tzinfo=UTC), datetime(2026, 11, 25, tzinfo=UTC)
NOBODY = "no authority vouches for it"


# The published certificates


def pem(path: Path) -> str:
    return "".join(line for line in path.read_text("ascii").splitlines() if "-----" not in line)


@pytest.fixture(scope="session")
def signer_der(testdata: Path) -> str:
    return pem(testdata / "vn-trust" / "vn-dsc-66d25512539d5a6d.pem")


@pytest.fixture(scope="session")
def authority_der(testdata: Path) -> str:
    return pem(testdata / "vn-trust" / "vn-csca-intermediate.pem")


def listed(*authorities: str, key: str, country: str = "VN", formats: Any = ("eu-dcc",)) -> StaticTrust:
    return parse_trust_object(
        {
            "keys": [{"x5c": [key], "country": country, "formats": list(formats)}],
            "authorities": [{"x5c": [one], "country": "VNM", "formats": ["eu-dcc"]} for one in authorities],
        }
    )


def published(trust: StaticTrust) -> Signer:
    (signer,) = trust.signers("eu-dcc", KID)
    return signer


def test_the_published_signer_is_accepted_under_its_intermediate_authority(
    signer_der: str, authority_der: str
) -> None:
    trust = listed(authority_der, key=signer_der)
    assert trust.rejected == ()
    (authority,) = trust.authorities("eu-dcc")
    assert authority.certificate.issuer != authority.certificate.subject  # nothing self-signed about it
    signer = published(trust)
    assert (signer.algorithm, signer.country, signer.usage) == (PS256, "VN", None)


def test_its_window_ended_in_july_2026(signer_der: str, authority_der: str) -> None:
    signer = published(listed(authority_der, key=signer_der))
    for now, reasons in ((IN_TIME, ()), (TODAY, ("key.expired",))):
        assert check_window(None, None, (), signer, DEFAULT_POLICY, now.timestamp()).reasons == reasons


def test_without_authorities_the_key_is_used_as_listed(signer_der: str) -> None:
    assert published(listed(key=signer_der)).usage is None


def test_under_another_authority_it_is_not_used(signer_der: str) -> None:
    other = Chain("VN").authority
    trust = listed(other, key=signer_der)
    assert trust.rejected == ((0, NOBODY),)
    assert trust.signers("eu-dcc", KID) == ()


def test_an_authority_that_cannot_be_read_still_binds_its_country(signer_der: str) -> None:
    trust = listed("AAAA", key=signer_der)
    assert (trust.rejected, [index for index, _ in trust.rejected_authorities]) == (((0, NOBODY),), [0])


# A chain of our own, built alike


class Chain:
    """Root (not listed) > intermediate authority > signer with foreign key usages."""

    def __init__(self, country: str) -> None:
        root, middle = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        self.middle_key, self.country = middle, country
        self.middle_name = self._name("Authority")
        self.authority = self._issue(self.middle_name, self._name("Root"), middle, root, ca=True)

    def signer(self, key: Any, signed_with: Any = None) -> str:
        return self._issue(
            self._name("Signer"), self.middle_name, key, signed_with or self.middle_key, ca=False
        )

    def _name(self, common: str) -> x509.Name:
        return x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, self.country),
                x509.NameAttribute(NameOID.COMMON_NAME, common),
            ]
        )

    def _issue(self, subject: x509.Name, issuer: x509.Name, key: Any, by: Any, *, ca: bool) -> str:
        builder = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
            .serial_number(5).not_valid_before(datetime(2021, 7, 1, tzinfo=UTC))
            .not_valid_after(datetime(2021, 7, 1, tzinfo=UTC) + timedelta(days=5 * 365))
            .add_extension(x509.BasicConstraints(ca, 0 if ca else None), critical=True)
        )  # fmt: skip
        if not ca:
            usages = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.EMAIL_PROTECTION]
            builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        return base64.b64encode(builder.sign(by, SHA256()).public_bytes(Encoding.DER)).decode()


@pytest.fixture(scope="module")
def chain() -> Chain:
    return Chain("VN")


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def code(key: rsa.RSAPrivateKey, kid: bytes) -> str:
    dose = {"tg": "840539006", "vp": "1119349007", "mp": "EU/1/20/1528", "ma": "ORG-100030215",
            "dn": 2, "sd": 2, "dt": "2021-09-12", "co": "VN", "is": "MoH", "ci": "URN:UVCI:1:VN"}  # fmt: skip
    name = {"fn": "NGUYỄN", "fnt": "NGUYEN", "gn": "VĂN AN", "gnt": "VAN<AN"}
    dcc = {"ver": "1.3.0", "nam": name, "dob": "1990-04-05", "v": [dose]}
    issued = int(datetime(2021, 12, 25, tzinfo=UTC).timestamp())
    payload = cbor2.dumps({1: "VN", 4: issued + 365 * 86_400, 6: issued, -260: {1: dcc}})
    header = cbor2.dumps({1: PS256, 4: kid})
    tbs = cbor2.dumps(["Signature1", header, b"", payload])
    signature = key.sign(tbs, padding.PSS(padding.MGF1(SHA256()), 32), SHA256())
    envelope = cbor2.dumps(cbor2.CBORTag(18, [header, {}, payload, signature]))
    return "HC1:" + base45.encode(zlib.compress(envelope, 9))


def test_a_code_signed_under_such_an_authority_is_valid(chain: Chain, key: rsa.RSAPrivateKey) -> None:
    trust = listed(chain.authority, key=chain.signer(key))
    assert trust.rejected == ()
    (signer,) = trust.signers("eu-dcc", b"")
    verdict = judge(code(key, signer.kid), trust, now=IN_TIME)
    assert (verdict.outcome, verdict.reasons, verdict.issuer) == (Outcome.VALID, (), "VN")
    expired = judge(code(key, signer.kid), trust, now=TODAY)
    assert (expired.outcome, expired.reasons) == (Outcome.INVALID, ("time.expired", "key.expired"))


def test_a_signer_of_another_authority_of_the_same_name_is_not_used(
    chain: Chain, key: rsa.RSAPrivateKey
) -> None:
    forged = chain.signer(key, signed_with=ec.generate_private_key(ec.SECP256R1()))
    trust = listed(chain.authority, key=forged)
    assert trust.rejected == ((0, NOBODY),)
    kid = listed(key=forged).signers("eu-dcc", b"")[0].kid
    assert judge(code(key, kid), trust, now=IN_TIME).reasons == ("trust.unknown_kid",)
    assert judge(code(key, kid), listed(key=forged), now=IN_TIME).outcome is Outcome.VALID


def test_a_signer_under_a_signer_is_not_used(chain: Chain, key: rsa.RSAPrivateKey) -> None:
    under = ec.generate_private_key(ec.SECP256R1())
    leaf_as_authority = chain.signer(under)  # basicConstraints: no authority
    assert listed(leaf_as_authority, key=chain.signer(key, signed_with=under)).rejected == ((0, NOBODY),)


def test_the_rule_binds_its_own_country_and_format_alone(chain: Chain, key: rsa.RSAPrivateKey) -> None:
    foreign = Chain("AT").signer(key)
    assert listed(chain.authority, key=foreign, country="AT").rejected == ()
    assert listed(chain.authority, key=foreign, formats=["shc"]).rejected == ()
    assert listed(chain.authority, key=foreign, formats=["who-ddcc"]).rejected == ()
    assert listed(chain.authority, key=foreign).rejected == ((0, NOBODY),)


def test_a_bare_key_has_nothing_to_check_and_an_authority_vouches_for_itself(chain: Chain) -> None:
    certificate = keys.from_certificate(base64.b64decode(chain.authority))
    spki = base64.b64encode(keys.spki_of(certificate.public_key)).decode()
    entry = {"country": "VN", "formats": ["eu-dcc"]}
    trust = parse_trust_object(
        {
            "keys": [entry | {"spki": spki}, entry | {"x5c": [chain.authority]}],
            "authorities": [{"x5c": [chain.authority], "country": "VN"}],
        }
    )
    assert trust.rejected == ()
    assert len(trust.signers("eu-dcc", b"")) == 2
