"""git_state_corruption: conflicts, unfinished operations, stale locks, lost worktrees and damage in the repository."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Final, cast

from autopack.gaps.detector import Detector, Finding, Rule
from autopack.gaps.excerpts import evidence_at
from autopack.gaps.models import Evidence
from autopack.gaps.odd_on_purpose import in_test_folder
from autopack.gaps.state import Snapshot

_RULES = (
    Rule(
        name="conflict-markers",
        risk="high",
        confidence="high",
        blocks_autopilot=True,
        signal="Lines that git writes around the two sides of a conflict, all three in order.",
        why="Both sides of an unresolved conflict are in the file; whatever reads it gets neither.",
        fix="Open the file, keep what is meant of the two sides, and delete the marker lines.",
    ),
    Rule(
        name="unfinished-operation",
        risk="high",
        confidence="high",
        blocks_autopilot=True,
        signal="The git folder holds the state of an operation that waits to be continued or aborted.",
        why="A commit made now would become part of that operation.",
        fix="Finish or abort it with the command that `git status` names.",
    ),
    Rule(
        name="unmerged-entry",
        risk="high",
        confidence="high",
        blocks_autopilot=True,
        signal="The index holds several versions of one path.",
        why="Git refuses to commit until somebody decides between them.",
        fix="Resolve the file, then `git add` it (or `git rm` it).",
    ),
    Rule(
        name="stale-lock",
        risk="medium",
        confidence="high",
        blocks_autopilot=True,
        signal="A lock file of git whose owner is gone, or that is older than any git command runs.",
        why="Every git command that needs this lock fails until the file is removed.",
        fix="Make sure that no git command, editor or hook is at work here, then delete the lock file.",
    ),
    Rule(
        name="damaged",
        risk="critical",
        confidence="high",
        blocks_autopilot=True,
        signal="Git cannot read a part of the repository, or objects that it names are missing.",
        why="History may be lost, and every further commit builds on the damage.",
        fix="Make a copy of the folder, run `git fsck --full`, and restore what is missing from another clone.",
    ),
    Rule(
        name="worktree-gone",
        risk="low",
        confidence="high",
        blocks_autopilot=False,
        signal="A registered worktree whose folder does not exist and that nobody locked.",
        why="Its branch counts as checked out, so that it can be neither checked out elsewhere nor deleted.",
        fix="Run `git worktree prune`, or `git worktree repair` if the folder was moved.",
    ),
    Rule(
        name="worktree-abandoned",
        risk="medium",
        confidence="high",
        blocks_autopilot=False,
        signal="A worktree is locked by a process that no longer runs.",
        why="What that process left there is neither finished nor cleaned up, and git will not prune it.",
        fix="Look into the worktree, keep what matters, then `git worktree unlock` and `git worktree remove` it.",
    ),
    Rule(
        name="worktree-mismatch",
        risk="medium",
        confidence="high",
        blocks_autopilot=False,
        signal="A worktree's `.git` file does not point back to its registration.",
        why="Git commands inside that folder act on another repository or fail.",
        fix="Run `git worktree repair <folder>` from the main working tree.",
    ),
    Rule(
        name="run-worktree-off-branch",
        risk="medium",
        confidence="high",
        blocks_autopilot=False,
        signal="The worktree of a run has a detached HEAD or another branch checked out.",
        why="The run refuses to go on there, and what somebody commits meanwhile is on no branch of the run.",
        fix="Look what was done there, then switch back to the run's branch, or retire the run.",
    ),
    Rule(
        name="hook-not-executable",
        risk="medium",
        confidence="high",
        blocks_autopilot=False,
        signal="A hook lies where git looks for it and is not executable.",
        why="Git passes over it with a hint at most, so the check that it stands for is never made.",
        fix="Make it executable (a tracked one with `git update-index --chmod=+x`), or delete it.",
    ),
    Rule(
        name="hooks-path-missing",
        risk="medium",
        confidence="high",
        blocks_autopilot=False,
        signal="`core.hooksPath` leads to no folder, here or in a linked worktree.",
        why="Git then runs no hook at all and says nothing.",
        fix="Run what installs the hooks there, correct `core.hooksPath`, or unset it.",
    ),
    Rule(
        name="objects-not-checked",
        risk="medium",
        confidence="high",
        blocks_autopilot=True,
        signal="The check of all objects (`--deep`) did not come to an end.",
        why="Whether the history is whole is unknown, and nothing may be built on what was not looked at.",
        fix="Run `git fsck --full` by hand and let it take its time.",
    ),
)

_CONFLICT = re.compile(
    rb"^<{7}(?: [^\r\n]*)?\r?\n"
    rb"(?:(?!<{7}(?: |\r?\n)|>{7}(?: |\r?$))[^\n]*\n)*?"
    rb"={7}\r?\n"
    rb"(?:(?!<{7}(?: |\r?\n)|>{7}(?: |\r?$))[^\n]*\n)*?"
    rb">{7}(?: [^\r\n]*)?\r?$",
    re.MULTILINE,
)
"""One conflict as git-merge(1) writes it, in any `merge.conflictStyle`, with the default marker size."""
_LEFT_OVER = re.compile(
    rb"^(?:<{7} (?:HEAD|Updated upstream)"
    rb"|>{7} (?:[0-9a-f]{7,40}(?: \([^\r\n]*\)|\.\.\. [^\r\n]*)?|Stashed changes))\r?$",
    re.MULTILINE,
)
"""One marker of a conflict that was resolved by half, as git words it: nothing else begins a line so."""
_FIXTURE_FOLDERS = frozenset(
    [
        *("fixture", "fixtures", "__fixtures__", "testdata", "test-data", "test_data", "snapshots", "__snapshots__"),
        *("golden", "goldens", "cassettes", "corpus", "corpora"),
    ]
)
_MARKDOWN = (".md", ".markdown", ".mdx")
_ASCIIDOC = (".adoc", ".asciidoc")
_MARKDOWN_FENCE = re.compile(rb"^ {0,3}(?:`{3,}|~{3,})", re.MULTILINE)
_ASCIIDOC_FENCE = re.compile(rb"(?:-{4,}|\.{4,})\Z")
_HERE_DOCUMENT = re.compile(rb"<<-?[ \t]{0,8}[\\'\"]?(\w{1,80})['\"]?[^\n]{0,400}\n")
_RAW_STRINGS: Final[Mapping[str, tuple[bytes, bytes]]] = {
    ".rs": (b'#"', b'"#'),
    **dict.fromkeys((".go", ".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts"), (b"`", b"`")),
    **dict.fromkeys((".java", ".kt", ".kts", ".scala", ".swift", ".cs"), (b'"""', b'"""')),
    **dict.fromkeys((".cpp", ".cc", ".cxx", ".h", ".hpp"), (b'R"', b')"')),
}
"""How a string over several lines begins and ends, by the suffix of the source."""
_TEST_NAME = re.compile(r"(?:^|/)[^/]*(?:[._-](?:test|spec)s?\.\w+|[a-z]Tests?\.\w+)\Z")
_ABOUT_CONFLICTS = re.compile(r"(?:^|[^a-z])(?:un)?(?:merge|conflict)(?:s|d|ed|ing)?(?:[^a-z]|$)", re.IGNORECASE)
_ABOUT_MARKERS = re.compile(r"(?:diff|merge|conflict)s?[-_ ]?markers?", re.IGNORECASE)
_FOLDERS_OF_CASES = frozenset({"compile-fail", "fail", "failing", "invalid", "pass", "passing", "valid"})
"""Where compilers and parsers keep what they are tried on."""
_UNMERGED = frozenset({"DD", "AU", "UD", "UA", "DU", "AA", "UU"})
_MOST_EVIDENCE = 20
_MARKER_SIZE = "7"
"""Git's, where no attribute gives another (gitattributes(5)): whoever writes about conflicts gives one."""
_LENGTH_OF_UNDERLINE = 2
"""By how many characters a line of `-` or `.` may differ from the title above it (AsciiDoc, "two-line titles")."""


def _extract(path: str, data: bytes) -> tuple[Evidence, ...] | None:
    """Return where the conflicts of a file begin, or the markers that are left of one."""
    if (b"<<<<<<<" not in data and b">>>>>>>" not in data) or b"\0" in data[:8_000]:
        return None
    found = [match for match in _CONFLICT.finditer(data) if not _is_example(path, data, match.start())]
    if not found and not _is_test(path, data) and not _ABOUT_CONFLICTS.search(path):
        found = [match for match in _LEFT_OVER.finditer(data) if not _is_example(path, data, match.start())]
    found = _outside_strings(path, data, found)
    if not found or (path.endswith((".py", ".pyi")) and _is_valid_python(data)):
        return None
    return tuple(evidence_at(path, data, match.start()) for match in found[:_MOST_EVIDENCE])


def _is_example(path: str, data: bytes, offset: int) -> bool:
    """Tell whether a conflict in prose stands inside a fenced or delimited block: documentation of conflicts."""
    name = path.lower()
    if name.endswith(_MARKDOWN):
        return len(_MARKDOWN_FENCE.findall(data, 0, offset)) % 2 == 1
    return name.endswith(_ASCIIDOC) and _is_in_block(data[:offset].split(b"\n")[:-1])


def _is_in_block(lines: list[bytes]) -> bool:
    """Tell whether a delimited block of AsciiDoc is open after LINES; the line below a title of its length is none."""
    fence, above = b"", b""
    for line in (line.rstrip() for line in lines):
        if fence:
            fence = b"" if line == fence else fence
        elif _ASCIIDOC_FENCE.match(line) and not (above and abs(len(above) - len(line)) <= _LENGTH_OF_UNDERLINE):
            fence = line
        above = line
    return bool(fence)


def _outside_strings(path: str, data: bytes, found: list[re.Match[bytes]]) -> list[re.Match[bytes]]:
    """Return those of FOUND, in order, that do not begin inside a string of several lines in the code of a test.

    Elsewhere a string is no excuse: styles and queries are written in strings, and two people change them.
    """
    suffix = path[path.rfind(".") :].lower() if "." in path else ""
    if suffix == ".sh" and found and _is_test(path, data):
        spans = _here_documents(data)
        return [match for match in found if not any(start <= match.start() < end for start, end in spans)]
    if suffix not in _RAW_STRINGS or not _is_test(path, data):
        return found
    begin, end = _RAW_STRINGS[suffix]
    kept, seen, inside = [], 0, False
    for match in found:
        if begin == end:
            inside ^= data.count(begin, seen, match.start()) % 2 == 1
        else:
            last = max((data.rfind(mark, seen, match.start()), mark == begin) for mark in (begin, end))
            inside = last[1] if last[0] >= 0 else inside
        seen = match.start()
        if not inside or data.find(end, match.end()) < 0:
            kept.append(match)
    return kept


def _here_documents(data: bytes) -> list[tuple[int, int]]:
    """Return where the here-documents of a shell script begin and end."""
    spans, end = [], 0
    while match := _HERE_DOCUMENT.search(data, end):
        closing = re.compile(rb"^\t*%b\r?$" % match[1], re.MULTILINE).search(data, match.end())
        end = closing.end() if closing else match.end()
        spans.append((match.end(), end))
    return spans


def _is_test(path: str, data: bytes) -> bool:
    return in_test_folder(path) or _TEST_NAME.search(path) is not None or b"#[cfg(test)]" in data


def _is_valid_python(data: bytes) -> bool:
    """Tell whether DATA parses: then the markers are text inside a string."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _detect(snapshot: Snapshot) -> Iterator[Finding]:
    yield from _conflicts(snapshot)
    yield from _operations(snapshot)
    yield from _locks(snapshot)
    yield from _damage(snapshot)
    yield from _worktrees(snapshot)
    yield from _hooks(snapshot)


def _conflicts(snapshot: Snapshot) -> Iterator[Finding]:
    unmerged = {change.path for change in snapshot.changes if change.status in _UNMERGED}
    for path, fact in snapshot.facts.get("git_state_corruption", {}).items():
        size = snapshot.attributes.get(path, {}).get("conflict-marker-size", _MARKER_SIZE)
        if path in unmerged or not (_is_specimen(path) or size != _MARKER_SIZE):
            evidence = cast(tuple[Evidence, ...], fact)
            yield Finding("conflict-markers", f"Unresolved conflict in {path}", (path,), evidence)


def _is_specimen(path: str) -> bool:
    """Tell whether a conflict in PATH is what a test reads: kept with test data, named for conflicts among tests, or
    for their markers among cases."""
    *folders, name = path.lower().split("/")
    if not _FIXTURE_FOLDERS.isdisjoint(folders):
        return True
    if _ABOUT_MARKERS.search(name) and not _FOLDERS_OF_CASES.isdisjoint(folders):
        return True
    return in_test_folder(path) and _ABOUT_CONFLICTS.search(path) is not None


def _operations(snapshot: Snapshot) -> Iterator[Finding]:
    for operation in snapshot.git.operations:
        yield Finding("unfinished-operation", f"An unfinished {operation}", (operation,), ())
    for change in snapshot.changes:
        if change.status in _UNMERGED:
            title = f"{change.path} is not merged"
            yield Finding("unmerged-entry", title, (change.path,), (Evidence(path=change.path),))


def _locks(snapshot: Snapshot) -> Iterator[Finding]:
    for lock in snapshot.git.locks:
        if lock.owner_alive is False or (lock.old and not lock.owner_alive):
            path = f".git/{lock.path}"
            yield Finding("stale-lock", f"{path} was left behind", (lock.path,), (Evidence(path=path),))


def _damage(snapshot: Snapshot) -> Iterator[Finding]:
    for subject, wrong in snapshot.git.broken:
        evidence = Evidence(path=f".git/{subject}", preview=wrong)
        if (subject, wrong) in snapshot.git.left_out:
            title = f"{subject}: {wrong}; the sparse checkout leaves out every file that needs it"
            # Whoever made the copy left them away: what is checked out is whole, and so is what is committed on it.
            yield Finding("damaged", title, (subject,), (evidence,), risk="low", blocks_autopilot=False)
        else:
            yield Finding("damaged", f"{subject}: {wrong}", (subject,), (evidence,))
    for subject, reason in snapshot.git.unchecked:
        evidence = Evidence(path=f".git/{subject}", preview=reason)
        yield Finding("objects-not-checked", f"{subject}: {reason}", (subject,), (evidence,))


def _worktrees(snapshot: Snapshot) -> Iterator[Finding]:
    for tree in snapshot.git.worktrees:
        if tree.sound:
            continue
        evidence = (Evidence(path=f".git/worktrees/{tree.name}", preview=tree.lock_reason or None),)
        if tree.off_its_branch and tree.owner_alive is not False:
            title = f"Worktree {tree.name} of a run is not on the run's branch"
            yield Finding("run-worktree-off-branch", title, (tree.name,), evidence)
        elif tree.locked:
            title = f"Worktree {tree.name} is locked by a process that is gone"
            yield Finding("worktree-abandoned", title, (tree.name,), evidence)
        elif not tree.exists:
            yield Finding("worktree-gone", f"The folder of worktree {tree.name} is gone", (tree.name,), evidence)
        else:
            title = f"The folder of worktree {tree.name} belongs to something else"
            yield Finding("worktree-mismatch", title, (tree.name,), evidence)


def _hooks(snapshot: Snapshot) -> Iterator[Finding]:
    hooks = snapshot.git.hooks
    for path in hooks.not_executable:
        title = f"The hook {path} is not executable, so git never runs it"
        yield Finding("hook-not-executable", title, (path,), (Evidence(path=path),))
    if hooks.missing_folder is not None:
        place = Evidence(path=".git/config", preview=f"core.hooksPath: {hooks.missing_folder}")
        yield Finding("hooks-path-missing", "core.hooksPath leads to no folder: no hook runs", ("",), (place,))
    for name in hooks.worktrees_without:
        place = Evidence(path=f".git/worktrees/{name}", preview="core.hooksPath leads to no folder from here")
        title = f"core.hooksPath leads to no folder in the worktree {name}: no hook runs there"
        yield Finding("hooks-path-missing", title, (name,), (place,), risk="low")


DETECTOR = Detector(gap_type="git_state_corruption", rules=_RULES, detect=_detect, extract=_extract)
