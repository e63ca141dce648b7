"""Text that came from a repository, made harmless: it steers no terminal, hides nothing and stays on its line."""

from __future__ import annotations

import re

_UNSEEN = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
"""Control characters but the tab, and the invisible and direction-changing ones ("Trojan Source", CVE-2021-42574)."""


def one_line(text: str) -> str:
    """Return TEXT with control, invisible and direction-changing characters written out, tabs as blanks."""
    return _UNSEEN.sub(_written_out, text.replace("\t", " "))


def _written_out(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
