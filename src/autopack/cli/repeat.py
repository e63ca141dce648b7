"""The quick door of `autopack scan`: where nothing has changed, the answer of before is printed again.

Only the plainest command lines come in here; whatever else is asked, or any doubt, goes the whole way.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autopack.errors import EXIT_FINDINGS

_NAMES = {"--workspace": "workspace", "-C": "workspace", "--format": "format", "--fail-on": "fail_on"}


@dataclass(frozen=True)
class _Asked:
    """A plain scan."""

    workspace: str | None = None
    format: str | None = None
    fail_on: str | None = None


def repeat(arguments: Sequence[str]) -> int | None:
    """Print what the scan that ARGUMENTS ask for would say and return its exit code, or None: it has to be done."""
    asked = _parsed(arguments)
    if asked is None:
        return None
    from autopack.cli.screen import text_look
    from autopack.operations.repeating import repeated

    start = Path(asked.workspace or ".")
    text = (asked.format or ("text" if sys.stdout.isatty() else "json")) == "text"
    found = repeated(start, text_look if text else None)
    if found is None or (asked.fail_on or "info") not in found.risks:
        return None
    if text:
        sys.stdout.write(found.stdout)
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(found.stdout.encode())
    sys.stdout.flush()
    sys.stderr.write(found.stderr)
    worst = found.risks[: found.risks.index(asked.fail_on) + 1] if asked.fail_on else ()
    return 0 if set(worst).isdisjoint(found.worst) else EXIT_FINDINGS


def _parsed(arguments: Sequence[str]) -> _Asked | None:
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
    asked = _Asked(**found)
    return asked if asked.format in {None, "text", "json"} else None
