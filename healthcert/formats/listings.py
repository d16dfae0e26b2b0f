"""Of several listings of one key: the one whose limits the certificate keeps.

A trust list may name a key twice, an old entry beside its renewal, in any order; which comes first must not
decide.
Source: hcert-spec §3.3.3 (every signer of a kid is tried).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from ..verdict import Check, Outcome, fold

_T = TypeVar("_T")


def best_of(listed: Iterable[_T], judge: Callable[[_T], tuple[Check, Check]]) -> tuple[_T, Check, Check]:
    """(listing, usage, time) of the first that `judge` does not refuse, else of the first at all.

    `listed` holds at least one.
    """
    found = [(one, *judge(one)) for one in listed]
    return next((one for one in found if fold(one[1:]) is not Outcome.INVALID), found[0])
