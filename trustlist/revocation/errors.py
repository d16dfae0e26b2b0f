"""Why revocation data is not taken. The `code` is stable; no message holds an identifier of a certificate."""

from __future__ import annotations


class RevocationError(Exception):
    """Parent of every error of this room; `code` says what was wrong."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class FormatError(RevocationError):
    """A file, delta or manifest is not what it claims to be, or is beyond a limit."""


class DeltaRefused(RevocationError):
    """A well-formed delta that does not lead from this state to the one it promises."""


class GuardError(RevocationError):
    """The publisher may not go on: a second person is needed, or a self-test failed."""
