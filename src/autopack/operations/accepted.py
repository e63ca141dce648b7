"""`.autopack/baseline.json`, read."""

from __future__ import annotations

from autopack.artifacts.store import read_artifact
from autopack.config import BASELINE_FILE, Settings
from autopack.errors import UsageError
from autopack.gaps.baseline import BaselineV1


def load_baseline(settings: Settings) -> BaselineV1 | None:
    """Return the baseline of the working copy, or None where there is none.

    Raises UsageError where it or its folder is a symbolic link, ArtifactError where it is no baseline.
    """
    path = settings.workspace / BASELINE_FILE
    for place in (path.parent, path):
        if place.is_symlink():
            raise UsageError(f"{place} is a symbolic link; the baseline is read and written only as a plain file.")
    return read_artifact(path, BaselineV1) if path.is_file() else None
