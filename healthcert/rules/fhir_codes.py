"""What the codes of a SMART Health Card come to in the codes of the EU value sets.

Sources (facts only): the VCI terminology `immunization-covid-all` and `lab-qualitative-test-covid`, the CDC's
CVX table, LOINC and SNOMED CT; EU value sets 2.9.0 for the right-hand sides. Of the tests only those that
look for the virus in airway samples count: no antibodies, no blood, no genes shared with other viruses.
LOINC codes are copyright Regenstrief Institute, used under the LOINC licence (http://loinc.org/license).
"""

from __future__ import annotations

from collections.abc import Mapping

from .products import PRODUCTS

COVID_19 = "840539006"
DETECTED, NOT_DETECTED = "260373001", "260415000"
NUCLEIC_ACID, ANTIGEN = "LP6464-4", "LP217198-3"

CVX, LOINC, SNOMED = "http://hl7.org/fhir/sid/cvx", "http://loinc.org", "http://snomed.info/sct"

# Vaccines against COVID-19 whose product we do not know: unspecified, Sanofi's, and the non-US ones.
COVID_CVX = frozenset(
    {"213", "225", "226", "500", "501", "503", "507", "508", "509", *(str(code) for code in range(512, 522))}
) | {code for product in PRODUCTS for code in product.cvx}

# fmt: off
_NUCLEIC_ACID = (
    "94307-6", "94308-4", "94309-2", "94314-2", "94316-7", "94500-6", "94533-7", "94534-5", "94559-2",
    "94565-9", "94639-2", "94640-0", "94641-8", "94756-4", "94757-2", "94759-8", "94760-6", "94845-5",
    "95406-5", "95409-9", "95425-5", "95608-6", "95824-9", "96091-4", "96120-1", "96123-5", "96448-6",
    "96763-8", "96765-3", "96797-6", "96957-6", "96958-4", "96986-5", "97098-8", "98131-6", "98132-4",
    "98493-0", "98494-8",
)
# fmt: on
_ANTIGEN = ("94558-4", "95209-3", "96119-3", "97097-0")
TEST_TYPES: Mapping[str, str] = dict.fromkeys(_NUCLEIC_ACID, NUCLEIC_ACID) | dict.fromkeys(_ANTIGEN, ANTIGEN)

RESULTS: Mapping[tuple[str, str], str] = {
    (SNOMED, "260373001"): DETECTED,
    (SNOMED, "10828004"): DETECTED,  # positive
    (SNOMED, "260408008"): DETECTED,  # weakly positive
    (SNOMED, "720735008"): DETECTED,  # presumptive positive
    (SNOMED, "260415000"): NOT_DETECTED,
    (SNOMED, "260385009"): NOT_DETECTED,  # negative
    (LOINC, "LA11882-0"): DETECTED,
    (LOINC, "LA6576-8"): DETECTED,  # positive
    (LOINC, "LA11883-8"): NOT_DETECTED,
    (LOINC, "LA6577-6"): NOT_DETECTED,  # negative
}
