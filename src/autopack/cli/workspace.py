"""From `--workspace` to settings, once for each command."""

from __future__ import annotations

from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autopack.config import Settings


_named_before: ContextVar[Path | None] = ContextVar("_named_before", default=None)


def name_workspace(workspace: Path | None) -> None:
    """Keep the WORKSPACE that was named before the command (`autopack -C DIR scan`) for `settings_for`."""
    _named_before.set(workspace)


def settings_for(workspace: Path | None) -> Settings:
    """Return the settings of the repository around WORKSPACE (default: the one that was named before the command,
    else the current folder).

    From here on every value of a secret-looking environment variable is masked in whatever is written. Raises
    UsageError where there is no repository, EnvironmentFault where git is absent or too old.
    """
    from autopack.artifacts.redaction import register_secret_values
    from autopack.config import load_settings
    from autopack.git import find_work_tree, require_supported

    require_supported()
    settings = load_settings(find_work_tree((workspace or _named_before.get() or Path.cwd()).absolute()))
    register_secret_values(settings.secret_values)
    return settings
