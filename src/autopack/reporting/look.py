"""What the reader's screen can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_LINKING_PROGRAMS = frozenset({"iTerm.app", "WezTerm", "vscode", "Hyper", "ghostty", "Tabby", "rio", "mintty"})


@dataclass(frozen=True)
class Look:
    """What the reader's screen can do. The default is plain text, as for a pipe or a file."""

    colour: bool = False
    width: int = 160
    """Characters in a line; only excerpts are cut, at least 40 remain."""
    link_root: str | None = None
    """Absolute folder of the repository where places become hyperlinks (OSC 8), else None."""


PIPE = Look()
"""A pipe or a file."""


def supports_links(environment: Mapping[str, str]) -> bool:
    """Tell whether the terminal that ENVIRONMENT describes shows OSC 8 hyperlinks; an unknown one does not.

    The names are those that the terminals set: VTE from 0.50, kitty, WezTerm, iTerm2, Windows Terminal, Konsole, foot.
    """
    if environment.get("FORCE_HYPERLINK"):
        return environment["FORCE_HYPERLINK"] != "0"
    if "NO_COLOR" in environment or environment.get("TERM", "dumb") in {"dumb", "linux"}:
        return False
    vte = environment.get("VTE_VERSION", "")
    return (
        (vte.isdigit() and int(vte) >= 5_000)
        or environment.get("TERM_PROGRAM") in _LINKING_PROGRAMS
        or environment["TERM"] in {"xterm-kitty", "alacritty", "foot", "xterm-ghostty", "contour"}
        or any(name in environment for name in ("WT_SESSION", "KONSOLE_VERSION", "DOMTERM"))
    )
