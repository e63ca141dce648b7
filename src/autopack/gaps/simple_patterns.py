"""Regular expressions that a repository holds, as far as they are simple: letters, and anything between them.

They are never run: one that goes back and forth would hold a scan for hours. Those that say more are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_LONGEST = 300
_ANYTHING = re.compile(r"\(?\.[*+]\??\)?")
_LETTERS = re.compile(r"(?:[\w/.~%@:=&, -]|\\[^\w\s])+")
"""An unescaped dot is one here: who writes `bundle.zip` means that."""
_ESCAPE = re.compile(r"\\(?=\W)")


@dataclass(frozen=True)
class SimplePattern:
    """The letters of an expression in their order; anything may stand between two of its `pieces`."""

    pieces: tuple[str, ...]

    def matches(self, text: str) -> bool:
        """Tell whether the whole TEXT is meant."""
        first, last = self.pieces[0], self.pieces[-1]
        if len(self.pieces) == 1:
            return text == first
        at, end = len(first), len(text) - len(last)
        if not text.startswith(first) or not text.endswith(last) or at > end:
            return False
        for piece in self.pieces[1:-1]:
            found = text.find(piece, at, end)
            if found < 0:
                return False
            at = found + len(piece)
        return True


class SimplePatterns:
    """Many of them, asked about many texts: what is one text is looked up, and of the others the first MOST count."""

    MOST = 100

    def __init__(self, patterns: Iterable[SimplePattern]) -> None:
        every = tuple(patterns)
        self._texts = frozenset(one.pieces[0] for one in every if len(one.pieces) == 1)
        self._others = tuple(dict.fromkeys(one for one in every if len(one.pieces) > 1))[: self.MOST]

    def match(self, text: str) -> bool:
        """Tell whether one of them means the whole TEXT."""
        return text in self._texts or any(pattern.matches(text) for pattern in self._others)


def read_pattern(written: str, *, whole: bool = False) -> SimplePattern | None:
    """Return the expression WRITTEN, None where it is not simple or means everything. It stands for a WHOLE text, or
    for a part of one unless `^` and `$` say otherwise."""
    if len(written) > _LONGEST:
        return None
    begins, ends = whole or written.startswith("^"), whole or written.endswith("$")
    left = written.removeprefix("^").removesuffix("$")
    pieces = [""] if begins else ["", ""]
    while left:
        if anything := _ANYTHING.match(left):
            pieces.append("")
            left = left[anything.end() :]
        elif letters := _LETTERS.match(left.partition(".*")[0].partition(".+")[0]):
            pieces[-1] += _ESCAPE.sub("", letters[0])
            left = left[letters.end() :]
        else:
            return None
    pieces += [] if ends else [""]
    return SimplePattern(tuple(pieces)) if any(pieces) else None
