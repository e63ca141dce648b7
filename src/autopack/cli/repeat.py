"""The quick door of `autopack scan`: where nothing has changed, the answer of before is printed again.

Only the plainest command lines come in here; whatever else is asked, or any doubt, goes the whole way. Git lists the
workspace meanwhile.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autopack.errors import EXIT_FINDINGS

if TYPE_CHECKING:
    from autopack.gaps.sources.standing import Asked, Place

_NAMES = {"--workspace": "workspace", "-C": "workspace", "--format": "format", "--fail-on": "fail_on"}


@dataclass(frozen=True)
class _Plain:
    """A plain scan."""

    workspace: str | None = None
    format: str | None = None
    fail_on: str | None = None


@dataclass(frozen=True)
class Start:
    """How a command began: perhaps it is done already."""

    code: int | None = None
    """The exit code, None where the work is still to be done."""
    asked: Asked | None = None
    """What git was asked about the workspace in the meantime."""


def start(arguments: Sequence[str]) -> Start:
    """Begin with the command that ARGUMENTS ask for: for a scan, ask git about the workspace, and where nothing has
    changed print what was said before."""
    if arguments[:1] != ["scan"] or not {"--help", "--since", "--deep"}.isdisjoint(arguments):
        return Start()
    from autopack.gaps.sources.standing import ask, find

    place = find(Path(_workspace(arguments)))
    if place is None:
        return Start()
    asked = ask(place)
    code = _repeat(arguments, place, asked)
    if code is None:
        asked.go_on()
    return Start(code, asked)


def _repeat(arguments: Sequence[str], place: Place, asked: Asked) -> int | None:
    """Print what the scan that ARGUMENTS ask for would say and return its exit code, or None: it has to be done."""
    plain = _parsed(arguments)
    if plain is None:
        return None
    from autopack.cli.screen import text_look
    from autopack.operations.repeating import repeated

    text = (plain.format or ("text" if sys.stdout.isatty() else "json")) == "text"
    found = repeated(place, asked, text_look if text else None)
    if found is None or (plain.fail_on or "info") not in found.risks:
        return None
    if text:
        sys.stdout.write(found.stdout)
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(found.stdout.encode())
    sys.stdout.flush()
    sys.stderr.write(found.stderr)
    worst = found.risks[: found.risks.index(plain.fail_on) + 1] if plain.fail_on else ()
    return 0 if set(worst).isdisjoint(found.worst) else EXIT_FINDINGS


def _parsed(arguments: Sequence[str]) -> _Plain | None:
    """Return what ARGUMENTS ask for, None where that is anything but a plain scan as text or JSON."""
    if arguments[:1] != ["scan"]:
        return None
    found: dict[str, str] = {}
    rest = iter(arguments[1:])
    for argument in rest:
        name, equals, value = argument.partition("=")
        if name not in _NAMES or (equals and not name.startswith("--")):
            return None
        value = value if equals else next(rest, "")
        if not value or value.startswith("-") or _NAMES[name] in found:
            return None
        found[_NAMES[name]] = value
    plain = _Plain(**found)
    return plain if plain.format in {None, "text", "json"} else None


def _workspace(arguments: Sequence[str]) -> str:
    """Return the workspace that ARGUMENTS seem to name; a wrong guess costs the time of asking about it."""
    for argument, value in zip(arguments, (*arguments[1:], ""), strict=True):
        if argument in {"--workspace", "-C"}:
            return value
        if argument.startswith("--workspace="):
            return argument.partition("=")[2]
    return "."
