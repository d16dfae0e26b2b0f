"""The contexts a DIVOC document may name: pinned copies, never fetched.

The context decides what is signed, so an address out of a certificate is looked up in this table and nowhere
else. The vaccination contexts of the countries are copies of DIVOC's v1 or v2 under an address of their own.
Source: WHO ddcc-validator (Apache-2.0) ContextLoader; DIVOC; `pinned/NOTICE`;
notes/certificates-other-formats-and-vietnam §1.5.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from typing import Any, Final

CREDENTIALS: Final = "https://www.w3.org/2018/credentials/v1"
SECURITY: Final = "https://w3id.org/security/v2"
_SECURITY_V1: Final = "https://w3id.org/security/v1"
# Address -> version of the vaccination context. Jamaica's is not known to us; India's serves its examples.
VACCINATION: Mapping[str, int] = {
    "https://cowin.gov.in/credentials/vaccination/v1": 1,
    "https://cowin.gov.in/credentials/vaccination/v2": 2,
    "https://divoc.dev/credentials/vaccination/v1": 1,
    "https://divoc.dev/credentials/vaccination/v2": 2,
    "https://divoc.prod/vaccine/credentials/vaccination/v1": 2,
    "https://divoc.lgcc.gov.lk/credentials/vaccination/v1": 2,
    "https://divoc.lgcc.gov.lk/credentials/vaccination/v2": 2,
    "https://www.pedulilindungi.id/credentials/vaccination/v2": 2,
}
_VERSIONS = {1: "DIVOCVaccinationContextV1.json", 2: "DIVOCVaccinationContextV2.json"}
_FILES: Mapping[str, str] = {
    CREDENTIALS: "W32018CredentialsV1.json",
    _SECURITY_V1: "security-v1.jsonld",
    SECURITY: "security-v2.jsonld",
    **{address: _VERSIONS[version] for address, version in VACCINATION.items()},
}


class UnknownContextError(Exception):
    """A document names a context we have no copy of; it is not fetched."""


def version_of(given: Any) -> int | None:
    """The version of the vaccination context when `given` is exactly the usual pair; None otherwise.

    Raises UnknownContextError when it is a pair in the usual form whose second address we do not know.
    """
    if type(given) is not list or len(given) != 2 or not all(type(entry) is str for entry in given):
        return None
    first, second = given
    if first != CREDENTIALS or second in (CREDENTIALS, SECURITY, _SECURITY_V1):
        return None
    if second not in VACCINATION:
        raise UnknownContextError
    return VACCINATION[second]


@lru_cache(maxsize=len(_FILES))
def load(address: str) -> Mapping[str, Any]:
    """The pinned copy behind `address`, not to be changed. Raises UnknownContextError."""
    if address not in _FILES:
        raise UnknownContextError
    text = resources.files(__package__).joinpath("pinned", _FILES[address]).read_text("utf-8")
    content: Mapping[str, Any] = json.loads(text)
    return content
