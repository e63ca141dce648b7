"""Where an agent works: a throw-away copy of the run's worktree, of which only a tree of git objects comes back.

The copy is a repository of its own with the owner's history to read and nothing else of the owner's: no configuration,
no hooks, no other branches. Host-side git never uses it; what the agent left is read with the git folder of the run's
worktree and an index of its own, after the survey for what git must not meet.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from autopack.artifacts.store import write_bytes
from autopack.errors import DeniedByPolicy, UnsafeRepository
from autopack.execution.sandbox.survey import postflight
from autopack.execution.scratch import clear_scratch, make_scratch
from autopack.git import Git
from autopack.policy.decide import Policy

_OFF_LIMITS = frozenset({"any:protected", "any:never-allow"})
_PROTECTED_AT_MOST = 200
"""Each is a mount of its own."""
_WILDCARDS = "*?["


@dataclass(frozen=True)
class Workplace:
    """One copy. `roots` may be written, but for `protected`; `readable` are further folders that the box shows."""

    folder: Path
    roots: tuple[Path, ...]
    protected: tuple[Path, ...]
    readable: tuple[Path, ...]
    brief: Path
    """The whole brief, in one of `readable`."""
    scratch: Path
    """For sockets of the host; not shown as a whole."""
    source: Git
    """Git on the run's worktree."""
    base: str

    def tree(self) -> str:
        """Return the tree that the agent left. Raises UnsafeRepository for what git must not meet on the host."""
        dangers = postflight(self.folder, self.roots)
        if dangers:
            found = f"{dangers[0].path.relative_to(self.folder)}: {dangers[0].what}"
            raise UnsafeRepository(f"the agent left {found}")
        index = {"GIT_INDEX_FILE": str(self.scratch / "index")}
        git = Git(self.folder, self.source.own_git_dir(), self.source.executable, self.source.settings)
        git.run("read-tree", self.base, extra_environment=index)
        git.run("add", "--all", "--", ".", extra_environment=index)
        return git.run("write-tree", extra_environment=index).text.strip()


@contextmanager
def workplace(git: Git, base: str, policy: Policy, brief: str, record: Path) -> Iterator[Workplace]:
    """Yield a copy of the worktree of GIT, whose tip is BASE, with what the policy's anchor grants; it is gone
    afterwards, and if this process is killed, RECORD tells who comes next to remove it.

    Raises DeniedByPolicy where nothing is granted that exists.
    """
    clear_scratch(record)
    try:
        scratch = make_scratch(record)
        folder = scratch / "tree"
        shutil.copytree(git.work_tree, folder, symlinks=True)
        _make_repository(folder, git, base)
        told = scratch / "brief" / "brief.md"
        write_bytes(told, brief.encode())
        roots = write_roots(folder, policy.anchor.scope_boundaries.allowed_write_roots)
        if not roots:
            raise DeniedByPolicy("scope_boundaries.allowed_write_roots grants nothing that an agent could write")
        yield Workplace(
            folder=folder,
            roots=roots,
            protected=_protected(folder, roots, git, policy),
            readable=(told.parent, git.common_dir() / "objects"),
            brief=told,
            scratch=scratch,
            source=git,
            base=base,
        )
    finally:
        clear_scratch(record)


def write_roots(folder: Path, patterns: Sequence[str]) -> tuple[Path, ...]:
    """Return the folders and files below FOLDER in which the granting PATTERNS begin, the outer ones only.

    They may be wider than the patterns, which the policy judges afterwards. Folders that are not there yet are made;
    a single file that is not there yet cannot be granted.
    """
    found: set[Path] = set()
    for pattern in patterns:
        path = _granted(folder, pattern)
        if path is not None:
            found.add(path)
    return tuple(sorted(path for path in found if not any(other in path.parents for other in found)))


def _granted(folder: Path, pattern: str) -> Path | None:
    parts = pattern.strip("/").split("/") if pattern.strip("/") else []
    plain = next((place for place, part in enumerate(parts) if any(sign in part for sign in _WILDCARDS)), len(parts))
    path = folder.joinpath(*parts[:plain])
    is_folder = plain < len(parts) or pattern.endswith("/")
    if any(step.is_symlink() for step in (path, *path.parents) if step.is_relative_to(folder)):
        return None
    if is_folder and not os.path.lexists(path):
        path.mkdir(parents=True)
    return path if path.exists() else None


def _protected(folder: Path, roots: Sequence[Path], git: Git, policy: Policy) -> tuple[Path, ...]:
    """Return tracked files in ROOTS that the policy lets nobody touch: as many as a box can hold. The rest is seen in
    the diff."""
    if policy.sources is None:
        return ()
    labels = policy.sources.labels
    tracked = (folder / path for path in git.nul_separated("ls-files", "-z"))
    inside = (path for path in tracked if any(path.is_relative_to(root) for root in roots))
    found = (path for path in inside if _OFF_LIMITS & set(labels.of([path.relative_to(folder).as_posix()])))
    return tuple(islice(found, _PROTECTED_AT_MOST))


def _make_repository(folder: Path, source: Git, base: str) -> None:
    """Make FOLDER a repository of its own at BASE, which borrows the objects of SOURCE."""
    (folder / ".git").unlink()
    own = Git(folder, executable=source.executable)
    kind = source.run("rev-parse", "--show-object-format", check=False).text.strip() or "sha1"
    own.run("init", "--quiet", "--template=", *([] if kind == "sha1" else [f"--object-format={kind}"]))
    objects = source.common_dir() / "objects"
    write_bytes(folder / ".git/objects/info/alternates", os.fsencode(f"{objects}\n"))
    shallow = source.common_dir() / "shallow"
    if shallow.is_file():
        shutil.copyfile(shallow, folder / ".git/shallow")
    head = own.run("symbolic-ref", "HEAD").text.strip()
    own.run("update-ref", head, base)
    own.run("read-tree", base)
