"""git_state_corruption: what is damaged or half done is found; what only looks like it is not."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

import pytest

from autopack.gaps.detectors.git_state_corruption import DETECTOR
from autopack.gaps.scanner import scan
from autopack.gaps.snapshot import take_snapshot
from autopack.gaps.sources.repository import OLD_LOCK_SECONDS
from gap_reports import report_of, seen
from repositories import MakeRepository, commit_all, git, write_files

CONFLICT = "first\n<<<<<<< HEAD\nours\n=======\ntheirs\n>>>>>>> topic\nlast\n"


def gaps_of(workspace: Path) -> list[str]:
    return seen(report_of(workspace, DETECTOR).gaps)


def conflicting_merge(repository: Path) -> None:
    """Leave REPOSITORY in the middle of a merge with a conflict in `a.txt`."""
    git(repository, "checkout", "-q", "-b", "topic")
    write_files(repository, {"a.txt": "theirs\n"})
    commit_all(repository)
    git(repository, "checkout", "-q", "main")
    write_files(repository, {"a.txt": "ours\n"})
    commit_all(repository)
    with contextlib.suppress(AssertionError):  # git says no, and that is what the test is about
        git(repository, "merge", "-q", "topic")


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("a.txt", CONFLICT),
        ("a.json", CONFLICT.replace("\n", "\r\n")),
        ("a.md", "```\ncode\n```\n" + CONFLICT),
        ("a.c", CONFLICT.replace("=======", "||||||| base\nbefore\n=======")),
        ("broken.py", CONFLICT),
        ("src/lib.rs", f'let a = r#"text"#;\n{CONFLICT}'),
        ("tests/lib.rs", f'let a = r#"text"#;\n{CONFLICT}let b = r#"text"#;\n'),
        ("src/button.ts", f"const styles = css`\n{CONFLICT}`\n"),
        ("src/merge/driver.c", CONFLICT),
        ("a.adoc", "TITLE\n-----\n\nSHORT\n----\n\n" + CONFLICT),
        ("a.adoc", "text\n\n----\n code\n----\n" + CONFLICT),
        ("src/install.sh", f"cat > a <<EOF\n{CONFLICT}EOF\n"),
        ("tests/parse.sh", f"cat <<EOF\nEOF\n{CONFLICT}cat <<EOF\nEOF\n"),
        ("tests/test_orders.txt", CONFLICT),
        ("no_newline_at_end.txt", CONFLICT.removesuffix("\nlast\n")),
    ],
)
def test_a_conflict_left_in_a_file_is_found(make_repository: MakeRepository, path: str, content: str) -> None:
    """All three markers in order at line starts are an unresolved conflict, whatever the file or line ending."""
    line = content[: content.index("<<<<<<<")].count("\n") + 1
    assert gaps_of(make_repository({path: content})) == [f"conflict-markers {path}:{line}"]


@pytest.mark.parametrize(
    ("path", "content", "line"),
    [
        ("a.txt", "first\n<<<<<<< HEAD\nours\n", 2),
        ("a.txt", "ours\r\n>>>>>>> 4901258 (Loosen the meaning of status)\r\n", 2),
        ("a.md", "ours\n>>>>>>> 49012588f1... Loosen the meaning of status", 2),
        ("a.txt", "<<<<<<< Updated upstream\n>>>>>>> Stashed changes\n", 1),
    ],
)
def test_a_marker_that_is_left_of_a_conflict_is_found(
    make_repository: MakeRepository, path: str, content: str, line: int
) -> None:
    """A conflict that was resolved by half leaves a line that git alone writes."""
    assert gaps_of(make_repository({path: content})) == [f"conflict-markers {path}:{line}"]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("words.txt", "<<<<<<< HEADLINE\n"),
        ("quoted.txt", ">>>>>>> he said\n>>>>>>> deadbeef and more\n"),
        ("indented.rst", "Git shows::\n\n  <<<<<<< HEAD\n"),
        ("how.md", "```\n<<<<<<< HEAD\n```\n"),
        ("docs/merge-conflicts.txt", "<<<<<<< HEAD\n"),
        ("tests/parse.txt", "<<<<<<< HEAD\n"),
        ("src/parse.test.ts", "const text = `\n<<<<<<< HEAD\n`\n"),
        ("marks.py", 'TEXT = """\n<<<<<<< HEAD\n"""\n'),
        ("title.rst", "Title\n=======\n\nText <<<<<<< here and >>>>>>> there\n"),
        ("underlines.md", "Title\n=======\n"),
        ("only_end.txt", ">>>>>>> quoted seven times\n=======\n"),
        ("out_of_order.txt", ">>>>>>> b\n=======\n<<<<<<< a\n"),
        ("no_middle.txt", "<<<<<<< a\n>>>>>>> b\n"),
        ("indented.txt", CONFLICT.replace("\n", "\n  ")),
        ("eight.txt", CONFLICT.replace("<<<<<<<", "<<<<<<<<")),
        ("how_to_resolve.md", "Git shows:\n\n```text\n" + CONFLICT + "```\n"),
        ("how_to_resolve.adoc", "Git shows:\n\n----\n" + CONFLICT + "----\n"),
        ("how_to_resolve.adoc", "TITLE\n-----\n\nSHORT\n----\nSo:\n\n------\n" + CONFLICT + "------\n"),
        ("t/t1000-merge.sh", f"test_merge() {{\ncat >expected <<-\\EOF &&\n{CONFLICT}EOF\n}}\n"),
        ("tests/parse.sh", f"cat <<'X' | cat > a\n\nX\ncat << END\n{CONFLICT}END\n"),
        ("test_parser.py", f'TEXT = """\n{CONFLICT}"""\n'),
        ("tests/fixtures/merge/a.txt", CONFLICT),
        ("tests/specs/git_merge_conflict/deno.lock", CONFLICT),
        ("tasks/coverage/fail/diff-markers.js", CONFLICT),
        ("src/lib.rs", f'#[cfg(test)]\nmod tests {{\n  let a = r#"\n{CONFLICT}\n{CONFLICT}"#;\n}}\n'),
        ("src/parse.test.ts", f"const text = `\n{CONFLICT}`\n"),
        ("parse_test.go", f"const text = `\n{CONFLICT}`\n"),
        ("src/test/java/ParseTest.java", f'String text = """\n{CONFLICT}""";\n'),
        ("pkg/testdata/a.txt", CONFLICT),
        ("image.bin", "\0" + CONFLICT),
    ],
)
def test_what_only_looks_like_a_conflict_is_left_alone(
    make_repository: MakeRepository, path: str, content: str
) -> None:
    """Underlines, documentation, strings, fixtures and binary files with markers are no gap."""
    assert gaps_of(make_repository({path: content})) == []


def test_code_about_markers_may_have_a_conflict(make_repository: MakeRepository) -> None:
    """Only among cases for a parser is it one of them."""
    for path in ("src/DiffMarkers.tsx", "src/ui/DiffMarkers.tsx", "errors/merge_markers.py"):
        assert gaps_of(make_repository({path: CONFLICT}, name=path.replace("/", "-"))) == [f"conflict-markers {path}:2"]


def test_a_file_whose_conflicts_have_longer_markers_may_hold_others(make_repository: MakeRepository) -> None:
    """`conflict-marker-size` says that marks of the usual size are its text."""
    files = {"a.txt": CONFLICT, "b.txt": CONFLICT, ".gitattributes": "a.txt conflict-marker-size=32\nb.txt text\n"}
    assert gaps_of(make_repository(files)) == ["conflict-markers b.txt:2"]


def test_a_merge_in_progress_is_found_with_its_file(make_repository: MakeRepository) -> None:
    """An unfinished merge, its unmerged path and the markers in it are three findings, and all of them block."""
    repository = make_repository({"a.txt": "base\n"})
    conflicting_merge(repository)
    report = report_of(repository, DETECTOR)
    assert seen(report.gaps) == ["unfinished-operation", "unmerged-entry a.txt", "conflict-markers a.txt:1"]
    assert report.summary.blocking == 3


def test_an_unmerged_fixture_is_a_conflict_all_the_same(make_repository: MakeRepository) -> None:
    """A fixture with markers is left alone only as long as git itself does not call it unmerged."""
    repository = make_repository({"tests/fixtures/a.txt": "base\n"})
    blobs = [git(repository, "hash-object", "-w", "--stdin", stdin=text).strip() for text in (b"1", b"2", b"3")]
    entries = "".join(f"100644 {oid} {stage}\ttests/fixtures/a.txt\n" for stage, oid in enumerate(blobs, 1))
    git(repository, "update-index", "--index-info", stdin=("0 " + "0" * 40 + "\ttests/fixtures/a.txt\n").encode())
    git(repository, "update-index", "--index-info", stdin=entries.encode())
    write_files(repository, {"tests/fixtures/a.txt": CONFLICT})
    assert gaps_of(repository) == ["unmerged-entry tests/fixtures/a.txt", "conflict-markers tests/fixtures/a.txt:2"]


@pytest.mark.parametrize(
    ("operation", "marker"),
    [
        ("merge", "MERGE_HEAD"),
        ("rebase", "rebase-merge/head-name"),
        ("rebase", "rebase-apply/rebasing"),
        ("am", "rebase-apply/applying"),
        ("cherry-pick", "CHERRY_PICK_HEAD"),
        ("revert", "REVERT_HEAD"),
        ("bisect", "BISECT_LOG"),
    ],
)
def test_every_unfinished_operation_is_named(make_repository: MakeRepository, operation: str, marker: str) -> None:
    """Each state that git keeps between two commands is found under the name of its command."""
    repository = make_repository()
    write_files(repository / ".git", {marker: git(repository, "rev-parse", "HEAD")})
    (gap,) = report_of(repository, DETECTOR).gaps
    assert (gap.rule_id, gap.title) == ("git_state_corruption/unfinished-operation", f"An unfinished {operation}")


@pytest.mark.parametrize("name", ["index.lock", "HEAD.lock", "packed-refs.lock", "refs/heads/main.lock"])
def test_a_lock_that_nobody_holds_is_stale(make_repository: MakeRepository, name: str) -> None:
    """A lock of git's in a repository where no git process works was left behind by a dead one."""
    repository = make_repository()
    write_files(repository / ".git", {name: ""})
    assert gaps_of(repository) == [f"stale-lock .git/{name}"]


def test_a_lock_of_a_git_command_at_work_is_left_alone(make_repository: MakeRepository) -> None:
    """While a git process works in the repository, its young lock is no gap; an old one under it is none either."""
    repository = make_repository()
    lock = repository / ".git" / "index.lock"
    lock.touch()
    with subprocess.Popen(
        ["git", "cat-file", "--batch"], cwd=repository, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as at_work:
        assert gaps_of(repository) == []
        os.utime(lock, (0, lock.stat().st_mtime - 2 * OLD_LOCK_SECONDS))
        assert gaps_of(repository) == []
        assert at_work.stdin is not None
        at_work.stdin.close()


def test_a_damaged_index_is_found(make_repository: MakeRepository) -> None:
    """An index that git cannot read is a critical gap, and the report says that tracked files are unknown."""
    repository = make_repository()
    (repository / ".git" / "index").write_bytes(b"DIRC" + b"\xff" * 40)
    report = report_of(repository, DETECTOR)
    assert "damaged .git/index" in seen(report.gaps)
    assert all(gap.risk_classification == "critical" for gap in report.gaps)
    assert "index" in [note.subject for note in report.metadata.scan_incomplete]


def test_a_ref_to_a_missing_object_is_found(make_repository: MakeRepository) -> None:
    """A branch that points at an object which is not there is damage, and so is one with garbage in it."""
    repository = make_repository()
    write_files(repository / ".git", {"refs/heads/lost": "1" * 40 + "\n", "refs/heads/garbage": "what?\n"})
    assert gaps_of(repository) == ["damaged .git/refs/heads/garbage", "damaged .git/refs/heads/lost"]


def test_a_missing_blob_of_head_is_found(make_repository: MakeRepository) -> None:
    """A file's content that is gone from the object store is damage of HEAD."""
    repository = make_repository({"a.txt": "content\n"})
    oid = git(repository, "rev-parse", "HEAD:a.txt").strip()
    (repository / ".git" / "objects" / oid[:2] / oid[2:]).unlink()
    (gap,) = report_of(repository, DETECTOR).gaps
    assert gap.title == "HEAD: 1 object is missing: a.txt"


@pytest.mark.parametrize(
    ("lost", "risk"),
    [
        (["big/a.bin"], "low"),
        (["big/a.bin", "b.txt"], "critical"),
        (["big/same.bin"], "critical"),
        (["big"], "critical"),
    ],
)
def test_what_only_left_out_files_need_is_no_damage(
    make_repository: MakeRepository, lost: list[str], risk: str
) -> None:
    """A copy without the contents that its sparse checkout leaves out holds nobody up; one that lacks anything else, be
    it a file of the same content or a folder's list, does."""
    contents = {"big/a.bin": "a\n", "big/same.bin": "same\n", "same.txt": "same\n", "b.txt": "b\n"}
    repository = make_repository(contents)
    oids = [git(repository, "rev-parse", f"HEAD:{path}").strip() for path in lost]
    git(repository, "sparse-checkout", "set", "--no-cone", "/*", "!/big/")
    for oid in oids:
        (repository / ".git" / "objects" / oid[:2] / oid[2:]).unlink()
    damaged = [gap for gap in report_of(repository, DETECTOR).gaps if gap.evidence[0].path == ".git/HEAD"]
    assert {(gap.risk_classification, gap.blocks_autopilot) for gap in damaged} == {(risk, risk == "critical")}
    assert any("the sparse checkout leaves out" in gap.title for gap in damaged) == (risk == "low")


def test_of_many_missing_files_a_few_are_named(make_repository: MakeRepository) -> None:
    """Names that are no text are written so that they can be read."""
    repository = make_repository({f"{letter}.txt": letter for letter in "bcd"})
    (repository / os.fsdecode(b"a\xff.txt")).write_text("content\n", encoding="utf-8")
    commit_all(repository)
    for line in git(repository, "ls-tree", "-r", "HEAD").splitlines():
        oid = line.split()[2]
        if "README" not in line:
            (repository / ".git" / "objects" / oid[:2] / oid[2:]).unlink()
    (gap,) = report_of(repository, DETECTOR).gaps
    assert gap.title == "HEAD: 4 objects are missing: a\\xff.txt, b.txt, c.txt, …"


def test_a_missing_commit_under_head_is_found(make_repository: MakeRepository) -> None:
    """HEAD on a branch whose commit is gone is damage, not a repository without commits."""
    repository = make_repository({"a.txt": "content\n"})
    oid = git(repository, "rev-parse", "HEAD").strip()
    (repository / ".git" / "objects" / oid[:2] / oid[2:]).unlink()
    assert "damaged .git/HEAD" in gaps_of(repository)


def test_a_worktree_whose_folder_is_gone_is_found(make_repository: MakeRepository, tmp_path: Path) -> None:
    """A registration without a folder is a gap; healthy worktrees and a locked one on absent media are none."""
    repository = make_repository()
    for name in ("healthy", "gone", "on_a_stick"):
        git(repository, "worktree", "add", "-q", "--detach", str(tmp_path / name))
    git(repository, "worktree", "lock", "--reason", "on removable media", str(tmp_path / "on_a_stick"))
    for name in ("gone", "on_a_stick"):
        (tmp_path / name).rename(tmp_path / f"{name}_moved")
    assert gaps_of(repository) == ["worktree-gone .git/worktrees/gone"]
    assert gaps_of(tmp_path / "healthy") == ["worktree-gone .git/worktrees/gone"]


def test_a_worktree_locked_by_a_dead_process_is_found(make_repository: MakeRepository, tmp_path: Path) -> None:
    """A lock whose reason names a process that ended is a gap; one that names a living process is none."""
    repository = make_repository()
    ended = subprocess.Popen(["true"])
    ended.wait()
    for name, pid in (("dead", ended.pid), ("alive", os.getpid())):
        git(repository, "worktree", "add", "-q", "--detach", str(tmp_path / name))
        git(repository, "worktree", "lock", "--reason", f"autopack run r1 pid {pid}", str(tmp_path / name))
    assert gaps_of(repository) == ["worktree-abandoned .git/worktrees/dead"]


def test_a_worktree_that_points_elsewhere_is_found(make_repository: MakeRepository, tmp_path: Path) -> None:
    """A worktree whose `.git` file names another registration is a gap."""
    repository = make_repository()
    git(repository, "worktree", "add", "-q", "--detach", str(tmp_path / "tree"))
    (tmp_path / "tree" / ".git").write_text(f"gitdir: {tmp_path}/elsewhere\n", encoding="utf-8")
    assert gaps_of(repository) == ["worktree-mismatch .git/worktrees/tree"]


def test_an_intended_detached_head_is_no_gap(make_repository: MakeRepository) -> None:
    """A detached HEAD and a shallow history are states that people choose."""
    repository = make_repository()
    commit_all(repository)
    git(repository, "checkout", "-q", "--detach")
    git(repository.parent, "clone", "-q", "--depth", "1", f"file://{repository}", "shallow")
    assert gaps_of(repository) == []
    assert gaps_of(repository.parent / "shallow") == []


def hook(repository: Path, path: str, *, mode: int, content: str = "#!/bin/sh\nexit 1\n") -> None:
    """Write a hook at PATH below REPOSITORY with the file MODE."""
    write_files(repository, {path: content})
    (repository / path).chmod(mode)


def test_a_hook_that_is_not_executable_is_found(make_repository: MakeRepository) -> None:
    """A hook that git would pass over is a gap, in git's own folder and in the one that the settings name."""
    repository = make_repository()
    hook(repository, ".git/hooks/pre-commit", mode=0o644)
    assert gaps_of(repository) == ["hook-not-executable .git/hooks/pre-commit"]
    hook(repository, ".githooks/commit-msg", mode=0o644)
    git(repository, "config", "core.hooksPath", ".githooks")
    assert gaps_of(repository) == ["hook-not-executable .githooks/commit-msg"]


def test_hooks_that_run_and_files_that_are_none_are_no_gap(make_repository: MakeRepository) -> None:
    """Executable hooks, samples, notes, empty placeholders and hooks that the settings do not point at are silent."""
    repository = make_repository()
    hook(repository, ".git/hooks/pre-push", mode=0o755)
    for name in ("pre-commit.sample", "README.md", "_/pre-commit", "update"):
        hook(repository, f".git/hooks/{name}", mode=0o644)
    hook(repository, ".git/hooks/post-merge", mode=0o644, content="")
    hook(repository, ".githooks/pre-commit", mode=0o644)
    assert gaps_of(repository) == []


def test_a_hooks_path_that_leads_nowhere_is_found(make_repository: MakeRepository, tmp_path: Path) -> None:
    """Settings that name a missing folder switch every hook off unseen; an absolute path is not shown."""
    repository = make_repository()
    hook(repository, ".git/hooks/pre-commit", mode=0o755)
    for path in (".husky/_", str(tmp_path / "gone")):
        git(repository, "config", "core.hooksPath", path)
        report = report_of(repository, DETECTOR)
        assert seen(report.gaps) == ["hooks-path-missing .git/config"]
        assert str(tmp_path) not in report.model_dump_json()


@pytest.mark.parametrize("path", ["", "/dev/null", "~/hooks", "hooks", ".git/hooks"])
def test_a_hooks_path_that_is_meant_is_no_gap(make_repository: MakeRepository, path: str) -> None:
    """Hooks switched off on purpose, a folder in a home that is not ours to know, and folders that exist are silent."""
    repository = make_repository({"hooks/pre-commit": "#!/bin/sh\n"})
    (repository / "hooks" / "pre-commit").chmod(0o755)
    git(repository, "config", "core.hooksPath", path)
    assert gaps_of(repository) == []


def test_a_hooks_path_that_is_wrong_in_a_linked_worktree_is_found(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    """A relative path is looked up in each worktree: where its folder is not tracked, hooks run in the first only."""
    repository = make_repository({".gitignore": ".husky/_\n", ".githooks/pre-push": "#!/bin/sh\n"})
    (repository / ".githooks" / "pre-push").chmod(0o755)
    commit_all(repository)
    hook(repository, ".husky/_/pre-commit", mode=0o755)
    git(repository, "worktree", "add", "-q", "--detach", str(tmp_path / "other"))
    git(repository, "config", "core.hooksPath", ".husky/_")
    (gap,) = report_of(repository, DETECTOR).gaps
    assert (gap.risk_classification, seen([gap])) == ("low", ["hooks-path-missing .git/worktrees/other"])
    git(repository, "config", "core.hooksPath", ".githooks")
    assert gaps_of(repository) == []
    git(repository, "config", "core.hooksPath", str(repository / ".husky" / "_"))
    assert gaps_of(repository) == []


def test_the_worktree_of_a_run_has_to_stay_on_its_branch(make_repository: MakeRepository, tmp_path: Path) -> None:
    """A detached HEAD in a worktree that Autopack locked for a run is a gap; on the run's branch it is none."""
    repository = make_repository()
    tree = tmp_path / "r1"
    git(repository, "worktree", "add", "-q", "-b", "autopack/r1", str(tree))
    git(repository, "worktree", "lock", "--reason", "autopack run r1", str(tree))
    assert gaps_of(repository) == []
    git(tree, "checkout", "-q", "--detach")
    assert gaps_of(repository) == ["run-worktree-off-branch .git/worktrees/r1"]
    git(repository, "worktree", "unlock", str(tree))
    assert gaps_of(repository) == []


def deep_gaps(repository: Path, seconds: float = 60.0) -> list[str]:
    """Return what a scan says that lets git read every object for at most SECONDS."""
    snapshot = take_snapshot(repository, (DETECTOR,), deep_seconds=seconds)
    return [gap.title for gap in scan(snapshot, project_id="sample", run_id="run", detectors=(DETECTOR,)).gaps]


def test_a_damaged_object_of_the_past_is_found_by_a_deep_scan(make_repository: MakeRepository) -> None:
    """A file's old version that is gone or garbled is unknown to a quick scan and damage to a deep one."""
    repository = make_repository({"a.txt": "old\n", "b.txt": "stays\n"})
    old = git(repository, "rev-parse", "HEAD:a.txt").strip()
    write_files(repository, {"a.txt": "new\n"})
    commit_all(repository)
    assert deep_gaps(repository) == []
    stored = repository / ".git" / "objects" / old[:2] / old[2:]
    stored.chmod(0o644)
    stored.write_bytes(b"garbage")
    assert gaps_of(repository) == []
    (title,) = deep_gaps(repository)
    assert title.startswith("objects: ")
    assert old in title
    stored.unlink()
    (title,) = deep_gaps(repository)
    assert "are missing, damaged, or part of what names such a one" in title


def test_how_an_old_object_was_written_is_no_damage(make_repository: MakeRepository) -> None:
    """Odd modes, e-mails and dates of old commits are whole objects: `git fsck` complains, and nothing is lost."""
    repository = make_repository()
    tree = git(repository, "rev-parse", "HEAD^{tree}").strip()
    odd = f"tree {tree}\nauthor A <a@b <c> 1 +0000\ncommitter A a@b 1 +0000\n\nodd\n"
    commit = git(repository, "hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=odd.encode()).strip()
    git(repository, "update-ref", "refs/heads/odd", commit)
    blob = git(repository, "hash-object", "-w", "--stdin", stdin=b"x\n").strip()
    padded = b"0100644 a\0" + bytes.fromhex(blob)
    git(repository, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=padded)
    done = subprocess.run(["git", "fsck"], cwd=repository, capture_output=True, text=True, check=False)
    assert "error in commit" in done.stderr
    assert "zeroPaddedFilemode" in done.stderr
    assert deep_gaps(repository) == []


def test_a_deep_scan_that_runs_out_of_time_says_so(make_repository: MakeRepository) -> None:
    """A check that did not end is a finding that blocks, never silence."""
    repository = make_repository()
    snapshot = take_snapshot(repository, (DETECTOR,), deep_seconds=0.0001)
    (gap,) = scan(snapshot, project_id="sample", run_id="run", detectors=(DETECTOR,)).gaps
    assert gap.rule_id == "git_state_corruption/objects-not-checked"
    assert gap.title == "objects: git fsck did not end within 0.0001 seconds"
    assert gap.blocks_autopilot
