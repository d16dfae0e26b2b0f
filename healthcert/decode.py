"""Text to signed bytes. Nothing of the holder is read before the signature held.

Source: hcert-spec §4, §6.3; notes/certificates-eu-dcc §2.
"""

from __future__ import annotations

from .errors import DecodeError
from .formats.identify import identify, name_stranger
from .formats.table import FORMATS
from .limits import MAX_TEXT_CHARS
from .model import NO_FORMAT, Decoded
from .verdict import Check, Stage, Status


def decode(text: str) -> Decoded:
    """What `text` is. Raises DecodeError(stage, code) for anything that is no certificate or a broken one.

    A text of no format we verify comes back with format "none" and a check that asks for a person.
    """
    if len(text) > MAX_TEXT_CHARS:
        raise DecodeError(Stage.PREFIX, "decode.too_long")
    name = identify(text)
    if name is not None:
        format = FORMATS[name]
        try:
            return format.decode(text)
        except DecodeError as fault:
            fault.format = name
            fault.passed = tuple(
                Check(stage, Status.PASS) for stage in format.stages[: format.stages.index(fault.stage)]
            )
            raise
    reason = name_stranger(text)
    if reason.startswith("decode."):
        raise DecodeError(Stage.PREFIX, reason)
    return Decoded(NO_FORMAT, (Check(Stage.PREFIX, Status.UNKNOWN, (reason,)),), None)
