"""Making a certificate: what is refused before the key is touched, and what the key then signs."""

from __future__ import annotations

import dataclasses
import hashlib
import random
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import cbor2
import pytest
import segno
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from segno.consts import SYMBOL_CAPACITY

from healthcert import Outcome, Stage, Status, judge
from healthcert.errors import KeyMaterialError
from healthcert.issue import CertificateRequest, IssueError, LocalSigner, prepare, redeem, with_check
from healthcert.issuing.request import MAX_QR_CHARS, QR_LEVEL, QR_VERSION
from healthcert.issuing.uvci import uvci_faults
from healthcert.keys import ES256, PS256
from healthcert.model import EU_DCC, Envelope
from healthcert.transport import cose
from healthcert.trust import Signer as TrustedSigner
from healthcert.trust import StaticTrust

pytestmark = [pytest.mark.req("C20")]
VIET_NAM = timezone(timedelta(hours=7))
NOW = datetime(2022, 4, 15, 9, 30, tzinfo=VIET_NAM)
CI = with_check("URN:UVCI:01:VN:7A3K9/PQ00012345")
EVENT = {"tg": "840539006", "co": "VN", "is": "Cục Y tế dự phòng", "ci": CI}
DOSE = EVENT | {
    "vp": "1119349007",
    "mp": "EU/1/20/1528",
    "ma": "ORG-100030215",
    "dn": 2,
    "sd": 2,
    "dt": "2021-12-01",
}
TEST = EVENT | {"tt": "LP6464-4", "sc": "2022-04-14T08:00:00+07:00", "tr": "260415000", "tc": "Bệnh viện K"}
RECOVERY = EVENT | {"fr": "2022-01-03", "df": "2022-01-14", "du": "2022-07-02"}
KEY = LocalSigner(ec.generate_private_key(ec.SECP256R1()))
RSA_KEY = LocalSigner(rsa.generate_private_key(public_exponent=65_537, key_size=2048))


def payload(kind: str = "v", entry: dict[str, Any] = DOSE, **changes: Any) -> dict[str, Any]:
    name = {"fn": "Nguyễn", "gn": "Thị Đào"}
    return {"ver": "1.3.0", "nam": name, "dob": "1985-02-03", kind: [entry]} | changes


def request(
    dcc: dict[str, Any] | None = None, signer: LocalSigner = KEY, **changes: Any
) -> CertificateRequest:
    fields: dict[str, Any] = {"issuer": "VN", "alg": signer.alg, "kid": signer.kid, "issued_at": NOW}
    return CertificateRequest(dcc=payload() if dcc is None else dcc, **(fields | changes))


def trust(signer: LocalSigner = KEY) -> StaticTrust:
    return StaticTrust((TrustedSigner(signer.kid, signer.public_key, "VN"),), "test")


def faults_of(work: Callable[[], object]) -> tuple[str, ...]:
    with pytest.raises(IssueError) as caught:
        work()
    return caught.value.faults


# --- what comes out -------------------------------------------------------------------------------------


@pytest.mark.parametrize("signer", [KEY, RSA_KEY], ids=["ES256", "PS256"])
@pytest.mark.parametrize(
    ("kind", "entry", "word"),
    [("v", DOSE, "vaccination"), ("t", TEST, "test"), ("r", RECOVERY, "recovery")],
)
def test_what_is_issued_is_valid_without_remarks(
    signer: LocalSigner, kind: str, entry: dict[str, Any], word: str
) -> None:
    text = redeem(prepare(request(payload(kind, entry), signer)), signer)
    verdict = judge(text, trust(signer), now=NOW)
    assert (verdict.outcome, verdict.reasons) == (Outcome.VALID, ())
    assert (verdict.format, verdict.kind, verdict.issuer) == (EU_DCC, word, "VN")
    assert verdict.claims is not None
    assert verdict.claims["dcc"][kind] == [entry]
    assert "certificate_kind" not in verdict.claims
    assert "nationality" not in verdict.claims["holder"]


def test_missing_transliterations_are_computed_and_names_are_composed() -> None:
    name = {"fn": unicodedata.normalize("NFD", "Nguyễn"), "gn": "Thị Đào"}
    text = redeem(prepare(request(payload(nam=name))), KEY)
    claims = judge(text, trust(), now=NOW).claims
    assert claims is not None
    assert claims["dcc"]["nam"] == {"fn": "Nguyễn", "gn": "Thị Đào", "fnt": "NGUYEN", "gnt": "THI<DAO"}


def test_the_request_is_left_as_it_was() -> None:
    dcc = payload()
    prepare(request(dcc))
    assert dcc == payload()


@pytest.mark.parametrize(
    ("issued", "last"),
    [
        (NOW, datetime(2023, 4, 15, 9, 30, tzinfo=VIET_NAM)),
        (datetime(2024, 2, 29, 23, 0, tzinfo=UTC), datetime(2025, 2, 28, 23, 0, tzinfo=UTC)),
    ],
)
def test_a_code_expires_twelve_months_after_it_was_made(issued: datetime, last: datetime) -> None:
    text = redeem(prepare(request(issued_at=issued)), KEY)
    assert judge(text, trust(), now=last).outcome is Outcome.VALID
    after = judge(text, trust(), now=last + timedelta(seconds=1))
    assert after.reasons == ("time.expired",)


@pytest.mark.req("C04")
@pytest.mark.parametrize("signer", [KEY, RSA_KEY], ids=["ES256", "PS256"])
def test_prepared_holds_the_exact_bytes_that_are_signed(signer: LocalSigner) -> None:
    prepared = prepare(request(signer=signer, kind="passport", nationality="VNM"))
    context = ["Signature1", prepared.protected, b"", prepared.payload]
    assert prepared.to_be_signed == cbor2.dumps(context)
    assert cbor2.loads(prepared.protected) == {1: signer.alg, 4: signer.kid}
    claims = cbor2.loads(prepared.payload)
    assert list(claims) == [1, 4, 6, -260, -70001]
    assert claims[1] == "VN"
    assert (claims[6], claims[4]) == (prepared.issued_at, prepared.expires_at)
    assert prepared.issued_at == int(NOW.timestamp())
    assert claims[-70001] == {1: "passport", 2: "VNM"}
    assert prepared.payload == cbor2.dumps(claims, canonical=True)
    assert prepare(request(signer=signer, kind="passport", nationality="VNM")) == prepared


def test_no_name_shows_in_what_may_be_logged() -> None:
    prepared = prepare(request(nationality="VNM"))
    shown = repr(prepared) + repr(request(nationality="VNM"))
    for secret in ("Nguy", "NGUYEN", "1985", CI, "VNM"):
        assert secret not in shown
    bad = payload(nam={"fn": "Nguyễn", "fnt": "TRAN"})
    with pytest.raises(IssueError) as caught:
        prepare(request(bad))
    assert str(caught.value) == "name.fnt"


# --- the claim beside the EU payload --------------------------------------------------------------------


@pytest.mark.req("K08")
@pytest.mark.parametrize(
    ("kind", "nationality"), [("passport", "VNM"), ("domestic", None), (None, "FRA"), ("passport", "XXA")]
)
def test_kind_and_nationality_come_back_from_outside_the_payload(
    kind: str | None, nationality: str | None
) -> None:
    text = redeem(prepare(request(kind=kind, nationality=nationality)), KEY)
    verdict = judge(text, trust(), now=NOW)
    assert (verdict.outcome, verdict.reasons) == (Outcome.VALID, ())
    assert verdict.claims is not None
    assert verdict.claims.get("certificate_kind") == kind
    assert verdict.claims["holder"].get("nationality") == nationality
    assert verdict.claims["dcc"].keys() == {"ver", "nam", "dob", "v"}


def _signed_with(private: Any, entry: dict[str, Any] = DOSE) -> str:
    prepared = prepare(request(payload(entry=DOSE), kind="passport"))
    claims = cbor2.loads(prepared.payload)
    claims[-260][1]["v"] = [entry]
    content = cbor2.dumps(claims | {-70001: private})
    data = cose.signed_bytes(Envelope(prepared.protected, content, b"", None, None))
    return redeem(dataclasses.replace(prepared, payload=content, to_be_signed=data), KEY)


@pytest.mark.req("K08")
@pytest.mark.parametrize(
    "private",
    [
        {},
        {1: "diplomatic"},
        {2: "vnm"},
        {2: "VN"},
        {1: "passport", 3: "x"},
        "passport",
        7,
        [1],
        {1: None},
        {2: 5},
    ],
    ids=repr,
)
@pytest.mark.parametrize("entry", [DOSE, DOSE | {"dt": "2020-02-29"}], ids=["quick", "full"])
def test_a_malformed_private_claim_is_a_remark_and_presents_nothing(
    private: Any, entry: dict[str, Any]
) -> None:
    verdict = judge(_signed_with(private, entry), trust(), now=NOW)
    assert (verdict.outcome, verdict.reasons) == (Outcome.VALID, ("schema.private_claim",))
    assert verdict.status(Stage.SCHEMA) is Status.PASS
    assert verdict.claims is not None
    assert "certificate_kind" not in verdict.claims
    assert "nationality" not in verdict.claims["holder"]


# --- what is refused before a key is touched --------------------------------------------------------------

REFUSED: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    (payload(ver="1.2.1"), ("schema.version",)),
    (payload(t=[TEST]), ("schema.groups",)),
    ({"ver": "1.3.0", "nam": {"fnt": "A"}, "dob": ""}, ("schema.groups",)),
    (payload(extra=1), ("schema.groups",)),
    (payload(v=[DOSE, DOSE]), ("schema.v",)),
    (payload(v=None), ("schema.v",)),
    (payload(entry=DOSE | {"lot": "A1"}), ("schema.v",)),
    (payload(entry={k: v for k, v in DOSE.items() if k != "sd"}), ("schema.v.sd",)),
    (payload(entry=DOSE | {"dn": 2.0}), ("schema.v.dn",)),
    (payload(entry=DOSE | {"dn": True}), ("schema.v.dn",)),
    (payload(entry=DOSE | {"dn": 0}), ("schema.v.dn",)),
    (payload(entry=DOSE | {"dt": "2021-02-29"}), ("schema.v.dt",)),
    (payload(entry=DOSE | {"dt": "2021-12-01T00:00:00"}), ("schema.v.dt",)),
    (payload("t", TEST | {"sc": "2022-04-14T08:00:00"}), ("schema.t.sc",)),
    (payload("t", TEST | {"dr": "2022-04-14T08:00:00Z"}), ("schema.t",)),
    (payload(entry=DOSE | {"is": ""}), ("schema.v.is",)),
    (payload(entry=DOSE | {"is": "x" * 81}), ("schema.v.is",)),
    (payload(nam={"fn": "A" * 81, "fnt": "A"}), ("schema.nam.fn",)),
    (payload(nam={"fnt": "A" * 81}), ("schema.nam.fnt",)),
    (payload(nam={}), ("schema.nam.fnt",)),
    (payload(nam={"fnt": "NGUYEN "}), ("schema.nam.fnt",)),
    (payload(nam={"fnt": "A", "mn": "B"}), ("schema.nam",)),
    (payload(dob="15-02-03"), ("schema.dob",)),
    (payload(entry=DOSE | {"is": "Cục\u0000"}), ("text.v.is",)),
    (payload(entry=DOSE | {"is": "Cục\u202e"}), ("text.v.is",)),
    (payload(entry=DOSE | {"is": "Cục "}), ("text.v.is",)),
    (payload(nam={"fn": "Nguyễn\n", "fnt": "NGUYEN"}), ("text.nam.fn",)),
    (payload(nam={"fn": "Иванов"}), ("name.fnt_needed", "schema.nam.fnt")),
    (payload(nam={"fn": "Nguyễn", "fnt": "TRAN"}), ("name.fnt",)),
    (payload(nam={"fn": "Nguyễn", "gn": "An", "gnt": "ANH"}), ("name.gnt",)),
    (payload(entry=DOSE | {"tg": "1"}), ("valueset.v.tg",)),
    (payload(entry=DOSE | {"mp": "Nanocovax"}), ("valueset.v.mp",)),
    (payload(entry=DOSE | {"ma": "ORG-100099999"}), ("valueset.v.ma",)),
    (payload(entry=DOSE | {"co": "ZZ"}), ("valueset.v.co",)),
    (payload("t", TEST | {"tt": "LP217198-3", "ma": "4000"}), ("valueset.t.ma",)),
    (payload(entry=DOSE | {"dn": 3}), ("sense.dose_above_total",)),
    (payload(entry=DOSE | {"dt": "2022-04-16"}), ("sense.event_in_future",)),
    (payload(entry=DOSE | {"dt": "2019-12-31"}), ("sense.event_too_early",)),
    (payload("t", TEST | {"sc": "2022-04-15T02:30:01Z"}), ("sense.event_in_future",)),
    (payload("r", RECOVERY | {"fr": "2022-05-01", "df": "2022-05-12"}), ("sense.event_in_future",)),
    (payload("r", RECOVERY | {"du": "2022-01-13"}), ("sense.recovery_window",)),
    (payload("r", RECOVERY | {"df": "2022-01-02"}), ("sense.recovery_window",)),
    (payload(dob="1985-13-03"), ("sense.birth_date",)),
    (payload(dob="1985-02-30"), ("sense.birth_date",)),
    (payload(dob="2022-04-16"), ("sense.birth_in_future",)),
    (payload(dob="2022"), ("sense.birth_after_event",)),
    (payload(dob="2021-12-02"), ("sense.birth_after_event",)),
    (payload(entry=DOSE | {"ci": "URN:UVCI:01:VN:7A3K9"}), ("uvci.form",)),
    (payload(entry=DOSE | {"ci": "urn:uvci:01:VN:7A3K9#A"}), ("uvci.form",)),
    (payload(entry=DOSE | {"ci": with_check("URN:UVCI:01:LA:7A3K9")}), ("uvci.country",)),
    (payload(entry=DOSE | {"ci": CI[:-1] + "A"}), ("uvci.check",)),
    # every fault is named at once
    (
        payload(dob="2030", entry=DOSE | {"dn": 3, "mp": "?", "ci": "x"}),
        ("valueset.v.mp", "sense.birth_in_future", "sense.dose_above_total", "uvci.form"),
    ),
]


@pytest.mark.parametrize(("dcc", "faults"), REFUSED, ids=[f"{n}-{f[-1]}" for n, (_, f) in enumerate(REFUSED)])
def test_a_payload_that_is_wrong_or_cannot_be_true_is_refused(
    dcc: dict[str, Any], faults: tuple[str, ...]
) -> None:
    assert faults_of(lambda: prepare(request(dcc))) == faults


@pytest.mark.parametrize(
    "dcc",
    [
        payload(entry=DOSE | {"dn": 3, "sd": 3}),
        payload(entry=DOSE | {"dn": 2, "sd": 1}),
        payload(entry=DOSE | {"dn": 1, "sd": 3}),
        payload(entry=DOSE | {"dt": "2022-04-15"}),
        payload(entry=DOSE | {"dt": "2020-02-29"}),
        payload(dob="1985"),
        payload(dob="1985-02"),
        payload(dob=""),
        payload(dob="2021-12-01"),
        payload(nam={"gn": "Suharto"}),
        payload(nam={"fn": "Иванов", "fnt": "IVANOV"}),
        payload("t", TEST | {"sc": "2022-04-15T02:30:00Z"}),
        payload("t", TEST | {"tt": "LP217198-3", "ma": "1232"}),
        payload("r", RECOVERY | {"fr": "2022-04-15", "df": "2022-04-26", "du": "2022-10-12"}),
    ],
)
def test_what_is_unusual_and_true_is_not_refused(dcc: dict[str, Any]) -> None:
    text = redeem(prepare(request(dcc)), KEY)
    assert judge(text, trust(), now=NOW).reasons == ()


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({"alg": -8}, ("request.alg",)),
        ({"kid": b"short"}, ("request.kid",)),
        ({"issuer": "VNM"}, ("request.issuer",)),
        ({"issuer": "vn"}, ("request.issuer",)),
        ({"issued_at": datetime(2022, 4, 15)}, ("request.issued_at",)),  # noqa: DTZ001 - the case
        ({"issued_at": datetime(9999, 1, 1, tzinfo=UTC)}, ("request.issued_at",)),
        ({"expires_at": NOW}, ("request.expires_at",)),
        ({"kind": "diplomatic"}, ("request.kind",)),
        ({"nationality": "VN"}, ("request.nationality",)),
        ({"dcc": None, "kind": "x", "nationality": 5}, ("request.kind", "request.nationality")),
    ],
)
def test_a_request_that_is_unusable_beside_its_payload_is_refused(
    changes: dict[str, Any], faults: tuple[str, ...]
) -> None:
    assert faults_of(lambda: prepare(request(**changes))) == faults


# --- the signer -------------------------------------------------------------------------------------------


class Counting:
    """A signer that counts what it is asked, and may answer wrongly."""

    def __init__(self, signer: LocalSigner, spoil: Callable[[bytes], bytes] = bytes) -> None:
        self.alg, self.kid, self.public_key = signer.alg, signer.kid, signer.public_key
        self.certificate, self.not_before, self.not_after = signer.certificate, None, None
        self.asked: list[bytes] = []
        self._signer, self._spoil = signer, spoil

    def sign(self, data: bytes) -> bytes:
        self.asked.append(data)
        return self._spoil(self._signer.sign(data))


def test_the_key_is_asked_once_a_certificate_and_not_at_all_for_a_refused_one() -> None:
    signer = Counting(KEY)
    prepared = prepare(request())
    assert signer.asked == []
    redeem(prepared, signer)
    assert signer.asked == [prepared.to_be_signed]
    other = LocalSigner(ec.generate_private_key(ec.SECP256R1()))
    watched = Counting(other)
    assert faults_of(lambda: redeem(prepared, watched)) == ("key.mismatch",)
    assert faults_of(lambda: redeem(prepared, RSA_KEY)) == ("key.mismatch",)
    assert watched.asked == []


@pytest.mark.req("C04")
@pytest.mark.parametrize(
    "spoil",
    [lambda s: b"", lambda s: s[:-1] + bytes([s[-1] ^ 1]), lambda s: s[32:] + s[:32], lambda s: s + b"\0"],
)
def test_a_signature_that_does_not_hold_is_never_handed_out(spoil: Callable[[bytes], bytes]) -> None:
    assert faults_of(lambda: redeem(prepare(request()), Counting(KEY, spoil))) == ("signature.bad",)


@pytest.mark.req("C04")
def test_bytes_that_were_changed_after_they_were_prepared_are_never_handed_out() -> None:
    prepared = prepare(request())
    changed = dataclasses.replace(prepared, payload=prepared.payload.replace(b"1985", b"2004"))
    assert faults_of(lambda: redeem(changed, KEY)) == ("signature.bad",)


def certified(first: datetime, last: datetime, purposes: tuple[str, ...] = ()) -> LocalSigner:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "VN")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, first, last)
    if purposes:
        usage = x509.ExtendedKeyUsage([x509.ObjectIdentifier(oid) for oid in purposes])
        builder = builder.add_extension(usage, critical=False)
    return LocalSigner(key, builder.sign(key, SHA256()).public_bytes(Encoding.DER))


YEAR = timedelta(days=365)


@pytest.mark.parametrize(
    ("first", "last", "faults"),
    [
        (NOW, NOW + YEAR, ()),
        (NOW - YEAR, NOW + YEAR - timedelta(seconds=1), ("key.expires_after_signer",)),
        (NOW + timedelta(seconds=1), NOW + 2 * YEAR, ("key.issued_before_signer",)),
    ],
)
def test_a_certificate_lives_within_the_life_of_its_signer(
    first: datetime, last: datetime, faults: tuple[str, ...]
) -> None:
    signer = certified(first, last)
    bare = LocalSigner(KEY.private_key, None, first, last)
    for each in (signer, bare):
        prepared = prepare(request(signer=each))
        if faults:
            assert faults_of(lambda p=prepared, s=each: redeem(p, s)) == faults  # type: ignore[misc]
        else:
            assert redeem(prepared, each).startswith("HC1:")


def test_the_signers_certificate_binds_its_name_its_key_and_its_usage() -> None:
    tests_only = certified(NOW, NOW + YEAR, ("1.3.6.1.4.1.1847.2021.1.1",))
    der = tests_only.certificate
    assert der is not None
    assert tests_only.kid == hashlib.sha256(der).digest()[:8]
    assert faults_of(lambda: redeem(prepare(request(signer=tests_only)), tests_only)) == ("key.usage",)
    assert redeem(prepare(request(payload("t", TEST), tests_only)), tests_only)
    foreign = Counting(certified(NOW, NOW + YEAR))
    foreign.certificate = certified(NOW, NOW + YEAR).certificate  # neither its name nor its key
    assert foreign.certificate is not None
    prepared = prepare(request(kid=foreign.kid))
    assert faults_of(lambda: redeem(prepared, foreign)) == ("key.mismatch",)
    foreign.kid = hashlib.sha256(foreign.certificate).digest()[:8]
    assert faults_of(lambda: redeem(prepare(request(kid=foreign.kid)), foreign)) == ("signature.bad",)
    foreign.certificate = b"no certificate"
    assert faults_of(lambda: redeem(prepared, foreign)) == ("key.certificate",)


def test_a_signer_has_a_key_that_readers_must_understand() -> None:
    assert (KEY.alg, RSA_KEY.alg) == (ES256, PS256)
    with pytest.raises(KeyMaterialError):
        LocalSigner(ec.generate_private_key(ec.SECP384R1()))


# --- the code -------------------------------------------------------------------------------------------


def test_the_limit_of_a_text_is_what_the_named_qr_code_holds() -> None:
    assert (8 * 808) in SYMBOL_CAPACITY[QR_VERSION].values()
    text = "HC1:" + "A" * (MAX_QR_CHARS - 4)
    assert segno.make(text, error=QR_LEVEL, boost_error=False, micro=False).version == QR_VERSION
    assert segno.make(text + "AA", error=QR_LEVEL, boost_error=False, micro=False).version == QR_VERSION + 1


def test_a_text_that_would_not_fit_its_code_is_refused() -> None:
    draw = random.Random(7)
    letters = [chr(code) for code in range(0x1EA0, 0x1EF9)]
    long_name = "".join(draw.choices(letters, k=80))
    dcc = payload(
        nam={"fn": long_name, "gn": long_name[::-1]}, entry=DOSE | {"is": long_name[20:] + "x" * 20}
    )
    assert redeem(prepare(request(dcc)), KEY)
    assert faults_of(lambda: prepare(request(dcc, RSA_KEY))) == ("qr.too_long",)


@pytest.mark.parametrize(
    ("identifier", "country"),
    [  # identifiers of official test certificates (dgc-testdata, Apache-2.0)
        ("URN:UVCI:01:AT:10807843F94AEE0EE5093FBC254BD813#B", "AT"),
        ("URN:UVCI:01:AT:71EE2559DE38C6BF7304FB65A1A451EC#3", "AT"),
        ("URN:UVCI:01:DK:B19D10B4E18551559EBDEE46248DA883#S", "DK"),
        ("URN:UVCI:01:HU:24210000020985716710615142314#9", "HU"),
        ("URN:UVCI:01:IS:VERA1234#F", "IS"),
        ("URN:UVCI:01:LT:52XS0XYHKD042D66RJJRT#I", "LT"),
        ("URN:UVCI:01:SI:C5E8734F3DF9B66CE053#D", "SI"),
        ("URN:UVCI:01:SM:115#H", "SM"),
    ],
)
def test_the_check_character_is_the_one_official_identifiers_carry(identifier: str, country: str) -> None:
    assert uvci_faults(identifier, country) == []
    assert with_check(identifier[:-2]) == identifier


def test_a_slip_of_one_character_never_passes_the_check() -> None:
    body = CI[: CI.index("#")]
    for at in range(len("URN:UVCI:01:VN:"), len(body)):
        for other in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789":
            slipped = body[:at] + other + body[at + 1 :] + CI[-2:]
            if slipped != CI:
                assert uvci_faults(slipped, "VN"), slipped
