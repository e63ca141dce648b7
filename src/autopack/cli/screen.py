"""The screen that text is printed on."""

from __future__ import annotations

import sys

from autopack.reporting.look import PIPE, Look


def text_look(link_root: str) -> Look:
    """Return what the screen can do: colour, width, and links below LINK_ROOT; nothing of it when piped."""
    import shutil

    from autopack.config import inherited_environment
    from autopack.reporting.look import supports_links

    if not sys.stdout.isatty():
        return PIPE
    environment = inherited_environment()
    return Look(
        colour=not environment.get("NO_COLOR") and environment.get("TERM") != "dumb",
        width=shutil.get_terminal_size().columns,
        link_root=link_root if supports_links(environment) else None,
    )


def screens(link_root: str) -> tuple[Look, ...]:
    """Return the looks that text is likely to be asked for in: of a pipe, and of this screen."""
    return tuple(dict.fromkeys((PIPE, text_look(link_root))))
