"""What git is asked about a repository, and the answers to what it was asked ahead of time, while something else was
done."""

from __future__ import annotations

import atexit
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autopack.clock import SystemClock
from autopack.errors import AutopackError
from autopack.git import Child, Git, GitAnswer

INDEX_COMMAND = ("ls-files", "-s", "-v", "-z")
STATUS_COMMAND = (
    *("status", "--porcelain=v2", "-z", "--branch", "--untracked-files=all", "--ignored=matching"),
    # A recent commit must not make git count how far branches are apart; a submodule is another repository.
    *("--no-ahead-behind", "--ignore-submodules=all", "--find-renames"),
)
ATTRIBUTES_COMMAND = ("check-attr", "-z", "--stdin", "--all")
OBJECTS_COMMAND = ("rev-list", "--objects", "--missing=print", "--quiet", "--no-walk", "HEAD")
MAX_COMMITS = 5_000
"""How far back the past of a path is looked for: half a second where a tree has some thousand files."""
REVISIONS_COMMAND = ("rev-list", "--no-merges", f"--max-count={MAX_COMMITS}", "HEAD", "--")
RECORD = "\x01"
REMOVALS_COMMAND = (
    *("diff-tree", "-r", "--root", "--no-renames", "--diff-filter=D", "--name-only", "-z", "--stdin"),
    *(f"--format={RECORD}%H", "--"),
)
"""Lists the paths that each commit on the standard input removed. No content is read."""
_FEW_FILES = 10_000
"""In trees of fewer files, git has listed all removals before the detectors are loaded."""
_SECONDS, _SECONDS_FOR_THE_PAST = 120.0, 2.0
"""A history may hold trees of billions of paths: who needs it then asks again, for what it needs."""
_PATHS = re.compile(rb"(?:\A|\0)\S (?!160000)\d+ \w+ \d\t([^\0]+)")
"""In what INDEX_COMMAND prints: the paths that are no submodules."""


_running: set[Child] = set()
"""What threads wait for: they are forgotten when this process ends, and nobody else would end their children."""


@contextmanager
def _noted() -> Iterator[Callable[[Child], None]]:
    """Yield what a thread tells of its child; it is forgotten afterwards."""
    children: list[Child] = []

    def note(child: Child) -> None:
        children.append(child)
        _running.add(child)

    try:
        yield note
    finally:
        _running.difference_update(children)


@atexit.register
def _end_children() -> None:
    for child in tuple(_running):
        child.kill()


class Unclear(Exception):
    """Whether anything has changed cannot be told this way."""


@dataclass
class Asked:
    """Git's lists, being made while something else is done."""

    git: Git
    started: float = field(default_factory=lambda: SystemClock().now().timestamp(), compare=False)
    """Seconds since the epoch."""
    _threads: dict[Sequence[str], threading.Thread] = field(default_factory=dict)
    _answers: dict[Sequence[str], tuple[bytes | None, GitAnswer]] = field(default_factory=dict)
    """Command -> what it was given on its standard input, and what it said."""

    def __post_init__(self) -> None:
        for command in (STATUS_COMMAND, INDEX_COMMAND):
            self._start(command, _nothing)

    def is_about(self, work_tree: Path) -> bool:
        """Tell whether it was WORK_TREE that git was asked about."""
        return self.git == Git(work_tree)

    def go_on(self, *, past: bool) -> None:
        """Ask for all that a look at the repository needs; with PAST also for what most looks will want to know then,
        where there is time for it."""
        self._start(ATTRIBUTES_COMMAND, self._paths)
        self._start(OBJECTS_COMMAND, _nothing)
        if past:
            self._start(REVISIONS_COMMAND, _nothing)
            self._start(REMOVALS_COMMAND, self._revisions)

    def _start(self, command: Sequence[str], stdin: Callable[[], bytes | None]) -> None:
        self._threads[command] = threading.Thread(target=self._run, args=(command, stdin), daemon=True)
        self._threads[command].start()

    def _run(self, command: Sequence[str], stdin: Callable[[], bytes | None]) -> None:
        seconds = _SECONDS_FOR_THE_PAST if command == REMOVALS_COMMAND else _SECONDS
        with suppress(AutopackError, OSError, Unclear), _noted() as note:
            given = stdin()
            answer = self.git.run(*command, stdin=given, check=False, timeout=seconds, started=note)
            self._answers[command] = given, answer

    def _paths(self) -> bytes:
        """Return the tracked paths as ATTRIBUTES_COMMAND takes them."""
        listing = self._answer(INDEX_COMMAND)
        return b"".join(path + b"\0" for path in _PATHS.findall(listing.stdout)) if listing is not None else b""

    def _revisions(self) -> bytes:
        """Return the commits as REMOVALS_COMMAND takes them. Raises Unclear where listing would take too long."""
        listing, revisions = self._answer(INDEX_COMMAND), self._answer(REVISIONS_COMMAND)
        if listing is None or revisions is None or revisions.code != 0 or listing.stdout.count(b"\0") > _FEW_FILES:
            raise Unclear
        return revisions.stdout

    def _answer(self, command: Sequence[str]) -> GitAnswer | None:
        if command in self._threads:
            self._threads[command].join()
        return self._answers[command][1] if command in self._answers else None

    def lists(self) -> Mapping[Sequence[str], bytes]:
        """Wait for the index and the status. Raises Unclear where git cannot list them, or warns of something."""
        lists: dict[Sequence[str], bytes] = {}
        for command in (INDEX_COMMAND, STATUS_COMMAND):
            answer = self._answer(command)
            if answer is None or answer.code != 0 or answer.stderr:
                raise Unclear
            lists[command] = answer.stdout
        return lists

    def take(self, command: Sequence[str], stdin: bytes | None) -> GitAnswer | None:
        """Return the answer to COMMAND with STDIN, once: whoever asks again wants to know how it is then."""
        self._answer(command)
        given, answer = self._answers.pop(command, (None, None))
        return answer if given == stdin else None

    def knows(self, command: Sequence[str]) -> bool:
        """Tell whether there is an answer to COMMAND that nobody has taken."""
        answer = self._answer(command)
        return answer is not None and answer.code == 0

    def end(self) -> None:
        """Wait until nothing is being asked."""
        for thread in self._threads.values():
            thread.join()


def _nothing() -> None:
    """Give a command nothing on its standard input."""


@dataclass(frozen=True)
class ForeseenGit(Git):
    """Git that some questions have been put to already."""

    asked: Asked | None = None

    def run(self, *arguments: str, stdin: bytes | None = None, check: bool = True, **options: Any) -> GitAnswer:
        """Return what git says, as `Git.run` does."""
        foreseen = self.asked is not None and options.keys() <= {"timeout"}
        answer = self.asked.take(arguments, stdin) if self.asked is not None and foreseen else None
        if answer is not None and (answer.code == 0 or not check):
            return answer
        return super().run(*arguments, stdin=stdin, check=check, **options)


def foresees(git: Git, command: Sequence[str]) -> bool:
    """Tell whether GIT knows the answer to COMMAND without being asked again."""
    return isinstance(git, ForeseenGit) and git.asked is not None and git.asked.knows(command)


def foreseeing(work_tree: Path, asked: Asked | None) -> Git:
    """Return git for WORK_TREE, which knows what was ASKED about it."""
    return ForeseenGit(work_tree, asked=asked) if asked is not None and asked.is_about(work_tree) else Git(work_tree)
