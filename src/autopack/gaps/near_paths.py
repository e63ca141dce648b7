"""Paths that are nearly called like one that is not there: what a person may want to know, never what is written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from functools import cached_property

from autopack.gaps.near_headings import grouped
from autopack.gaps.similar_names import SimilarNames

_WORD_ENDS = re.compile(r"[-_]")
_NUMBER = re.compile(r"\d{1,4}[-_.](?=[^\W\d])")


class NearPaths:
    """Files and folders, by their names."""

    def __init__(self, paths: Set[str]) -> None:
        self._paths = paths
        self._similar: dict[str, SimilarNames] = {}
        self._unjoined: dict[str, dict[str, list[str]]] = {}
        """Folder -> the names in it by what they are without hyphens and underscores."""

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
        """Return the one file or folder that PATH leads to where one letter in the first part that is not there is
        another."""
        folder, name, rest = self._first_missing(path)
        if folder not in self._similar:
            self._similar[folder] = SimilarNames(self._names_in.get(folder, ()))
        return self._only(f"{folder}/{near}{rest}".lstrip("/") for near in self._similar[folder].one_letter_off(name))

    def joined_otherwise(self, path: str) -> str | None:
        """Return the one file or folder that PATH leads to with other hyphens and underscores in the first part that
        is not there."""
        folder, name, rest = self._first_missing(path)
        if folder not in self._unjoined:
            self._unjoined[folder] = grouped(
                (_WORD_ENDS.sub("", near), near) for near in self._names_in.get(folder, ())
            )
        alike = self._unjoined[folder].get(_WORD_ENDS.sub("", name), ())
        return self._only(f"{folder}/{near}{rest}".lstrip("/") for near in alike)

    def _first_missing(self, path: str) -> tuple[str, str, str]:
        """Return the folder that is there, the name in it that is not, and the rest of PATH."""
        parts = path.split("/")
        there = 0
        while there < len(parts) - 1 and "/".join(parts[: there + 1]) in self._paths:
            there += 1
        return "/".join(parts[:there]), parts[there], "".join(f"/{part}" for part in parts[there + 1 :])

    def _only(self, paths: Iterable[str]) -> str | None:
        found = [path for path in paths if path in self._paths]
        return found[0] if len(found) == 1 else None

    def renumbered(self, path: str) -> str | None:
        """Return the one file or folder that is called as PATH but for the number before its name: `05-a.md` for
        `04-a.md`."""
        name = path.rpartition("/")[2]
        number = _NUMBER.match(name)
        found = self._by_name_without_number.get(name[number.end() :], []) if number else []
        return found[0] if len(found) == 1 else None
