"""What git was asked ahead of time serves one look at that working tree, and changes no byte of what the look says."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest

from autopack.config import load_settings
from autopack.errors import EXIT_TERMINATED
from autopack.gaps.detectors import all_detectors
from autopack.gaps.scanner import scan
from autopack.gaps.snapshot import take_snapshot
from autopack.gaps.sources import asked as asking
from autopack.gaps.sources.asked import (
    ATTRIBUTES_COMMAND,
    INDEX_COMMAND,
    OBJECTS_COMMAND,
    REMOVALS_COMMAND,
    STATUS_COMMAND,
    Asked,
    ForeseenGit,
    Unclear,
    foreseeing,
)
from autopack.gaps.sources.recall import open_cache
from autopack.gaps.sources.standing import ask, find
from autopack.git import Git
from autopack.operations.repeating import repeated
from autopack.operations.scanning import Effort, assess_workspace
from repositories import MakeRepository, commit_all, git, write_files

FILES: dict[str, str | bytes] = {
    "README.md": "# Sample\n\n[gone](docs/gone.md)\n",
    ".gitattributes": "*.md text\n*.bin binary\n",
    "a b/ü.md": "text\n",
    "tool.bin": b"\0",
    "page.rst": "Page\n====\n",
}


@pytest.fixture
def repository(make_repository: MakeRepository) -> Path:
    """A repository with attributes, a name beyond ASCII, and a file that is not tracked."""
    folder = make_repository(FILES)
    write_files(folder, {"new.md": "[gone](gone.md)\n"})
    return folder


def foreseen(folder: Path) -> Asked:
    asked = Asked(Git(folder))
    asked.go_on(past=True)
    return asked


def report_of(folder: Path, asked: Asked | None) -> bytes:
    snapshot = take_snapshot(folder, all_detectors(), asked=asked)
    return scan(snapshot, project_id="p", run_id="r", detectors=all_detectors()).model_dump_json().encode()


def test_the_report_is_the_same(repository: Path) -> None:
    """Asked ahead or not, with a submodule and an unmerged path too."""
    assert report_of(repository, foreseen(repository)) == report_of(repository, None)
    blob = git(repository, "rev-parse", "HEAD:README.md").strip()
    entries = f"160000 {'1' * 40} 0\tinner\n" + "".join(f"100644 {blob} {stage}\tboth.md\n" for stage in (1, 2, 3))
    git(repository, "update-index", "--index-info", stdin=entries.encode())
    assert report_of(repository, foreseen(repository)) == report_of(repository, None)


def test_what_was_asked_is_not_asked_again(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the four questions is put to git once for the whole look; of a submodule nothing is asked."""
    git(repository, "update-index", "--index-info", stdin=f"160000 {'1' * 40} 0\tinner\n".encode())
    asked = foreseen(repository)
    asked.end()
    put: list[tuple[str, ...]] = []
    run = Git.run

    def counting(self: Git, *arguments: str, **options: object) -> object:
        put.append(arguments)
        return run(self, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Git, "run", counting)
    take_snapshot(repository, all_detectors(), asked=asked)
    assert {INDEX_COMMAND, STATUS_COMMAND, OBJECTS_COMMAND}.isdisjoint(put)
    assert put.count(ATTRIBUTES_COMMAND) == 1  # for the untracked file


@pytest.mark.parametrize("few", [10_000, 0], ids=["a small tree", "a large one"])
def test_the_past_that_was_asked_for_is_that_of_the_look(
    make_repository: MakeRepository, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """All removals are listed ahead where that is soon done, and tell what those of single paths would."""
    folder = make_repository({"README.md": "# Sample\n\nRun `./tools/build.sh` or see [it](docs/old.md).\n"})
    write_files(folder, {"tools/build.sh": "true\n", "docs/old.md": "# Old\n", "other.txt": "x\n"})
    commit_all(folder, "more")
    git(folder, "mv", "docs/old.md", "docs/new.md")
    git(folder, "rm", "--quiet", "tools/build.sh", "other.txt")
    commit_all(folder, "fewer")
    monkeypatch.setattr(asking, "_FEW_FILES", few)
    without = report_of(folder, None)
    assert b"docs/new.md" in without
    assert b"tools/build.sh" in without
    put: list[str] = []
    run = Git.run

    def counting(self: Git, *arguments: str, **options: object) -> object:
        put.append(arguments[0])
        return run(self, *arguments, **options)  # type: ignore[arg-type]

    asked = foreseen(folder)
    asked.end()
    monkeypatch.setattr(Git, "run", counting)
    assert report_of(folder, asked) == without
    # One asks for the rename; without the list, removals are asked for by name, again once a new name is known.
    assert put.count("diff-tree") == (1 if few else 2)


@pytest.fixture
def bomb(make_repository: MakeRepository) -> Path:
    """A repository of one file, in whose past is a tree of 64 million paths, made of a few objects."""
    folder = make_repository({"README.md": "# Sample\n\n[gone](gone.md)\n"})
    blob = git(folder, "hash-object", "-w", "--stdin", stdin=b"x\n").strip()
    tree = git(folder, "mktree", stdin="".join(f"100644 blob {blob}\tf{n}\n" for n in range(20)).encode()).strip()
    for _ in range(5):
        below = "".join(f"040000 tree {tree}\td{n}\n" for n in range(20))
        tree = git(folder, "mktree", stdin=below.encode()).strip()
    small, parent = (git(folder, "rev-parse", name).strip() for name in ("HEAD^{tree}", "HEAD"))
    for content in (tree, small):
        parent = git(folder, "commit-tree", content, "-p", parent, "-m", "more").strip()
    git(folder, "reset", "--quiet", parent)
    return folder


def children_in(folder: Path) -> list[int]:
    """Return the processes that list what was removed in FOLDER."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # gone meanwhile
            is_it = (process / "cwd").resolve() == folder and b"--diff-filter=D" in (process / "cmdline").read_bytes()
            found += [int(process.name)] if is_it else []
    return found


def test_a_past_that_takes_long_to_list_is_not_waited_for(bomb: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is given up soon, and nothing of it is left; paths that documents name are asked for by name, as ever."""
    monkeypatch.setattr(asking, "_SECONDS_FOR_THE_PAST", 0.1)
    given: list[object] = []
    run = Git.run

    def noting(self: Git, *arguments: str, **options: object) -> object:
        given.append(options["timeout"] if arguments[:1] == ("diff-tree",) else None)
        return run(self, *arguments, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patching:
        patching.setattr(Git, "run", noting)
        asked = foreseen(bomb)
        asked.end()
    assert [seconds for seconds in given if seconds] == [0.1]
    assert not asked.knows(REMOVALS_COMMAND)
    assert children_in(bomb) == []
    assert report_of(bomb, asked) == report_of(bomb, None)


def test_who_ends_a_scan_ends_what_it_asked(bomb: Path) -> None:
    """A signal to the command alone leaves no process behind, though a thread was waiting for it."""
    scan = subprocess.Popen([sys.executable, "-m", "autopack", "scan", "-C", str(bomb), "--no-cache"])
    deadline = time.monotonic() + 20
    while not (children := children_in(bomb)) and time.monotonic() < deadline:
        time.sleep(0.01)
    scan.terminate()
    assert scan.wait(20) == EXIT_TERMINATED
    left = children_in(bomb)
    for child in left:
        os.kill(child, signal.SIGKILL)
    assert (len(children), left) == (1, [])


def test_an_answer_serves_once(repository: Path) -> None:
    """Whoever asks again is told how things stand then."""
    seeing = foreseeing(repository, foreseen(repository))
    assert isinstance(seeing, ForeseenGit)
    before = seeing.run(*INDEX_COMMAND).stdout
    commit_all(repository, "more")
    assert seeing.run(*INDEX_COMMAND).stdout != before
    assert b"new.md" in seeing.run(*INDEX_COMMAND).stdout


def test_an_answer_about_other_paths_serves_nobody(repository: Path) -> None:
    """Attributes are asked for by name."""
    seeing = foreseeing(repository, foreseen(repository))
    assert b"other.bin" in seeing.run(*ATTRIBUTES_COMMAND, stdin=b"other.bin\0").stdout


def test_another_working_tree_is_asked_itself(repository: Path, make_repository: MakeRepository) -> None:
    """What is known of one repository says nothing about another."""
    other = make_repository({"only-here.txt": "x\n"}, name="other")
    assert type(foreseeing(other, foreseen(repository))) is Git
    snapshot = take_snapshot(other, (), asked=foreseen(repository))
    assert [*snapshot.files] == ["only-here.txt"]


def test_what_git_refused_is_asked_again(repository: Path) -> None:
    """A refusal may have passed; where it has not, it is told as ever."""
    index = repository / ".git" / "index"
    sound = index.read_bytes()
    index.write_bytes(b"no index")
    asked = foreseen(repository)
    asked.end()
    with pytest.raises(Unclear):
        asked.lists()
    assert ("index", "git cannot read the index") in take_snapshot(repository, (), asked=asked).git.broken
    asked = foreseen(repository)
    asked.end()
    index.write_bytes(sound)
    seeing = foreseeing(repository, asked)
    assert b"README.md" in seeing.run(*INDEX_COMMAND).stdout
    assert b"new.md" in seeing.run(*STATUS_COMMAND).stdout


def test_a_file_that_changes_after_git_was_asked_is_not_kept_as_it_was(repository: Path) -> None:
    """What is read then are other bytes than those of the object that git named."""
    asked = foreseen(repository)
    asked.end()
    before = (repository / "page.rst").read_bytes()
    (repository / "page.rst").write_bytes(b"Page\n====\n\n.. image:: one.png\n")
    take_snapshot(repository, all_detectors(), kept=open_cache(repository, writable=True), asked=asked)
    (repository / "page.rst").write_bytes(before)
    kept = take_snapshot(repository, all_detectors(), kept=open_cache(repository, writable=False))
    fresh = take_snapshot(repository, all_detectors())
    assert kept.files["page.rst"] == fresh.files["page.rst"]
    assert dict(kept.facts["doc_drift"]) == dict(fresh.facts["doc_drift"])


def test_no_answer_is_kept_for_a_tree_that_changed_after_git_was_asked(repository: Path) -> None:
    """The report tells of the tree as it was; the next scan finds the tree as it is."""
    commit_all(repository, "all")
    time.sleep(0.15)
    settings, today = load_settings(repository), date(2026, 1, 2)
    assess_workspace(settings, write=True, today=today, effort=Effort(cache="fill"))
    asked = foreseen(repository)
    asked.end()
    write_files(repository, {"page.rst": "Page\n====\n\n.. image:: one.png\n"})
    time.sleep(0.15)
    assess_workspace(settings, write=True, today=today, effort=Effort(cache="fill", asked=asked))
    place = find(repository)
    assert place is not None
    again = repeated(place, ask(place))
    assert again is None or "one.png" in again.stdout
