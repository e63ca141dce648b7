"""Carry out the remedy of a gap on a copy of a test repository's files."""

from __future__ import annotations

from pathlib import Path

from autopack.actions.operations import apply_operations
from autopack.gaps.models import Gap
from workspaces import MemoryWorkspace


def after_remedy(repository: Path, gap: Gap) -> dict[str, str | None]:
    """Return path -> text of what the remedy of GAP changes in REPOSITORY, None for a path that is gone."""
    assert gap.remedy is not None, gap.title
    before = {
        path.relative_to(repository).as_posix(): path.read_bytes()
        for path in repository.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(repository).parts
    }
    workspace = MemoryWorkspace.of(before)
    apply_operations(workspace, gap.remedy.operations)
    changed = {path for path in {*before, *workspace.files} if before.get(path) != workspace.files.get(path)}
    return {path: workspace.files[path].decode() if path in workspace.files else None for path in sorted(changed)}
