"""Names that Windows cannot hold, and names that a file system which folds case or Unicode takes for one.

Source: "Naming Files, Paths, and Namespaces", Microsoft Learn; git refuses the same ones (`core.protectNTFS`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

MAX_PATH = 260
_DEVICE = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:[ ]*\..*|[ ]*)\Z", re.IGNORECASE)
_DEVICE_STARTS = frozenset(("con", "prn", "aux", "nul", "com", "lpt"))
_USELESS_ENDS = frozenset((".", " "))
_FORBIDDEN_MARKS = '<>:"|?*\\'
_FORBIDDEN = re.compile(rf"[{re.escape(_FORBIDDEN_MARKS)}\x00-\x1f]")


def why_unusable(name: str) -> str | None:
    """Return why Windows cannot hold a file or folder called NAME, or None where it can."""
    if _DEVICE.match(name):
        return "is the name of a device"
    if forbidden := _FORBIDDEN.search(name):
        shown = forbidden[0] if forbidden[0].isprintable() else f"U+{ord(forbidden[0]):04X}"
        return f"holds the character {shown}"
    if name[-1:] in _USELESS_ENDS:
        return "ends in a dot or a blank"
    return None


def with_doubtful_names(paths: Sequence[str]) -> list[str]:
    """Return those of PATHS in which a name may be unusable: few, found at little cost for each of the others."""
    text = "".join(paths)
    if not text.isprintable() or any(mark in text for mark in _FORBIDDEN_MARKS):
        return list(paths)
    folders: dict[str, bool] = {}
    found = []
    for path in paths:
        folder, _, name = path.rpartition("/")
        if folder not in folders:
            folders[folder] = any(map(_is_doubtful, folder.split("/")))
        if folders[folder] or _is_doubtful(name):
            found.append(path)
    return found


def _is_doubtful(name: str) -> bool:
    return name[:3].lower() in _DEVICE_STARTS or name[-1:] in _USELESS_ENDS


def folded(path: str) -> str:
    """Return PATH as a file system sees it that ignores case and Unicode composition."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def collisions(paths: Sequence[str]) -> list[tuple[str, ...]]:
    """Return each set of PATHS that cannot exist side by side where case is ignored, sorted."""
    keys = list(map(folded, paths))
    if len(set(keys)) == len(keys):
        return []
    groups: dict[str, list[str]] = {}
    for key, path in zip(keys, paths, strict=True):
        groups.setdefault(key, []).append(path)
    return sorted(tuple(sorted(group)) for group in groups.values() if len(group) > 1)
