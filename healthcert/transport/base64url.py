"""Base64url without padding, one text for one byte string.

Python's reader skips what it does not know and ignores unused bits; both would give one signature many
spellings.
Source: RFC 4648 §3.5, §5; RFC 7515 §2.
"""

from __future__ import annotations

from binascii import a2b_base64

ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_TO_STANDARD = bytes.maketrans(
    b"-_+/=", b"+/!!!"
)  # what is only of the other alphabet becomes foreign to both
# The last character of a text of 4n+2 carries 4 unused bits, of 4n+3 two: they must be zero.
_LAST = {2: frozenset(ALPHABET[::16]), 3: frozenset(ALPHABET[::4])}
_PADDING = {0: b"", 2: b"==", 3: b"="}


def decode(text: bytes) -> bytes | None:
    """The bytes `text` stands for; None when it is not canonical base64url."""
    rest = len(text) % 4
    if rest == 1 or (rest and text[-1] not in _LAST[rest]):
        return None
    try:
        return a2b_base64(text.translate(_TO_STANDARD) + _PADDING[rest], strict_mode=True)
    except ValueError:
        return None
