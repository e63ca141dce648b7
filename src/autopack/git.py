"""The only caller of git: hardened environment and flags, typed answers.

Nothing that a scanned repository configures may run code here: hooks, fsmonitor, filters, external diffs, pagers,
credential helpers and the user's global configuration are all switched off (see gitattributes(5), git-config(1)
`core.hooksPath`, `core.fsmonitor`).
"""

from __future__ import annotations

import os
import re
import stat
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from autopack.errors import EnvironmentFault, UnsafeRepository, UsageError

MINIMUM_VERSION = (2, 25)

_HARDENING = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.attributesFile=/dev/null",
    "core.untrackedCache=false",
    "core.quotePath=false",
    "core.pager=cat",
    "diff.autoRefreshIndex=false",
    "diff.external=",
    "diff.ignoreSubmodules=all",
    "submodule.recurse=false",
    "protocol.allow=never",
    "gc.auto=0",
    "maintenance.auto=false",
    "commit.gpgSign=false",
    "tag.gpgSign=false",
    "log.showSignature=false",
    "credential.helper=",
    "advice.detachedHead=false",
)

_NO_PROGRAMS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("diff", "diff-files", "diff-index", "diff-tree", "log", "show"), ("--no-ext-diff", "--no-textconv")
    ),
    "blame": ("--no-textconv",),
}
"""What a command needs besides the settings: drivers named in `.gitattributes` have no setting that names them all."""


class Child(Protocol):
    """A running git, for whoever may have to end it."""

    def kill(self) -> None:
        """End it; nothing happens to one that has ended."""


@dataclass(frozen=True)
class GitAnswer:
    """What one git command said."""

    code: int
    stdout: bytes
    stderr: str

    @property
    def text(self) -> str:
        """Standard output as text; bytes that are no UTF-8 come back unchanged through `os.fsencode`."""
        return os.fsdecode(self.stdout)


class GitFailed(EnvironmentFault):
    """A git command that had to succeed did not."""


def environment(home: str | None = None) -> dict[str, str]:
    """Return the whole environment that git gets: nothing of the caller's but PATH, no prompts, no global
    configuration."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": home or "/nonexistent",
        "LC_ALL": "C",
        "TZ": "UTC",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_PAGER": "cat",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_EDITOR": "false",
    }


_WHO = ("HOME", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM")
"""Variables that say which configuration is the person's own."""


@lru_cache(maxsize=8)
def _trusted_folders(executable: str, *who: str | None) -> tuple[str, ...]:
    """Return the person's own `safe.directory` entries as settings; nothing else of that configuration is taken.

    git heeds them only from the system's, the person's or the command line's configuration, never from a repository's.
    """
    person = {name: value for name, value in zip(_WHO, who, strict=True) if value is not None}
    ask = [executable, "config", "--null", "--get-all", "safe.directory"]
    try:
        done = subprocess.run(
            ask, cwd="/", env={"PATH": os.environ.get("PATH", os.defpath), **person}, capture_output=True, check=False
        )
    except OSError:
        return ()
    return tuple(f"safe.directory={os.fsdecode(value)}" for value in done.stdout.split(b"\0") if value)


def _belongs_to_us(work_tree: Path) -> bool:
    """Tell whether git will not ask for an entry in `safe.directory`: the folder and its `.git` folder are this
    user's. Elsewhere (deeper in a tree, a linked worktree) it may ask."""
    try:
        own = (work_tree / ".git").lstat()
        return stat.S_ISDIR(own.st_mode) and own.st_uid == work_tree.lstat().st_uid == os.geteuid()
    except (OSError, AttributeError):  # no such user ids: Windows
        return False


def _communicate(child: subprocess.Popen[bytes], stdin: bytes | None, timeout: float) -> tuple[bytes, bytes]:
    """Return what CHILD prints; whatever keeps this from its end (a time-out, a signal) ends it."""
    try:
        return child.communicate(stdin, timeout)
    except BaseException:
        child.kill()
        raise


@dataclass(frozen=True)
class Git:
    """Git on one working tree. `work_tree` is absolute; `git_dir` is given for trees whose `.git` must not be
    trusted; `settings` are further `name=value` pairs of configuration that outrank the repository's."""

    work_tree: Path
    git_dir: Path | None = None
    executable: str = "git"
    settings: tuple[str, ...] = ()

    def run(
        self,
        *arguments: str,
        stdin: bytes | None = None,
        check: bool = True,
        timeout: float = 120.0,
        extra_environment: Mapping[str, str] | None = None,
        started: Callable[[Child], object] = lambda child: None,
    ) -> GitAnswer:
        """Run one git command; ARGUMENTS start with the verb. Seconds for TIMEOUT. STARTED is told of the process, so
        that a thread's can be ended by others; what stops the caller ends it anyway.

        Raises GitFailed if CHECK and git says no, EnvironmentFault if git is absent or does not end in time.
        """
        location: tuple[str, ...] = ()
        if self.git_dir is not None:
            location = (f"--git-dir={self.git_dir}", f"--work-tree={self.work_tree}")
        who = (os.environ.get(name) for name in _WHO)
        trusted = () if _belongs_to_us(self.work_tree) else _trusted_folders(self.executable, *who)
        settings = [part for setting in (*_HARDENING, *trusted, *self.settings) for part in ("-c", setting)]
        verb, *rest = arguments
        argv = [self.executable, *location, *settings, verb, *_NO_PROGRAMS.get(verb, ()), *rest]
        try:
            with subprocess.Popen(
                argv,
                cwd=self.work_tree,
                env={**environment(), **(extra_environment or {})},
                stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            ) as child:
                started(child)
                output, errors = _communicate(child, stdin, timeout)
        except FileNotFoundError as fault:
            if not self.work_tree.is_dir():
                raise UsageError(f"{self.work_tree} is not a folder.") from fault
            raise EnvironmentFault("git is not installed.", hint="Install git 2.25 or newer.") from fault
        except NotADirectoryError as fault:
            raise UsageError(f"{self.work_tree} is not a folder.") from fault
        except PermissionError as fault:
            raise EnvironmentFault(f"Cannot enter {self.work_tree}: permission denied.") from fault
        except subprocess.TimeoutExpired as fault:
            raise EnvironmentFault(f"git {arguments[0]} did not end within {timeout:.0f} seconds.") from fault
        answer = GitAnswer(child.returncode, output, errors.decode("utf-8", "replace").strip())
        if check and answer.code != 0:
            raise GitFailed(f"git {arguments[0]} failed: {answer.stderr or f'exit code {answer.code}'}")
        return answer

    def lines(self, *arguments: str) -> list[str]:
        """Return the non-empty lines that a git command prints."""
        return [line for line in self.run(*arguments).text.split("\n") if line]

    def nul_separated(self, *arguments: str) -> list[str]:
        """Return the NUL-separated fields that a git command (called with `-z`) prints."""
        return [part for part in self.run(*arguments).text.split("\0") if part]

    def resolve(self, revision: str) -> str | None:
        """Return the commit id that REVISION names, or None."""
        answer = self.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}", check=False)
        return answer.text.strip() or None

    def head(self) -> str | None:
        """Return the commit id of HEAD, or None where there is no commit yet."""
        return self.resolve("HEAD")

    def branch(self) -> str | None:
        """Return the checked-out branch, or None where HEAD is detached."""
        return self.run("symbolic-ref", "--quiet", "--short", "HEAD", check=False).text.strip() or None

    def show(self, revision: str, path: str) -> bytes | None:
        """Return the bytes of PATH in REVISION, or None where it is not there."""
        answer = self.run("cat-file", "blob", f"{revision}:{path}", check=False)
        return answer.stdout if answer.code == 0 else None

    def common_dir(self) -> Path:
        """Return the absolute git folder that all worktrees of the repository share."""
        answer = self.run("rev-parse", "--path-format=absolute", "--git-common-dir", check=False)
        if answer.code == 0:
            return Path(answer.text.strip())
        return (self.work_tree / self.run("rev-parse", "--git-common-dir").text.strip()).resolve()

    def own_git_dir(self) -> Path:
        """Return the absolute git folder of this working tree (for a linked worktree, its own)."""
        return Path(self.run("rev-parse", "--absolute-git-dir").text.strip())


def version(executable: str = "git") -> tuple[int, ...]:
    """Return git's version as numbers; raises EnvironmentFault where git is absent."""
    try:
        done = subprocess.run([executable, "--version"], capture_output=True, env=environment(), check=False)
    except FileNotFoundError as fault:
        raise EnvironmentFault("git is not installed.", hint="Install git 2.25 or newer.") from fault
    match = re.search(rb"(\d+)\.(\d+)(?:\.(\d+))?", done.stdout)
    return tuple(int(part) for part in match.groups() if part) if match else (0,)


def require_supported(executable: str = "git") -> None:
    """Raise EnvironmentFault when git is absent or older than 2.25."""
    found = version(executable)
    if found == (0,):
        raise EnvironmentFault("git names no version: too old, or not git.", hint="Install git 2.25 or newer.")
    if found < MINIMUM_VERSION:
        raise EnvironmentFault(f"git {'.'.join(map(str, found))} is too old.", hint="Install git 2.25 or newer.")


def find_work_tree(start: Path) -> Path:
    """Return the root of the working tree around START.

    Raises UsageError where there is none, UnsafeRepository where git refuses the folder's owner (`safe.directory`),
    it is bare, or it is damaged so far that git does not recognise it.
    """
    if not start.is_dir():
        raise UsageError(f"{start} is not a folder.", hint="Name a folder with --workspace DIR.")
    answer = Git(start).run("rev-parse", "--show-toplevel", check=False)
    if answer.code == 0 and answer.text.strip():
        return Path(answer.text.rstrip("\n"))
    if "dubious ownership" in answer.stderr:
        raise UnsafeRepository(
            f"git refuses {start}: it belongs to another user.",
            hint=f"If you trust it: git config --global --add safe.directory {start}",
        )
    if "work tree" in answer.stderr:
        raise UnsafeRepository(
            f"{start} has no working tree: it is a bare repository, or the inside of a git folder.",
            hint="Go to the folder with the files; of a bare repository make a clone first.",
        )
    damaged = next((folder for folder in (start, *start.parents) if (folder / ".git" / "objects").is_dir()), None)
    if damaged is not None:
        raise UnsafeRepository(
            f"git does not recognise {damaged / '.git'}: HEAD or the configuration is damaged.",
            hint="Look at .git/HEAD (it should read `ref: refs/heads/<branch>`) and .git/config.",
        )
    raise UsageError(
        f"{start} is not inside a git repository.", hint="Go to a repository, or name one with --workspace DIR."
    )
