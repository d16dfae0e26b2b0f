"""The rules of name comparison, strictest first: what may differ between two spellings of one person's name.

Văn and Thị mark the sex and are shared by half a country: they alone never count as a shared given name. A
Vietnamese is called by the last word of the name: who lacks it, or has its initial, may be somebody else.
Source: ICAO Doc 9303 part 3 §4.6, part 4 §4.2.3 (truncation).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from enum import StrEnum
from itertools import accumulate, chain
from typing import NamedTuple

from .transliteration import Words

_WEAK_GIVEN = frozenset(("VAN", "THI"))
_PLACEHOLDERS = frozenset(("FNU", "LNU", "XXX"))  # "first name unknown", "last name unknown"
# A Vietnamese syllable in A-Z: initial, one to three vowels, final. Every word is one syllable.
_SYLLABLE = re.compile(
    r"(?:NGH?|[CGKNPT]H|TR|GI|QU|[BCDGHKLMNPRSTVX])?[AEIOUY]{1,3}(?:CH|N[GH]|[CMNPT])?", re.ASCII
)
_SECOND_LETTERS = re.compile(r"(?<=[AOU])E|(?<=A)A|(?<=[NU])XX")


class NameLevel(StrEnum):
    """How far two names agree, best first."""

    EQUAL = "equal"
    COMPATIBLE = "compatible"
    UNCLEAR = "unclear"
    DIFFERENT = "different"


class Form(NamedTuple):
    """A name in one spelling. Without given words nobody divided it: `family` is all of it."""

    family: Words
    given: Words
    cut: bool

    @property
    def words(self) -> Words:
        """The whole name, family name first."""
        return self.family + self.given

    @property
    def seam(self) -> int | None:
        """Letters before the given name; None if nobody divided the name."""
        return len(_letters(self.family)) if self.given else None

    @property
    def vietnamese(self) -> bool:
        """Whether the name may be a Vietnamese one: two words or more, all of them Vietnamese syllables."""
        return len(self.words) > 1 and all(map(_SYLLABLE.fullmatch, self.words))

    def other_orders(self) -> tuple[Form, ...]:
        """As other customs write it: given name first, or wholly reversed."""
        words = self.words
        backwards = Form(words[::-1], (), self.cut)
        if self.given:
            return Form(self.given, self.family, self.cut), backwards
        first_last, last_first = words[1:] + words[:1], words[-1:] + words[:-1]
        return Form(first_last, (), self.cut), Form(last_first, (), self.cut), backwards

    def divisions(self, *, given_first: bool) -> Iterator[tuple[Words, Words]]:
        """(family, given), or the two changed over; for an undivided name at every place to divide it."""
        seams = (len(self.family),) if self.given else range(1, len(self.family))
        for i in seams:
            first, last = self.words[:i], self.words[i:]
            yield (last, first) if given_first else (first, last)

    def ends_as_family(self) -> tuple[tuple[Words, Words], tuple[Words, Words]]:
        """(family, given) of an undivided name with its first word, and with its last, as the family name."""
        words = self.words
        return (words[:1], words[1:]), (words[-1:], words[:-1])


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


def _ends(words: Words) -> set[int | None]:
    """After how many letters a word ends; None stands for a seam nobody set."""
    return {None, *accumulate(map(len, words))}


def _same_letters(a: Form, b: Form) -> bool:
    if a.given and b.given:
        return _letters(a.family) == _letters(b.family) and _letters(a.given) == _letters(b.given)
    return _divided_elsewhere(a, b)


def _divided_elsewhere(a: Form, b: Form) -> bool:
    """The same letters, and where one side divides the name a word of the other ends: Hoàng is not Hồ Ang."""
    same = _letters(a.words) == _letters(b.words)
    return same and a.seam in _ends(b.words) and b.seam in _ends(a.words)


def _other_order(a: Form, b: Form) -> bool:
    return any(_divided_elsewhere(order, b) for order in a.other_orders())


def _begins(cut: Words, whole: Words) -> bool:
    begins = _in_order(cut, whole, lambda short, long: long.startswith(short))
    return begins or _letters(whole).startswith(_letters(cut))


def _cut(a: Form, b: Form) -> bool:
    if not a.cut:
        return False
    if a.given and b.given:
        return _begins(a.family, b.family) and _begins(a.given, b.given)
    return _begins(a.words, b.words)


def _cut_in_other_order(a: Form, b: Form) -> bool:
    if not a.cut:
        return False
    if a.given and b.given:
        return _begins(a.family, b.given) and _begins(a.given, b.family)
    return any(_begins(a.words, order.words) for order in b.other_orders())


_Parts = tuple[Words, Words]  # family, given


def _pairs(a: Form, b: Form, *, crosswise: bool) -> Iterator[tuple[_Parts, _Parts]]:
    """Every way to lay family on family and given on given name; crosswise, one has given names first."""
    a_turned = crosswise and not a.given
    b_turned = crosswise and not a_turned
    for a_parts in a.divisions(given_first=a_turned):
        for b_parts in b.divisions(given_first=b_turned):
            yield a_parts, b_parts


def _words_missing(a: Form, b: Form) -> bool:
    """`a` lacks words of `b`, but keeps a family name and a given name that says something."""
    if not a.given and not b.given:
        ends = len(a.words) > 1 and a.words[0] == b.words[0] and a.words[-1] == b.words[-1]
        return ends and _inside(a.words, b.words)
    return _lies_inside(a, b, crosswise=False)


def _words_missing_in_other_order(a: Form, b: Form) -> bool:
    return bool(a.given or b.given) and _lies_inside(a, b, crosswise=True)


def _last_given_word_missing(a: Form, b: Form) -> bool:
    """As one of those two, but of a Vietnamese name the word goes missing that its holder is called by."""
    return any(_lies_inside(a, b, crosswise=crosswise, with_last=False) for crosswise in (False, True))


def _lies_inside(a: Form, b: Form, *, crosswise: bool, with_last: bool = True) -> bool:
    with_last = with_last and b.vietnamese
    return any(
        _inside(family, whole_family)
        and _inside(given, whole_given)
        and _strong(given)
        and (not with_last or given[-1] == whole_given[-1] or _letters(given) == _letters(whole_given))
        and (not crosswise or _strong(family))  # crosswise either may be the given name
        for (family, given), (whole_family, whole_given) in _pairs(a, b, crosswise=crosswise)
    )


def _initials(a: Form, b: Form) -> bool:
    """Given names of one are initials of the other's, and one that says something is written in full."""
    return _abbreviated(a, b, with_full=True)


def _only_initials(a: Form, b: Form) -> bool:
    return _abbreviated(a, b, with_full=False)


def _abbreviated(a: Form, b: Form, *, with_full: bool) -> bool:
    if not any(len(word) == 1 for word in a.words + b.words):
        return False
    if a.given or b.given:
        pairs = chain(_pairs(a, b, crosswise=False), _pairs(a, b, crosswise=True))
    else:  # the family name is the first word of both, or the last
        pairs = chain(zip(a.ends_as_family(), b.ends_as_family(), strict=True))
    return any(
        _letters(family) == _letters(other_family)
        and any(len(word) == 1 for word in given + other_given)
        and _in_order(given, other_given, _alike_or_initial)
        and (not with_full or _strong(tuple(set(given) & set(other_given))))
        and (not (with_full and a.vietnamese and b.vietnamese) or given[-1] == other_given[-1])
        for (family, given), (other_family, other_given) in pairs
    )


def _alike_or_initial(word: str, other: str) -> bool:
    return word == other or _is_initial(word, other) or _is_initial(other, word)


def _without_placeholders(form: Form) -> frozenset[str]:
    return frozenset(form.words) - _PLACEHOLDERS


def _single_name(a: Form, b: Form) -> bool:
    words = _without_placeholders(a)
    return len(words) == 1 and words == _without_placeholders(b)


def _part_only(a: Form, b: Form) -> bool:
    words = _without_placeholders(a)
    return bool(words) and words <= _without_placeholders(b)


def _same_words(a: Form, b: Form) -> bool:
    return sorted(a.words) == sorted(b.words)


def _cut_and_words_missing(a: Form, b: Form) -> bool:
    """`a` was cut, and `b` lacks words of what is left of it."""
    return a.cut and any(
        _inside(family, cut_family) and _in_order(given, cut_given, str.startswith) and _strong(given)
        for (cut_family, cut_given), (family, given) in _pairs(a, b, crosswise=False)
    )


def _each_lacks_words(a: Form, b: Form) -> bool:
    """Of the family name `a` has more and of the given name `b`, or the other way round."""
    given = _inside(a.given, b.given) and _strong(a.given)
    return given and _inside(b.family, a.family)


def _one_letter_spelt_twice(a: Form, b: Form) -> bool:
    """Equal once UE, UXX and U and the like count as one: two ASCII spellings may stand for one Ü."""
    return _SECOND_LETTERS.sub("", " ".join(a.words)) == _SECOND_LETTERS.sub("", " ".join(b.words))


_Rule = Callable[[Form, Form], bool]
_E, _C, _U = NameLevel.EQUAL, NameLevel.COMPATIBLE, NameLevel.UNCLEAR
_ORDER, _MISSING, _STUMP = "holder.name_order", "holder.name_words_missing", "holder.name_cut"
# A rule is asked for (a, b) and (b, a).
RULES: tuple[tuple[NameLevel, tuple[str, ...], _Rule], ...] = (
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
    (_U, ("holder.name_last_word_missing",), _last_given_word_missing),
    (_U, ("holder.name_part_only",), _part_only),
    (_U, (_STUMP, _MISSING), _cut_and_words_missing),
    (_U, ("holder.name_each_lacks_words",), _each_lacks_words),
    (_U, ("holder.name_spelling",), _one_letter_spelt_twice),
)
