"""Whether two names may be one person's: equal, compatible for a reason one can tell, unclear, or different.

Names are compared in A-Z (see `transliteration`); blanks, hyphens and apostrophes never decide. The rules
stand in the table at the end, strictest first; the first that applies gives level and reasons.

    EQUAL        the same letters in the same order
    COMPATIBLE   family and given name swapped, or divided elsewhere; cut to fit a full MRZ field; words
                 missing on one side (middle names, second surnames); initials beside a full given name
    UNCLEAR      nothing readable to compare; the same words in an order no custom explains; one side is only
                 part of the other, without family or given name; each side lacks words of the other;
                 spellings that may stand for one letter (AE, A)
    DIFFERENT    none of these

Văn and Thị mark the sex and are shared by half a country: they alone never count as a shared given name.
Source: ICAO Doc 9303 part 3 §4.6, part 4 §4.2.3 (truncation); notes/registry-core §3.4 (folded names).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from .transliteration import Words, spellings

_DIVIDER = re.compile(r"\s*,\s*|\s{2,}|<<")
_WEAK_GIVEN = frozenset(("VAN", "THI"))
_PLACEHOLDERS = frozenset(("FNU", "LNU", "XXX"))  # "first name unknown", "last name unknown"
_SECOND_LETTERS = re.compile(r"(?<=[AOU])E|(?<=A)A|(?<=[NU])XX")


class NameLevel(StrEnum):
    """How far two names agree, best first."""

    EQUAL = "equal"
    COMPATIBLE = "compatible"
    UNCLEAR = "unclear"
    DIFFERENT = "different"


_RANK = {level: rank for rank, level in enumerate(NameLevel)}


class NameComparison(NamedTuple):
    """A level and the `holder.name_*` codes that explain it; no codes for EQUAL."""

    level: NameLevel
    reasons: tuple[str, ...] = ()


class _Form(NamedTuple):
    """A name in one spelling. Without given words nobody divided it: `family` is all of it."""

    family: Words
    given: Words
    cut: bool

    @property
    def words(self) -> Words:
        return self.family + self.given

    def other_orders(self) -> tuple[Words, ...]:
        """As other customs write it: given name first, or wholly reversed."""
        words = self.words
        if self.given:
            return self.given + self.family, words[::-1]
        return words[1:] + words[:1], words[-1:] + words[:-1], words[::-1]

    def divisions(self) -> Iterator[tuple[Words, Words]]:
        """(family, given); for an undivided name every place to divide it, family first."""
        if self.given:
            yield self.family, self.given
        else:
            for i in range(1, len(self.family)):
                yield self.family[:i], self.family[i:]

    def swapped(self) -> _Form:
        """The same name with family and given name changed over; it must be divided."""
        return _Form(self.given, self.family, self.cut)

    def divided_at_ends(self) -> tuple[_Form, _Form]:
        """An undivided name with its first word, and with its last word, as the family name."""
        words = self.family
        return _Form(words[:1], words[1:], self.cut), _Form(words[-1:], words[:-1], self.cut)


@dataclass(frozen=True, slots=True, repr=False)
class PersonName:
    """A name in all the spellings its source allows; `present` if anything was written, readable or not."""

    forms: tuple[_Form, ...]
    present: bool

    def __repr__(self) -> str:
        return "<PersonName>"  # never the holder's data in a log


def make_name(writings: Iterable[tuple[str, str]], *, cut: bool = False) -> PersonName:
    """A name from its writings, each (family, given); an undivided name is (name, "").

    An undivided name is divided at a comma or two blanks, as VDS-NC does. `cut`: the source had no room left.
    """
    forms: list[_Form] = []
    present = False
    for family, given in writings:
        if not given.strip() or not family.strip():
            family, _, given = _DIVIDER.sub("\n", (family + given).strip(), count=1).partition("\n")
        present = present or bool(family.strip())
        forms += [_Form(f or g, g if f else (), cut) for f, g in spellings(family, given) if f or g]
    return PersonName(tuple(dict.fromkeys(forms)), present)


def compare_names(a: PersonName, b: PersonName) -> NameComparison:
    """The best that any spelling of one and any of the other come to; the same for (b, a)."""
    if not a.forms or not b.forms:
        unreadable = a.present and b.present
        reason = "holder.name_unreadable" if unreadable else "holder.name_absent"
        return NameComparison(NameLevel.UNCLEAR, (reason,))
    best = NameComparison(NameLevel.DIFFERENT, ("holder.name_differs",))
    best_rank = len(_RULES)
    for one in a.forms:
        for other in b.forms:
            for rank, (level, reasons, applies) in enumerate(_RULES[:best_rank]):
                if applies(one, other) or applies(other, one):
                    best, best_rank = NameComparison(level, reasons), rank
                    break
    return best


def _letters(words: Words) -> str:
    return "".join(words)


def _is_initial(short: str, long: str) -> bool:
    return len(short) == 1 and long.startswith(short)


def _in_order(few: Words, many: Words, alike: Callable[[str, str], bool]) -> bool:
    """Whether every word of `few` is alike one of `many`, in the same order; not so if `few` is empty."""
    rest = iter(many)
    return bool(few) and all(any(alike(word, other) for other in rest) for word in few)


def _inside(few: Words, many: Words) -> bool:
    return _in_order(few, many, str.__eq__) or (bool(few) and _letters(few) == _letters(many))


def _strong(given: Words) -> bool:
    return not _WEAK_GIVEN.issuperset(given)


def _same_letters(a: _Form, b: _Form) -> bool:
    both_divided = bool(a.given and b.given)
    return _divided_elsewhere(a, b) and not (both_divided and _letters(a.family) != _letters(b.family))


def _divided_elsewhere(a: _Form, b: _Form) -> bool:
    return _letters(a.words) == _letters(b.words)


def _other_order(a: _Form, b: _Form) -> bool:
    return any(_letters(words) == _letters(b.words) for words in a.other_orders())


def _begins(cut: Words, whole: Words) -> bool:
    begins = _in_order(cut, whole, lambda short, long: long.startswith(short))
    return begins or _letters(whole).startswith(_letters(cut))


def _cut(a: _Form, b: _Form) -> bool:
    if not a.cut:
        return False
    if a.given and b.given:
        return _begins(a.family, b.family) and _begins(a.given, b.given)
    return _begins(a.words, b.words)


def _cut_in_other_order(a: _Form, b: _Form) -> bool:
    if not a.cut:
        return False
    if a.given and b.given:
        return _begins(a.family, b.given) and _begins(a.given, b.family)
    return any(_begins(a.words, words) for words in b.other_orders())


def _words_missing(a: _Form, b: _Form) -> bool:
    """`a` lacks words of `b`, but keeps a family name and a given name that says something."""
    if not a.given and not b.given:
        ends = len(a.words) > 1 and a.words[0] == b.words[0] and a.words[-1] == b.words[-1]
        return ends and _inside(a.words, b.words)
    return any(
        _inside(family, whole_family) and _inside(given, whole_given) and _strong(given)
        for family, given in a.divisions()
        for whole_family, whole_given in b.divisions()
    )


def _words_missing_in_other_order(a: _Form, b: _Form) -> bool:
    return _either_swapped(a, b, _words_missing)


def _either_swapped(a: _Form, b: _Form, applies: Callable[[_Form, _Form], bool]) -> bool:
    """The rule with family and given name of one side changed; an undivided side leaves it to the other."""
    return applies(a.swapped(), b) if a.given else bool(b.given) and applies(a, b.swapped())


def _initials(a: _Form, b: _Form) -> bool:
    """Given names of `a` are initials of `b`'s, at least one that says something is written in full."""
    return _abbreviated(a, b, with_full=True)


def _only_initials(a: _Form, b: _Form) -> bool:
    return _abbreviated(a, b, with_full=False)


def _abbreviated(a: _Form, b: _Form, *, with_full: bool) -> bool:
    def alike(word: str, other: str) -> bool:
        return word == other or _is_initial(word, other) or _is_initial(other, word)

    def applies(one: _Form, two: _Form) -> bool:
        return any(
            (_inside(family, other_family) or _inside(other_family, family))
            and _in_order(given, other_given, alike)
            and (not with_full or _strong(tuple(set(given) & set(other_given))))
            for family, given in one.divisions()
            for other_family, other_given in two.divisions()
        )

    if not a.given and not b.given:
        return any(map(applies, a.divided_at_ends(), b.divided_at_ends()))
    return applies(a, b) or _either_swapped(a, b, applies)


def _without_placeholders(form: _Form) -> frozenset[str]:
    return frozenset(form.words) - _PLACEHOLDERS


def _single_name(a: _Form, b: _Form) -> bool:
    words = _without_placeholders(a)
    return len(words) == 1 and words == _without_placeholders(b)


def _part_only(a: _Form, b: _Form) -> bool:
    words = _without_placeholders(a)
    return bool(words) and words <= _without_placeholders(b)


def _same_words(a: _Form, b: _Form) -> bool:
    return sorted(a.words) == sorted(b.words)


def _cut_and_words_missing(a: _Form, b: _Form) -> bool:
    if not a.cut or not a.given:
        return False
    kept = _Form(a.family, a.given[:-1], cut=False)  # the last word may be a stump
    return bool(kept.given) and (_words_missing(kept, b) or _words_missing(b, kept))


def _each_lacks_words(a: _Form, b: _Form) -> bool:
    """Of the family name `a` has more and of the given name `b`, or the other way round."""
    given = _inside(a.given, b.given) and _strong(a.given)
    return given and _inside(b.family, a.family)


def _one_letter_spelt_twice(a: _Form, b: _Form) -> bool:
    """Equal once UE, UXX and U and the like count as one: two ASCII spellings may stand for one Ü."""
    return _SECOND_LETTERS.sub("", _letters(a.words)) == _SECOND_LETTERS.sub("", _letters(b.words))


_Rule = Callable[[_Form, _Form], bool]
_E, _C, _U = NameLevel.EQUAL, NameLevel.COMPATIBLE, NameLevel.UNCLEAR
_ORDER, _MISSING, _STUMP = "holder.name_order", "holder.name_words_missing", "holder.name_cut"
# A rule is asked for (a, b) and (b, a).
_RULES: tuple[tuple[NameLevel, tuple[str, ...], _Rule], ...] = (
    (_E, (), _same_letters),
    (_C, ("holder.name_division",), _divided_elsewhere),
    (_C, (_ORDER,), _other_order),
    (_C, (_STUMP,), _cut),
    (_C, (_STUMP, _ORDER), _cut_in_other_order),
    (_C, (_MISSING,), _words_missing),
    (_C, (_MISSING, _ORDER), _words_missing_in_other_order),
    (_C, ("holder.name_initials",), _initials),
    (_C, ("holder.name_single",), _single_name),
    (_U, ("holder.name_word_order",), _same_words),
    (_U, ("holder.name_initials",), _only_initials),
    (_U, ("holder.name_part_only",), _part_only),
    (_U, (_STUMP, _MISSING), _cut_and_words_missing),
    (_U, ("holder.name_each_lacks_words",), _each_lacks_words),
    (_U, ("holder.name_spelling",), _one_letter_spelt_twice),
)
NAME_REASONS = frozenset(reason for _, reasons, _ in _RULES for reason in reasons) | {
    "holder.name_differs",
    "holder.name_absent",
    "holder.name_unreadable",
}
