"""Options that every command shares."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autopack.cli.output import Format

WorkspaceOption = Annotated[
    Path | None,
    typer.Option("--workspace", "-C", help="Repository to work on (default: the one around the current folder)."),
]
RunIdOption = Annotated[str | None, typer.Option("--run-id", help="Name of the run.")]
ProjectIdOption = Annotated[str | None, typer.Option("--project-id", help="Name of the project.")]
FormatOption = Annotated[
    Format | None,
    typer.Option("--format", help="text for people, json for programs (default: text on a terminal, else json)."),
]
NoInputOption = Annotated[bool, typer.Option("--no-input", help="Never ask; fail where an answer is needed.")]
