"""COVID-19 vaccine products: one row each, with the codes every format uses for them.

Sources: EU value sets 2.9.0 (mp, ma, vp); ICD-11 extension codes and CVX as in WHO DDCC's code lists and the
CDC's CVX table (facts only); primary series as licensed in Viet Nam (Decisions 3588, 3448/QĐ-BYT and
others: notes/certificates-other-formats-and-vietnam §3.5), elsewhere WHO's emergency use listing.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

_MRNA, _VECTOR, _WHOLE, _PROTEIN = "1119349007", "29061000087103", "1157024006", "1162643001"
_OTHER = "28531000087107"


class Product(NamedTuple):
    """A vaccine product. `series`: doses of its primary series; `names`: how certificates spell it."""

    code: str  # EU value set vaccines-covid-19-names
    name: str
    holder: str  # EU value set vaccines-covid-19-auth-holders
    prophylaxis: str  # EU value set sct-vaccines-covid-19
    series: int
    licensed_in_vn: bool
    icd11: tuple[str, ...]
    cvx: tuple[str, ...]
    names: tuple[str, ...]


# fmt: off
PRODUCTS: tuple[Product, ...] = (
    Product("EU/1/21/1529", "Vaxzevria", "ORG-100001699", _VECTOR, 2, True, ("XM4YL8",), ("210",),
            ("astrazeneca", "vaxzevria", "azd1222", "chadox1")),
    Product("Sputnik-V", "Sputnik V", "Gamaleya-Research-Institute", _VECTOR, 2, True, ("XM5ZJ4",), ("505",),
            ("sputnik v", "sputnik-v", "gam-covid-vac", "gamcovidvac")),
    Product("BBIBP-CorV", "Vero Cell (Sinopharm BIBP)", "ORG-100020693", _WHOLE, 2, True, ("XM8866",),
            ("510",), ("bbibp-corv", "sinopharm", "vero cell", "verocell")),
    Product("EU/1/20/1528", "Comirnaty", "ORG-100030215", _MRNA, 2, True, ("XM8NQ0",),
            ("208", "217", "218", "219", "300", "301", "302", "308", "309", "310"),
            ("comirnaty", "pfizer", "bnt162b2", "pfizer-biontech")),
    Product("EU/1/20/1507", "Spikevax", "ORG-100031184", _MRNA, 2, True, ("XM3DT5",),
            ("207", "221", "227", "228", "229", "230", "311", "312"), ("spikevax", "moderna", "mrna-1273")),
    Product("EU/1/20/1525", "Jcovden", "ORG-100001417", _VECTOR, 1, True, ("XM6QV1",), ("212",),
            ("jcovden", "janssen", "ad26.cov2.s")),
    Product("Hayat-Vax", "Hayat-Vax", "ORG-100023050", _WHOLE, 2, True, ("XM9FQ7",), (),
            ("hayat-vax", "hayatvax", "hayat vax")),
    Product("Abdala", "Abdala", "CIGB", _OTHER, 3, True, (), (), ("abdala",)),
    Product("Covishield", "Covishield", "ORG-100001981", _VECTOR, 2, False, ("XM97T2",), (), ("covishield",)),
    Product("Covaxin", "Covaxin", "Bharat-Biotech", _WHOLE, 2, False, ("XM1G90",), ("502",), ("covaxin",)),
    Product("CoronaVac", "CoronaVac", "Sinovac-Biotech", _WHOLE, 2, False, ("XM7HT3",), ("511",),
            ("coronavac", "sinovac")),
    Product("EU/1/21/1618", "Nuvaxovid", "ORG-100032020", _PROTEIN, 2, False, (), ("211", "313"),
            ("nuvaxovid", "novavax")),
    Product("Sputnik-Light", "Sputnik Light", "Gamaleya-Research-Institute", _VECTOR, 1, False, (), ("504",),
            ("sputnik light", "sputnik-light")),
    Product("Convidecia", "Convidecia", "ORG-100013793", _VECTOR, 1, False, ("XM1AG7",), ("506",),
            ("convidecia",)),
)
# fmt: on

_BY_CODE = {code: product for product in PRODUCTS for code in (product.code, *product.icd11)}
_BY_CVX = {code: product for product in PRODUCTS for code in product.cvx}
_MAX_NAME_CHARS = 120
_MAX_NAMES = 512


def by_code(code: str | None) -> Product | None:
    """The product of an EU medicinal product code or an ICD-11 code."""
    return None if code is None else _BY_CODE.get(code)


def by_cvx(code: str | None) -> Product | None:
    """The product of a CVX code."""
    return None if code is None else _BY_CVX.get(code)


def by_name(text: str | None) -> Product | None:
    """The product a free text names; None when it names none or more than one."""
    return _named(text) if isinstance(text, str) and len(text) <= _MAX_NAME_CHARS else None


@lru_cache(maxsize=_MAX_NAMES)  # certificates repeat a few dozen spellings
def _named(text: str) -> Product | None:
    folded = text.casefold()
    found = {product.code: product for product in PRODUCTS if any(name in folded for name in product.names)}
    return next(iter(found.values())) if len(found) == 1 else None
