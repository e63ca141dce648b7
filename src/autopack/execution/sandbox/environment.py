"""The environment that repository code gets: built from an allow-list, nothing else is inherited."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

_COPIED = ("LANG", "LC_ALL", "LC_CTYPE", "TZ", "TERM", "NO_COLOR")
HOME = "/home/agent"


def job_environment(home: str, caller: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the whole environment of a job whose home folder is HOME."""
    variables = os.environ if caller is None else caller
    return {
        **{name: variables[name] for name in _COPIED if name in variables},
        "PATH": os.pathsep.join([*map(str, interpreter_folders()), "/usr/local/bin", "/usr/bin", "/bin"]),
        "HOME": home,
        "USER": "agent",
        "LOGNAME": "agent",
        "SHELL": "/bin/sh",
        "TMPDIR": "/tmp",
        "CI": "1",
        "PAGER": "cat",
        "GIT_PAGER": "cat",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_TERMINAL_PROMPT": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def interpreter_folders() -> tuple[Path, ...]:
    """Return the folders with the interpreter that runs Autopack, so that `python3` means a Python that exists."""
    folder = Path(sys.base_prefix) / "bin"
    return (folder,) if folder.is_dir() else ()


def tool_folders() -> tuple[Path, ...]:
    """Return folders outside the system's own that a job has to read for its tools to start."""
    prefix = Path(sys.base_prefix).resolve()
    return () if prefix.is_relative_to("/usr") else (prefix,)
