"""Headings of a page that are nearly called like one that it lacks."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable
from functools import cached_property
from itertools import chain

from autopack.gaps.similar_names import SimilarNames

_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")
_CHAPTER = re.compile(r"\d{1,4}-+(?=[^\W\d_]{2})")
_REPEATED = re.compile(r"(?:[^-]+-+){2,40}[^-]+(-1)\Z")
"""What is put behind the id of a heading of several words that a page has once more; `phase-1` is a name."""
_LONGEST_IN_WORDS = 200
_MOST_COMPARED = 100


class NearHeadings:
    """The heading slugs of one page, by what people write instead of them."""

    def __init__(self, slugs: Collection[str]) -> None:
        self._slugs = dict.fromkeys(sorted(slugs))

    @cached_property
    def _by_letters(self) -> dict[str, list[str]]:
        """By their letters and digits alone."""
        return grouped((letters_of(slug), slug) for slug in self._slugs)

    @cached_property
    def _by_number(self) -> dict[str, list[str]]:
        """By what stands behind the number of a chapter."""
        numbers = ((_CHAPTER.match(slug), slug) for slug in self._slugs)
        return grouped((slug[number.end() :], slug) for number, slug in numbers if number)

    @cached_property
    def _similar(self) -> SimilarNames:
        return SimilarNames(self._by_letters)

    @cached_property
    def _by_end(self) -> dict[str, list[str]]:
        """By their first word, and by their last."""
        short = [slug for slug in self._slugs if len(slug) <= _LONGEST_IN_WORDS]
        ends = ((slug, _words(slug)) for slug in short)
        return grouped((end, slug) for slug, words in ends if words for end in dict.fromkeys((words[0], words[-1])))

    def nearest(self, slug: str) -> str | None:
        """Return the one that SLUG is a misspelling of."""
        letters = letters_of(slug)
        if not letters:
            return None
        near = self._by_letters.get(letters, [])
        near = near or [one for other in self._similar.one_letter_off(letters) for one in self._by_letters[other]]
        if not near:
            number, repeated = _CHAPTER.match(slug), _REPEATED.match(slug)
            bare = slug[number.end() :] if number else slug[: repeated.start(1)] if repeated else ""
            near = [*self._by_number.get(slug, ()), *([bare] if bare and bare in self._slugs else ())]
        return near[0] if len(near) == 1 else None

    def around(self, slug: str) -> str | None:
        """Return the one that has the words of SLUG, in their order, and others besides; None where another begins with
        the same letters, as the id of `Goals/Pain` does."""
        words, letters = _words(slug), letters_of(slug)
        ends = [self._by_end.get(end, []) for end in (*words[:1], *words[-1:])]
        if len(slug) > _LONGEST_IN_WORDS or any(len(found) > _MOST_COMPARED for found in ends):
            return None
        near = set(chain.from_iterable(ends))
        if len(near) > _MOST_COMPARED:
            return None
        found = [one for one in near if one != slug and _holds_in_order(_words(one), words)]
        return found[0] if len(found) == 1 and not self._begins_another(letters, found[0]) else None

    def _begins_another(self, letters: str, slug: str) -> bool:
        """Tell whether one besides SLUG begins with LETTERS."""
        place = bisect_left(self._in_order, letters)
        following = self._in_order[place : place + 2]
        return any(other.startswith(letters) and other != letters_of(slug) for other in following)

    @cached_property
    def _in_order(self) -> list[str]:
        """The letters and digits of all, sorted."""
        return sorted(self._by_letters)


def grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return the second of PAIRS by the first."""
    found: dict[str, list[str]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found


def _words(slug: str) -> list[str]:
    return [word for word in slug.split("-") if word]


def _holds_in_order(words: Iterable[str], wanted: Iterable[str]) -> bool:
    rest = iter(words)
    return all(word in rest for word in wanted)


def letters_of(slug: str) -> str:
    """Return the letters and digits of SLUG alone."""
    return _NOT_ALPHANUMERIC.sub("", slug)
