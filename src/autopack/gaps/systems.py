"""For which operating systems a project is, by what its manifests, its checks and its own code say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

_MANIFESTS = frozenset({"pyproject.toml", "setup.cfg", "setup.py"})
_UNIX = re.compile(rb"Operating System :: (?:POSIX|Unix|MacOS)")
_ANY_SYSTEM = re.compile(rb"Operating System :: (?:OS Independent|Microsoft)")
_MARKER = re.compile(rb"""(?:sys_platform|platform_system|os_name)\s*==\s*\\?["'](?:win32|Windows|nt)\b""")
_CHECKS = re.compile(
    r"(?:\.github/workflows/[^/]+\.ya?ml|\.?appveyor\.ya?ml|(?:.*/)?\.?azure-pipelines[^/]*(?:/[^/]+)*\.ya?ml|\.travis\.yml"
    r"|shippable\.yml|\.gitlab-ci\.yml|\.circleci/config\.yml|\.cirrus\.yml|Jenkinsfile)\Z"
)
_ON_WINDOWS = re.compile(rb"\bwindows|\bwin_?(?:32|64|amd64)\b", re.IGNORECASE)
_RUNS_TESTS = re.compile(rb"\b(?:pytest|tox|nox|unittest|trial|nosetests)\b|\btests?\b", re.IGNORECASE)
_ASKS = re.compile(
    rb"""sys\.platform\s*[!=]=\s*["']win32|\bos\.name\s*[!=]=\s*["']nt["']|platform\.system\(\)\s*[!=]=\s*["']Windows"""
    rb"""|platform\.startswith\(\s*\(?["']win|sys\.platform\s+(?:not\s+)?in\s*[({\[][^)}\]]{0,80}?["']win32"""
)
_NEEDS_PYTHON = re.compile(
    rb"""(?:requires-python|python_requires|^python)[ \t]{0,9}=[ \t]{0,9}["']?[ \t]{0,9}"""
    rb"""(?:>=|~=|\^)[ \t]{0,9}3\.(\d{1,3})""",
    re.M,
)
_UTF8_SINCE = 15
"""The minor version of Python 3 in which text is UTF-8 unless it says otherwise (PEP 686)."""


@dataclass(frozen=True)
class SystemsFact:
    """What one file says about systems."""

    checks: Literal["", "windows", "other"] = ""
    """It describes checks, and whether some of them run on Windows."""
    any_system: bool = False
    """A manifest that promises Windows, or every system, or wants something else installed there."""
    unix_only: bool = False
    """A manifest that names systems, and Windows is not among them."""
    asks: bool = False
    """A module that asks whether it runs on Windows."""
    utf8_by_default: bool = False
    """A manifest that wants a Python that reads and writes UTF-8 unless told otherwise."""


def read(path: str, data: bytes) -> SystemsFact | None:
    """Return what the file at PATH says about systems, or None where it says nothing."""
    if path.endswith(".py") and path.rpartition("/")[2] not in _MANIFESTS:
        return SystemsFact(asks=True) if (b"platform" in data or b"os.name" in data) and _ASKS.search(data) else None
    if path.rpartition("/")[2] in _MANIFESTS:
        fact = _manifest(data)
        return None if fact == SystemsFact() else fact
    if _CHECKS.match(path):
        if _ON_WINDOWS.search(data) or "appveyor" in path:
            return SystemsFact(checks="windows")
        return SystemsFact(checks="other") if _RUNS_TESTS.search(data) else None
    return None


def _manifest(data: bytes) -> SystemsFact:
    any_system = _ANY_SYSTEM.search(data) is not None
    needed = _NEEDS_PYTHON.search(data)
    return SystemsFact(
        any_system=any_system or _MARKER.search(data) is not None,
        unix_only=not any_system and _UNIX.search(data) is not None,
        utf8_by_default=needed is not None and int(needed[1]) >= _UTF8_SINCE,
    )


@dataclass(frozen=True)
class Systems:
    """What all files of a repository say together."""

    for_unix: tuple[str, ...] = ()
    """Folders whose manifest names Unix alone."""
    utf8: tuple[str, ...] = ()
    """Folders whose manifest wants a Python of which UTF-8 is the default."""
    on_windows: bool = False
    """Some check runs there."""
    elsewhere_only: bool = False
    """Checks run, none of them on Windows, no manifest promises it, and no module of the product asks for it."""

    @classmethod
    def of(cls, facts: Mapping[str, SystemsFact], *, product: Iterable[str]) -> Systems:
        """Join FACTS (path -> what the file says); PRODUCT are the modules whose questions count."""
        said = facts.values()
        on_windows = any(fact.checks == "windows" for fact in said)
        wanted = on_windows or any(fact.any_system for fact in said) or any(facts[path].asks for path in product)
        return cls(
            for_unix=tuple(path.rpartition("/")[0] for path, fact in facts.items() if fact.unix_only),
            utf8=tuple(path.rpartition("/")[0] for path, fact in facts.items() if fact.utf8_by_default),
            on_windows=on_windows,
            elsewhere_only=not wanted and any(fact.checks == "other" for fact in said),
        )

    def leaves_windows_out(self, path: str) -> bool:
        """Tell whether nothing says that the module at PATH ever runs on Windows, and something that it does not."""
        return self.elsewhere_only or (not self.on_windows and _is_below(path, self.for_unix))

    def has_utf8_by_default(self, path: str) -> bool:
        """Tell whether every Python that may run the module at PATH takes text for UTF-8."""
        return _is_below(path, self.utf8)


def _is_below(path: str, folders: Iterable[str]) -> bool:
    return any(not folder or path.startswith(f"{folder}/") for folder in folders)
