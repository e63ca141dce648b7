"""Repositories made to hurt, or merely odd, are scanned within bounds: what cannot be seen is named."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autopack.errors import UnsafeRepository
from autopack.gaps.detector import Detector
from autopack.gaps.detectors import all_detectors
from autopack.gaps.models import GapReportV1
from autopack.gaps.scanner import FAILED, scan
from autopack.gaps.snapshot import take_snapshot
from autopack.gaps.sources.recall import open_cache
from autopack.gaps.state import Snapshot
from repositories import GIT_ENVIRONMENT, MakeRepository, commit_all, git, write_files

SECONDS = 60.0
"""For one scan, on a machine that does a dozen other things; a scan that hangs takes for ever."""


def scanned(repository: Path) -> tuple[Snapshot, GapReportV1]:
    """Scan REPOSITORY with every detector: in time, without one that fails, and with a report that is whole."""
    start = time.process_time()
    snapshot = take_snapshot(repository, all_detectors())
    report = scan(snapshot, project_id="p", run_id="r", detectors=all_detectors())
    assert time.process_time() - start < SECONDS
    assert not [gap.title for gap in report.gaps if gap.rule_id.endswith(FAILED)]
    assert report.gap_report_id == report.expected_id()
    return snapshot, report


_LOOK = """
import sys
from pathlib import Path
from autopack.gaps.detectors import all_detectors
from autopack.gaps.snapshot import take_snapshot
snapshot = take_snapshot(Path(sys.argv[1]), all_detectors())
peak = next(line for line in Path("/proc/self/status").read_text("utf-8").splitlines() if line.startswith("VmHWM"))
print(len(snapshot.files), peak.split()[1])
"""


def seen_by_a_new_process(repository: Path) -> tuple[int, int]:
    """Return how many files a process sees that does nothing but look at REPOSITORY, and its peak memory in KiB.

    What getrusage(2) calls the peak includes what the parent held before exec; `VmHWM` does not (proc(5)).
    """
    done = subprocess.run([sys.executable, "-c", _LOOK, repository], capture_output=True, text=True, check=True)
    files, kibibytes = map(int, done.stdout.split())
    return files, kibibytes


def notes(snapshot: Snapshot) -> dict[str, str]:
    return {note.subject: note.reason for note in snapshot.not_looked_at}


BOMBS: dict[str, bytes] = {
    "brackets": b"[" * 400_000,
    "links": b"[a](b " * 60_000,
    "links-open": b"](" * 150_000,
    "images": b"![" * 150_000,
    "ticks": b"` `` ``` " * 40_000,
    "quotes": b"> " * 150_000 + b"x",
    "lists": b"- " * 150_000 + b"x",
    "emphasis": b"*a _b " * 60_000,
    "comments": b"<!--" * 80_000,
    "tags": b'<a href="' * 40_000,
    "headings": b"# a\n" * 80_000,
    "underlines": b"a\n=\n" * 80_000,
    "tables": b"|a|b|\n|-|-|\n" * 30_000,
    "entities": b"&amp;" * 80_000,
    "references": b"[a]: b\n" * 50_000,
    "fences": b"```\n" * 100_000,
    "shell": b"```sh\n" + b"python a/b.py\n" * 20_000,
    "one-line": b"word and [a](b.md) " * 60_000,
    "markers": b"<<<<<<< a\n" * 40_000 + b">>>>>>> b\n",
    "markers-open": b"<<<<<<< a\n=======\n" * 20_000,
    "parentheses": b"x = " + b"(" * 100_000,
    "minus": b"x = " + b"-" * 300_000 + b"1",
    "sum": b"x = " + b"1+" * 150_000 + b"1",
    "attributes": b"x = " + b"a." * 150_000 + b"a",
    "lambdas": b"x = " + b"lambda:" * 40_000 + b"1",
    "tests": b"def test_a():\n    a == b\n\n" * 20_000,
    "classes": b"class TestA(B):\n    def test_a(self):\n        x\n" * 6_000,
    "asserts": b"def test_a():\n" + b"    assert (a, b)\n" * 30_000,
    "opens": b"from pathlib import Path\n" + b"open(" * 80_000,
    "open-lines": b"open(a)\n" * 30_000,
    "imports": b"from .a.b import c\n" * 30_000,
    "strings": b'"""' * 150_001,
    "nul-late": b"a" * 9_000 + b"\0" * 300_000,
    "not-utf8": b"\xff\xfe\xfd" * 100_000,
    "carriage": b"\r" * 400_000,
    "json": b'{"a":' * 80_000,
    "json-list": b"[" + b'"a/b.md",' * 50_000,
    "digits": b"9" * 400_000,
    "toml": b"a." * 150_000 + b"b=1",
    "tilde": b"~" * 400_000,
    "names": b"tmp copy of " * 40_000,
    "databases": b"x.db" * 100_000,
}
_BOMB_BYTES = 60_000
"""Enough that quadratic time shows, and little enough that linear time does not."""
PLACES = (
    *("README.md", "docs/a.rst", "src/a.py", "tests/test_a.py", "pyproject.toml", "tox.ini", "package.json"),
    *("docs/PROJECT_INDEX.json", ".secrets.baseline", ".editorconfig", "run.sh", "notes.txt", "requirements.txt"),
)


@pytest.mark.parametrize("name", sorted(BOMBS))
def test_a_bomb_goes_off_quietly(name: str, make_repository: MakeRepository) -> None:
    """Text that makes a careless pattern or parser take quadratic time or recurse without end costs seconds."""
    snapshot, _ = scanned(make_repository(dict.fromkeys(PLACES, BOMBS[name])))
    assert {*PLACES} <= snapshot.files.keys()


def test_settings_that_are_no_settings_do_not_stop_a_scan(make_repository: MakeRepository) -> None:
    """Configuration of every tool that a detector reads may be garbage."""
    names = (
        *("pyproject.toml", "setup.cfg", "tox.ini", "pytest.ini", "package.json", "mkdocs.yml", "_config.yml"),
        *(".editorconfig", ".gitattributes", "uv.lock", "Pipfile.lock", ".coveragerc", "docs/PROJECT_INDEX.json"),
    )
    garbage = (b"\0\xff\xfe", b"[" * 9_000, b"{" * 9_000, b"\xed\xa0\x80", b"- &a [*a, *a]\n", b"a:\n " * 999)
    repository = make_repository(dict.fromkeys(names, garbage[0]))
    for content in garbage:
        write_files(repository, dict.fromkeys(names, content))
        scanned(repository)


def test_a_large_binary_is_not_held(make_repository: MakeRepository) -> None:
    """A file of 400 MiB is digested in pieces: memory stays far below its size."""
    repository = make_repository({"a.txt": "x\n"})
    with (repository / "large.bin").open("wb") as file:
        file.truncate(400 * 1024**2)
    files, kibibytes = seen_by_a_new_process(repository)
    assert files == 2
    assert kibibytes < 120 * 1024


@pytest.fixture
def many(make_repository: MakeRepository) -> Path:
    """60,000 files in the index, most of which hold the same few bytes."""
    repository = make_repository({"a.txt": "x\n"})
    oid = git(repository, "rev-parse", "HEAD:a.txt").strip()
    entries = "".join(f"100644 {oid}\td{number // 500}/f{number}.txt\n" for number in range(60_000))
    git(repository, "update-index", "--index-info", stdin=entries.encode())
    git(repository, "commit", "-q", "-m", "many")
    git(repository, "checkout", "-q", "--", ".")
    return repository


def test_sixty_thousand_files_fit(many: Path) -> None:
    """A tree of 60,000 files is scanned within bounded memory."""
    scanned(many)
    files, kibibytes = seen_by_a_new_process(many)
    assert files == 60_001
    assert kibibytes < 300 * 1024


def test_names_of_any_bytes_do_not_break_a_report(make_repository: MakeRepository) -> None:
    """Names with line ends, escapes, quotes, colons and bytes that are no UTF-8 come out as valid JSON."""
    repository = make_repository({"README.md": "[a](gone.md)\n"})
    for name in (
        b"a\nb.md",
        b"\x1b[31m.py",
        b'"q".md',
        b"'",
        b":(top)x.md",
        b"-rf",
        b"caf\xe9.md",
        b"nfd-e\xcc\x81.md",
        b"*?.py",
    ):
        Path(os.fsdecode(os.fsencode(repository) + b"/" + name)).write_bytes(b"[a](b.md)\nopen(x)\n")
    commit_all(repository)
    _, report = scanned(repository)
    assert json.loads(json.dumps(report.document()))["gaps"]
    assert any("caf\\xe9.md" in (evidence.path or "") for gap in report.gaps for evidence in gap.evidence)


def test_names_that_a_case_blind_file_system_would_merge_are_named(make_repository: MakeRepository) -> None:
    """`A` and `a`, and the two spellings of é, are one file elsewhere; a link in another case is dead here."""
    repository = make_repository(
        {
            "Guide.md": "x\n",
            "guide.md": "y\n",
            "caf\u00e9.md": "x\n",
            "cafe\u0301.md": "y\n",
            "README.md": "[g](GUIDE.md)\n",
        }
    )
    _, report = scanned(repository)
    rules = [gap.rule_id for gap in report.gaps]
    assert rules.count("windows_encoding_issue/colliding-paths") == 2
    assert "doc_drift/broken-link" in rules


def test_link_loops_end(make_repository: MakeRepository) -> None:
    """Links to themselves, to each other, to their folder and out of the tree are listed, never followed."""
    repository = make_repository({"docs/a.md": "[x](loop/a.md)\n"})
    for name, target in (("self", "self"), ("one", "two"), ("two", "one"), ("docs/loop", "../docs"), ("out", "/")):
        (repository / name).symlink_to(target)
    commit_all(repository)
    snapshot, _ = scanned(repository)
    assert snapshot.files["docs/loop"].link_target == "../docs"
    assert not any(path.startswith(("docs/loop/", "out/")) for path in snapshot.files)


def test_missing_objects_are_named(make_repository: MakeRepository) -> None:
    """Where objects of HEAD are lost the tree is still judged, and the loss is a critical gap."""
    repository = make_repository({"a.md": "[a](b.md)\n", "c.txt": "c\n"})
    oid = git(repository, "rev-parse", "HEAD:c.txt").strip()
    (repository / ".git" / "objects" / oid[:2] / oid[2:]).unlink()
    _, report = scanned(repository)
    rules = {gap.rule_id: gap for gap in report.gaps}
    assert rules["git_state_corruption/damaged"].risk_classification == "critical"
    assert "doc_drift/broken-link" in rules


def test_a_reftable_repository_is_read(make_repository: MakeRepository, tmp_path: Path) -> None:
    """Where git knows reftables they are read; where it does not, the repository is refused with a reason."""
    repository = make_repository({"a.md": "[a](b.md)\n"})
    made = subprocess.run(
        ["git", "init", "-q", "--ref-format=reftable", str(tmp_path / "new")], capture_output=True, check=False
    )
    if made.returncode == 0:
        write_files(tmp_path / "new", {"a.md": "[a](b.md)\n"})
        commit_all(tmp_path / "new")
        assert scanned(tmp_path / "new")[1].gaps
        return
    git(repository, "config", "core.repositoryFormatVersion", "1")
    git(repository, "config", "extensions.refStorage", "reftable")
    with pytest.raises(UnsafeRepository):
        take_snapshot(repository, all_detectors())


@pytest.mark.parametrize("kind", ["shallow", "partial", "sparse"])
def test_clones_that_hold_less_are_scanned(kind: str, make_repository: MakeRepository, tmp_path: Path) -> None:
    """What a clone left out is neither fetched nor called missing; a link to a file outside a sparse tree is no gap."""
    origin = make_repository({"a/x.md": "[y](../b/y.md)\n", "b/y.md": "old\n"})
    write_files(origin, {"b/y.md": "new\n"})
    commit_all(origin)
    git(origin, "config", "uploadpack.allowFilter", "true")
    options = {"shallow": ["--depth=1"], "partial": ["--filter=blob:none"], "sparse": ["--sparse"]}[kind]
    git(tmp_path, "clone", "-q", "--no-local", *options, f"file://{origin}", "copy")
    if kind == "sparse":
        git(tmp_path / "copy", "sparse-checkout", "set", "a")
    shutil.move(origin, tmp_path / "out-of-reach")
    snapshot, report = scanned(tmp_path / "copy")
    assert getattr(snapshot.git, kind)
    assert [gap.title for gap in report.gaps] == []


def _vanishing(repository: Path, *, change: Callable[[Path], object]) -> tuple[Detector, ...]:
    """Return detectors of which one changes the tree while it is being read."""
    fired: list[bool] = []

    def extract(path: str, data: bytes) -> object | None:
        if not fired:
            fired.append(True)
            change(repository)
        return None

    meddling = Detector(gap_type="doc_drift", rules=(), detect=lambda snapshot: (), extract=extract)
    return (*(each for each in all_detectors() if each.gap_type != "doc_drift"), meddling)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda tree: (tree / "z.md").unlink(), True),
        (lambda tree: shutil.rmtree(tree / "sub"), True),
        (lambda tree: (tree / "z.md").write_text("other\n" * 9, encoding="utf-8"), False),
        (lambda tree: ((tree / "z.md").unlink(), (tree / "z.md").mkdir()), True),
        (lambda tree: ((tree / "z.md").unlink(), os.mkfifo(tree / "z.md")), True),
    ],
    ids=["vanishes", "folder vanishes", "changes", "becomes a folder", "becomes a pipe"],
)
def test_a_tree_may_change_under_a_scan(
    change: Callable[[Path], object], told: bool, make_repository: MakeRepository
) -> None:
    """Files that vanish or change their kind while the scan runs are named; those that change are seen as they are."""
    repository = make_repository({"a.md": "a\n", "sub/b.md": "b\n", "z.md": "z\n"})
    detectors = _vanishing(repository, change=change)
    snapshot = take_snapshot(repository, detectors)
    report = scan(snapshot, project_id="p", run_id="r", detectors=detectors)
    assert report.gap_report_id == report.expected_id()
    assert any(subject in notes(snapshot) for subject in ("z.md", "sub/b.md")) == told


def test_a_kept_text_that_changes_meanwhile_is_the_one_that_was_looked_at(make_repository: MakeRepository) -> None:
    """Bytes that were not read because they are known are those of git's object, even if the file changes now."""
    repository = make_repository({"README.md": "[a](gone.md)\n"})
    first = scan_with_cache(repository)
    snapshot = take_snapshot(repository, all_detectors(), kept=open_cache(repository, writable=False))
    (repository / "README.md").write_text("nothing\n", encoding="utf-8")
    again = scan(snapshot, project_id="p", run_id="r", detectors=all_detectors())
    assert again == first


def scan_with_cache(repository: Path) -> GapReportV1:
    detectors = all_detectors()
    snapshot = take_snapshot(repository, detectors, kept=open_cache(repository, writable=True))
    return scan(snapshot, project_id="p", run_id="r", detectors=detectors)


@pytest.fixture
def read_only(make_repository: MakeRepository) -> Iterator[Path]:
    """A repository in which nothing may be written."""
    repository = make_repository({"README.md": "[a](gone.md)\n"})
    paths = [path for path in (repository, *repository.rglob("*")) if not path.is_symlink()]
    for path in paths:
        path.chmod(path.stat().st_mode & ~0o222)
    yield repository
    for path in paths:
        path.chmod(path.stat().st_mode | 0o200)


def test_a_read_only_tree_is_scanned_and_nothing_is_kept(read_only: Path) -> None:
    """The cache is done without where it cannot be written."""
    assert scan_with_cache(read_only).gaps
    if os.getuid() != 0:  # root may write everywhere
        assert not (read_only / ".git" / "autopack").exists()


def test_a_repository_of_another_user_is_refused(make_repository: MakeRepository) -> None:
    """git's own refusal (`safe.directory`) is passed on with what to do about it."""
    repository = make_repository({"a.md": "x\n"})
    if os.getuid() != 0:
        pytest.skip("only root can give a folder away")
    for path in (repository, *repository.rglob("*")):
        os.chown(path, 12_345, 12_345, follow_symlinks=False)
    done = subprocess.run(
        [sys.executable, "-m", "autopack", "scan", "--workspace", str(repository)],
        env={**os.environ, **GIT_ENVIRONMENT, "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode not in {0, 1}
    assert "safe.directory" in done.stderr
    assert "Traceback" not in done.stderr
