"""What reaches the terminal: one JSON document or text on stdout, prose and errors on stderr."""

from __future__ import annotations

import enum
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


class Format(enum.StrEnum):
    """How an answer is printed."""

    TEXT = "text"
    JSON = "json"


def chosen_format(stated: Format | None, *, when_piped: Format = Format.JSON) -> Format:
    """Return the STATED format, else text on a terminal and WHEN_PIPED elsewhere."""
    if stated is not None:
        return stated
    return Format.TEXT if sys.stdout.isatty() else when_piped


def print_json(document: Any) -> None:
    """Print DOCUMENT as canonical JSON (RFC 8785) and a line feed, as bytes, whatever the locale."""
    from autopack.artifacts.canonical import canonical_bytes

    sys.stdout.flush()
    sys.stdout.buffer.write(canonical_bytes(document) + b"\n")
    sys.stdout.buffer.flush()


def console(*, stderr: bool = False) -> Console:
    """Return a console: rich on a terminal, plain when piped or with NO_COLOR."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=True)


def say(message: str) -> None:
    """Print prose to stderr, so that stdout stays one document."""
    print(message, file=sys.stderr)


def print_text(text: str) -> None:
    """Print TEXT, which ends its own last line, to stdout."""
    sys.stdout.write(text)
    sys.stdout.flush()
