"""The code on Viet Nam's citizen ID card, for comparison only: it is unsigned and anyone can print one.

    number|old number or nothing|full name|ddmmyyyy|Nam or Nữ|address|issued ddmmyyyy[|more on later cards]

The 12-digit number carries province of birth registration, century with sex, and year of birth, and no check
digit. These are compared with what the card declares; every disagreement is listed, none is an error.
Source: Circular 59/2021/TT-BCA art. 4, Circular 07/2016/TT-BCA annex 1; notes/certificates-other-formats-
and-vietnam §3.4. That numbers from 101 on are countries of birth is not in the annex we could read.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from ..errors import HealthCertError
from ..limits import MAX_CITIZEN_ID_CHARS
from .dates import PartialDate, make_date

CITIZEN_ID_TEXT = re.compile(
    r"(?P<number>[0-9]{12})\|(?P<old>[0-9]{9}|[0-9]{12})?\|(?P<name>[^|]{1,200})\|(?P<birth>[0-9]{8})"
    r"\|(?P<sex>[^|]{1,20})\|(?P<address>[^|]*)\|(?P<issued>[0-9]{8})(?P<more>.*)"
)
_OLD_NUMBER = re.compile(r"[0-9]{9}")
_NUMBER = re.compile(r"[0-9]{12}")
_SEXES = {"nam": "M", "nữ": "F"}
_FIRST_COUNTRY = 101

PROVINCES = {
    "001": "Hà Nội", "002": "Hà Giang", "004": "Cao Bằng", "006": "Bắc Kạn", "008": "Tuyên Quang",
    "010": "Lào Cai", "011": "Điện Biên", "012": "Lai Châu", "014": "Sơn La", "015": "Yên Bái",
    "017": "Hòa Bình", "019": "Thái Nguyên", "020": "Lạng Sơn", "022": "Quảng Ninh", "024": "Bắc Giang",
    "025": "Phú Thọ", "026": "Vĩnh Phúc", "027": "Bắc Ninh", "030": "Hải Dương", "031": "Hải Phòng",
    "033": "Hưng Yên", "034": "Thái Bình", "035": "Hà Nam", "036": "Nam Định", "037": "Ninh Bình",
    "038": "Thanh Hóa", "040": "Nghệ An", "042": "Hà Tĩnh", "044": "Quảng Bình", "045": "Quảng Trị",
    "046": "Thừa Thiên Huế", "048": "Đà Nẵng", "049": "Quảng Nam", "051": "Quảng Ngãi", "052": "Bình Định",
    "054": "Phú Yên", "056": "Khánh Hòa", "058": "Ninh Thuận", "060": "Bình Thuận", "062": "Kon Tum",
    "064": "Gia Lai", "066": "Đắk Lắk", "067": "Đắk Nông", "068": "Lâm Đồng", "070": "Bình Phước",
    "072": "Tây Ninh", "074": "Bình Dương", "075": "Đồng Nai", "077": "Bà Rịa - Vũng Tàu",
    "079": "Thành phố Hồ Chí Minh", "080": "Long An", "082": "Tiền Giang", "083": "Bến Tre",
    "084": "Trà Vinh", "086": "Vĩnh Long", "087": "Đồng Tháp", "089": "An Giang", "091": "Kiên Giang",
    "092": "Cần Thơ", "093": "Hậu Giang", "094": "Sóc Trăng", "095": "Bạc Liêu", "096": "Cà Mau",
}  # fmt: skip


class CitizenIdError(HealthCertError):
    """No citizen-ID code; `code` says which field is wrong. The message holds none of the text."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class NumberFacts:
    """What a 12-digit number says of its holder by itself."""

    province: str | None  # None: registered abroad, or a code never assigned
    abroad: bool
    sex: str  # M | F
    birth_year: int


@dataclass(frozen=True, slots=True, repr=False)
class CitizenId:
    """What the code says. `disagreements` are `citizen_id.*` codes; empty if number and fields agree."""

    number: str
    old_number: str | None  # nine digits (CMND) or an earlier twelve
    full_name: str
    birth_date: PartialDate
    sex: str  # M | F
    address: str
    issued: PartialDate
    disagreements: tuple[str, ...]

    def __repr__(self) -> str:
        return "<CitizenId>"  # never the holder's data in a log


def is_old_number(text: str) -> bool:
    """True for the nine digits of the former identity card (CMND), which carry nothing to check."""
    return bool(_OLD_NUMBER.fullmatch(text))


def read_number(number: str) -> NumberFacts:
    """The facts within a 12-digit number. Raises CitizenIdError("citizen_id.number")."""
    if not _NUMBER.fullmatch(number):
        raise CitizenIdError("citizen_id.number")
    # digit 4: 0 male and 1 female in the 1900s, 2 and 3 in the 2000s, and so on to 9
    century, female = divmod(int(number[3]), 2)
    return NumberFacts(
        province=PROVINCES.get(number[:3]),
        abroad=int(number[:3]) >= _FIRST_COUNTRY,
        sex="F" if female else "M",
        birth_year=1900 + 100 * century + int(number[4:6]),
    )


def parse_citizen_id(text: str) -> CitizenId:
    """The fields of the code, checked one by one. Raises CitizenIdError only."""
    if not isinstance(text, str) or len(text) > MAX_CITIZEN_ID_CHARS:
        raise CitizenIdError("citizen_id.length")
    found = CITIZEN_ID_TEXT.fullmatch(unicodedata.normalize("NFC", text.strip("\r\n\t \ufeff")))
    if found is None:
        raise CitizenIdError("citizen_id.shape")
    sex = _SEXES.get(found["sex"].strip().lower())
    if sex is None:
        raise CitizenIdError("citizen_id.sex")
    name = " ".join(found["name"].split())
    if not name:
        raise CitizenIdError("citizen_id.name")
    birth, issued = _date(found["birth"], "birth_date"), _date(found["issued"], "issue_date")
    return CitizenId(
        number=found["number"],
        old_number=found["old"],
        full_name=name,
        birth_date=birth,
        sex=sex,
        address=found["address"].strip(),
        issued=issued,
        disagreements=_disagreements(read_number(found["number"]), birth, sex, issued),
    )


def _date(digits: str, field: str) -> PartialDate:
    """ddmmyyyy; 00 for a day or month nobody knows, as old people's cards have it."""
    day, month, year = int(digits[:2]), int(digits[2:4]), int(digits[4:])
    try:
        return make_date(year, month or None, day or None)
    except ValueError:
        raise CitizenIdError(f"citizen_id.{field}") from None


def _disagreements(facts: NumberFacts, birth: PartialDate, sex: str, issued: PartialDate) -> tuple[str, ...]:
    table = (
        ("citizen_id.unknown_province", facts.province is None and not facts.abroad),
        ("citizen_id.sex_disagrees", facts.sex != sex),
        ("citizen_id.birth_year_disagrees", facts.birth_year != birth.year),
        ("citizen_id.issued_before_birth", (issued.year or 0) < (birth.year or 0)),
    )
    return tuple(code for code, disagrees in table if disagrees)
