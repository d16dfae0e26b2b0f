"""The one file inside a zip archive held in memory, bounded while inflating.

Sizes written in an archive are claims: only the bytes that really come out are counted, and no more than the
bound ever comes out. An archive with a second member, a password, another name, another method of
compression or 64-bit sizes is not one of ours.
Source: PKWARE APPNOTE 6.3.10 §4.3-4.5; notes/certificates-other-formats-and-vietnam §1.1 (DIVOC).
"""

from __future__ import annotations

import base64
import binascii
import io
import struct
import zipfile
import zlib

from ..errors import DecodeError
from ..limits import MAX_INFLATED_BYTES
from ..verdict import Stage

ARCHIVE_START = b"PK\x03\x04"
_END_OF_DIRECTORY = b"PK\x05\x06"
_COUNTS_AT = 10  # members in all, two bytes, counted from the end-of-directory mark
_END_SIZE = 22
_ENCRYPTED = 0x0001 | 0x0040 | 0x2000  # by password, strongly, and with a hidden directory
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ZIP64_FIELD = b"\x01\x00"
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    IndexError,
    KeyError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)


def decode_base64(text: str) -> bytes:
    """Bytes of standard base64, padded or not. Raises DecodeError `decode.base64`."""
    compact = text.strip().rstrip("=")
    try:
        return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise DecodeError(Stage.BASE45, "decode.base64") from None


def only_member(data: bytes, name: str) -> bytes:
    """The content of `name`, which is the only member of the archive `data`.

    Raises DecodeError: `decode.zip`, `decode.zip_members`, `decode.zip_name`, `decode.zip_encrypted`,
    `decode.zip_method`, `decode.zip_too_large`.
    """
    if not data.startswith(ARCHIVE_START):
        raise _fault("decode.zip")
    if _members_claimed(data) != 1:  # before a directory of thousands is read
        raise _fault("decode.zip_members")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) != 1 or members[0].header_offset != 0:
                raise _fault("decode.zip_members")
            _check_member(members[0], name)
            with archive.open(members[0]) as source:
                content = source.read(MAX_INFLATED_BYTES + 1)
    except _BROKEN:
        raise _fault("decode.zip") from None
    if len(content) > MAX_INFLATED_BYTES:
        raise _fault("decode.zip_too_large")
    if len(content) != members[0].file_size:
        raise _fault("decode.zip")
    return content


def _members_claimed(data: bytes) -> int:
    end = data.rfind(_END_OF_DIRECTORY)
    if end < 0 or end + _END_SIZE > len(data):
        raise _fault("decode.zip")
    return int.from_bytes(data[end + _COUNTS_AT : end + _COUNTS_AT + 2], "little")


def _check_member(member: zipfile.ZipInfo, name: str) -> None:
    if member.flag_bits & _ENCRYPTED:
        raise _fault("decode.zip_encrypted")
    if member.filename != name or member.orig_filename != name:
        raise _fault("decode.zip_name")
    if member.compress_type not in _METHODS or member.extra.startswith(_ZIP64_FIELD):
        raise _fault("decode.zip_method")
    if member.file_size > MAX_INFLATED_BYTES:
        raise _fault("decode.zip_too_large")


def _fault(code: str) -> DecodeError:
    return DecodeError(Stage.ZLIB, code)
