"""Which paths a scan judges, and which it only knows to be there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

_VENDORED_FOLDERS = frozenset(
    (
        *("vendor", "vendored", "_vendor", "_vendored", "third_party", "third-party", "thirdparty", "3rdparty"),
        *("node_modules", "bower_components"),
    )
)
_MINIFIED = re.compile(r"\.min\.[a-z0-9]+(\.map)?\Z", re.IGNORECASE)
_RELEASE = re.compile(
    r"(?P<project>[A-Za-z][\w.+]*?(?:-[A-Za-z][\w.+]*?)*)-(?:v?\d+(?:\.\d+){1,3}"
    r"|(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{7,40})\Z"
)
"""A folder that is called by a project and a version or a commit of it."""
_LICENCE = re.compile(r"(?:licen[cs]es?|copying|copyright|notice)(?:[-.].*)?\Z", re.IGNORECASE)
_ENOUGH_PROJECTS = 3
_LINGUIST = ("linguist-vendored", "linguist-generated")


def kept_releases(paths: Iterable[str]) -> frozenset[str]:
    """Return the folders among those of PATHS that hold releases of other projects: one folder has several of them,
    each of another project and with its own licence (`lib/zstd-1.5.7/LICENSE` beside `lib/c-ares-1.34.6/LICENSE`)."""
    beside: dict[str, dict[str, set[str]]] = {}
    for path in paths:
        folder, _, file = path.rpartition("/")
        above, _, name = folder.rpartition("/")
        if "-" in name and _LICENCE.match(file) and (release := _RELEASE.match(name)):
            beside.setdefault(above, {}).setdefault(release["project"].lower(), set()).add(folder)
    several = (projects for projects in beside.values() if len(projects) >= _ENOUGH_PROJECTS)
    return frozenset(folder for projects in several for folders in projects.values() for folder in folders)


def _all_folders(folders: Iterable[str]) -> set[str]:
    """Return FOLDERS and every folder above them."""
    found: set[str] = set()
    for one in folders:
        folder = one
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found


def is_vendored(path: str, attributes: Mapping[str, str], releases: frozenset[str] = frozenset()) -> bool:
    """Tell whether PATH is somebody else's or a generator's work, by `.gitattributes` first and by its name otherwise.

    RELEASES are the folders of `kept_releases`. `linguist-vendored=false` takes a path back into scope, as on the hosts
    that invented the attribute.
    """
    if attributes:
        stated = [attributes[name] for name in _LINGUIST if name in attributes]
        if any(value in {"set", "true"} for value in stated):
            return True
        if any(value in {"unset", "false"} for value in stated):
            return False
    folder = path.rpartition("/")[0]
    if _holds_vendored(folder) or (path.count(".") > 1 and _MINIFIED.search(path) is not None):
        return True
    while folder and releases:
        if folder in releases:
            return True
        folder = folder.rpartition("/")[0]
    return False


@lru_cache(maxsize=1_024)
def _holds_vendored(folder: str) -> bool:
    """Tell whether FOLDER is one for what others wrote: asked for each of its files, one after the other."""
    return not _VENDORED_FOLDERS.isdisjoint(folder.split("/"))


def folders_of(paths: frozenset[str] | set[str]) -> frozenset[str]:
    """Return every folder on the way to PATHS, without a trailing `/`."""
    found = _all_folders(path.rstrip("/").rpartition("/")[0] for path in paths)
    return frozenset(found) | {path.rstrip("/") for path in paths if path.endswith("/")}
