"""The eleven fields of the passport, whatever the certificate leaves out."""

from __future__ import annotations

import pytest

from healthcert.passport import NOT_STATED, passport_fields

pytestmark = [pytest.mark.req("K08")]
DOSE = {
    "disease": "840539006",
    "vaccine": "1119349007",
    "product": "EU/1/20/1528",
    "manufacturer": "ORG-100030215",
    "id": "URN:UVCI:01:VN:A#B",
}
LABELS = (
    ("Họ và tên", "Full name"),
    ("Ngày tháng năm sinh", "Date of birth"),
    ("Quốc tịch", "Nationality"),
    ("Bệnh dịch mà chứng nhận nhắm tới", "Targeted disease"),
    ("Số mũi tiêm đã nhận", "Number of doses received"),
    ("Ngày tiêm", "Date of vaccination"),
    ("Liều số", "Dose number"),
    ("Vắc xin", "Vaccine"),
    ("Sản phẩm vắc xin", "Vaccine product"),
    ("Nhà cung cấp hoặc sản xuất vắc xin", "Supplier or manufacturer"),
    ("Mã số của chứng nhận", "Certificate number"),
)


def test_all_eleven_stand_in_the_order_of_the_decision() -> None:
    claims = {
        "holder": {
            "family_name": "Nguyễn",
            "given_name": "Văn An",
            "date_of_birth": "1990",
            "nationality": "VNM",
        },
        "vaccinations": [DOSE | {"dose": 2.0, "doses_total": 2, "date": "2021-12-01"}],
    }
    fields = passport_fields(claims)
    assert tuple(field[:2] for field in fields) == LABELS
    assert [field.value for field in fields] == [
        "Nguyễn Văn An",
        "1990",
        "VNM",
        "COVID-19",
        "2",
        "2021-12-01",
        "2",
        "SARS-CoV-2 mRNA vaccine",
        "Comirnaty",
        "Biontech Manufacturing GmbH",
        "URN:UVCI:01:VN:A#B",
    ]


def test_of_several_doses_the_latest_speaks_and_all_are_counted() -> None:
    doses = [
        DOSE | {"dose": 3, "date": "2022-01-01", "product": "Abdala"},
        DOSE | {"dose": 1, "date": "2021-06-01"},
    ]
    values = [field.value for field in passport_fields({"vaccinations": doses})]
    assert (values[4], values[5], values[6], values[8]) == ("3", "2022-01-01", "3", "Abdala")
    undated = [{"vaccine": "x"}, {"vaccine": "y"}]
    assert passport_fields({"vaccinations": undated})[4].value == "2"


def test_what_a_certificate_does_not_say_is_said_to_be_not_stated() -> None:
    assert {field.value for field in passport_fields({})} == {NOT_STATED}
    recovered = {"holder": {"full_name": "A"}, "recoveries": [{"disease": "840539006", "id": "U"}]}
    said = {field.english: field.value for field in passport_fields(recovered) if field.value != NOT_STATED}
    assert said == {"Full name": "A", "Targeted disease": "COVID-19", "Certificate number": "U"}


def test_an_unlisted_code_is_shown_as_it_stands_and_a_dose_that_is_no_count_is_not() -> None:
    odd = {"product": "Nanocovax", "dose": float("nan"), "vaccine": 7, "date": ""}
    values = [field.value for field in passport_fields({"vaccinations": [odd]})]
    assert (values[5], values[6], values[7], values[8]) == (NOT_STATED,) * 3 + ("Nanocovax",)
