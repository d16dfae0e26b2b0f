"""Reads [{text, pem}] with `dcc-utils`; prints for each the verified EU payload or null.

Runs in its own environment.
"""

import json
import sys

from dcc_utils.dcc import from_raw


def read(case: dict) -> dict | None:
    """The payload, or None when the reader refuses the text."""
    try:
        certificate = from_raw(case["text"])
        return certificate.payload if certificate.check_signature(case["pem"].encode()) else None
    except Exception:  # whatever a reader raises, it did not accept the text
        return None


json.dump([read(case) for case in json.load(sys.stdin)], sys.stdout)
