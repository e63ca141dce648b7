"""Fragments of news: a file for each change, which the tool that writes the changelog deletes at the next release."""

from __future__ import annotations

import re
from collections.abc import Mapping
from posixpath import normpath

from autopack.gaps.toml_text import read_toml

SETTINGS = ("pyproject.toml", "towncrier.toml")
"""What towncrier is configured in."""
_IN_A_FOLDER_OF_ITS_OWN = re.compile(
    r"(?:.*/)?(?:newsfragments|news\.d|changelog\.d|changes\.d|changelogs?/unreleased)/(?:.*/)?"
    r"(?!readme|index|template|[_.])[^/]+\Z",
    re.IGNORECASE,
)
_CALLED_SO = re.compile(r"(?:.*/)?([^/.][^/]*\.[a-z]\w*(?:\.\d+)?\.(?:rst|md|txt))\Z")
"""`<issue>.<kind>[.<number>].<suffix>`, as towncrier wants it."""
_FOLDER = re.compile(r"(?:.*/)?(?:news|changes|changelog)\Z")


def folder_of_towncrier(texts: Mapping[str, bytes]) -> str | None:
    """Return the folder that towncrier's settings among TEXTS name, without a trailing `/`."""
    for path in SETTINGS:
        data = texts.get(path, b"")
        settings: object = read_toml(data.decode("utf-8", "replace")) if b"towncrier" in data else None
        for key in ("tool", "towncrier", "directory"):
            settings = settings.get(key) if isinstance(settings, dict) else None
        if isinstance(settings, str):
            return normpath(settings)
    return None


def is_fragment(path: str, folder: str | None) -> bool:
    """Tell whether PATH is, by its folder and its name, a fragment of news; FOLDER is where towncrier keeps them."""
    if _IN_A_FOLDER_OF_ITS_OWN.match(path):
        return True
    above = path.rpartition("/")[0]
    return (above == folder or _FOLDER.match(above) is not None) and _CALLED_SO.match(path) is not None
