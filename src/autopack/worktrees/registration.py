"""What the shared git folder remembers of each run's worktree, and how git itself registered it.

The record is not in the worktree, where an action could change it. See gitrepository-layout(5), `worktrees/`.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from autopack.artifacts.store import write_bytes
from autopack.errors import ArtifactError, UsageError
from autopack.file_layout import validate_id

State = Literal["creating", "ready", "retiring"]


@dataclass(frozen=True)
class Registration:
    """One run's worktree. `git_dir` is empty until git has registered it; `backup` is a ref."""

    run_id: str
    path: str
    inode: int
    git_dir: str
    base_commit: str
    state: State
    backup: str | None = None


def record_path(common_dir: Path, run_id: str) -> Path:
    """Return where the record of RUN_ID is kept below COMMON_DIR."""
    return common_dir / "autopack" / "worktrees" / f"{validate_id(run_id, 'run id')}.json"


def write_registration(common_dir: Path, known: Registration) -> None:
    """Put the record of a run on disk, atomically."""
    write_bytes(record_path(common_dir, known.run_id), json.dumps(asdict(known), indent=1).encode() + b"\n")


def read_registration(common_dir: Path, run_id: str) -> Registration:
    """Return the record of RUN_ID; raises UsageError where there is none, ArtifactError where it is damaged."""
    path = record_path(common_dir, run_id)
    try:
        known = Registration(**json.loads(path.read_bytes()))
    except FileNotFoundError as fault:
        raise UsageError(f"There is no worktree of run {run_id}.", hint="`autopack status` shows the runs.") from fault
    except (ValueError, TypeError, OSError) as fault:
        raise ArtifactError(f"{path} cannot be read: {fault}.", hint="Start a new run.") from fault
    if known.run_id != run_id or known.state not in {"creating", "ready", "retiring"}:
        raise ArtifactError(f"{path} is damaged.", hint="Start a new run.")
    return known


def registrations(common_dir: Path) -> tuple[Registration, ...]:
    """Return the worktrees of runs that are written down, by run id; damaged records are left out."""
    found = []
    for record in sorted((common_dir / "autopack" / "worktrees").glob("*.json")):
        with contextlib.suppress(ArtifactError, UsageError):
            found.append(read_registration(common_dir, record.stem))
    return tuple(found)


def git_dir_registered_at(common_dir: Path, path: Path) -> Path | None:
    """Return the git folder that git keeps for the worktree at PATH, by git's own record of where it is."""
    for candidate in sorted((common_dir / "worktrees").glob("*/gitdir")):
        if first_line(candidate) == str(path / ".git"):
            return candidate.parent
    return None


def first_line(path: Path) -> str:
    """Return the content of a one-line file, or an empty string where it cannot be read."""
    try:
        with path.open("rb") as handle:
            return os.fsdecode(handle.read(8_192)).removesuffix("\n")
    except OSError:
        return ""
