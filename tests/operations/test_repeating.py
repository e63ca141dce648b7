"""An answer is given again only where the whole scan would give the same bytes; whatever else changed is noticed."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import PIPE

import pytest

from autopack.artifacts.redaction import register_secret_values
from autopack.cli.main import main
from autopack.clock import Clock, FixedClock
from autopack.gaps.facts import Versions
from autopack.gaps.sources.standing import ask, find
from autopack.gaps.storage import FILE, read_answer, read_rows, write_rows
from autopack.operations import repeating
from autopack.operations.repeating import Repeated
from repositories import MakeRepository, commit_all, git, write_files

FILES: dict[str, str | bytes] = {
    "README.md": "# Sample\n\nSee [the guide](docs/guide.md) and [nothing](docs/gone.md).\n",
    "docs/guide.md": "# Guide\n\n[up](../README.md#nowhere)\n",
    "src/sample.py": "def load(path):\n    return open(path).read()\n",
    "run.sh": "#!/bin/sh\necho hi\n",
    ".gitignore": "*.db\n*.pid\n/build/\n",
}


WRITER = """
import sqlite3
database = sqlite3.connect("state.db", isolation_level=None)
database.execute("BEGIN IMMEDIATE")
print("writing", flush=True)
input()
"""


@pytest.fixture(autouse=True)
def _no_secrets_stay() -> Iterator[None]:
    yield
    register_secret_values(())


@pytest.fixture
def repository(make_repository: MakeRepository) -> Path:
    """A repository in which several detectors find something, and that has a database which git ignores."""
    folder = make_repository(FILES)
    with sqlite3.connect(folder / "state.db") as database:
        database.execute("CREATE TABLE sample (value)")
    database.close()
    return folder


def repeated(start: Path, clock: Clock | None = None) -> Repeated | None:
    """What is said again about the repository around START."""
    place = find(start)
    return None if place is None else repeating.repeated(place, ask(place), clock=clock)


def scanned(capsys: pytest.CaptureFixture[str], folder: Path, *options: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(["scan", "-C", str(folder), *options])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def kept(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    """Scan FOLDER so that the next scan repeats the answer; at rest, as repositories are between two commands."""
    time.sleep(0.15)
    scanned(capsys, folder, "--write")
    assert repeated(folder) is not None


def without_a_change_of_time(path: Path, text: str) -> None:
    before = path.stat()
    path.write_text(text, encoding="utf-8")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size


def edit_of_the_same_size(tree: Path) -> None:
    text = (tree / "README.md").read_text(encoding="utf-8")
    without_a_change_of_time(tree / "README.md", text.replace("docs/guide.md", "docs/guise.md"))


def edit_of_an_untracked_file(tree: Path) -> None:
    without_a_change_of_time(tree / "new.md", "[a](run.xx)\n")


def damaged_object(tree: Path) -> None:
    name = git(tree, "rev-parse", "HEAD^{tree}").strip()
    (tree / ".git" / "objects" / name[:2] / name[2:]).unlink()


def forgotten_worktree(tree: Path) -> None:
    git(tree, "worktree", "add", "--quiet", str(tree.parent / "linked"))
    (tree.parent / "linked" / ".git").unlink()


def hook_that_cannot_run(tree: Path) -> None:
    write_files(tree, {".git/hooks/pre-push": "#!/bin/sh\nexit 1\n"})
    (tree / ".git" / "hooks" / "pre-push").chmod(0o644)


def recall_of_a_run_cut_short(tree: Path) -> None:
    line = {"at": "2026-01-02T03:04:05Z", "event": "recall", "decision": "refused", "reason": "no tokens left"}
    write_files(tree, {".autonomous_runs/p/runs/f/f-1/logs/budget.ndjson": json.dumps(line) + "\n"})


CHANGES: dict[str, Callable[[Path], object]] = {
    "a hook": hook_that_cannot_run,
    "another folder of hooks": lambda tree: git(tree, "config", "core.hooksPath", "nowhere"),
    "what a run tells": recall_of_a_run_cut_short,
    "same size and time": edit_of_the_same_size,
    "untracked, same size and time": edit_of_an_untracked_file,
    "another untracked file": lambda tree: write_files(tree, {"other.md": "[x](nowhere.md)\n"}),
    "a missing target": lambda tree: write_files(tree, {"docs/gone.md": "here\n"}),
    "an ignored target": lambda tree: write_files(tree, {".git/info/exclude": "docs/gone.md\n"}),
    "an ignored lock": lambda tree: write_files(tree, {"tool.pid": "999999\n"}),
    "deleted": lambda tree: (tree / "docs" / "guide.md").unlink(),
    "mode": lambda tree: (tree / "run.sh").chmod(0o755),
    "commit": lambda tree: commit_all(tree, "second"),
    "a lock of git": lambda tree: write_files(tree, {".git/index.lock": ""}),
    "a lock on a ref": lambda tree: write_files(tree, {".git/refs/heads/x.lock": ""}),
    "a merge": lambda tree: write_files(tree, {".git/MERGE_HEAD": git(tree, "rev-parse", "HEAD")}),
    "a rebase": lambda tree: (tree / ".git" / "rebase-merge").mkdir(),
    "a dangling ref": lambda tree: write_files(tree, {".git/refs/heads/x": "1" * 40 + "\n"}),
    "a missing object": damaged_object,
    "a forgotten worktree": forgotten_worktree,
    "git's settings": lambda tree: git(tree, "config", "core.autocrlf", "true"),
    "git is told not to look": lambda tree: git(tree, "update-index", "--assume-unchanged", "README.md"),
    "settings that git does not see": lambda tree: write_files(
        tree, {".autopack/config.toml": '[rules."doc_drift/dead-link"]\nseverity = "off"\nreason = "no"\n'}
    ),
    "attributes": lambda tree: write_files(tree, {".gitattributes": "*.md linguist-vendored\n"}),
    "project name": lambda tree: write_files(tree, {"pyproject.toml": '[project]\nname = "other"\n'}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_no_change_is_missed(repository: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    """Whatever changes, what is printed is what a scan without any memory prints."""
    write_files(repository, {"new.md": "[a](run.sh)\n"})
    kept(capsys, repository)
    CHANGES[name](repository)
    assert repeated(repository) is None
    assert scanned(capsys, repository) == scanned(capsys, repository, "--no-cache")


@pytest.mark.parametrize("options", [(), ("--format", "text"), ("--fail-on", "medium"), ("--format=json",)])
def test_what_is_repeated_is_the_same_to_the_byte(
    repository: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    """Exit code, stdout and stderr are those of a scan that looks."""
    kept(capsys, repository)
    assert scanned(capsys, repository, *options) == scanned(capsys, repository, *options, "--no-cache")


def test_conversions_that_git_calls_unchanged_are_seen(
    make_repository: MakeRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    """Line endings that git would normalise do not show in its status, and change the report."""
    folder = make_repository({**FILES, ".gitattributes": "* text=auto\n", "run.sh": b"#!/bin/sh\necho hi\r\n"})
    kept(capsys, folder)
    (folder / "run.sh").write_bytes(b"#!/bin/sh\r\necho hi\n")
    assert git(folder, "--no-optional-locks", "status", "--porcelain", "run.sh") == ""
    assert repeated(folder) is None
    assert scanned(capsys, folder) == scanned(capsys, folder, "--no-cache")


def test_a_file_younger_than_the_scan_is_not_known_by_its_stamp(
    make_repository: MakeRepository, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that may have changed within one tick of the clock would have the same stamp: nothing is kept."""
    folder = make_repository({**FILES, ".gitattributes": "* text=auto\n"})
    monkeypatch.setattr(repeating, "_FINE_MARGIN", 3_600_000_000_000)  # one tick of a very coarse clock
    scanned(capsys, folder, "--write")
    assert read_answer(folder / ".git", f"unchanged {folder.resolve()}") is None


def test_a_database_that_is_being_written_to_is_seen(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the machine says is asked each time, though no byte has changed."""
    kept(capsys, repository)
    # Another process: this one would give its locks up by closing the file that it looks at.
    with subprocess.Popen([sys.executable, "-c", WRITER], cwd=repository, stdin=PIPE, stdout=PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "writing\n"
        assert repeated(repository) is None
        assert scanned(capsys, repository) == scanned(capsys, repository, "--no-cache")
    assert repeated(repository) is not None


def test_another_environment_masks_its_own_secrets(
    repository: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A value that is a secret here is not repeated from where it was none."""
    kept(capsys, repository)
    monkeypatch.setenv("DEPLOY_TOKEN", "docs/gone.md")
    assert repeated(repository) is None
    monkeypatch.setenv("DEPLOY_TOKEN", "something-else")
    assert repeated(repository) is not None


def test_a_finding_is_accepted_until_its_day(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is a baseline, the answer is of the day it was made."""
    assert main(["baseline", "update", "-C", str(repository), "--reason", "later", "--execute"]) == 0
    kept(capsys, repository)
    tomorrow = FixedClock(datetime.now(UTC) + timedelta(days=1))
    assert repeated(repository, clock=tomorrow) is None


@pytest.mark.parametrize("damage", [b"", b"no database", b"SQLite format 3\0"])
def test_a_damaged_store_answers_nothing(repository: Path, capsys: pytest.CaptureFixture[str], damage: bytes) -> None:
    """Garbage in place of what was kept means that the scan is done."""
    kept(capsys, repository)
    (repository / ".git" / FILE).write_bytes(damage)
    assert repeated(repository) is None
    assert scanned(capsys, repository) == scanned(capsys, repository, "--no-cache")


def test_a_changed_row_answers_nothing(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A row whose checksum does not fit is not believed."""
    kept(capsys, repository)
    with sqlite3.connect(repository / ".git" / FILE) as store:
        store.execute("UPDATE answers SET content = replace(content, 'gone.md', 'gane.md')")
    store.close()
    assert repeated(repository) is None


def test_a_plain_scan_leaves_no_trace(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither a scan that finds everything out nor one that repeats writes anything; the former can not be repeated."""

    def everything() -> list[tuple[str, int, int]]:
        paths = sorted(repository.rglob("*"))
        return [(str(path), path.lstat().st_mtime_ns, path.lstat().st_size) for path in paths]

    before = everything()
    scanned(capsys, repository)
    assert (everything(), repeated(repository)) == (before, None)
    kept(capsys, repository)
    before = everything()
    scanned(capsys, repository)
    assert everything() == before


def test_a_folder_inside_the_repository_gets_the_same_answer(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The repository around a folder is meant, as everywhere; inside the git folder there is none."""
    kept(capsys, repository)
    assert repeated(repository / "docs") == repeated(repository)
    assert repeated(repository / ".git" / "refs") is None


def test_facts_that_are_of_no_use_after_all_are_looked_for_again(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A whole row whose facts cannot be rebuilt stops no detector: the report is that of a first scan, and what was
    found anew takes its place."""
    commit_all(repository)
    kept(capsys, repository)
    common = repository / ".git"
    useless = 0
    for name, content in read_rows(common, "SELECT name, content FROM shards"):
        shard = Versions.loaded(content)
        for row, found in shard.found.items():
            shard.found[row] = found._replace(facts=dict.fromkeys(found.facts, b"no fact"))
            useless += len(found.facts)
        write_rows(common, "shards", [(name, shard.dumped())])
    write_files(repository, {"CHANGELOG.md": "# Changes\n"})
    assert useless
    expected = scanned(capsys, repository, "--no-cache", "--format", "json")
    assert "detector-failed" not in expected[1]
    assert scanned(capsys, repository, "--format", "json") == expected
    scanned(capsys, repository, "--write")
    for _, content in read_rows(common, "SELECT name, content FROM shards"):
        facts = [fact for found in Versions.loaded(content).found.values() for fact in found.facts.values()]
        assert b"no fact" not in facts
