"""Names for the machine-readable zone, and which transliterations a name may have."""

from __future__ import annotations

import unicodedata

import pytest

from healthcert.icao import icao_name, is_icao_reading

pytestmark = [pytest.mark.req("C20")]


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Nguyễn", "NGUYEN"),
        ("Đặng Thị Ưng Hương", "DANG<THI<UNG<HUONG"),
        ("đỗ ước", "DO<UOC"),
        ("d'Červenková Panklová", "DCERVENKOVA<PANKLOVA"),  # the schema's own example
        ("Jiřina-Maria Alena", "JIRINA<MARIA<ALENA"),
        ("Müller-Lüdenscheidt", "MUELLER<LUEDENSCHEIDT"),
        ("Weiß", "WEISS"),
        ("Łukasz Þór Ærø", "LUKASZ<THOR<AEROE"),
        ("  Anna   Lê ", "ANNA<LE"),
        ("", ""),
        ("Иванов", None),
        ("田中", None),
        ("Anna 2", None),
    ],
)
def test_a_name_is_written_in_plain_letters_or_not_at_all(name: str, written: str | None) -> None:
    assert icao_name(name) == written
    assert icao_name(unicodedata.normalize("NFD", name)) == written


@pytest.mark.parametrize(
    ("name", "given", "fits"),
    [
        ("Müller-Ångström", "MULLER<AANGSTROEM", True),
        ("Müller", "MUXXLLER", True),
        ("Müller", "MILLER", False),
        ("Nguyễn", "NGUYEN", True),
        ("Nguyễn", "NGUYE", False),
        ("Nguyễn", "NGUYENN", False),
        ("Nguyễn", "", False),
        ("Thị Đào", "THIDAO", True),
        ("Иванов", "IVANOV", None),
        ("Ä" * 50, "AE" * 40, True),  # cut off at 80
        ("Ä" * 50, "AE" * 39, False),
    ],
)
def test_any_permitted_reading_fits_and_no_other(name: str, given: str, fits: bool | None) -> None:
    assert is_icao_reading(name, given, 80) is fits
