"""The environment that repository code gets: built from an allow-list, nothing else is inherited."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

_COPIED = ("LANG", "LC_ALL", "LC_CTYPE", "TZ", "TERM", "NO_COLOR")
HOME = "/home/agent"
PROXY_PORT = 3128
"""Where the proxy listens on 127.0.0.1 inside a box that has network."""


def job_environment(home: str, caller: Mapping[str, str] | None = None, *, temporary: str = "/tmp") -> dict[str, str]:
    """Return the whole environment of a job whose home folder is HOME."""
    variables = os.environ if caller is None else caller
    return {
        **{name: variables[name] for name in _COPIED if name in variables},
        "PATH": os.pathsep.join([*map(str, interpreter_folders()), "/usr/local/bin", "/usr/bin", "/bin"]),
        "HOME": home,
        "USER": "agent",
        "LOGNAME": "agent",
        "SHELL": "/bin/sh",
        "TMPDIR": temporary,
        "CI": "1",
        "PAGER": "cat",
        "GIT_PAGER": "cat",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_TERMINAL_PROMPT": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def proxy_variables() -> dict[str, str]:
    """Return the variables that lead well-behaved programs to the proxy; the others simply have no network."""
    proxy = f"http://127.0.0.1:{PROXY_PORT}"
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    none = "localhost,127.0.0.1,::1"
    return {
        **{spelled: proxy for name in names for spelled in (name, name.lower())},
        "NO_PROXY": none,
        "no_proxy": none,
    }


def interpreter_folders() -> tuple[Path, ...]:
    """Return the folders with the interpreter that runs Autopack, so that `python3` means a Python that exists."""
    folder = Path(sys.base_prefix) / "bin"
    return (folder,) if os.access(folder, os.R_OK | os.X_OK) else ()


def tool_folders() -> tuple[Path, ...]:
    """Return folders outside the system's own that a job has to read for its tools to start."""
    if not interpreter_folders():
        return ()
    prefix = Path(sys.base_prefix).resolve()
    return () if prefix.is_relative_to("/usr") else (prefix,)


def inner_python() -> str:
    """Return the interpreter that runs Autopack's own scripts inside a box."""
    return shutil.which("python3", path=job_environment(HOME, {})["PATH"]) or "python3"
