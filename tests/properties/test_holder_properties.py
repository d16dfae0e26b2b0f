"""Any document and name: what is built is read back, what is changed is found, order never matters."""

from __future__ import annotations

import string
import unicodedata
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from healthcert.formats.identify import name_stranger
from healthcert.holder.citizen_id import CitizenIdError, parse_citizen_id
from healthcert.holder.dates import parse_birth
from healthcert.holder.match import REASONS, BindingOutcome, bind, same_person
from healthcert.holder.mrz import Mrz, MrzError, check_digit, parse_mrz
from healthcert.holder.name_rules import NameLevel
from healthcert.holder.names import compare_names, make_name

pytestmark = pytest.mark.req("K08")
TODAY = date(2026, 11, 25)
MANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
WORDS = st.lists(st.text(string.ascii_uppercase, min_size=1, max_size=9), min_size=1, max_size=3)
LETTERS = "ABEHNOTUVXaeinotuđĐêơưăảạấữỹÄÖÜßØÅÑÞŒæłİı -'’,."
NAMES = st.text(LETTERS, max_size=25)
BIRTHS = st.sampled_from(["1990-04-05", "1990-05-04", "1990-04", "1990", "1890-04-05", "", "x"])
HOLDERS = st.fixed_dictionaries(
    {},
    optional={
        "family_name": NAMES,
        "given_name": NAMES,
        "full_name": NAMES,
        "date_of_birth": BIRTHS,
        "sex": st.sampled_from(["M", "F", "male", ""]),
        "document_number": st.sampled_from(["C1234567", "L898902C3", "1"]),
    },
)
# characters in a line
LAYOUTS = {"TD1": 30, "TD2": 36, "TD3": 44, "MRV-A": 44, "MRV-B": 36}


@st.composite
def zones(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A zone of any layout and the fields it was built from, by the figures of Doc 9303 parts 4 to 7."""
    layout = draw(st.sampled_from(sorted(LAYOUTS)))
    width = LAYOUTS[layout]
    long = layout in ("TD1", "TD2") and draw(st.booleans())
    alphabet = string.ascii_uppercase + string.digits
    number = draw(st.text(alphabet, min_size=10 if long else 1, max_size=12 if long else 9))
    born = draw(st.dates(date(1927, 1, 1), TODAY))
    expires = draw(st.dates(date(1977, 1, 1), date(2075, 1, 1)))
    fields = {
        "layout": layout,
        "document_number": number,
        "nationality": draw(st.sampled_from(["VNM", "D", "UTO"])),
        "sex": draw(st.sampled_from(["M", "F", None])),
        "expires": expires,
        "family_name": " ".join(draw(WORDS)),
        "given_name": " ".join(draw(WORDS)),
    }
    room = width if layout == "TD1" else width - 5
    name = f"{fields['family_name']}<<{fields['given_name']}".replace(" ", "<")
    if len(name) >= room:
        fields["family_name"], fields["given_name"], name = "LE", "AN", "LE<<AN"
    names = name.ljust(room, "<")
    birth, expiry = f"{born:%y%m%d}", f"{expires:%y%m%d}"
    state = fields["nationality"].ljust(3, "<")
    first, rest = number[:9].ljust(9, "<"), number[9:]
    digit = "<" if rest else check_digit(first)
    more = rest + check_digit(number) + "<" if rest else ""
    middle = birth + check_digit(birth), (fields["sex"] or "<"), expiry + check_digit(expiry)
    code = {"TD3": "P<", "MRV-A": "V<", "MRV-B": "V<"}.get(layout, "ID") + "UTO"
    if layout == "TD1":
        head, optional = code + first + digit + more.ljust(15, "<"), "<" * 11
        covered = head[5:] + middle[0] + middle[2] + optional
        text = head + "".join(middle) + state + optional + check_digit(covered) + names
    else:
        body = first + digit + state + "".join(middle) + more
        if layout == "TD3":
            body = body.ljust(42, "<") + "0"
        if layout in ("TD2", "TD3"):
            body = body.ljust(width - 1, "<")
            body += check_digit(body[:10] + body[13:20] + body[21:])
        text = code + names + body.ljust(width, "<")
    return text, fields | {"birth_date": parse_birth(born.isoformat())}


def read(text: str, today: date) -> Mrz | MrzError:
    """The zone or the error it gives; anything else raised fails the test."""
    try:
        return parse_mrz(text, today)
    except MrzError as fault:
        return fault


@MANY
@given(zones())
def test_a_zone_built_from_fields_is_read_back(built: tuple[str, dict[str, Any]]) -> None:
    text, fields = built
    mrz = parse_mrz(text, TODAY)
    assert {name: getattr(mrz, name) for name in fields} == fields
    assert not mrz.name_field_full


@MANY
@given(zones(), st.data())
def test_any_changed_digit_in_a_checked_field_is_found(
    built: tuple[str, dict[str, Any]], data: st.DataObject
) -> None:
    text, fields = built
    start = {"TD1": 5}.get(fields["layout"], LAYOUTS[fields["layout"]])
    end = 60 if fields["layout"] == "TD1" else start + 28
    digits = [i for i in range(start, end) if text[i].isdigit()]
    at = data.draw(st.sampled_from(digits))
    wrong = data.draw(st.sampled_from([digit for digit in string.digits if digit != text[at]]))
    with pytest.raises(MrzError, match=r"mrz\.check_digit"):
        parse_mrz(text[:at] + wrong + text[at + 1 :], TODAY)


@pytest.mark.req("K16")
@MANY
@given(
    st.one_of(
        st.text(max_size=300),
        st.sampled_from([72, 88, 90]).flatmap(
            lambda n: st.text("PIVAC<<<<0O1I8B5S2Z ", min_size=n, max_size=n + 3)
        ),
    ),
    st.dates(),
)
def test_any_text_gives_a_zone_or_an_error_with_a_code(text: str, today: date) -> None:
    found = read(text, today)
    assert isinstance(found, Mrz) or found.code.startswith("mrz.")
    if isinstance(found, MrzError) and found.suggestion is not None:
        assert isinstance(read(found.suggestion, today), Mrz)


@MANY
@given(zones(), st.integers(0, 30_000))
def test_nobody_is_born_in_the_future(built: tuple[str, dict[str, Any]], days: int) -> None:
    today = TODAY - timedelta(days)
    found = read(built[0], today)
    if isinstance(found, MrzError):  # 29 February 1900, which was none
        assert found.code in ("mrz.birth_date", "mrz.expiry_date")
    else:
        born = found.birth_date
        assert born.year is not None
        assert date(born.year, born.month or 1, born.day or 1) <= today


@pytest.mark.req("K16")
@MANY
@given(
    st.one_of(
        st.text(max_size=300),
        st.from_regex(r"[0-9]{12}\|([0-9]{9})?\|[^|]{1,9}\|[0-9]{8}\|(Nam|Nữ|x)\|[^|]{0,9}\|[0-9]{8}.{0,3}",
                      fullmatch=True),
    )
)  # fmt: skip
def test_any_text_gives_a_card_or_an_error_with_a_code(text: str) -> None:
    fault = None
    try:
        card = parse_citizen_id(text)
    except CitizenIdError as raised:
        fault = raised
    if fault is not None:
        assert fault.code.startswith("citizen_id.")
    else:
        assert card.full_name
    if fault is None and text == text.strip("\r\n\t \ufeff"):
        assert name_stranger(unicodedata.normalize("NFC", text)) == "format.citizen_id"


@MANY
@given(HOLDERS, HOLDERS)
def test_comparison_is_symmetric_and_its_reasons_are_listed(a: dict[str, Any], b: dict[str, Any]) -> None:
    one, other = {"holder": a}, {"holder": b}
    binding = same_person(one, other)
    assert binding == same_person(other, one)
    assert set(binding.reasons) <= REASONS
    assert binding.reasons or binding.outcome is BindingOutcome.MATCH


@MANY
@given(NAMES, NAMES)
def test_every_readable_name_equals_itself_however_it_is_encoded(family: str, given_name: str) -> None:
    name = make_name([(family, given_name)])
    again = make_name([(unicodedata.normalize("NFD", family), unicodedata.normalize("NFD", given_name))])
    level = compare_names(name, again).level
    assert level is (NameLevel.EQUAL if name.forms else NameLevel.UNCLEAR)


@MANY
@given(zones(), BIRTHS, NAMES)
def test_binding_never_raises_and_a_wrong_passport_never_matches(
    built: tuple[str, dict[str, Any]], birth: str, full_name: str
) -> None:
    mrz = parse_mrz(built[0], TODAY)
    holder = {"full_name": full_name, "date_of_birth": birth, "document_number": "Z" * 10}
    binding = bind({"holder": holder}, mrz, TODAY)
    assert set(binding.reasons) <= REASONS
    if mrz.is_passport and len(mrz.document_number) >= 5:
        assert binding.outcome is BindingOutcome.NO_MATCH
