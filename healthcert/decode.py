"""Text to signed bytes: prefix, base45, zlib, COSE. Nothing of the holder is read.

Source: hcert-spec §4, §6.3; notes/certificates-eu-dcc §2.
"""

from __future__ import annotations

from .errors import DecodeError
from .formats.identify import HCERT_PREFIX, identify
from .limits import MAX_TEXT_CHARS
from .model import EU_DCC, WHO_DDCC, Decoded
from .transport import base45, cose, cwt
from .transport.inflate import inflate
from .verdict import Check, Stage, Status

_PASSED = tuple(Check(stage, Status.PASS) for stage in (Stage.PREFIX, Stage.BASE45, Stage.ZLIB, Stage.COSE))
DECODE_STAGES = tuple(check.stage for check in _PASSED)


def decode(text: str) -> Decoded:
    """What `text` is. Raises DecodeError(stage, code) for anything that is not a certificate."""
    if len(text) > MAX_TEXT_CHARS:
        raise DecodeError(Stage.PREFIX, "decode.too_long")
    format = identify(text)
    if format is None:
        raise DecodeError(Stage.PREFIX, "decode.not_a_certificate")
    if format != EU_DCC:
        return Decoded(format, (), None)
    envelope = cose.parse(inflate(base45.decode(text[len(HCERT_PREFIX) :])))
    if cwt.looks_like_bare_ddcc(envelope.unverified_payload):
        return Decoded(WHO_DDCC, _PASSED, None)
    return Decoded(EU_DCC, _PASSED, envelope)


def passed_before(stage: Stage) -> tuple[Check, ...]:
    """The decode stages in front of `stage`, as passed."""
    return _PASSED[: DECODE_STAGES.index(stage)]
