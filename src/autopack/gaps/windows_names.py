"""Names that Windows cannot hold, and names that a file system which folds case or Unicode takes for one.

Source: "Naming Files, Paths, and Namespaces", Microsoft Learn; git refuses the same ones (`core.protectNTFS`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

MAX_PATH = 260
_DEVICE = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:[ ]*\..*|[ ]*)\Z", re.IGNORECASE)
_FORBIDDEN = re.compile(r'[<>:"|?*\\\x00-\x1f]')


def why_unusable(name: str) -> str | None:
    """Return why Windows cannot hold a file or folder called NAME, or None where it can."""
    if _DEVICE.match(name):
        return "is the name of a device"
    if forbidden := _FORBIDDEN.search(name):
        shown = forbidden[0] if forbidden[0].isprintable() else f"U+{ord(forbidden[0]):04X}"
        return f"holds the character {shown}"
    if name.endswith((".", " ")):
        return "ends in a dot or a blank"
    return None


def folded(path: str) -> str:
    """Return PATH as a file system sees it that ignores case and Unicode composition."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def collisions(paths: Iterable[str]) -> list[tuple[str, ...]]:
    """Return each set of PATHS that cannot exist side by side where case is ignored, sorted."""
    groups: dict[str, list[str]] = {}
    for path in paths:
        groups.setdefault(folded(path), []).append(path)
    return sorted(tuple(sorted(group)) for group in groups.values() if len(group) > 1)
