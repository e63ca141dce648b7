"""The paths of a repository, found again by what a link may have got wrong: letter case, folder, language.

Tens of thousands of paths are asked about a few times: they are sorted by a part of their names, and only the few that
share it are looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

from autopack.gaps.document_places import without_language

_LEAD = re.compile(r"[^._-]*")


@dataclass(frozen=True)
class PathIndex:
    """PATHS, asked by name."""

    paths: tuple[str, ...]

    @cached_property
    def by_name(self) -> dict[str, list[str]]:
        """Name -> the paths that end in it."""
        return self._sorted(lambda name: name)

    @cached_property
    def extensions(self) -> frozenset[str]:
        """What stands behind the last dot of a name; of a name without one, all of it."""
        return frozenset(name.rpartition(".")[2] for name in self.by_name)

    @cached_property
    def _by_folded_name(self) -> dict[str, list[str]]:
        return self._sorted(str.casefold)

    @cached_property
    def _by_lead(self) -> dict[str, list[str]]:
        return self._sorted(_lead)

    def _sorted(self, key: Callable[[str], str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in self.paths:
            found.setdefault(key(path.rpartition("/")[2]), []).append(path)
        return found

    def ending_in(self, path: str) -> tuple[str, ...]:
        """Return the paths that are PATH below some folder, PATH itself included."""
        return tuple(found for found in self.by_name.get(_name(path), ()) if f"/{found}".endswith(f"/{path}"))

    def same_but_for_case(self, path: str) -> list[str]:
        """Return the paths that differ from PATH in letter case only, PATH itself included."""
        folded = path.casefold()
        return [found for found in self._by_folded_name.get(_name(folded), ()) if found.casefold() == folded]

    def has_in_another_language(self, path: str) -> bool:
        """Tell whether PATH, which names a language, is there in another language."""
        neutral = without_language(path)
        # The first part of a name is never its language.
        alike = self._by_lead.get(_lead(_name(path)), ())
        return neutral != path and any(without_language(found) == neutral for found in alike)


def path_index(paths: Iterable[str]) -> PathIndex:
    """Return the index of PATHS, the same for the same paths."""
    return _path_index(tuple(paths))


@lru_cache(maxsize=2)
def _path_index(paths: tuple[str, ...]) -> PathIndex:
    return PathIndex(paths)


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _lead(name: str) -> str:
    match = _LEAD.match(name)
    return match[0] if match else ""
