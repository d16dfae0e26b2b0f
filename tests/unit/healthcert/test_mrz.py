"""The machine-readable zone: the standard's specimens, Vietnamese documents, and what is wrong in others.

The Utopia zones are the specimens of ICAO Doc 9303 parts 4 to 7; the Vietnamese ones are invented.
"""

from __future__ import annotations

from datetime import date

import pytest

from healthcert.holder.dates import UNKNOWN_DATE, PartialDate
from healthcert.holder.mrz import Mrz, MrzError, check_digit, parse_mrz

pytestmark = pytest.mark.req("K08")

TODAY = date(2026, 11, 25)
TD3 = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"
TD2 = "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6"
TD1 = "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<"
MRV_A = "V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL8988901C4XXX4009078F96121096ZE184226B<<<<<<"
MRV_B = "V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nL8988901C4XXX4009078F9612109<<<<<<<<"
LONG_TD1 = "I<UTOD23145890<7349<<<<<<<<<<<\n3407127M9507122UTO<<<<<<<<<<<2\nSTEVENSON<<PETER<JOHN<<<<<<<<<"
LONG_TD2 = "I<UTOSTEVENSON<<PETER<JOHN<<<<<<<<<<\nD23145890<UTO3407127M95071227349<<<8"
VN_PASSPORT = "P<VNMNGUYEN<<VAN<A<<<<<<<<<<<<<<<<<<<<<<<<<<\nC1234567<0VNM9004056M2904054001090012345<<12"
VN_CARD = "IDVNM1560012346034156001234<<<\n5602199F9912315VNM<<<<<<<<<<<7\nDANG<<THI<HOA<<<<<<<<<<<<<<<<<"
CUT = "P<UTONILAVADHANANANDA<<CHAYAPA<DEJTHAMRONG<K\nXX12345678UTO63<<<<1F3001019<<<<<<<<<<<<<<<4"


def failing(text: str, today: date = TODAY) -> MrzError:
    with pytest.raises(MrzError) as caught:
        parse_mrz(text, today)
    return caught.value


def dated(*, birth: str = "740812", expiry: str = "120415", today: date = TODAY) -> Mrz:
    """The TD3 specimen with other dates and the check digits they need."""
    line = f"L898902C36UTO{birth}{check_digit(birth)}F{expiry}{check_digit(expiry)}ZE184226B<<<<<1"
    return parse_mrz(TD3[:45] + line + check_digit(line[:10] + line[13:20] + line[21:]), today)


@pytest.mark.parametrize(
    ("text", "layout", "number"),
    [(TD1, "TD1", "D23145890"), (TD2, "TD2", "D23145890"), (TD3, "TD3", "L898902C3"),
     (MRV_A, "MRV-A", "L8988901C"), (MRV_B, "MRV-B", "L8988901C")],
)  # fmt: skip
def test_the_specimens_of_the_standard_are_read(text: str, layout: str, number: str) -> None:
    mrz = parse_mrz(text, TODAY)
    assert (mrz.layout, mrz.document_number, mrz.issuing_state) == (layout, number, "UTO")
    assert (mrz.family_name, mrz.given_name, mrz.sex) == ("ERIKSSON", "ANNA MARIA", "F")
    assert not mrz.name_field_full


def test_every_field_of_the_passport_specimen_is_read() -> None:
    mrz = parse_mrz(TD3, TODAY)
    assert (mrz.document_code, mrz.nationality, mrz.optional_data) == ("P", "UTO", ("ZE184226B",))
    assert (mrz.birth_date, mrz.expires) == (PartialDate(1974, 8, 12), date(2012, 4, 15))
    assert mrz.is_passport
    assert not parse_mrz(TD1, TODAY).is_passport


@pytest.mark.parametrize("text", [LONG_TD1, LONG_TD2])
def test_a_number_of_more_than_nine_runs_on_in_the_optional_data(text: str) -> None:
    mrz = parse_mrz(text, TODAY)
    assert mrz.document_number == "D23145890734"
    assert not any(mrz.optional_data)


def test_a_wrong_digit_in_the_second_half_of_a_long_number_is_found() -> None:
    assert "mrz.check_digit.document_number" in failing(LONG_TD1.replace("<7349", "<7359")).codes


def test_a_short_number_without_its_check_digit_does_not_run_on() -> None:
    # D2314589 and a filler for its digit: what follows is optional data, not the number's second half
    head, middle = "I<UTOD2314589<<7349" + "<" * 11, "3407127M9507122UTO" + "<" * 11
    composite = check_digit(head[5:] + middle[:7] + middle[8:15] + middle[18:])
    fault = failing(head + middle + composite + "STEVENSON<<PETER".ljust(30, "<"))
    assert fault.codes == ("mrz.check_digit.document_number",)


def test_vietnamese_documents_are_read() -> None:
    passport, card = parse_mrz(VN_PASSPORT, TODAY), parse_mrz(VN_CARD, TODAY)
    assert (passport.document_number, passport.family_name, passport.given_name) == (
        "C1234567", "NGUYEN", "VAN A",
    )  # fmt: skip
    assert passport.citizen_number is None
    assert card.citizen_number == "034156001234"
    assert card.expires == date(2099, 12, 31)  # a card without expiry, not one of 1999


def test_a_name_that_fills_its_field_may_have_been_cut() -> None:
    mrz = parse_mrz(CUT, TODAY)
    assert (mrz.given_name, mrz.name_field_full) == ("CHAYAPA DEJTHAMRONG K", True)


def test_a_single_name_has_no_given_name() -> None:
    mrz = parse_mrz(TD1.replace("ERIKSSON<<ANNA<MARIA", "ARKFREITH<<<<<<<<<<<"), TODAY)
    assert (mrz.family_name, mrz.given_name) == ("ARKFREITH", "")


@pytest.mark.parametrize("text", [TD1, TD2, TD3, MRV_A, MRV_B, LONG_TD1, VN_CARD])
def test_spaces_lower_case_and_missing_line_breaks_are_tolerated(text: str) -> None:
    expected = parse_mrz(text, TODAY)
    flat = text.replace("\n", "")
    assert parse_mrz(flat, TODAY) == expected
    assert parse_mrz(" ".join(flat).lower() + "\r\n", TODAY) == expected
    assert parse_mrz(text.replace("<<", "«"), TODAY) == expected


@pytest.mark.parametrize(
    ("found", "wrong", "field"),
    [
        ("L898902C36", "L898903C36", "document_number"),
        ("7408122", "7408132", "birth_date"),
        ("1204159", "1205159", "expiry_date"),
        ("ZE184226B", "ZE184227B", "optional_data"),
        ("<10", "<11", "composite"),
    ],
)
def test_a_check_digit_that_fails_names_its_field(found: str, wrong: str, field: str) -> None:
    fault = failing(TD3.replace(found, wrong))
    assert fault.code == f"mrz.check_digit.{field}"
    assert fault.codes[-1] == "mrz.check_digit.composite"
    assert fault.suggestion is None  # a digit taken for a digit is never repaired


@pytest.mark.parametrize(
    ("found", "misread"),
    [
        ("7408122", "74O8122"),  # O for 0
        ("1204159", "I204159"),  # I for 1
        ("740812", "740B12"),  # B for 8
        ("1204159", "12041S9"),  # S for 5
        ("7408122", "740812Z"),  # Z for 2, as the check digit
        ("UTO74", "UT074"),  # 0 for O, in the nationality
        ("ANNA<MARIA", "ANNA<MAR1A"),  # 1 for I, in the name
    ],
)
def test_one_look_alike_that_explains_all_is_suggested_and_never_used(found: str, misread: str) -> None:
    fault = failing(TD3.replace(found, misread, 1))
    assert fault.suggestion == TD3


def test_two_repairs_that_would_both_do_are_no_suggestion() -> None:
    # both S weigh 7: reading either as 5 makes the same sums hold
    line = "5ABS00000" + check_digit("5ABS00000") + TD2[47:72]
    sound = TD2[:37] + line + check_digit(line[:10] + line[13:20] + line[21:])
    assert parse_mrz(sound, TODAY).document_number == "5ABS00000"
    fault = failing(sound.replace("5ABS", "SABS"))
    assert fault.code == "mrz.check_digit.document_number"
    assert fault.suggestion is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "mrz.length"),
        (TD3[:-1], "mrz.length"),
        ("<" * 10_000, "mrz.length"),
        (TD3.replace("ANNA", "ÀNNA"), "mrz.characters"),
        (TD3.replace("ANNA", "A*NA"), "mrz.characters"),
        ("X" + TD3[1:], "mrz.document_code"),
        ("P1" + TD3[2:], "mrz.document_code"),
        (TD3.replace("P<UTO", "P<1TO"), "mrz.issuing_state"),
        (TD3.replace("6UTO", "6<<<"), "mrz.nationality"),
        (TD3.replace("2F1", "2Q1"), "mrz.sex"),
        (TD3.replace("ERIKSSON<<ANNA<MARIA", "<" * 20), "mrz.name"),
        (TD3.replace("ANNA", "4NNA"), "mrz.name"),
    ],
)  # fmt: skip
def test_what_is_no_sound_zone_is_an_error_with_a_code(text: str, code: str) -> None:
    assert failing(text).code == code


@pytest.mark.parametrize(
    ("field", "birth"),
    [
        ("261125", PartialDate(2026, 11, 25)),  # born today
        ("261126", PartialDate(1926, 11, 26)),  # nobody is born tomorrow
        ("27<<<<", PartialDate(1927)),
        ("26<<<<", PartialDate(2026)),
        ("6300<<", PartialDate(1963)),
        ("630000", PartialDate(1963)),
        ("6405<<", PartialDate(1964, 5)),
        ("640500", PartialDate(1964, 5)),
        ("63<<15", PartialDate(1963)),
        ("<<<<<<", UNKNOWN_DATE),
        ("000229", PartialDate(2000, 2, 29)),
    ],
)
def test_a_birth_date_may_be_partial_and_is_never_in_the_future(field: str, birth: PartialDate) -> None:
    assert dated(birth=field).birth_date == birth


@pytest.mark.parametrize("field", ["741312", "740230", "7<0812", "<40812", "ABCDEF"])
def test_a_birth_date_that_is_none_is_refused(field: str) -> None:
    with pytest.raises(MrzError, match="birth_date"):
        dated(birth=field)


@pytest.mark.parametrize(
    ("field", "expires"),
    [
        ("750101", date(2075, 1, 1)),  # 49 years ahead
        ("760101", date(1976, 1, 1)),
        ("000101", date(2000, 1, 1)),
        ("991231", date(2099, 12, 31)),
        ("991230", date(1999, 12, 30)),
        ("<<<<<<", None),
    ],
)
def test_an_expiry_lies_within_fifty_years_of_today(field: str, expires: date | None) -> None:
    assert dated(expiry=field).expires == expires


@pytest.mark.parametrize("field", ["121301", "1204<<", "120431"])
def test_an_expiry_that_is_no_day_is_refused(field: str) -> None:
    with pytest.raises(MrzError, match="expiry_date"):
        dated(expiry=field)


@pytest.mark.parametrize("digit", ["0", "<"])
def test_empty_optional_data_may_show_a_zero_or_a_filler(digit: str) -> None:
    line = "L898902C36UTO7408122F1204159" + "<" * 14 + digit
    text = TD3[:45] + line + check_digit(line[:10] + line[13:20] + line[21:])
    assert parse_mrz(text, TODAY).optional_data == ("",)


@pytest.mark.parametrize("letter", ["<", "X"])
def test_an_unspecified_sex_is_none(letter: str) -> None:
    assert parse_mrz(TD3.replace("2F1", f"2{letter}1"), TODAY).sex is None


def test_neither_a_zone_nor_its_error_shows_the_holder() -> None:
    shown = [repr(parse_mrz(TD3, TODAY)), str(parse_mrz(TD3, TODAY))]
    fault = failing(TD3.replace("7408122", "74O8122"))
    shown += [repr(fault), str(fault)]
    assert not [text for text in shown for secret in ("ERIKSSON", "ANNA", "L898", "74") if secret in text]
