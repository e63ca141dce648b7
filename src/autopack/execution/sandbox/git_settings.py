"""What a job sees of git's settings: how the repository is laid out, and none of the credentials that people and build
services keep there (`http.*.extraheader`, passwords in URLs)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

SHOWN_SECTIONS = frozenset({b"core", b"extensions", b"index", b"branch", b"feature"})
"""Enough for every command that only reads. Includes of other files are dropped with the rest."""

_SECTION = re.compile(rb"\s*\[\s*([A-Za-z0-9.-]+)")

_CREDENTIALS = re.compile(rb"(?im)^\s*\[\s*(http|credential)|://[^/\s]*@")


def git_settings(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Yield each settings file of the git folder FOLDER and what a job sees in its place; nothing for other folders."""
    if not (folder / "HEAD").is_file() or not (folder / "objects").is_dir():
        return
    for path in (folder / "config", folder / "config.worktree"):
        if path.is_file():
            yield path, shown_settings(path.read_bytes())


def shown_settings(written: bytes) -> bytes:
    """Return the sections of WRITTEN that a job may see (the format: git-config(1), "Syntax")."""
    shown, kept = False, []
    for line in written.splitlines(keepends=True):
        if begins := _SECTION.match(line):
            shown = begins[1].lower() in SHOWN_SECTIONS
        if shown:
            kept.append(line)
    return b"".join(kept)


def holds_credentials(written: bytes) -> bool:
    """Tell whether WRITTEN may hold a credential: a section that sends headers or names helpers, a user in a URL."""
    return bool(_CREDENTIALS.search(written))
