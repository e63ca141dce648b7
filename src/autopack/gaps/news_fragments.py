"""Fragments of news: a file for each change, which the tool that writes the changelog deletes at the next release."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from posixpath import normpath

SETTINGS = ("pyproject.toml", "towncrier.toml")
"""What towncrier is configured in."""
_IN_A_FOLDER_OF_ITS_OWN = re.compile(
    r"(?:.*/)?(?:newsfragments|news\.d|changelog\.d|changes\.d|changelogs?/unreleased)/(?:.*/)?"
    r"(?!readme|index|template|[_.])[^/]+\Z",
    re.IGNORECASE,
)
_CALLED_SO = re.compile(r"(?:.*/)?([^/.][^/]*\.[a-z]\w*(?:\.\d+)?\.(?:rst|md|txt))\Z")
"""`<issue>.<kind>[.<number>].<suffix>`, as towncrier wants it."""
_MAX_BYTES = 64_000
_FOLDER = re.compile(r"(?:.*/)?(?:news|changes|changelog)\Z")


def folder_of_towncrier(texts: Mapping[str, bytes]) -> str | None:
    """Return the folder that towncrier's settings among TEXTS name, without a trailing `/`."""
    for path in SETTINGS:
        data = texts.get(path, b"")
        if b"towncrier" not in data or len(data) > _MAX_BYTES:
            continue
        try:
            directory = tomllib.loads(data.decode()).get("tool", {}).get("towncrier", {}).get("directory")
        except (ValueError, AttributeError, RecursionError):  # no TOML, or a value where a table belongs
            continue
        if isinstance(directory, str):
            return normpath(directory)
    return None


def is_fragment(path: str, folder: str | None) -> bool:
    """Tell whether PATH is, by its folder and its name, a fragment of news; FOLDER is where towncrier keeps them."""
    if _IN_A_FOLDER_OF_ITS_OWN.match(path):
        return True
    above = path.rpartition("/")[0]
    return (above == folder or _FOLDER.match(above) is not None) and _CALLED_SO.match(path) is not None
