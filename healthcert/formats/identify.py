"""Which format a text is, from its content alone.

HC1 is told from WHO DDCC only after decoding. What is no certificate is still named where we know it: a
code of the citizen's ID card or a personal code is not a forged certificate, and a foreign portal's link
asks for a person, not for a refusal.
Source: notes/certificates-other-formats-and-vietnam §1.1, §3.4; requirement K08.
"""

from __future__ import annotations

import re

from ..holder.citizen_id import CITIZEN_ID_TEXT
from ..limits import MAX_JWS_HEADER_CHARS
from ..model import DIVOC, EU_DCC, SHC, VDS_NC
from ..transport import base64url
from ..transport.numeric import PREFIX as SHC_PREFIX

HCERT_PREFIX = "HC1:"
JWS_PREFIX = "eyJ"  # base64url of {"
DIVOC_PREFIXES = ("B64:", "PK\x03\x04")
_JSON_HEAD_CHARS = 4_096

# A health certificate whose prefix is damaged: another context number, lower case, or none at all.
_DAMAGED_PREFIX = re.compile(r"h[a-z0-9]{1,2}:|shc:/?/?[0-9]", re.IGNORECASE)
_BARE_HCERT_CHARS = 100  # the shortest official vector holds 205
_BASE45 = re.compile(r"[0-9A-Z $%*+\-./:]*", re.IGNORECASE)
_LINK = re.compile(r"[a-z][a-z0-9+.\-]*:/", re.IGNORECASE)
PERSONAL_CODE = re.compile(r"CX1\.[A-Za-z0-9_-]{16,64}")


def identify(text: str) -> str | None:
    """The format `text` claims; None if it claims none (`name_stranger` then says what it is)."""
    if text.startswith(HCERT_PREFIX):
        return EU_DCC
    if text.startswith(SHC_PREFIX):
        return SHC
    if text.startswith(DIVOC_PREFIXES):
        return DIVOC
    if text.startswith(JWS_PREFIX):
        return SHC if _is_compressed_jws(text) else None
    if text.lstrip(" \t\r\n")[:1] == "{":
        return _identify_json(text)
    return None


def _is_compressed_jws(text: str) -> bool:
    """Among the signed tokens of the world a SMART Health Card is the one whose header says DEF."""
    head, dot, _ = text[: MAX_JWS_HEADER_CHARS + 1].partition(".")
    header = base64url.decode(head.encode("ascii", "replace")) if dot else None
    return header is not None and b'"zip"' in header and b'"DEF"' in header


def _identify_json(text: str) -> str | None:
    head = text[:_JSON_HEAD_CHARS]
    if '"icao.' in head or ('"hdr"' in head and '"msg"' in head):
        return VDS_NC
    if '"credentialSubject"' in text and '"proof"' in text:
        return DIVOC
    if '"verifiableCredential"' in head and '"credentialSubject"' not in text:
        return SHC  # the content of a .smart-health-card file
    return None


def name_stranger(text: str) -> str:
    """The reason code for a text of no format we verify.

    `decode.not_a_certificate` refuses: a damaged health certificate, or nothing. The `format.*` codes ask a
    person: `citizen_id`, `personal_code`, `unsupported`.
    """
    if not text or _looks_like_damaged_hcert(text):
        return "decode.not_a_certificate"
    if PERSONAL_CODE.fullmatch(text):
        return "format.personal_code"
    if CITIZEN_ID_TEXT.fullmatch(text):
        return "format.citizen_id"
    return "format.unsupported"


def _looks_like_damaged_hcert(text: str) -> bool:
    if _DAMAGED_PREFIX.match(text):
        return True
    return len(text) >= _BARE_HCERT_CHARS and not _LINK.match(text) and bool(_BASE45.fullmatch(text))
