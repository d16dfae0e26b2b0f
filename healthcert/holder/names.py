"""Whether two names may be one person's: equal, compatible for a reason one can tell, unclear, or different.

Names are compared in A-Z (see `transliteration`); blanks, hyphens and apostrophes never decide. The rules
stand in the table of `name_rules`, strictest first; the first that applies gives level and reasons.

    EQUAL        the same letters in the same order
    COMPATIBLE   family and given name swapped, or divided elsewhere; cut to fit a full MRZ field; words
                 missing on one side (middle names, second surnames); initials beside a full given name
    UNCLEAR      nothing readable to compare; the same words in an order no custom explains; one side is only
                 part of the other, without family or given name; the last word of a Vietnamese name is
                 missing or an initial; each side lacks words of the other; spellings that may stand for one
                 letter (AE, A)
    DIFFERENT    none of these

Source: ICAO Doc 9303 part 3 §4.6, part 4 §4.2.3 (truncation); notes/registry-core §3.4 (folded names).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from .name_rules import RULES, Form, NameLevel
from .transliteration import spellings

_DIVIDER = re.compile(r"\s*,\s*|\s{2,}|<<")


class NameComparison(NamedTuple):
    """A level and the `holder.name_*` codes that explain it; no codes for EQUAL."""

    level: NameLevel
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class PersonName:
    """A name in all the spellings its source allows; `present` if anything was written, readable or not."""

    forms: tuple[Form, ...]
    present: bool

    def __repr__(self) -> str:
        return "<PersonName>"  # never the holder's data in a log


def make_name(writings: Iterable[tuple[str, str]], *, cut: bool = False) -> PersonName:
    """A name from its writings, each (family, given); an undivided name is (name, "").

    An undivided name is divided at a comma or two blanks, as VDS-NC does. `cut`: the source had no room left.
    """
    forms: list[Form] = []
    present = False
    for family, given in writings:
        if not given.strip() or not family.strip():
            family, _, given = _DIVIDER.sub("\n", (family + given).strip(), count=1).partition("\n")
        present = present or bool(family.strip())
        forms += [Form(f or g, g if f else (), cut) for f, g in spellings(family, given) if f or g]
    return PersonName(tuple(dict.fromkeys(forms)), present)


def compare_names(a: PersonName, b: PersonName) -> NameComparison:
    """The best that any spelling of one and any of the other come to; the same for (b, a)."""
    if not a.forms or not b.forms:
        unreadable = a.present and b.present
        reason = "holder.name_unreadable" if unreadable else "holder.name_absent"
        return NameComparison(NameLevel.UNCLEAR, (reason,))
    best = NameComparison(NameLevel.DIFFERENT, ("holder.name_differs",))
    best_rank = len(RULES)
    for one in a.forms:
        for other in b.forms:
            for rank, (level, reasons, applies) in enumerate(RULES[:best_rank]):
                if applies(one, other) or applies(other, one):
                    best, best_rank = NameComparison(level, reasons), rank
                    break
    return best


NAME_REASONS = frozenset(reason for _, reasons, _ in RULES for reason in reasons) | {
    "holder.name_differs",
    "holder.name_absent",
    "holder.name_unreadable",
}
