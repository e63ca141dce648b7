"""A snapshot sees every kind of repository for what it is, and names what it could not see."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from autopack.errors import UnsafeRepository, UsageError
from autopack.gaps.detector import Detector
from autopack.gaps.snapshot import take_snapshot
from autopack.gaps.sources.contents import MAX_FILE_BYTES, read_files
from autopack.gaps.state import ChangeFact, Snapshot
from repositories import MakeRepository, commit_all, git, write_files


def asking(*candidates: str) -> Detector:
    """Return a detector that finds nothing and asks what became of CANDIDATES."""
    return Detector(
        gap_type="doc_drift",
        rules=(),
        detect=lambda snapshot: (),
        extract=lambda path, data: len(data),
        retain=lambda path: path.endswith(".keep"),
        history_candidates=lambda snapshot: frozenset(candidates),
    )


def notes(snapshot: Snapshot) -> list[tuple[str, str]]:
    return [(note.subject, note.reason) for note in snapshot.not_looked_at]


def test_files_changes_and_ignored_paths_are_told_apart(make_repository: MakeRepository) -> None:
    """Tracked, changed, deleted, renamed, untracked and ignored paths each have their place."""
    repository = make_repository(
        {name: f"{name}\n" * 9 for name in ("clean", "edited", "gone", "old")} | {".gitignore": "*.log\nout/\n"}
    )
    write_files(repository, {"edited": "x", "new/file": "n", "a.log": "l", "out/x": "o"})
    (repository / "gone").unlink()
    git(repository, "mv", "old", "renamed")
    snapshot = take_snapshot(repository, ())
    assert {path: record.status for path, record in snapshot.files.items()} == {
        ".gitignore": "..",
        "clean": "..",
        "edited": ".M",
        "new/file": "??",
        "renamed": "R.",
    }
    assert snapshot.changes == (
        ChangeFact("edited", ".M"),
        ChangeFact("gone", ".D"),
        ChangeFact("new/file", "??"),
        ChangeFact("renamed", "R.", "old"),
    )
    assert snapshot.ignored == {"a.log", "out/"}
    assert snapshot.folders == {"new"}
    assert [snapshot.exists(path) for path in ("clean", "new", "gone", "out")] == [True, True, False, False]


def test_what_others_wrote_is_known_but_not_judged(make_repository: MakeRepository) -> None:
    """Vendored, minified and generated files exist without being read; attributes overrule names."""
    repository = make_repository(
        {
            ".gitattributes": "gen/** linguist-generated\nvendor/ours/** -linguist-vendored\n",
            "vendor/lib/a.c": "1",
            "vendor/ours/b.c": "2",
            "web/node_modules/c.js": "3",
            "web/app.min.js": "4",
            "gen/d.py": "5",
            "src/e.py": "6",
        }
    )
    snapshot = take_snapshot(repository, ())
    assert list(snapshot.files) == [".gitattributes", "src/e.py", "vendor/ours/b.c"]
    assert snapshot.out_of_scope == {"gen/d.py", "vendor/lib/a.c", "web/app.min.js", "web/node_modules/c.js"}
    assert snapshot.exists("web/node_modules")


def test_releases_of_several_projects_side_by_side_are_of_others(make_repository: MakeRepository) -> None:
    """From three projects in one folder on, each under its own licence; versions of one thing, two projects, and what
    has no licence (images, what is named by a day) are the repository's own."""
    theirs = ("lib/zstd-1.5.7", "lib/c-ares-v1.34", "lib/jansson-e23f558", "lib/zstd-1.4")
    ours = ("lib/own", "lib/own-code", "tools/a-1.0", "tools/b-2.0", *(f"docs/guide-1.{minor}" for minor in range(3)))
    ours += ("images/python-3.11", "images/node-20.1", "images/golang-1.21")
    days = ("notes/alpha-20240101", "notes/beta-20240202", "notes/gamma-20240303")
    files = {f"{folder}/a.c": folder for folder in (*theirs, *ours, *days)}
    files |= {f"{folder}/LICENSE": "x" for folder in (*theirs, *days)}
    repository = make_repository(files)
    commit_all(repository)
    snapshot = take_snapshot(repository, ())
    assert snapshot.out_of_scope == {f"{folder}/{name}" for folder in theirs for name in ("a.c", "LICENSE")}
    assert {f"{folder}/a.c" for folder in (*ours, *days)} < set(snapshot.files)


def test_bytes_are_extracted_once_and_kept_on_request(make_repository: MakeRepository) -> None:
    """Each file's bytes reach the extractor; only those that were asked for are kept."""
    snapshot = take_snapshot(make_repository({"a.keep": "abc", "b.txt": "\r\n"}), [asking()])
    assert snapshot.facts == {"doc_drift": {"a.keep": 3, "b.txt": 2}}
    assert snapshot.texts == {"a.keep": b"abc"}


def test_submodules_and_nested_repositories_are_not_entered(make_repository: MakeRepository) -> None:
    """A submodule and an untracked repository inside the tree are there, and that is all."""
    inner = make_repository({"inner.txt": "x"}, name="inner")
    repository = make_repository({"a.txt": "x"})
    git(repository, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "sub")
    commit_all(repository)
    git(repository.parent, "clone", "-q", str(inner), str(repository / "nested"))
    write_files(repository, {"sub/inner.txt": "changed"})
    snapshot = take_snapshot(repository, ())
    assert list(snapshot.files) == [".gitmodules", "a.txt"]
    assert snapshot.out_of_scope == {"nested/", "sub/"}
    assert snapshot.exists("sub")


def test_links_are_read_and_never_followed(make_repository: MakeRepository, tmp_path: Path) -> None:
    """A link's target is a fact; loops and links that lead out of the tree do no harm."""
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    repository = make_repository({"a.txt": "x", "swapped.txt": "x"})
    for name, target in {"loop": "loop", "out": "../secret.txt", "folder": "."}.items():
        (repository / name).symlink_to(target)
    commit_all(repository)
    (repository / "swapped.txt").unlink()
    (repository / "swapped.txt").symlink_to("a.txt")
    snapshot = take_snapshot(repository, [asking()])
    assert {path: record.link_target for path, record in snapshot.files.items()} == {
        "a.txt": None,
        "folder": ".",
        "loop": "loop",
        "out": "../secret.txt",
        "swapped.txt": "a.txt",
    }
    assert snapshot.facts == {"doc_drift": {"a.txt": 1}}


def test_a_file_that_is_swapped_for_a_link_meanwhile_is_not_followed(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    """What git listed as a file and is a link when it is opened counts as a link, and is not read."""
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    repository = make_repository()
    (repository / "a.txt").symlink_to("../secret.txt")
    harvest = read_files(repository, [("a.txt", "100644"), ("gone.txt", "100644")], [asking()])
    assert [(file.path, file.link_target, file.sha256) for file in harvest.files] == [("a.txt", "../secret.txt", None)]
    assert harvest.facts == {"doc_drift": {}}
    assert [note.subject for note in harvest.not_looked_at] == ["gone.txt"]


def test_special_files_neither_hang_nor_hide(make_repository: MakeRepository) -> None:
    """A tracked file that became a named pipe is not waited for."""
    repository = make_repository({"a.txt": "x", "pipe": "x"})
    (repository / "pipe").unlink()
    os.mkfifo(repository / "pipe")
    snapshot = take_snapshot(repository, ())
    assert snapshot.exists("a.txt")
    assert [change.path for change in snapshot.changes] == ["pipe"]


def test_a_large_file_is_digested_but_not_searched(make_repository: MakeRepository) -> None:
    """Above the limit a text is noted as not looked at, and a binary file passes without a word."""
    big = MAX_FILE_BYTES + 1
    repository = make_repository({"big.txt": b"x" * big, "big.bin": b"\0" * big, "fits.txt": b"x" * MAX_FILE_BYTES})
    snapshot = take_snapshot(repository, [asking()])
    assert notes(snapshot) == [("big.txt", "a text of more than 8 MiB is not searched")]
    assert snapshot.facts == {"doc_drift": {"fits.txt": MAX_FILE_BYTES}}
    assert snapshot.files["big.txt"].sha256 is not None
    assert snapshot.files["big.txt"].size == big


def test_names_that_are_no_text_survive(make_repository: MakeRepository) -> None:
    """A file name of arbitrary bytes is read, and is written down with escapes."""
    repository = make_repository({"a.txt": "x"})
    name = os.fsdecode(b"caf\xe9.txt")
    (repository / name).write_bytes(b"y" * (MAX_FILE_BYTES + 1))
    snapshot = take_snapshot(repository, ())
    assert "caf\udce9.txt" in snapshot.files
    assert notes(snapshot) == [("caf\\xe9.txt", "a text of more than 8 MiB is not searched")]


def test_an_unreadable_file_is_named(make_repository: MakeRepository) -> None:
    """What a permission hides is noted, not passed over, and the file still counts as there."""
    repository = make_repository({"a.txt": "x"})
    (repository / "a.txt").chmod(0)
    me = os.geteuid()
    if me == 0:  # permissions do not bind the superuser
        os.seteuid(65_534)
    try:
        harvest = read_files(repository, [("a.txt", "100644")], ())
    finally:
        os.seteuid(me)
    assert [(note.subject, note.reason) for note in harvest.not_looked_at] == [("a.txt", "permission denied")]
    assert [file.path for file in harvest.files] == ["a.txt"]


def test_a_folder_without_git_is_refused(tmp_path: Path) -> None:
    """There is nothing to say about a folder that is no repository."""
    with pytest.raises(UsageError, match="not inside a git repository"):
        take_snapshot(tmp_path, ())


def test_a_bare_repository_is_refused(tmp_path: Path) -> None:
    """A bare repository has no working tree, and the message says so."""
    git(tmp_path, "init", "-q", "--bare", "bare.git")
    with pytest.raises(UnsafeRepository, match="bare"):
        take_snapshot(tmp_path / "bare.git", ())


def test_a_damaged_head_is_refused_with_a_way_out(make_repository: MakeRepository) -> None:
    """Where git does not even recognise the repository, the message says what to look at."""
    repository = make_repository()
    (repository / ".git" / "HEAD").write_text("nonsense\n", encoding="utf-8")
    with pytest.raises(UnsafeRepository, match="damaged") as caught:
        take_snapshot(repository, ())
    assert ".git/HEAD" in caught.value.hint


def test_a_repository_without_a_commit_is_seen(tmp_path: Path) -> None:
    """Before the first commit everything is untracked and nothing is wrong."""
    git(tmp_path, "init", "-q")
    write_files(tmp_path, {"a.txt": "x", "staged.txt": "y"})
    git(tmp_path, "add", "staged.txt")
    snapshot = take_snapshot(tmp_path, [asking("gone.txt")])
    assert (snapshot.git.head, snapshot.git.branch, snapshot.git.broken) == (None, "main", ())
    assert {path: record.status for path, record in snapshot.files.items()} == {"a.txt": "??", "staged.txt": "A."}


def test_kinds_of_clones_are_recognised(make_repository: MakeRepository, tmp_path: Path) -> None:
    """Shallow, sparse and partial clones and linked worktrees are named for what they are, and nothing is broken."""
    origin = make_repository({"a/x.txt": "x", "b/y.txt": "y"})
    commit_all(origin)
    git(origin, "config", "uploadpack.allowFilter", "true")
    url = f"file://{origin}"
    git(tmp_path, "clone", "-q", "--depth", "1", url, "shallow")
    git(tmp_path, "clone", "-q", "--filter=blob:none", "--no-checkout", url, "partial")
    git(tmp_path, "clone", "-q", url, "sparse")
    git(tmp_path / "sparse", "sparse-checkout", "set", "a")
    git(origin, "worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))
    facts = {name: take_snapshot(tmp_path / name, ()) for name in ("shallow", "partial", "sparse", "linked")}
    assert {name: (s.git.shallow, s.git.sparse, s.git.partial) for name, s in facts.items()} == {
        "shallow": (True, False, False),
        "partial": (False, False, True),
        "sparse": (False, True, False),
        "linked": (False, False, False),
    }
    assert [s.git.broken for s in facts.values()] == [()] * 4
    assert facts["linked"].git.branch == "side"
    assert notes(facts["sparse"]) == [("sparse checkout", "1 tracked files are not in the working tree")]
    assert facts["sparse"].exists("b/y.txt")


def test_sha256_repositories_are_read(tmp_path: Path) -> None:
    """The other object format works as well."""
    git(tmp_path, "init", "-q", "--object-format=sha256")
    write_files(tmp_path, {"a.txt": "x"})
    head = commit_all(tmp_path)
    snapshot = take_snapshot(tmp_path, ())
    assert (snapshot.git.object_format, snapshot.git.head, len(head)) == ("sha256", head, 64)
    assert snapshot.git.broken == ()


def test_the_past_of_a_path_is_followed_to_its_last_name(make_repository: MakeRepository) -> None:
    """A renamed file is followed through every further rename; a deleted one leads nowhere; others have no past."""
    text = "".join(f"line {number}\n" for number in range(40))
    repository = make_repository({"first.md": text, "deleted.md": "gone\n" * 30, "kept.md": "kept\n"})
    for old, new in (("first.md", "docs/second.md"), ("docs/second.md", "docs/third.md")):
        (repository / "docs").mkdir(exist_ok=True)
        git(repository, "mv", old, new)
        commit_all(repository)
    (repository / "deleted.md").unlink()
    commit_all(repository)
    asked = asking("first.md", "docs/second.md", "deleted.md", "never.md", "kept.md", "../out", "", "/abs", ".git/x")
    assert take_snapshot(repository, [asked]).history == {
        "deleted.md": None,
        "docs/second.md": "docs/third.md",
        "first.md": "docs/third.md",
    }


@pytest.mark.parametrize(
    "others",
    [(), tuple(f"never-{number}.md" for number in range(300)), ("nie/straße.md",)],
    ids=["few", "many", "umlaut"],
)
def test_names_in_between_need_not_be_asked_about(make_repository: MakeRepository, others: tuple[str, ...]) -> None:
    """A file is followed over names that nobody asked about, to one that is there or to its end."""
    text = "".join(f"line {number}\n" for number in range(40))
    repository = make_repository({"a.md": text, "b.md": text.replace("line", "row"), "kept.md": "kept\n"})
    for number in range(3):
        for name in ("a", "b"):
            git(repository, "mv", f"{name}{number or ''}.md", f"{name}{number + 1}.md")
        commit_all(repository)
    git(repository, "rm", "-q", "b3.md")
    commit_all(repository)
    assert take_snapshot(repository, [asking("a.md", "b.md", *others)]).history == {"a.md": "a3.md", "b.md": None}


def test_candidates_that_git_would_ignore_are_named(make_repository: MakeRepository) -> None:
    """Paths that are not there but would be ignored are told apart, without tripping over links and submodules."""
    repository = make_repository({".gitignore": "build/\n"})
    (repository / "link").symlink_to(".")
    snapshot = take_snapshot(repository, [asking("build/site.html", ":(top)build/x", "docs/x.md", "link/y.md")])
    assert snapshot.ignored_targets == {"build/site.html"}
    assert notes(snapshot) == []


def test_no_configured_program_is_run(make_repository: MakeRepository, tmp_path: Path) -> None:
    """Filters, hooks, monitors and external diffs that the repository configures stay unused, even on changes."""
    repository = make_repository({".gitattributes": "*.txt filter=spy diff=spy\n", "a.txt": "x\n"})
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\ncat\n", encoding="utf-8")
    trap.chmod(0o755)
    names = ("filter.spy.clean", "filter.spy.process", "core.fsmonitor", "diff.spy.command", "diff.spy.textconv")
    for name in (*names, "core.pager", "core.editor"):
        git(repository, "config", name, str(trap))
    (repository / ".git" / "hooks" / "post-index-change").symlink_to(trap)
    write_files(repository, {"a.txt": "y\n"})
    snapshot = take_snapshot(repository, [asking("b.txt")])
    assert snapshot.files["a.txt"].status == ".M"
    assert not (tmp_path / "sprung").exists()


def test_autopacks_own_folder_is_never_looked_into(make_repository: MakeRepository) -> None:
    """Runs leave no trace in what a scan sees."""
    repository = make_repository()
    before = take_snapshot(repository, ())
    write_files(repository, {".autonomous_runs/.gitignore": "*\n", ".autonomous_runs/p/runs/x/report.json": "{}"})
    assert take_snapshot(repository, ()) == before
    write_files(repository, {"runs/p/report.json": "{}"})
    assert take_snapshot(repository, (), runs_folder="runs") == before


def test_every_kind_of_change_changes_the_digest(make_repository: MakeRepository) -> None:
    """Content, mode, staging, a new file, an unfinished merge and a new commit each give another state."""
    repository = make_repository({"a.txt": "x\n", "b.txt": "y\n"})
    digests = [take_snapshot(repository, ()).state_digest]

    def note_state() -> None:
        digests.append(take_snapshot(repository, ()).state_digest)

    write_files(repository, {"a.txt": "z\n"})
    note_state()
    git(repository, "add", "a.txt")
    note_state()
    (repository / "b.txt").chmod(0o755)
    note_state()
    write_files(repository, {"c.txt": "new"})
    note_state()
    write_files(repository / ".git", {"MERGE_HEAD": git(repository, "rev-parse", "HEAD")})
    note_state()
    (repository / ".git" / "MERGE_HEAD").unlink()
    commit_all(repository)
    note_state()
    assert len(set(digests)) == len(digests)


def test_a_sound_worktree_does_not_change_the_digest(make_repository: MakeRepository, tmp_path: Path) -> None:
    """The state that a run is bound to stays the same when the run's own worktree is made and locked."""
    repository = make_repository()
    before = take_snapshot(repository, ()).state_digest
    git(repository, "worktree", "add", "-q", "-b", "autopack/r1", str(tmp_path / "tree"))
    git(repository, "worktree", "lock", "--reason", "autopack run r1", str(tmp_path / "tree"))
    assert take_snapshot(repository, ()).state_digest == before
    git(repository, "worktree", "unlock", str(tmp_path / "tree"))
    (tmp_path / "tree").rename(tmp_path / "moved")
    assert take_snapshot(repository, ()).state_digest != before
