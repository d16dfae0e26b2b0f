"""The value sets of the DCC, read once from package data at import.

Source: ehn-dcc-development/eu-dcc-valuesets 2.9.0 (Apache-2.0, LICENSE beside the data).
"""

from __future__ import annotations

import json
from importlib import resources

_FILES = (
    "country-2-codes",
    "disease-agent-targeted",
    "test-manf-example",
    "test-result",
    "test-type",
    "vaccine-mah-manf",
    "vaccine-medicinal-product",
    "vaccine-prophylaxis",
)


def _load() -> dict[str, dict[str, str]]:
    folder = resources.files(__package__).joinpath("valuesets")
    sets = {}
    for name in _FILES:
        content = json.loads(folder.joinpath(f"{name}.json").read_text("utf-8"))
        values = content["valueSetValues"]
        sets[content["valueSetId"]] = {code: value["display"] for code, value in values.items()}
    return sets


DISPLAYS = _load()  # value set -> code -> its English name
VALUE_SETS = {name: frozenset(values) for name, values in DISPLAYS.items()}
DISEASES = VALUE_SETS["disease-agent-targeted"]
VACCINES = VALUE_SETS["sct-vaccines-covid-19"]
PRODUCTS = VALUE_SETS["vaccines-covid-19-names"]
HOLDERS = VALUE_SETS["vaccines-covid-19-auth-holders"]
TEST_TYPES = VALUE_SETS["covid-19-lab-test-type"]
TEST_RESULTS = VALUE_SETS["covid-19-lab-result"]
TEST_DEVICES = VALUE_SETS["covid-19-lab-test-manufacturer-and-name"]
# Unions that issue under their own reserved code beside the ISO list.
COUNTRIES = VALUE_SETS["country-2-codes"] | {"EU", "UN"}
