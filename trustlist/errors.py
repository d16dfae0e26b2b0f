"""The one exception of distribution: a stable code, and words for an operator that hold no key."""

from __future__ import annotations


class TrustlistError(Exception):
    """Something was refused or could not be done; `code` is `phase.cause` and never changes its meaning."""

    def __init__(self, code: str, words: str = "") -> None:
        super().__init__(f"{code}: {words}" if words else code)
        self.code = code
