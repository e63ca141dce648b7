"""Folders that the settings of linters leave out: code that somebody else wrote, or that nobody keeps up.

What the keys mean: the documentation of Ruff, "exclude", and of Flake8, "--exclude". What both leave out unasked says
nothing about the repository.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from configparser import ConfigParser, Error
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from autopack.gaps.toml_text import read_toml

_RUFF = frozenset({"ruff.toml", ".ruff.toml"})
_FLAKE8 = frozenset({"setup.cfg", "tox.ini", ".flake8"})
_MAX_BYTES = 1024 * 1024
_MAX_PATTERNS = 200
_WHOLE_FOLDER = re.compile(r"/\*{0,2}\Z")


def excluded(path: str, data: bytes) -> tuple[str, ...]:
    """Return the patterns of what linters are to leave out, if the file at PATH holds their settings."""
    name = path.rpartition("/")[2]
    is_toml = name == "pyproject.toml" or name in _RUFF
    if not (is_toml or name in _FLAKE8) or b"exclude" not in data or len(data) > _MAX_BYTES:
        return ()
    try:
        found = _of_ruff(name, data.decode()) if is_toml else _of_flake8(data.decode())
        return tuple(_WHOLE_FOLDER.sub("", pattern.removeprefix("./")) for pattern in found)[:_MAX_PATTERNS]
    except (UnicodeDecodeError, Error, RecursionError):
        return ()


def _of_ruff(name: str, text: str) -> Iterator[str]:
    settings: Mapping[str, object] = read_toml(text) or {}
    if name not in _RUFF:
        settings = _table(_table(settings, "tool"), "ruff")
    for table in (settings, _table(settings, "lint")):
        for key in ("exclude", "extend-exclude"):
            listed = table.get(key)
            yield from (item for item in listed if isinstance(item, str)) if isinstance(listed, list) else ()


def _table(settings: Mapping[str, object], key: str) -> Mapping[str, object]:
    """Return what SETTINGS hold under KEY, empty where that is no table."""
    found = settings.get(key)
    return found if isinstance(found, dict) else {}


def _of_flake8(text: str) -> Iterator[str]:
    parser = ConfigParser(interpolation=None, strict=False)
    parser.read_string(text)
    for key in ("exclude", "extend-exclude", "extend_exclude"):
        listed = parser.get("flake8", key, fallback="")
        yield from (item for item in re.split(r"[\s,]+", listed) if item)


@dataclass(frozen=True)
class LeftOut:
    """Patterns of folders and files that linters leave out, by the folder of the settings."""

    patterns: Mapping[str, tuple[str, ...]]
    _answers: dict[str, bool] = field(default_factory=dict, compare=False)
    """By folder: many files lie in few of them."""

    @classmethod
    def of(cls, settings: Mapping[str, tuple[str, ...]]) -> LeftOut:
        """Join SETTINGS: path of the file -> its patterns."""
        found: dict[str, tuple[str, ...]] = {}
        for path, patterns in sorted(settings.items()):
            folder = path.rpartition("/")[0]
            found[folder] = (*found.get(folder, ()), *patterns)
        return cls(found)

    def folder_of(self, path: str) -> str | None:
        """Return the outermost folder above PATH that is left out, None where there is none."""
        parts = path.split("/")[:-1]
        places = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)] if self.patterns else []
        return next((place for place in places if self._names(place)), None)

    def _names(self, place: str) -> bool:
        if place not in self._answers:
            self._answers[place] = self._is_named(place)
        return self._answers[place]

    def _is_named(self, place: str) -> bool:
        """Tell whether a pattern names the folder PLACE: by its path where it has a slash, else by its last name."""
        for folder, patterns in self.patterns.items():
            if folder and not place.startswith(f"{folder}/"):
                continue
            below, name = place[len(folder) :].lstrip("/"), place.rpartition("/")[2]
            if any(fnmatchcase(below if "/" in pattern else name, pattern) for pattern in patterns):
                return True
        return False
