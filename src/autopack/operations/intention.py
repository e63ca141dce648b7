"""The written intention of a repository: where it stands, what it leaves open, and the name of its project."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path
from typing import Literal

from autopack.config import INTENTION_FILE, Settings
from autopack.errors import EnvironmentFault, UsageError
from autopack.file_layout import validate_id
from autopack.gaps.toml_text import read_toml
from autopack.git import Git
from autopack.intention_anchor.plain_yaml import MAX_BYTES
from autopack.intention_anchor.questions import Question
from autopack.intention_anchor.v2 import IntentionAnchorV2, create_from_inputs, validate_pivot_completeness
from autopack.intention_anchor.written import UNKNOWN_TIME, read_intention

Source = Literal["none", "working_copy", "commit"]
NO_INTENTION_HINT = "Write one with: autopack init"


def load_intention(settings: Settings) -> tuple[IntentionAnchorV2 | None, Source]:
    """Return the intention that a look at the repository goes by, and where it stands.

    `commit` when HEAD holds it and the working copy is the same (line endings aside) or gone; `working_copy` when it
    is new or changed. Raises UsageError when what stands there is no valid intention.
    """
    written = read_working_copy(settings)
    committed = Git(settings.workspace).show("HEAD", INTENTION_FILE)
    if committed is not None and (written is None or _same_lines(written, committed)):
        return read_intention(committed), "commit"
    return (None, "none") if written is None else (read_intention(written), "working_copy")


def load_committed_intention(settings: Settings, revision: str = "HEAD") -> IntentionAnchorV2 | None:
    """Return the intention that REVISION holds, or None; what the working copy says does not count.

    Raises UsageError when what stands there is no valid intention.
    """
    committed = Git(settings.workspace).show(revision, INTENTION_FILE)
    return None if committed is None else read_intention(committed, name=f"{revision}:{INTENTION_FILE}")


def read_working_copy(settings: Settings) -> bytes | None:
    """Return the bytes of the intention file (one byte more than allowed at most), or None where there is none.

    Raises UsageError where it or its folder is a symbolic link, which might lead out of the repository.
    """
    path = settings.workspace / INTENTION_FILE
    refuse_links(settings)
    return read_plain_file(path)


def default_project_id(settings: Settings, anchor: IntentionAnchorV2 | None) -> str:
    """Return the intention's project id, else the name in pyproject.toml or package.json made valid, else `project`."""
    if anchor is not None:
        return anchor.project_id
    for name in (_pyproject_name(settings.workspace), _package_json_name(settings.workspace)):
        if usable := _as_id(name):
            return usable
    return "project"


def open_questions(settings: Settings) -> tuple[Question, ...]:
    """Return what only a person can still say about the project, at most 8 questions."""
    anchor, _ = load_intention(settings)
    if anchor is None:
        anchor = create_from_inputs(project_id=default_project_id(settings, None), created_at=UNKNOWN_TIME)
    return validate_pivot_completeness(anchor)


def require_intention(settings: Settings) -> tuple[IntentionAnchorV2, Source]:
    """Return the intention and where it stands; raises UsageError where there is none."""
    anchor, source = load_intention(settings)
    if anchor is None:
        raise UsageError(f"There is no {INTENTION_FILE}.", hint=NO_INTENTION_HINT)
    return anchor, source


def refuse_links(settings: Settings) -> None:
    """Raise UsageError where the intention file or its folder is a symbolic link."""
    path = settings.workspace / INTENTION_FILE
    for place in (path.parent, path):
        if place.is_symlink():
            raise UsageError(
                f"{place} is a symbolic link; the intention is read and written only as a plain file.",
                hint="Replace the link by the file that it leads to.",
            )


def read_plain_file(path: Path) -> bytes | None:
    """Return at most `MAX_BYTES + 1` bytes of PATH, or None where there is no plain file."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return None
        with path.open("rb") as handle:
            return handle.read(MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as fault:
        raise EnvironmentFault(f"Cannot read {path}: {fault.strerror or fault}.") from fault


def _same_lines(one: bytes, other: bytes) -> bool:
    return one == other or one.replace(b"\r\n", b"\n") == other.replace(b"\r\n", b"\n")


def _pyproject_name(workspace: Path) -> object:
    try:
        document = read_toml((read_plain_file(workspace / "pyproject.toml") or b"").decode()) or {}
    except (ValueError, RecursionError):
        return None
    project = document.get("project")
    poetry = tool.get("poetry") if isinstance(tool := document.get("tool"), dict) else None
    names = (table.get("name") for table in (project, poetry) if isinstance(table, dict))
    return next((name for name in names if name), None)


def _package_json_name(workspace: Path) -> object:
    try:
        document = json.loads(read_plain_file(workspace / "package.json") or b"null")
    except (ValueError, RecursionError):
        return None
    return document.get("name") if isinstance(document, dict) else None


def _as_id(name: object) -> str | None:
    """Return NAME made a valid id (`@scope/name` -> `scope-name`), or None where nothing usable is left."""
    if not isinstance(name, str):
        return None
    usable = re.sub(r"\.{2,}", ".", re.sub(r"[^A-Za-z0-9._-]+", "-", name)).strip("-._")[:128].rstrip(".")
    try:
        return validate_id(usable, "project id")
    except UsageError:
        return None
