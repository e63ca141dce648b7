"""TOML that strangers wrote, read within bounds."""

from __future__ import annotations

import re
import tomllib
from typing import Any

_LONG_KEY = re.compile(r"\.(?:[\w\"'-]{1,80}\.){100}")


def read_toml(text: str) -> dict[str, Any] | None:
    """Return the document that TEXT is, or None where it is none.

    A key of a hundred parts counts as none: the standard library takes time in the square of their number.
    """
    if _LONG_KEY.search(text):
        return None
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return None
