"""Paths that are nearly called like one that is not there: what a person may want to know, never what is written."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cached_property

from autopack.gaps.similar_names import SimilarNames

_NUMBER = re.compile(r"\d{1,4}[-_.](?=[^\W\d])")


class NearPaths:
    """Files and folders, by their names."""

    def __init__(self, paths: Collection[str]) -> None:
        self._paths = paths
        self._similar: dict[str, SimilarNames] = {}

    @cached_property
    def _names_in(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in self._paths:
            folder, _, name = path.rpartition("/")
            found.setdefault(folder, []).append(name)
        return found

    @cached_property
    def _by_name_without_number(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in self._paths:
            name = path.rpartition("/")[2]
            if number := _NUMBER.match(name):
                found.setdefault(name[number.end() :], []).append(path)
        return found

    def one_letter_off(self, path: str) -> str | None:
        """Return the one file or folder beside PATH whose name differs from its own in a letter."""
        folder, _, name = path.rpartition("/")
        if folder not in self._similar:
            self._similar[folder] = SimilarNames(self._names_in.get(folder, ()))
        near = self._similar[folder].one_letter_off(name)
        return f"{folder}/{near[0]}".lstrip("/") if len(near) == 1 else None

    def renumbered(self, path: str) -> str | None:
        """Return the one file or folder that is called as PATH but for the number before its name: `05-a.md` for
        `04-a.md`."""
        name = path.rpartition("/")[2]
        number = _NUMBER.match(name)
        found = self._by_name_without_number.get(name[number.end() :], []) if number else []
        return found[0] if len(found) == 1 else None
