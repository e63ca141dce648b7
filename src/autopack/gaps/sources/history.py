"""What became of paths that are gone: deleted, or renamed and perhaps renamed again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from autopack.artifacts.canonical import bytes_digest
from autopack.gaps.facts import FactCache
from autopack.gaps.sources.asked import RECORD, REMOVALS_COMMAND, REVISIONS_COMMAND, foresees
from autopack.gaps.sources.listing import decode, encode
from autopack.gaps.state import CommitFact
from autopack.git import Git, GitFailed

MAX_RUN_COMMITS = 200
_SECONDS = 30.0
_MAX_NAMED = 12
"""Git compares every entry of a folder with every path that it is asked for: for 130 of them in 5,000 commits that took
0.9 s, for 10 of them 0.2 s, and to list all changes 0.2 s to 1 s, by how many there are."""
_SMALL_WINDOWS = ("core.packedGitWindowSize=1m", "core.packedGitLimit=32m", "core.deltaBaseCacheLimit=16m")
"""Git maps whole packs into memory by default, which counts as memory in use; see git-config(1)."""

Deletions = Mapping[str, Sequence[tuple[int, str]]]
"""Path -> (position, commit) of each commit that removed it; position 0 is the newest commit."""


@dataclass(frozen=True)
class Past:
    """The history below HEAD. `state` names all that it follows from, so that a list of it can be KEPT."""

    git: Git
    state: str
    kept: FactCache | None = None

    def fates(self, candidates: frozenset[str], exists: Callable[[str], bool]) -> dict[str, str | None]:
        """Return what became of those CANDIDATES that the last MAX_COMMITS commits removed: a path that EXISTS, or
        None.

        Raises EnvironmentFault when git cannot tell or takes too long.
        """
        is_listed = foresees(self.git, REMOVALS_COMMAND)
        asked, renames, lasts = candidates, dict[str, dict[str, str]](), dict[str, str | None]()
        further = candidates
        while further:
            asked |= further
            named = () if is_listed else _as_arguments(asked)
            deletions = _deletions(self._removals(named))
            lasts = {
                path: _follow(self.git, path, deletions, renames, exists)
                for path in sorted(candidates & deletions.keys())
            }
            gone = frozenset(last for last in lasts.values() if last is not None and not exists(last))
            further = gone - asked if named else frozenset()
        return {path: last if last is not None and exists(last) else None for path, last in lasts.items()}

    def _removals(self, named: Sequence[str]) -> bytes:
        """Return git's list of commits and the paths that each removed, newest first; only those NAMED, unless there
        are none. No content is read."""
        name = f"removals {self.state} {bytes_digest(encode(chr(0).join(named)))}"
        stored = self.kept.answer(name) if self.kept is not None else None
        if stored is not None:
            return stored
        revisions = self.git.run(*REVISIONS_COMMAND, timeout=_SECONDS).stdout
        git = replace(self.git, settings=(*self.git.settings, *_SMALL_WINDOWS))
        output = git.run(*REMOVALS_COMMAND, *named, stdin=revisions, timeout=_SECONDS).stdout
        if self.kept is not None:
            self.kept.keep_answer(name, output)
        return output


def _as_arguments(paths: frozenset[str]) -> tuple[str, ...]:
    """Return PATHS for a command line; none where git is asked about everything sooner, or some locale would spell one
    differently."""
    return tuple(sorted(paths)) if len(paths) <= _MAX_NAMED and all(map(str.isascii, paths)) else ()


def _deletions(removals: bytes) -> dict[str, list[tuple[int, str]]]:
    """List every removed path once per removing commit, newest first."""
    found: dict[str, list[tuple[int, str]]] = {}
    for position, record in enumerate(decode(removals).split(RECORD)[1:]):
        commit, *paths = (part.lstrip("\n") for part in record.split("\0"))
        for path in paths:
            if path:
                found.setdefault(path, []).append((position, commit))
    return found


def _follow(
    git: Git, path: str, deletions: Deletions, renames: dict[str, dict[str, str]], exists: Callable[[str], bool]
) -> str | None:
    """Follow PATH through its renames to a name that EXISTS, or to the last that DELETIONS tell of; None where it was
    deleted. Every step is newer than the one before."""
    position, commit = deletions[path][0]
    while True:
        if commit not in renames:
            renames[commit] = _renames(git, commit)
        target = renames[commit].get(path)
        if target is None or exists(target):
            return target
        newer = [event for event in deletions.get(target, ()) if event[0] < position]
        if not newer:
            return target
        path, (position, commit) = target, newer[-1]


def _renames(git: Git, commit: str) -> dict[str, str]:
    options = ("-r", "-m", "--root", "--find-renames", "--diff-filter=R", "--name-status", "-z", "--no-commit-id")
    fields = git.run("diff-tree", *options, commit, "--", timeout=_SECONDS).stdout.split(b"\0")
    return {decode(fields[index + 1]): decode(fields[index + 2]) for index in range(0, len(fields) - 2, 3)}


def ignored_among(git: Git, paths: frozenset[str]) -> frozenset[str]:
    """Return those of PATHS (inside the tree, not beyond links or submodules) that git would ignore, or would if it did
    not track them already.

    Raises GitFailed when git cannot tell.
    """
    if not paths:
        return frozenset()
    asked = b"".join(b"./" + encode(path) + b"\0" for path in sorted(paths))
    # This command refuses literal pathspecs; the `./` keeps a leading colon from being pathspec magic.
    answer = git.run(
        "check-ignore",
        "--no-index",
        "-z",
        "--stdin",
        stdin=asked,
        check=False,
        extra_environment={"GIT_LITERAL_PATHSPECS": "0"},
    )
    if answer.code not in {0, 1}:  # 1: none of them
        raise GitFailed(f"git check-ignore failed: {answer.stderr}")
    return frozenset(decode(path).removeprefix("./") for path in answer.stdout.split(b"\0") if path)


def base_of_run(git: Git) -> str | None:
    """Return where the current branch left the main line: the merge base with the first that exists of the remote's
    default branch, `main`, `master`."""
    for reference in ("refs/remotes/origin/HEAD", "refs/heads/main", "refs/heads/master"):
        answer = git.run("merge-base", "HEAD", reference, check=False)
        if answer.code == 0:
            return answer.text.strip() or None
    return None


def commits_since(git: Git, base: str) -> tuple[CommitFact, ...]:
    """Return the commits after BASE up to HEAD (at most MAX_RUN_COMMITS, newest first), with trailers and paths."""
    layout = f"--format={RECORD}%H%x00%s%x00%(trailers:only,unfold)%x00"
    options = ("--name-status", "-z", "--find-renames", "-m", "--first-parent", f"-n{MAX_RUN_COMMITS}", layout)
    output = decode(git.run("log", *options, f"{base}..HEAD", "--", timeout=_SECONDS).stdout)
    return tuple(_commit(record) for record in output.split(RECORD)[1:])


def _commit(record: str) -> CommitFact:
    oid, subject, trailers, *fields = record.split("\0")
    pairs = (line.partition(":") for line in trailers.splitlines() if ":" in line)
    paths = {field for field in (part.lstrip("\n") for part in fields) if field and not _is_status(field)}
    return CommitFact(oid, subject, {name.strip(): value.strip() for name, _, value in pairs}, tuple(sorted(paths)))


def _is_status(field: str) -> bool:
    """Tell a status (`M`, `R087`) from a path. A one-letter path named like a status is listed by no project."""
    return field[0] in "ACDMRTUX" and (len(field) == 1 or (len(field) == 4 and field[1:].isdigit()))
