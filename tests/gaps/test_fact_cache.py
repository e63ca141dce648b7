"""What an earlier scan found is used where nothing changed, changes no byte, and is never trusted blindly."""

from __future__ import annotations

import json
import os
import pickle
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from autopack.artifacts.canonical import canonical_bytes
from autopack.artifacts.redaction import register_secret_values
from autopack.gaps import storage
from autopack.gaps.detector import Detector
from autopack.gaps.detectors import all_detectors
from autopack.gaps.facts import FactCache, Found, KeptFile, StaleFacts, Versions, dump_fact, load_fact
from autopack.gaps.models import Evidence
from autopack.gaps.scanner import scan
from autopack.gaps.snapshot import take_snapshot
from autopack.gaps.sources import contents
from autopack.gaps.sources.recall import open_cache
from autopack.gaps.storage import FILE
from repositories import MakeRepository, commit_all, git, write_files

FILES = {
    "README.md": "# Sample\n\nSee [the guide](docs/guide.md) and [nothing](docs/gone.md), or `tools/old.py`.\n",
    "docs/guide.md": "# Guide\n\n[up](../README.md#nowhere)\n",
    "src/sample.py": "def load(path):\n    return open(path).read()\n",
    "tests/test_sample.py": "def test_nothing():\n    sample = 1\n    sample == 2\n\n\ndef test_empty():\n    pass\n",
    "run.sh": "#!/bin/sh\r\necho hi\r\n",
    "tools/old.py": "print()\n",
}


@pytest.fixture
def repository(make_repository: MakeRepository) -> Path:
    """A repository in which several detectors find something, one path is gone, and all is committed."""
    folder = make_repository(FILES)
    commit_all(folder)
    git(folder, "rm", "-q", "tools/old.py")
    commit_all(folder, "second")
    return folder


def report_bytes(repository: Path, kept: FactCache | None) -> bytes:
    detectors = all_detectors()
    snapshot = take_snapshot(repository, detectors, kept=kept)
    return canonical_bytes(scan(snapshot, project_id="p", run_id="r", detectors=detectors).document())


def filled(repository: Path) -> bytes:
    """Fill the cache and return the report that did it, which must be the one without a cache."""
    plain = report_bytes(repository, None)
    assert report_bytes(repository, open_cache(repository, writable=True)) == plain
    assert len(json.loads(plain)["gaps"]) >= 5
    return plain


def cache_file(repository: Path) -> Path:
    return repository / ".git" / FILE


def counting(read: list[str]) -> tuple[Detector, ...]:
    """Return the shipped detectors; the paths that extractors are given are noted in READ."""

    def counted(detector: Detector) -> Detector:
        extract = detector.extract
        if extract is None:
            return detector

        def noting(path: str, data: bytes) -> object | None:
            read.append(path)
            return extract(path, data)

        return replace(detector, extract=noting)

    return tuple(map(counted, all_detectors()))


def test_the_report_is_the_same_and_nothing_is_read_again(repository: Path) -> None:
    """A second scan of an unchanged tree searches no file and gives the same bytes."""
    plain = filled(repository)
    read: list[str] = []
    snapshot = take_snapshot(repository, counting(read), kept=open_cache(repository, writable=False))
    assert read == []
    report = scan(snapshot, project_id="p", run_id="r", detectors=all_detectors())
    assert canonical_bytes(report.document()) == plain


@pytest.mark.parametrize(
    "change",
    [
        lambda tree: write_files(tree, {"docs/guide.md": "# Guide\n\n[up](../README.md#sample)\n"}),
        lambda tree: write_files(tree, {"docs/gone.md": "here again\n"}),
        lambda tree: (tree / "docs" / "guide.md").unlink(),
        lambda tree: (tree / "run.sh").chmod(0o755),
        lambda tree: git(tree, "mv", "docs/guide.md", "docs/manual.md"),
        lambda tree: write_files(tree, {".gitattributes": "*.sh -text\n"}),
        lambda tree: write_files(tree, {".git/info/exclude": "docs/gone.md\n"}),
        lambda tree: commit_all(write_files(tree, {"src/sample.py": "x = 1\n"}) or tree, "third"),
        lambda tree: git(tree, "config", "core.autocrlf", "true"),
        lambda tree: git(tree, "reset", "-q", "--hard", "HEAD~1"),
    ],
    ids=["edit", "add", "delete", "mode", "rename", "attributes", "exclude", "commit", "autocrlf", "reset"],
)
def test_every_change_is_seen_through_the_cache(repository: Path, change: Callable[[Path], object]) -> None:
    """Whatever changes, a scan with a filled cache gives the bytes of one without."""
    filled(repository)
    change(repository)
    assert report_bytes(repository, open_cache(repository, writable=True)) == report_bytes(repository, None)
    assert report_bytes(repository, open_cache(repository, writable=False)) == report_bytes(repository, None)


def test_only_changed_files_are_searched(repository: Path) -> None:
    """One edited file is searched again, once: an uncommitted state is kept as well."""
    filled(repository)
    write_files(repository, {"docs/guide.md": "# Guide\n\nnew\n"})
    read: list[str] = []
    take_snapshot(repository, counting(read), kept=open_cache(repository, writable=True))
    assert {*read} == {"docs/guide.md"}
    read.clear()
    take_snapshot(repository, counting(read), kept=open_cache(repository, writable=True))
    assert read == []


def test_bytes_that_git_would_convert_are_read(repository: Path) -> None:
    """With `text=auto` a clean file may hold other bytes than its object: its line endings are looked at each time."""
    write_files(repository, {".gitattributes": "* text=auto\n", "a.sh": "#!/bin/sh\necho\n"})
    commit_all(repository, "normalised")
    filled(repository)
    (repository / "a.sh").write_bytes(b"#!/bin/sh\r\necho\r\n")
    git(repository, "add", "a.sh")
    assert git(repository, "status", "--porcelain") == ""
    found = report_bytes(repository, open_cache(repository, writable=False))
    assert found == report_bytes(repository, None)
    assert b"a.sh is a script whose lines end in CR LF" in found


def test_a_file_that_git_was_told_to_ignore_is_read(repository: Path) -> None:
    """`assume-unchanged` hides an edit from git, not from a scan."""
    filled(repository)
    git(repository, "update-index", "--assume-unchanged", "src/sample.py")
    write_files(repository, {"src/sample.py": "x = 1\n"})
    assert git(repository, "status", "--porcelain") == ""
    assert report_bytes(repository, open_cache(repository, writable=False)) == report_bytes(repository, None)


def test_worktrees_share_what_is_kept(repository: Path, tmp_path: Path) -> None:
    """A linked worktree of the same commit is scanned without searching a file."""
    filled(repository)
    git(repository, "worktree", "add", "-q", "-b", "other", str(tmp_path / "tree"))
    read: list[str] = []
    take_snapshot(tmp_path / "tree", counting(read), kept=open_cache(tmp_path / "tree", writable=False))
    assert read == []


def test_reading_leaves_no_trace(repository: Path) -> None:
    """Without the right to write nothing is created, and an existing file is not touched."""
    report_bytes(repository, open_cache(repository, writable=False))
    assert not (repository / ".git" / "autopack").exists()
    filled(repository)
    before = {path: path.stat().st_mtime_ns for path in (repository / ".git" / "autopack").rglob("*")}
    write_files(repository, {"new.md": "[x](y.md)\n"})
    report_bytes(repository, open_cache(repository, writable=False))
    assert {path: path.stat().st_mtime_ns for path in (repository / ".git" / "autopack").rglob("*")} == before


def _flip_content(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        for table in ("shards", "answers"):
            rows = connection.execute(f"SELECT name, content FROM {table}").fetchall()
            for name, content in rows:
                middle = len(content) // 2
                damaged = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
                connection.execute(f"UPDATE {table} SET content = ? WHERE name = ?", (damaged, name))
    connection.close()


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(b"no database at all " * 99),
        lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
        lambda file: file.write_bytes(b"SQLite format 3\0" + os.urandom(8_000)),
        lambda file: file.chmod(0),
        lambda file: (file.unlink(), file.mkdir()),
        lambda file: (file.rename(file.with_name("elsewhere")), file.symlink_to(file.with_name("elsewhere"))),
        lambda file: file.with_name("scan.db-journal").write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + b"\0" * 600),
        _flip_content,
    ],
    ids=["empty", "text", "half", "noise", "locked away", "folder", "link", "journal", "one bit"],
)
def test_a_damaged_cache_changes_nothing(repository: Path, damage: Callable[[Path], object]) -> None:
    """Whatever became of the file, the report is the same, and the next scan that may write mends what it can."""
    plain = filled(repository)
    damage(cache_file(repository))
    for writable in (False, True, True):
        assert report_bytes(repository, open_cache(repository, writable=writable)) == plain


def test_a_cache_of_another_version_is_not_used(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Facts of other code are worth nothing: they are replaced, not mixed."""
    filled(repository)
    monkeypatch.setattr(storage, "version_digest", lambda: "another")
    read: list[str] = []
    take_snapshot(repository, counting(read), kept=open_cache(repository, writable=True))
    assert {*read} >= {"README.md", "run.sh"}
    with sqlite3.connect(cache_file(repository)) as connection:
        assert connection.execute("SELECT digest FROM version").fetchall() == [("another",)]
    connection.close()


def test_scans_at_the_same_time_do_not_harm_each_other(repository: Path) -> None:
    """Many readers and writers at once: every report is right, and the file stays sound."""
    plain = report_bytes(repository, None)
    answers: list[bytes] = []

    def work() -> None:
        answers.append(report_bytes(repository, open_cache(repository, writable=True)))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [plain] * 6
    with sqlite3.connect(cache_file(repository)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_a_locked_cache_is_done_without(repository: Path) -> None:
    """A writer that never ends costs a quarter of a second, not the scan."""
    plain = filled(repository)
    holder = sqlite3.connect(cache_file(repository), isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        assert report_bytes(repository, open_cache(repository, writable=True)) == plain
    finally:
        holder.close()


def test_a_forged_row_runs_no_code() -> None:
    """A row with a right checksum that names anything but a class of facts is refused before anything is called."""

    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return os.system, ("touch /tmp/never",)

    class AlsoEvil:
        def __reduce__(self) -> tuple[object, ...]:
            return take_snapshot, (Path(), ())

    for forged in (Evil, AlsoEvil):
        with pytest.raises(StaleFacts):
            load_fact(pickle.dumps(forged()))
    for garbage in (b"", b"\x80", b"cos\nsystem\n.", os.urandom(64)):
        with pytest.raises(StaleFacts):
            load_fact(garbage)


def test_facts_come_back_as_they_were(repository: Path) -> None:
    """Every fact of every shipped detector survives, evidence included."""
    snapshot = take_snapshot(repository, all_detectors())
    count = 0
    for found in snapshot.facts.values():
        for fact in found.values():
            assert load_fact(dump_fact(fact)) == fact
            count += 1
    assert count > 10


def test_a_secret_that_this_environment_masks_is_not_kept(repository: Path) -> None:
    """A scan that masked a value of the environment keeps nothing; one in which a value is secret by now masks it."""
    secret = "sample == 2"
    filled(repository)
    evidence = Evidence(path="a", preview=f"    {secret}")
    kept = dump_fact(evidence)
    register_secret_values([secret])
    try:
        restored = load_fact(kept)
        assert isinstance(restored, Evidence)
        assert restored.preview is not None
        assert secret not in restored.preview
        assert report_bytes(repository, open_cache(repository, writable=False)) == report_bytes(repository, None)
        cache_file(repository).unlink()
        report_bytes(repository, open_cache(repository, writable=True))
        assert not cache_file(repository).exists()
    finally:
        register_secret_values([])


def test_what_is_gone_is_forgotten(tmp_path: Path) -> None:
    """Of paths that no longer exist only a few are kept, and of one path only a few versions."""
    kept = FactCache(tmp_path, writable=True)
    file = KeptFile(oid="", size=1, sha256="")
    old = [(f"old/{number}", file._replace(sha256=str(number))) for number in range(4_000)]
    kept.keep(old, frozenset(path for path, _ in old))
    new = [(f"new/{number}", file._replace(sha256="x")) for number in range(3_000)]
    kept.keep(new, frozenset(path for path, _ in new))
    again = FactCache(tmp_path)
    assert sum(again.by_digest(path, file.sha256, "") is not None for path, file in old) <= 256 * 8
    assert all(again.by_digest(path, "x", "") is not None for path, _ in new)
    for version in range(9):
        kept.keep([("new/1", file._replace(sha256=f"v{version}"))], frozenset({"new/1"}))
    last = FactCache(tmp_path)
    held = [version for version in range(9) if last.by_digest("new/1", f"v{version}", "") is not None]
    assert held == [5, 6, 7, 8]


def test_two_scans_at_once_keep_what_both_found(tmp_path: Path) -> None:
    """A scan that began before another one ended does not throw away what that one kept."""
    first, second = FactCache(tmp_path, writable=True), FactCache(tmp_path, writable=True)
    paths = [f"file/{number}" for number in range(600)]  # more than there are shards: some meet
    here, there = KeptFile("", 1, "here", found=Found(mentions=("a",))), KeptFile("", 1, "there")
    first.keep([(path, here) for path in paths[:300]], frozenset(paths))
    second.keep([(path, there) for path in paths[300:]], frozenset(paths))
    both = FactCache(tmp_path)
    rows = [both.by_digest(path, "here", "") for path in paths[:300]]
    assert [both.versions.row(row) for row in rows if row is not None] == [here] * 300
    assert all(both.by_digest(path, "there", "") is not None for path in paths[300:])


@pytest.mark.parametrize(
    "columns",
    [
        (["a"], ["b"], [1], ["c"], [""]),
        (["a"], ["b"], [1], ["c"], [""], {1: Found()}),
        (["a"], ["b"], [1], ["c"], [], {}),
        (["a"], ["b"], [1], ["c"], [""], {0: (1, 2, 3, 4, 5, 6)}),
        "abcdef",
        (1, 2, 3, 4, 5, 6),
    ],
)
def test_columns_that_do_not_fit_together_are_refused(columns: object) -> None:
    """What is no table says nothing about any file."""
    with pytest.raises(StaleFacts):
        Versions.loaded(dump_fact(columns))


def test_a_new_leftover_is_looked_for_in_files_that_are_known(repository: Path) -> None:
    """What was kept when nothing of the kind lay in the root says nothing about who needs it."""
    write_files(repository, {"src/store.py": "PLACE = 'dump.sqlite'\n"})
    commit_all(repository, "third")
    filled(repository)
    write_files(repository, {"dump.sqlite": "x", "other.sqlite": "x"})
    report = report_bytes(repository, open_cache(repository, writable=True))
    assert b"other.sqlite" in report
    assert b"dump.sqlite" not in report
    assert report_bytes(repository, open_cache(repository, writable=False)) == report
    assert report_bytes(repository, None) == report


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_files_are_kept_under_the_name_that_git_gives_their_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, object_format: str
) -> None:
    """Small ones, empty ones, and those that are too large to be searched."""
    monkeypatch.setattr(contents, "MAX_FILE_BYTES", 100_000)
    git(tmp_path, "init", "--quiet", f"--object-format={object_format}")
    write_files(tmp_path, {"small.txt": "a\n", "empty.txt": "", "large.bin": b"\0" * 200_000})
    commit_all(tmp_path)
    take_snapshot(tmp_path, all_detectors(), kept=open_cache(tmp_path, writable=True))
    kept = open_cache(tmp_path, writable=False)
    for path in ("small.txt", "empty.txt", "large.bin"):
        assert kept.by_object(path, git(tmp_path, "rev-parse", f"HEAD:{path}").strip(), "") is not None


def test_every_fact_that_this_project_gives_comes_back_as_it_was() -> None:
    """Its own files hold nearly everything that extractors know: what cannot be rebuilt would stop a detector."""
    root = Path(__file__).parents[2]
    files = [
        path for folder in ("src", "tests", "docs", "benchmarks", "examples") for path in (root / folder).rglob("*.*")
    ]
    files += [path for path in root.iterdir() if path.is_file()]
    seen: set[str] = set()
    for path in sorted(path for path in files if path.is_file() and path.suffix != ".pyc"):
        data = path.read_bytes()
        for detector in all_detectors():
            fact = detector.extract(path.relative_to(root).as_posix(), data) if detector.extract else None
            if fact is not None:
                seen.add(detector.gap_type)
                assert load_fact(dump_fact(fact)) == fact, (detector.gap_type, path)
    assert len(seen) >= 7
