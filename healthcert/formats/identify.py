"""Which format a text claims to be, from its first characters alone.

Source: notes/certificates-other-formats-and-vietnam (how each format's text starts).
"""

from __future__ import annotations

from ..model import DIVOC, EU_DCC, SHC, VDS_NC

HCERT_PREFIX = "HC1:"
_JSON_HEAD_CHARS = 4_096


def identify(text: str) -> str | None:
    """The format `text` claims, None if it claims none. HC1 is told from WHO DDCC only after decoding."""
    if text.startswith(HCERT_PREFIX):
        return EU_DCC
    if text.startswith("shc:/"):
        return SHC
    if text.startswith(("B64:", "PK\x03\x04")):
        return DIVOC
    if text.startswith("{"):
        head = text[:_JSON_HEAD_CHARS]
        if '"icao.' in head or ('"hdr"' in head and '"msg"' in head):
            return VDS_NC
        if '"credentialSubject"' in text and '"proof"' in text:
            return DIVOC
    return None
