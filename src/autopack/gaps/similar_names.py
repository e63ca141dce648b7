"""Names that differ from one another in one letter, found without comparing each with each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_SHORTEST_MISSPELT = 8
_MOST_ALIKE = 100
"""Names that share a half with the one that is asked for. Of more, none would be the one that was meant."""
_DIGITS = re.compile(r"\d")


class SimilarNames:
    """Names by their halves: one slip leaves the first half of a name as it is, or the second one."""

    def __init__(self, names: Iterable[str]) -> None:
        self._by_half: dict[tuple[int, bool, str], list[str]] = {}
        for name in names:
            if len(name) >= _SHORTEST_MISSPELT:
                for key in (*_halves(name, len(name)), *_halves(name, len(name) - 1)):
                    self._by_half.setdefault(key, []).append(name)

    def one_letter_off(self, name: str) -> tuple[str, ...]:
        """Return the names that differ from NAME in one letter left out, added, mistaken or swapped with its neighbour
        (Damerau, 1964), sorted; digits and short words never count as misspelt."""
        if len(name) < _SHORTEST_MISSPELT:
            return ()
        found: set[str] = set()
        for key in (*_halves(name, len(name)), *_halves(name, len(name) - 1)):
            alike = self._by_half.get(key, [])
            if len(alike) <= _MOST_ALIKE:
                found.update(other for other in alike if _is_one_letter_off(other, name))
        return tuple(sorted(found))


def _halves(name: str, shorter: int) -> Iterator[tuple[int, bool, str]]:
    """Yield the halves of NAME by which it is compared with one of which the shorter has SHORTER letters."""
    half = shorter // 2 - 1  # Two swapped letters may stand on both sides of the middle.
    yield shorter, True, name[:half]
    yield shorter, False, name[len(name) - half :]


def _is_one_letter_off(one: str, other: str) -> bool:
    if abs(len(one) - len(other)) > 1 or _DIGITS.findall(one) != _DIGITS.findall(other):
        return False
    if min(len(one), len(other)) < _SHORTEST_MISSPELT:
        return False
    start = next((at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), None)
    if start is None:
        return abs(len(one) - len(other)) == 1
    rest, other_rest = one[start:], other[start:]
    swapped = rest[:2] == other_rest[1::-1] and rest[2:] == other_rest[2:]
    return swapped or other_rest[1:] in (rest, rest[1:]) or rest[1:] == other_rest
