"""The revocation list of a SMART Health Card key: read once, and told whether it can be believed.

A list that breaks its own rules proves nothing by what it leaves out. What it does name is still heard.
Source: SMART Health Cards Framework 1.4.0, "Revocation".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import islice
from typing import Any

from .limits import MAX_RID_CHARS, MAX_RIDS

ALWAYS = float("inf")  # an entry without a time revokes every card of that name
METHOD = "rid"
_NAME = f"[A-Za-z0-9_-]{{1,{MAX_RID_CHARS}}}"
_RID = re.compile(_NAME)
_MAX_ENTRY_CHARS = 128  # twice the longest name with a time and more: what is longer has no readable time
# A name ends where its alphabet does; what follows should be a point and whole seconds.
_ENTRY = re.compile(rf"\s*({_NAME})(?![A-Za-z0-9_-])(.*)", re.DOTALL)
_UNTIL = re.compile(r"(?:\.([0-9]{1,12}))?")


def is_rid(value: object) -> bool:
    """Is `value` a revocation identifier: 1 to 24 characters of the base64url alphabet?"""
    return isinstance(value, str) and _RID.fullmatch(value) is not None


class RidList(Mapping[str, Any]):
    """A published list, the JSON object itself, with what it comes to worked out at first use."""

    def __init__(self, published: Mapping[str, Any]) -> None:
        self._published = published

    def __getitem__(self, name: str) -> Any:
        return self._published[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._published)

    def __len__(self) -> int:
        return len(self._published)

    def faults(self, kid: str, crl_version: int | None) -> tuple[str, ...]:
        """Why the list of key `kid` cannot be believed: one word each of kid, method, ctr, version, rids.

        `crl_version` is the counter the key itself names; None: it names none.
        """
        counter = self._published.get("ctr")
        told = (
            ("kid", self._published.get("kid") != kid),
            ("method", self._published.get("method") != METHOD),
            ("ctr", type(counter) is not int or counter < 1),
            ("version", crl_version is not None and counter != crl_version),
            ("rids", self._read[1]),
        )
        return tuple(word for word, wrong in told if wrong)

    def revokes(self, rid: str, signed_at: float | None) -> bool:
        """Is the card `rid`, signed at `signed_at` (seconds since 1970; None: unreadable), named here?"""
        before = self._read[0].get(rid)
        return before is not None and (signed_at is None or signed_at < before)

    @cached_property
    def _read(self) -> tuple[Mapping[str, float], bool]:
        """When each name's revocation ends, and whether anything about the entries is wrong.

        A name with a time that cannot be read is revoked for good: its issuer meant to. Of a name listed
        twice the entry that revokes more counts.
        """
        entries = self._published.get("rids")
        if not isinstance(entries, list):
            return {}, True
        before: dict[str, float] = {}
        wrong = len(entries) > MAX_RIDS
        for entry in islice(entries, MAX_RIDS):
            match = _ENTRY.fullmatch(entry[:_MAX_ENTRY_CHARS]) if isinstance(entry, str) else None
            if match is None:
                wrong = True
                continue
            name, told = match[1], _UNTIL.fullmatch(match[2])
            until = ALWAYS if told is None or told[1] is None else float(told[1])
            wrong = wrong or told is None or match.start(1) > 0 or name in before
            before[name] = max(before.get(name, until), until)
        return before, wrong
