"""Which paths a scan judges, and which it only knows to be there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

_VENDORED_FOLDERS = frozenset(
    (
        *("vendor", "vendored", "_vendor", "_vendored", "third_party", "third-party", "thirdparty", "3rdparty"),
        *("node_modules", "bower_components"),
    )
)
_MINIFIED = re.compile(r"\.min\.[a-z0-9]+(\.map)?\Z", re.IGNORECASE)
_LINGUIST = ("linguist-vendored", "linguist-generated")


def is_vendored(path: str, attributes: Mapping[str, str]) -> bool:
    """Tell whether PATH is somebody else's or a generator's work, by `.gitattributes` first and by its name otherwise.

    `linguist-vendored=false` takes a path back into scope, as on the hosts that invented the attribute.
    """
    if attributes:
        stated = [attributes[name] for name in _LINGUIST if name in attributes]
        if any(value in {"set", "true"} for value in stated):
            return True
        if any(value in {"unset", "false"} for value in stated):
            return False
    return _holds_vendored(path.rpartition("/")[0]) or (path.count(".") > 1 and _MINIFIED.search(path) is not None)


@lru_cache(maxsize=1_024)
def _holds_vendored(folder: str) -> bool:
    """Tell whether FOLDER is one for what others wrote: asked for each of its files, one after the other."""
    return not _VENDORED_FOLDERS.isdisjoint(folder.split("/"))


def folders_of(paths: frozenset[str] | set[str]) -> frozenset[str]:
    """Return every folder on the way to PATHS, without a trailing `/`."""
    found: set[str] = set()
    for path in paths:
        folder = path.rstrip("/").rpartition("/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return frozenset(found) | {path.rstrip("/") for path in paths if path.endswith("/")}
