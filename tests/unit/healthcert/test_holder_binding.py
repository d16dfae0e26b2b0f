"""Whether a certificate belongs to the document in hand: every cell of the table, and what qualifies it.

The Utopia zone is the specimen of ICAO Doc 9303 part 4; all other persons are invented.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from healthcert import judge
from healthcert.claims import build_claims
from healthcert.holder.citizen_id import parse_citizen_id
from healthcert.holder.dates import (
    UNKNOWN_DATE,
    Agreement,
    PartialDate,
    compare_dates,
    is_century_apart,
    is_day_month_swap,
    parse_birth,
)
from healthcert.holder.match import REASONS, Binding, BindingOutcome, bind, same_person
from healthcert.holder.mrz import Mrz, check_digit, parse_mrz
from healthcert.times import parse_instant
from healthcert.trust import parse_trust_object

pytestmark = pytest.mark.req("K08")

VECTORS = Path(__file__).resolve().parents[2] / "vectors"
TODAY = date(2012, 1, 1)  # the specimen expires on 15 April 2012
TD3 = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"
TD1 = "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<"
VISA = "V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL8988901C4XXX4009078F96121096ZE184226B<<<<<<"
VN_CHIP = "IDVNM0900123450001090012345<<<\n9004056M3004054VNM<<<<<<<<<<<7\nNGUYEN<<VAN<A<<<<<<<<<<<<<<<<<"
CARD = "001090012345|012345678|Nguyễn Văn A|05041990|Nam|1 Tràng Tiền, Hà Nội|10052021"
PASSPORT = parse_mrz(TD3, TODAY)

MATCH, NO_MATCH, CANNOT_TELL = BindingOutcome
NAMES = {
    "agrees": {"family_name": "Eriksson", "given_name": "Anna Maria"},
    "agrees, in its way": {"full_name": "Anna Eriksson"},
    "unclear": {"full_name": "Eriksson"},
    "absent": {},
    "differs": {"family_name": "Lindqvist", "given_name": "Ingrid"},
}
BIRTHS = {"same": "1974-08-12", "partial": "1974", "absent": None, "differs": "1974-08-13"}
NUMBERS = {"absent": None, "same": "L898902C3", "differs": "X1234567"}
# number -> name -> outcome under each birth date, in the order of BIRTHS
ORDINARY = {
    "agrees": (MATCH, CANNOT_TELL, CANNOT_TELL, NO_MATCH),
    "agrees, in its way": (MATCH, CANNOT_TELL, CANNOT_TELL, NO_MATCH),
    "unclear": (CANNOT_TELL, CANNOT_TELL, CANNOT_TELL, NO_MATCH),
    "absent": (CANNOT_TELL, CANNOT_TELL, CANNOT_TELL, NO_MATCH),
    "differs": (NO_MATCH, NO_MATCH, NO_MATCH, NO_MATCH),
}
SAME_NUMBER = {
    "agrees": (MATCH, MATCH, MATCH, CANNOT_TELL),
    "agrees, in its way": (MATCH, MATCH, MATCH, CANNOT_TELL),
    "unclear": (MATCH, MATCH, MATCH, CANNOT_TELL),
    "absent": (MATCH, MATCH, MATCH, CANNOT_TELL),
    "differs": (CANNOT_TELL, CANNOT_TELL, CANNOT_TELL, NO_MATCH),
}
CELLS = [
    (number, name, birth, outcome)
    for number, rows in (("absent", ORDINARY), ("same", SAME_NUMBER))
    for name, outcomes in rows.items()
    for birth, outcome in zip(BIRTHS, outcomes, strict=True)
]


def claims(**holder: Any) -> dict[str, Any]:
    return build_claims(holder)


def certificate(number: str, name: str, birth: str) -> dict[str, Any]:
    return claims(**NAMES[name], date_of_birth=BIRTHS[birth], document_number=NUMBERS[number])


def anna(**holder: Any) -> dict[str, Any]:
    return claims(**(NAMES["agrees"] | {"date_of_birth": "1974-08-12"} | holder))


def passport(zone_name: str, birth: str, number: str = "L898902C3", sex: str = "F") -> Mrz:
    """A passport of Utopia valid until 2030."""
    line = number + check_digit(number) + "UTO" + birth + check_digit(birth) + sex + "3001019" + "<" * 15
    line += check_digit(line[:10] + line[13:20] + line[21:])
    return parse_mrz(f"P<UTO{zone_name}".ljust(44, "<") + line, TODAY)


@pytest.mark.parametrize(("number", "name", "birth", "outcome"), CELLS)
def test_every_cell_of_the_table_holds(number: str, name: str, birth: str, outcome: BindingOutcome) -> None:
    binding = bind(certificate(number, name, birth), PASSPORT, TODAY)
    assert binding.outcome is outcome
    assert (binding.details["birth_date"], binding.details["document_number"]) == (birth, number)
    expected = {f"holder.birth_date_{birth}"} if birth != "same" else set()
    if name in ("differs", "absent"):
        expected.add(f"holder.name_{name}")
    assert expected <= set(binding.reasons)
    if outcome is not MATCH:
        assert binding.reasons


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("birth", BIRTHS)
def test_another_passport_number_is_no_match_whatever_else(name: str, birth: str) -> None:
    binding = bind(certificate("differs", name, birth), PASSPORT, TODAY)
    assert binding.outcome is NO_MATCH
    assert binding.reasons[0] == "holder.document_number_differs"


@pytest.mark.parametrize(("number", "name", "birth", "outcome"), CELLS)
def test_two_certificates_are_compared_by_the_same_table(
    number: str, name: str, birth: str, outcome: BindingOutcome
) -> None:
    one = certificate(number, name, birth)
    other = anna(document_number=NUMBERS["same"])
    assert same_person(one, other).outcome is outcome
    assert same_person(other, one) == same_person(one, other)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("birth", "column"), [(birth, i) for i, birth in enumerate(BIRTHS)])
def test_certificates_on_two_passports_are_never_joined_without_asking(
    name: str, birth: str, column: int
) -> None:
    binding = same_person(certificate("differs", name, birth), anna(document_number=NUMBERS["same"]))
    refused = ORDINARY[name][column] is NO_MATCH
    assert binding.outcome is (NO_MATCH if refused else CANNOT_TELL)
    assert "holder.document_number_differs" in binding.reasons


def test_a_plain_match_has_no_reasons() -> None:
    expected = {"name": "equal", "birth_date": "same", "sex": "absent", "document_number": "absent"}
    assert bind(anna(), PASSPORT, TODAY) == Binding(MATCH, (), expected)


@pytest.mark.parametrize("number", ["L898902C3", " l 898902-c3 ", "L898902C3<"])
def test_numbers_are_compared_without_blanks_hyphens_and_case(number: str) -> None:
    assert bind(claims(document_number=number), PASSPORT, TODAY).outcome is MATCH


@pytest.mark.parametrize("number", ["", "<<<", "12", 898902, None, "L" * 5_000, ["L898902C3"]])
def test_what_is_no_number_is_absent(number: Any) -> None:
    binding = bind(anna(document_number=number), PASSPORT, TODAY)
    assert (binding.outcome, binding.details["document_number"]) == (MATCH, "absent")


@pytest.mark.parametrize("document", [parse_mrz(TD1, TODAY), parse_citizen_id(CARD)])
def test_the_number_of_another_kind_of_document_refuses_nobody(document: Any) -> None:
    binding = bind(claims(document_number="L898902C3"), document, TODAY)
    assert (binding.outcome, binding.details["document_number"]) == (CANNOT_TELL, "absent")


def test_a_visa_with_another_number_refuses_nobody() -> None:
    visa = parse_mrz(VISA, TODAY)
    binding = bind(anna(date_of_birth="1940-09-07", document_number="X1234567"), visa, TODAY)
    assert binding.outcome is MATCH


@pytest.mark.parametrize("document", [parse_mrz(VN_CHIP, date(2026, 1, 1)), parse_citizen_id(CARD)])
def test_the_citizen_number_confirms_and_never_refuses(document: Any) -> None:
    today = date(2026, 1, 1)
    confirmed = bind(claims(identifier="001090012345"), document, today)
    other = bind(claims(identifier="99", document_number="079203000123"), document, today)
    assert confirmed.outcome is MATCH
    assert other.details["document_number"] == "absent"


def test_a_former_identity_card_number_confirms() -> None:
    assert bind(claims(identifier="012345678"), parse_citizen_id(CARD), TODAY).outcome is MATCH


@pytest.mark.parametrize(
    ("sex", "outcome"),
    [("F", MATCH), ("female", MATCH), ("Nữ", MATCH), ("M", CANNOT_TELL), ("Male", CANNOT_TELL),
     ("nam", CANNOT_TELL), ("X", MATCH), ("", MATCH), ("unknown", MATCH)],
)  # fmt: skip
@pytest.mark.parametrize("number", ["same", "absent"])
def test_another_sex_asks_a_person(sex: str, outcome: BindingOutcome, number: str) -> None:
    binding = bind(anna(sex=sex, document_number=NUMBERS[number]), PASSPORT, TODAY)
    assert binding.outcome is outcome
    assert ("holder.sex_differs" in binding.reasons) is (outcome is CANNOT_TELL)


def test_another_sex_softens_no_refusal() -> None:
    binding = bind(claims(**NAMES["differs"], date_of_birth="1974-08-12", sex="M"), PASSPORT, TODAY)
    assert binding.outcome is NO_MATCH


def test_an_expired_document_is_a_remark() -> None:
    assert bind(anna(), PASSPORT, date(2012, 4, 15)).reasons == ()
    binding = bind(anna(), PASSPORT, date(2012, 4, 16))
    assert (binding.outcome, binding.reasons) == (MATCH, ("holder.document_expired",))


def test_a_citizen_id_that_contradicts_itself_asks_a_person() -> None:
    holder = claims(full_name="Nguyễn Văn A", date_of_birth="1990-04-05")
    assert bind(holder, parse_citizen_id(CARD), TODAY).outcome is MATCH
    binding = bind(holder, parse_citizen_id(CARD.replace("001090", "001190")), TODAY)
    assert (binding.outcome, binding.reasons) == (CANNOT_TELL, ("holder.citizen_id_inconsistent",))


def test_day_and_month_changed_over_is_told_beside_the_refusal() -> None:
    binding = bind(anna(date_of_birth="1974-12-08"), PASSPORT, TODAY)
    assert binding.outcome is NO_MATCH
    assert binding.reasons == ("holder.birth_date_differs", "holder.birth_date_day_month_swapped")


def test_a_swap_of_day_and_month_changes_something() -> None:
    assert is_day_month_swap(PartialDate(1974, 8, 12), PartialDate(1974, 12, 8))
    assert not is_day_month_swap(PartialDate(1974, 8, 8), PartialDate(1974, 8, 8))
    assert not is_day_month_swap(PartialDate(1974, 8), PartialDate(1974, None, 8))


def test_a_centenarian_whose_zone_reads_as_a_child_is_looked_at() -> None:
    zone = passport("ERIKSSON<<ANNA<MARIA", "100101")  # 1910 or 2010
    binding = bind(anna(date_of_birth="1910-01-01"), zone, TODAY)
    assert (binding.outcome, binding.reasons) == (CANNOT_TELL, ("holder.birth_date_century",))
    assert same_person(anna(date_of_birth="1910-01-01"), anna(date_of_birth="2010-01-01")).outcome is NO_MATCH


@pytest.mark.parametrize(
    ("holder", "zone_name"),
    [
        ({"family_name": "Nguyễn", "given_name": "Văn A", "family_name_icao": "NGUYEN",
          "given_name_icao": "VAN<A"}, "NGUYEN<<VAN<A"),
        ({"family_name_icao": "NGUYEN", "given_name": "Văn A"}, "NGUYEN<<VAN<A"),
        ({"family_name": "NGUYEN VAN A"}, "NGUYEN<<VAN<A"),  # given name within family name
        ({"full_name": "NGUYEN  VAN A"}, "NGUYEN<<VAN<A"),  # VDS-NC
        ({"full_name": "Nguyen Van A"}, "NGUYEN<<VAN<A"),  # DDCC, DIVOC
        ({"family_name": "Nguyen", "given_name": ["Van", "A"]}, "NGUYEN<<VAN<A"),  # FHIR
        ({"family_name": "Иванов", "given_name": "Иван", "family_name_icao": "IVANOV",
          "given_name_icao": "IVAN"}, "IVANOV<<IVAN"),
    ],
)  # fmt: skip
def test_the_holder_of_every_format_is_read(holder: dict[str, Any], zone_name: str) -> None:
    zone = passport(zone_name, "740812")
    binding = bind(claims(date_of_birth="1974-08-12", **holder), zone, TODAY)
    assert (binding.outcome, binding.reasons) == (MATCH, ())


def test_brother_and_sister_who_share_a_middle_name_are_not_one_person() -> None:
    zone = passport("NGUYEN<<MINH", "740812")
    binding = bind(claims(full_name="Nguyễn Minh Anh", date_of_birth="1974-08-12"), zone, TODAY)
    assert (binding.outcome, binding.reasons) == (CANNOT_TELL, ("holder.name_last_word_missing",))


BROKEN = {"holder": {"full_name": 7, "date_of_birth": 1974, "sex": {}, "family_name": [7]}}


@pytest.mark.parametrize("broken", [{}, {"holder": None}, {"holder": ["Anna"]}, BROKEN])
def test_claims_without_a_readable_holder_tell_nothing(broken: dict[str, Any]) -> None:
    assert bind(broken, PASSPORT, TODAY).outcome is CANNOT_TELL
    assert same_person(broken, broken).outcome is CANNOT_TELL


def test_a_certificate_just_verified_can_be_bound() -> None:
    vector = json.loads((VECTORS / "sample" / "at-1-vaccination.json").read_text("utf-8"))
    context = vector["TESTCTX"]
    trust = parse_trust_object({"keys": [{"x5c": [context["CERTIFICATE"]], "formats": ["eu-dcc"]}]})
    claimed = judge(vector["PREFIX"], trust, now=parse_instant(context["VALIDATIONCLOCK"])).claims
    assert claimed is not None
    for zone_name in ("MUSTERFRAU<GOESSINGER<<GABRIELE", "MUSTERFRAU<GOSSINGER<<GABRIELE"):
        assert bind(claimed, passport(zone_name, "980226"), TODAY).outcome is MATCH
    assert bind(claimed, passport("MUSTERFRAU<GOESSINGER<<INGE", "980226"), TODAY).outcome is NO_MATCH
    assert same_person(claimed, claimed).outcome is MATCH


def test_the_official_vds_nc_binds_to_its_passport_number(testdata: Path) -> None:
    text = (testdata / "vdsnc" / "australia" / "valid-john.json").read_text("utf-8")
    person = json.loads(text)["data"]["msg"]["pid"]
    holder = {"full_name": person["n"], "date_of_birth": person["dob"], "sex": person["sex"]}
    john = claims(**holder, document_number=person["i"])
    for number, outcome in (("PA0940385", MATCH), ("PA0940386", NO_MATCH)):
        assert bind(john, passport("CITIZEN<<JOHN", "040320", number, "M"), TODAY).outcome is outcome


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("", UNKNOWN_DATE), ("1963", PartialDate(1963)), ("1963-00", PartialDate(1963)),
        ("1963-00-00", PartialDate(1963)), ("1964-01", PartialDate(1964, 1)),
        ("1964-01-00", PartialDate(1964, 1)), ("1964-XX-XX", PartialDate(1964)),
        ("1964-01-31", PartialDate(1964, 1, 31)), ("1964-01-31T00:00:00", PartialDate(1964, 1, 31)),
        (" 1964-01-31 ", PartialDate(1964, 1, 31)), ("1963-02-29", UNKNOWN_DATE), ("1963-13", UNKNOWN_DATE),
        ("0000", UNKNOWN_DATE), ("31/01/1964", UNKNOWN_DATE), (None, UNKNOWN_DATE), (1964, UNKNOWN_DATE),
        ("1964-01-31" + " " * 100, UNKNOWN_DATE), ("١٩٦٤", UNKNOWN_DATE),
    ],
)  # fmt: skip
def test_birth_dates_are_read_as_far_as_they_go(text: object, parsed: PartialDate) -> None:
    assert parse_birth(text) == parsed


@pytest.mark.parametrize(
    ("a", "b", "agreement"),
    [
        ("1964-01-31", "1964-01-31", Agreement.SAME), ("1964-01-31", "1964-01-30", Agreement.DIFFERS),
        ("1964-01-31", "1964-01", Agreement.PARTIAL), ("1964-01-31", "1964-02", Agreement.DIFFERS),
        ("1964-01-31", "1964", Agreement.PARTIAL), ("1964-01-31", "1965", Agreement.DIFFERS),
        ("1964", "1964", Agreement.PARTIAL), ("1964-01-31", "", Agreement.ABSENT),
    ],
)  # fmt: skip
def test_partial_dates_agree_as_far_as_both_go(a: str, b: str, agreement: Agreement) -> None:
    assert compare_dates(parse_birth(a), parse_birth(b)) is agreement
    assert compare_dates(parse_birth(b), parse_birth(a)) is agreement


def test_a_century_apart_is_a_hundred_years_and_nothing_else() -> None:
    assert is_century_apart(parse_birth("1910-01-01"), parse_birth("2010-01-01"))
    assert not is_century_apart(parse_birth("1910-01-01"), parse_birth("2010-01-02"))
    assert not is_century_apart(parse_birth("1910"), parse_birth("1911"))
    assert not is_century_apart(UNKNOWN_DATE, parse_birth("1911"))


def test_a_binding_is_no_truth_value_and_shows_no_holder() -> None:
    binding = bind(anna(document_number="L898902C3"), PASSPORT, TODAY)
    with pytest.raises(TypeError):
        bool(binding)
    secrets = ("eriksson", "anna", "l898902", "1974")
    assert not [secret for secret in secrets if secret in repr(binding).lower() + str(binding).lower()]


def test_every_reason_given_here_is_listed() -> None:
    given = {r for cell in CELLS for r in bind(certificate(*cell[:3]), PASSPORT, TODAY).reasons}
    assert len(given) > 5
    assert given <= REASONS
