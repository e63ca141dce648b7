"""The same state of a workspace gives the same bytes, whatever surrounds it, and looking leaves no trace."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from autopack.schema_validation.json_schema import validate
from repositories import MakeRepository, commit_all, git, write_files

HOSTILE_START = """
import os, time
scandir, listdir, instant = os.scandir, os.listdir, time.time
class Backwards:
    def __init__(self, path="."):
        with scandir(path) as entries:
            self.entries = iter(sorted(entries, key=lambda entry: entry.name, reverse=True))
    def __enter__(self): return self
    def __exit__(self, *_): pass
    def __iter__(self): return self.entries
    def __next__(self): return next(self.entries)
    def close(self): pass
os.scandir = Backwards
os.listdir = lambda path=".": sorted(listdir(path), reverse=True)
time.time = lambda: instant() + 315_360_000
"""
"""A start-up file that shows every folder in reverse and lives ten years from now."""

CONFLICT = "<<<<<<< HEAD\nours\n=======\ntheirs\n>>>>>>> topic\n"


@dataclass(frozen=True)
class Answer:
    """What one run of the scanner's command said."""

    code: int
    stdout: bytes
    stderr: str


def run_scan(workspace: Path, *arguments: str, cwd: Path | None = None, **environment: str) -> Answer:
    """Run the scanner as a user does, in a process of its own."""
    argv = [sys.executable, "-m", "autopack.gaps.scan", "--workspace", str(workspace), *arguments]
    done = subprocess.run(argv, cwd=cwd, env={**os.environ, **environment}, capture_output=True, check=False)
    return Answer(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace"))


@pytest.fixture
def flawed(make_repository: MakeRepository) -> Path:
    """Return a repository with gaps of several types, in every state that a file can be in."""
    repository = make_repository(
        {
            "README.md": "# Sample\n\n[gone](docs/gone.md), [guide](docs/guide.md#usge)\n",
            "docs/guide.md": "# Guide\n\n## Usage\n\nText.\n",
            "docs/old name.md": "# Old\n\n" + "words and more words\n" * 30,
            "conflict.txt": CONFLICT,
            "src/mixed.py": b"a = 1\r\nb = 2\nopen('x').read()\n",
            "latin.txt": b"caf\xe9 au lait\n",
            "debug.log": "noise\n",
            "vendor/lib.js": "x\n",
            ".gitignore": "build/\n*.tmp\n",
            "tests/test_nothing.py": "def test_nothing():\n    x = 1\n",
            ".autopack/intention.yaml": INTENTION,
        }
    )
    (repository / "link").symlink_to("docs")
    write_files(repository, {"docs/ümläut ß.md": "[x](y.md)\n", "src/a b.py": "x\n"})
    git(repository, "mv", "docs/old name.md", "docs/new name.md")
    commit_all(repository, "second")
    write_files(repository, {"README.md": "# Sample\n\n[gone](docs/gone.md)\n[moved](docs/old%20name.md)\n"})
    write_files(
        repository, {"untracked.bak": "x\n", "build/out.txt": "o\n", "note.tmp": "t\n", "src/mixed.py": "x\r\ny\n"}
    )
    git(repository, "add", "src/mixed.py")
    Path(f"{repository}/bytes\udcff.md").write_bytes(b"[x](missing.md)\n")
    return repository


INTENTION = """\
format_version: v2
project_id: sample
created_at: 2026-01-02T03:04:05Z
updated_at: 2026-01-02T03:04:05Z
pivot_intentions:
  scope_boundaries:
    protected_paths: [/src/]
"""


def test_a_scan_prints_one_valid_document(flawed: Path) -> None:
    """The command prints one line of JSON that the published schema accepts, prose goes to stderr, and it exits 0."""
    answer = run_scan(flawed, "--run-id", "R", "--project-id", "P")
    document = json.loads(answer.stdout)
    validate(document, "gap_report_v1")
    assert (answer.code, document["run_id"], document["project_id"]) == (0, "R", "P")
    assert answer.stdout.count(b"\n") == 1
    assert answer.stderr.startswith(f"{len(document['gaps'])} gaps (")
    types = {gap["gap_type"] for gap in document["gaps"]}
    assert {"doc_drift", "git_state_corruption", "protected_path_violation"} <= types
    assert str(flawed).encode() not in answer.stdout


def test_the_surroundings_change_no_byte(flawed: Path, tmp_path: Path) -> None:
    """Folder, locale, encoding, time zone, hash seed, order of names, clock and time stamps leave no mark."""
    start_up = tmp_path / "start_up"
    start_up.mkdir()
    (start_up / "sitecustomize.py").write_text(HOSTILE_START, encoding="utf-8")
    expected = run_scan(flawed)
    surroundings: list[Mapping[str, str]] = [
        {"PYTHONHASHSEED": "1", "TZ": "Pacific/Kiritimati"},
        {"PYTHONHASHSEED": "77", "LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONPATH": str(start_up), "LANG": "tr_TR.UTF-8", "LC_ALL": ""},
        {"COLUMNS": "20", "FORCE_COLOR": "1", "NO_COLOR": "", "PYTHONIOENCODING": "cp1252"},
        {"GIT_DIR": "/nonexistent", "GIT_INDEX_FILE": "/nonexistent", "GIT_EXTERNAL_DIFF": "false"},
    ]
    for environment in surroundings:
        assert run_scan(flawed, **environment) == expected, environment
    assert run_scan(Path(), cwd=flawed / "docs") == expected
    for path in sorted(flawed.rglob("*")):
        os.utime(path, (1_000_000_000, 1_000_000_000), follow_symlinks=False)
    assert run_scan(flawed) == expected


def test_another_place_changes_no_byte(flawed: Path, tmp_path: Path) -> None:
    """A copy of the folder, made file by file in another order, gives the same report under any path."""
    copy = tmp_path / "somewhere else" / "ünder anöther näme"
    shutil.copytree(flawed, copy, symlinks=True)
    assert run_scan(copy) == run_scan(flawed)


def test_a_clone_of_a_commit_gives_the_same_report(flawed: Path, tmp_path: Path) -> None:
    """Two clones of one commit agree with each other, whatever their paths, packing and time of checkout."""
    commit_all(flawed, "third")
    git(tmp_path, "clone", "-q", str(flawed), "one")
    git(tmp_path, "clone", "-q", "--no-local", f"file://{flawed}", "deeper/two")
    git(tmp_path / "deeper" / "two", "gc", "-q")
    assert run_scan(tmp_path / "one") == run_scan(tmp_path / "deeper" / "two")


def test_a_changed_file_changes_the_report(flawed: Path) -> None:
    """The report does depend on the workspace: one edited byte gives another state and another report."""
    before = json.loads(run_scan(flawed).stdout)
    write_files(flawed, {"docs/guide.md": "# Guide\n\n## Use\n"})
    after = json.loads(run_scan(flawed).stdout)
    for field in ("workspace_state_digest", "gap_report_id", "run_id"):
        assert before[field] != after[field]


def inventory(folder: Path) -> dict[str, tuple[object, ...]]:
    """Return everything about every file below FOLDER that a visit could change: content, mode, owner, times, inode."""
    found: dict[str, tuple[object, ...]] = {}
    for current, folders, names in os.walk(folder):
        for name in (".", *folders, *names):
            path = Path(current) / name
            status = path.lstat()
            plain = path.is_file() and not path.is_symlink()
            content = hashlib.sha256(path.read_bytes()).hexdigest() if plain else ""
            found[str(path)] = (content, status.st_mode, status.st_ino, status.st_mtime_ns, status.st_ctime_ns)
    return found


def test_a_scan_leaves_no_trace(flawed: Path, tmp_path: Path) -> None:
    """Nothing below the repository, the home or the temporary folder changes: no index, cache, object or time stamp."""
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    home.mkdir()
    temporary.mkdir()
    os.utime(flawed / "docs" / "guide.md")  # makes git want to refresh the index
    before = inventory(tmp_path)
    assert run_scan(flawed, cwd=flawed, HOME=str(home), TMPDIR=str(temporary)).code == 0
    assert inventory(tmp_path) == before


def test_a_tree_that_cannot_be_written_is_scanned(flawed: Path) -> None:
    """A scan needs no permission but to read."""
    expected = run_scan(flawed)
    paths = [flawed, *sorted(flawed.rglob("*"))]
    modes = {path: path.lstat().st_mode for path in paths if not path.is_symlink()}
    for path in modes:
        path.chmod(modes[path] & ~0o222)
    try:
        assert run_scan(flawed) == expected
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


def test_writing_keeps_the_printed_bytes_and_changes_no_later_scan(flawed: Path) -> None:
    """`--write` stores exactly what is printed, in a folder that ignores itself, and the next scan is the same."""
    plain = run_scan(flawed)
    status = git(flawed, "status", "--porcelain")
    written = run_scan(flawed, "--write")
    assert (written.code, written.stdout) == (0, plain.stdout)
    run_id = json.loads(plain.stdout)["run_id"]
    report = flawed / f".autonomous_runs/sample/runs/{run_id}/{run_id}/gaps/gap_report_v1.json"
    assert report.read_bytes() == plain.stdout
    assert (flawed / ".autonomous_runs" / ".gitignore").read_text(encoding="utf-8") == "*\n"
    assert git(flawed, "status", "--porcelain") == status
    assert run_scan(flawed) == plain
