"""The code of Viet Nam's citizen ID card: read, and compared with its own number. All cards are invented."""

from __future__ import annotations

import unicodedata

import pytest

from healthcert.formats.identify import name_stranger
from healthcert.holder.citizen_id import (
    PROVINCES,
    CitizenIdError,
    is_old_number,
    parse_citizen_id,
    read_number,
)
from healthcert.holder.dates import PartialDate

pytestmark = pytest.mark.req("K08")

CARD = "079203000123|024123456|Nguyễn Văn A|05042003|Nam|1 Lê Lợi, Bến Nghé, Quận 1, TP HCM|10052021"


def test_every_field_of_a_card_is_read() -> None:
    card = parse_citizen_id(CARD)
    assert (card.number, card.old_number, card.full_name) == ("079203000123", "024123456", "Nguyễn Văn A")
    assert (card.birth_date, card.sex, card.issued) == (
        PartialDate(2003, 4, 5), "M", PartialDate(2021, 5, 10),
    )  # fmt: skip
    assert card.address.startswith("1 Lê Lợi")
    assert card.disagreements == ()


@pytest.mark.parametrize(
    "text",
    [
        CARD + "\r\n",
        "\ufeff" + CARD,
        unicodedata.normalize("NFD", CARD),
        CARD + "||",  # later cards append fields
        CARD + "|Nguyễn Văn B|Trần Thị C",
    ],
)
def test_line_ends_decomposed_letters_and_added_fields_change_nothing(text: str) -> None:
    assert parse_citizen_id(text) == parse_citizen_id(CARD)


def test_a_card_without_an_old_number_has_none() -> None:
    assert parse_citizen_id(CARD.replace("024123456", "")).old_number is None


def test_a_decomposed_female_sex_is_read() -> None:
    text = unicodedata.normalize("NFD", CARD.replace("Nam", "Nữ").replace("0792", "0793"))
    assert parse_citizen_id(text).sex == "F"
    assert parse_citizen_id(text).disagreements == ()


@pytest.mark.parametrize(
    ("found", "changed", "code"),
    [
        ("|Nam|", "|Nữ|", "citizen_id.sex_disagrees"),
        ("|05042003|", "|05042004|", "citizen_id.birth_year_disagrees"),
        ("|05042003|", "|05041903|", "citizen_id.birth_year_disagrees"),  # the digit tells the century
        ("079203", "003203", "citizen_id.unknown_province"),
        ("|10052021", "|10051999", "citizen_id.issued_before_birth"),
    ],
)
def test_what_disagrees_with_the_number_is_listed(found: str, changed: str, code: str) -> None:
    assert parse_citizen_id(CARD.replace(found, changed)).disagreements == (code,)


def test_all_disagreements_are_listed_at_once() -> None:
    text = CARD.replace("079203", "000304")
    assert parse_citizen_id(text).disagreements == (
        "citizen_id.unknown_province",
        "citizen_id.sex_disagrees",
        "citizen_id.birth_year_disagrees",
    )


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "citizen_id.shape"),
        ("079203000123", "citizen_id.shape"),
        (CARD.replace("079203000123", "79203000123"), "citizen_id.shape"),
        (CARD.replace("079203000123", "٠٧٩203000123"), "citizen_id.shape"),
        (CARD.replace("05042003", "5042003"), "citizen_id.shape"),
        (CARD.replace("|05042003|", "|31022003|"), "citizen_id.birth_date"),
        (CARD.replace("|10052021", "|10132021"), "citizen_id.issue_date"),
        (CARD.replace("|Nam|", "|Khác|"), "citizen_id.sex"),
        (CARD.replace("Nguyễn Văn A", " "), "citizen_id.name"),
        (CARD + "x" * 2_000, "citizen_id.length"),
    ],
)
def test_what_is_no_card_is_an_error_that_names_the_field(text: str, code: str) -> None:
    with pytest.raises(CitizenIdError) as caught:
        parse_citizen_id(text)
    assert caught.value.code == code


def test_an_unknown_day_or_month_of_birth_stays_unknown() -> None:
    assert parse_citizen_id(CARD.replace("|05042003|", "|00002003|")).birth_date == PartialDate(2003)


@pytest.mark.parametrize(
    ("number", "sex", "year", "province", "abroad"),
    [
        ("001090012345", "M", 1990, "Hà Nội", False),
        ("096199012345", "F", 1999, "Cà Mau", False),
        ("048200000001", "M", 2000, "Đà Nẵng", False),
        ("031325000001", "F", 2025, "Hải Phòng", False),
        ("101455000001", "M", 2155, None, True),
        ("001990000001", "F", 2390, "Hà Nội", False),
        ("099090000001", "M", 1990, None, False),
    ],
)
def test_a_number_tells_province_sex_and_year(
    number: str, sex: str, year: int, province: str | None, abroad: bool
) -> None:
    facts = read_number(number)
    assert (facts.sex, facts.birth_year, facts.province, facts.abroad) == (sex, year, province, abroad)


def test_there_are_63_provinces() -> None:
    assert len(set(PROVINCES.values())) == len(PROVINCES) == 63


def test_an_old_number_has_nine_digits_and_no_structure() -> None:
    assert is_old_number("024123456")
    assert not is_old_number("02412345")
    assert not is_old_number("079203000123")
    with pytest.raises(CitizenIdError):
        read_number("024123456")


def test_a_scanned_card_is_named_by_the_same_definition() -> None:
    assert name_stranger(CARD) == "format.citizen_id"
    assert name_stranger(CARD.replace("05042003", "5042003")) != "format.citizen_id"


def test_neither_a_card_nor_its_error_shows_the_holder() -> None:
    shown = [repr(parse_citizen_id(CARD)), str(parse_citizen_id(CARD))]
    with pytest.raises(CitizenIdError) as caught:
        parse_citizen_id(CARD.replace("|Nam|", "|Khác|"))
    shown += [repr(caught.value), str(caught.value)]
    assert not [text for text in shown for secret in ("Nguy", "0792", "2003", "Lê") if secret in text]
