"""Which files mention certain names: names of files in the root, say, that something may still need."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from autopack.gaps.sources.listing import encode

_PART_OF_A_NAME = rb"[\w.+~#-]"
_LONGEST_SEARCHED = 1_000_000
"""Larger files list names, and need none."""


class Seeker:
    """Looks for NAMES in files, each as a whole word; a full stop may follow it."""

    def __init__(self, names: Iterable[str]) -> None:
        wanted = sorted(set(names))
        self.digest = hashlib.sha256("\0".join(map(repr, wanted)).encode()).hexdigest() if wanted else ""
        """Stands for NAMES: what was found of one list says nothing about another."""
        self._wanted = tuple((name, encode(name), _whole(encode(name))) for name in wanted)

    def found_in(self, data: bytes) -> tuple[str, ...]:
        """Return those of the names that DATA mentions, sorted."""
        if not self._wanted or len(data) > _LONGEST_SEARCHED:
            return ()
        return tuple(name for name, literal, whole in self._wanted if literal in data and whole.search(data))


NOTHING_SOUGHT = Seeker(())


def _whole(name: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"(?<!" + _PART_OF_A_NAME + rb")" + re.escape(name) + rb"\.*(?!" + _PART_OF_A_NAME + rb")")
