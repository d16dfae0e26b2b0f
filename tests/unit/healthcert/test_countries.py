"""Two and three letters for the same state."""

from __future__ import annotations

import pytest

from healthcert.rules import countries
from healthcert.rules.codes import COUNTRIES

pytestmark = [pytest.mark.req("K08")]


def test_every_country_of_the_value_set_has_three_letters_of_its_own() -> None:
    three = {countries.alpha_3(code) for code in COUNTRIES}
    assert None not in three
    assert len(three) == len(COUNTRIES) == 252  # ISO's 249, Kosovo, the two unions
    assert {countries.alpha_2(code) for code in three} == COUNTRIES


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("AUS", "AU"),
        ("D", "DEU"),
        ("D", "DE"),
        ("GBN", "GB"),
        ("EUE", "EU"),
        ("RKS", "XKX"),
        ("XOM", "XOM"),
        ("VNM", "VN"),
    ],
)
def test_codes_of_both_kinds_name_the_same_state(one: str, other: str) -> None:
    assert countries.same_country(one, other)
    assert countries.same_country(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [("AUS", "AT"), ("AUT", "AU"), (None, None), (None, "AU"), ("", "AU"), ("XXA", "XXB"), ("D", "DD")],
)
def test_others_do_not(one: str | None, other: str | None) -> None:
    assert not countries.same_country(one, other)


def test_an_organisation_stands_for_itself() -> None:
    assert countries.alpha_2("XPO") is None
    assert countries.alpha_3("XPO") == "XPO"
    assert countries.alpha_3("ZZZ") is None
