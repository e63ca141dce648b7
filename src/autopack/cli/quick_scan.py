"""The quick door of `autopack scan`: where nothing has changed, the answer of before is printed again; where something
has, the scan is done without loading the library for command lines.

Only plain command lines come in here; whatever else is asked, or any doubt, goes the whole way. Git lists the workspace
meanwhile.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autopack.errors import EXIT_FINDINGS

if TYPE_CHECKING:
    from autopack.cli.scan_command import ScanRequest
    from autopack.gaps.sources.asked import Asked
    from autopack.gaps.sources.standing import Place

_VALUES = {"--workspace": "workspace", "-C": "workspace", "--format": "format", "--fail-on": "fail_on"}
_FLAGS = frozenset({"--all", "--blockers", "--no-cache", "--stats", "--write"})


@dataclass(frozen=True)
class Plain:
    """The options of a plain scan: values by their names in `ScanRequest`, flags as they are written."""

    values: Mapping[str, str]
    flags: frozenset[str]

    @property
    def format(self) -> str:
        """The format that was named, else that of the place where the answer goes."""
        return self.values.get("format") or ("text" if sys.stdout.isatty() else "json")

    @property
    def fail_on(self) -> str | None:
        """The risk that was named."""
        return self.values.get("fail_on")

    def request(self) -> ScanRequest | None:
        """Return what is asked for, None where it is a format that there is not."""
        from autopack.cli.scan_command import ReportFormat, ScanRequest

        if self.format not in [*ReportFormat]:
            return None
        workspace = self.values.get("workspace")
        return ScanRequest(
            workspace=None if workspace is None else Path(workspace),
            format=ReportFormat(self.format),
            fail_on=self.fail_on,
            all="--all" in self.flags,
            blockers="--blockers" in self.flags,
            no_cache="--no-cache" in self.flags,
            stats="--stats" in self.flags,
            write="--write" in self.flags,
        )


@dataclass(frozen=True)
class Start:
    """How a command began: perhaps it is done already."""

    code: int | None = None
    """The exit code, None where the work is still to be done."""
    asked: Asked | None = None
    """What git was asked about the workspace in the meantime."""
    plain: Plain | None = None
    """The scan that is to be done, where it is a plain one."""


def start(arguments: Sequence[str]) -> Start:
    """Begin with the command that ARGUMENTS ask for: for a scan, ask git about the workspace, and where nothing has
    changed print what was said before."""
    if arguments[:1] != ["scan"] or not {"--help", "-h", "--since", "--deep"}.isdisjoint(arguments):
        return Start()
    from autopack.gaps.sources.standing import ask, find
    from autopack.gaps.storage import has_rows

    plain = _parsed(arguments[1:])
    place = find(Path(_workspace(arguments)))
    if place is None:
        return Start(plain=plain)
    asked = ask(place)
    code = _repeat(plain, place, asked) if plain is not None and not plain.flags else None
    if code is None:
        asked.go_on(past=not has_rows(place.common))
    return Start(code, asked, plain)


def _repeat(plain: Plain, place: Place, asked: Asked) -> int | None:
    """Print what the scan that is asked for would say and return its exit code, or None: it has to be done."""
    if plain.format not in {"text", "json"}:
        return None
    from autopack.cli.screen import text_look
    from autopack.operations.repeating import repeated

    is_text = plain.format == "text"
    found = repeated(place, asked, text_look if is_text else None)
    if found is None or (plain.fail_on or "info") not in found.risks:
        return None
    if is_text:
        sys.stdout.write(found.stdout)
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(found.stdout.encode())
    sys.stdout.flush()
    sys.stderr.write(found.stderr)
    worst = found.risks[: found.risks.index(plain.fail_on) + 1] if plain.fail_on else ()
    return 0 if set(worst).isdisjoint(found.worst) else EXIT_FINDINGS


def _parsed(arguments: Sequence[str]) -> Plain | None:
    """Return what the ARGUMENTS after `scan` ask for, None where that is anything but a plain scan."""
    values: dict[str, str] = {}
    flags: set[str] = set()
    rest = iter(arguments)
    for argument in rest:
        if argument in _FLAGS:
            flags.add(argument)
            continue
        name, equals, value = argument.partition("=")
        if name not in _VALUES or (equals and not name.startswith("--")):
            return None
        value = value if equals else next(rest, "")
        if not value or value.startswith("-") or _VALUES[name] in values:
            return None
        values[_VALUES[name]] = value
    return Plain(values, frozenset(flags))


def _workspace(arguments: Sequence[str]) -> str:
    """Return the workspace that ARGUMENTS seem to name; a wrong guess costs the time of asking about it."""
    for argument, value in zip(arguments, (*arguments[1:], ""), strict=True):
        if argument in {"--workspace", "-C"}:
            return value
        if argument.startswith("--workspace="):
            return argument.partition("=")[2]
    return "."
