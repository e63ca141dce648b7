"""The one door to git runs nothing that a repository configures, and says plainly what stands in the way."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from autopack.errors import EnvironmentFault, UnsafeRepository, UsageError
from autopack.git import (
    Git,
    GitFailed,
    environment,
    find_work_tree,
    require_supported,
    version,
)
from repositories import MakeRepository, commit_all, git, write_files

COMMANDS = [
    ("status", "--porcelain=v2", "-z", "--untracked-files=all"),
    ("status",),
    ("diff",),
    ("diff", "HEAD~1", "HEAD"),
    ("diff", "--stat"),
    ("diff-index", "-p", "HEAD"),
    ("diff-files", "-p"),
    ("diff-tree", "-p", "HEAD"),
    ("log", "-p", "-2"),
    ("show", "HEAD"),
    ("blame", "tracked.md"),
    ("ls-files", "-z", "--others", "--exclude-standard"),
    ("worktree", "list", "--porcelain"),
    ("rev-parse", "HEAD"),
    ("branch", "--list"),
    ("for-each-ref",),
    ("config", "--list"),
    ("commit", "--quiet", "--allow-empty", "--message", "x"),
    ("fetch", "origin"),
    ("push", "origin", "HEAD"),
    ("commit", "--quiet", "--allow-empty", "--edit"),
    ("checkout", "-q", "-B", "elsewhere"),
    ("merge", "--quiet", "--no-edit", "HEAD~1"),
    ("gc", "--auto"),
]


@pytest.fixture
def hostile(make_repository: MakeRepository, tmp_path: Path) -> tuple[Path, Path]:
    """Return a repository whose every configurable program writes a marker file, and the marker's path."""
    marker = tmp_path / "it-ran"
    program = tmp_path / "program"
    program.write_text(f'#!/bin/sh\necho "$0 $*" >> "{marker}"\ncat\n', "utf-8")
    program.chmod(0o755)
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in (
        "pre-commit",
        "commit-msg",
        "post-commit",
        "post-checkout",
        "reference-transaction",
        "post-index-change",
    ):
        (hooks / name).symlink_to(program)
    repository = make_repository({"tracked.md": "one\n", ".gitattributes": "*.md diff=evil merge=evil\n"})
    write_files(repository, {"tracked.md": "two\n"})
    commit_all(repository, "second")
    for name, value in {
        "core.fsmonitor": str(program),
        "core.hooksPath": str(hooks),
        "core.pager": str(program),
        "core.editor": str(program),
        "core.sshCommand": str(program),
        "core.askPass": str(program),
        "core.gitProxy": str(program),
        "core.alternateRefsCommand": str(program),
        "pager.log": str(program),
        "pager.status": str(program),
        "diff.external": str(program),
        "diff.evil.command": str(program),
        "diff.evil.textconv": str(program),
        "merge.evil.driver": str(program),
        "credential.helper": f"!{program}",
        "gpg.program": str(program),
        "commit.gpgSign": "true",
        "log.showSignature": "true",
        "sequence.editor": str(program),
        "interactive.diffFilter": str(program),
        "alias.status": f"!{program}",
        "remote.origin.url": f"ext::{program}",
        "protocol.ext.allow": "always",
        "user.name": "Someone",
        "user.email": "someone@test.invalid",
    }.items():
        git(repository, "config", "--local", name, value)
    write_files(repository, {"tracked.md": "three\n"})
    return repository, marker


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_nothing_that_the_repository_configures_is_run(hostile: tuple[Path, Path], command: tuple[str, ...]) -> None:
    """Hooks, file-system monitor, pagers, editors, external diffs, text conversions and transports stay silent."""
    repository, marker = hostile
    Git(repository).run(*command, check=False, timeout=20)
    assert not marker.exists(), marker.read_text("utf-8")


def test_the_trap_of_these_tests_is_armed(hostile: tuple[Path, Path]) -> None:
    """Plain git in the same repository does run the configured programs."""
    repository, marker = hostile
    git(repository, "diff")
    assert marker.exists()


def test_git_gets_nothing_of_the_callers_environment(
    make_repository: MakeRepository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Variables that redirect git or carry secrets do not reach it; only PATH is the caller's."""
    repository = make_repository()
    for name in (
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_CONFIG_PARAMETERS",
        "GIT_SSH_COMMAND",
        "DEPLOY_TOKEN",
    ):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    assert Git(repository).head() == git_head(repository)
    assert set(environment()) & {"GIT_DIR", "DEPLOY_TOKEN", "GIT_SSH_COMMAND"} == set()


def git_head(repository: Path) -> str:
    """Return HEAD as the reference files say, without git."""
    return (repository / ".git/refs/heads/main").read_text("utf-8").strip()


def test_a_look_leaves_no_trace(make_repository: MakeRepository) -> None:
    """Status and diff do not rewrite the index, even when it is out of date."""
    repository = make_repository({"a.txt": "a\n"})
    os.utime(repository / "a.txt", (1, 1))
    index = (repository / ".git/index").read_bytes()
    Git(repository).run("status", "--porcelain")
    Git(repository).run("diff")
    assert (repository / ".git/index").read_bytes() == index


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems refuse such names")
def test_a_name_that_is_no_utf8_comes_back_unchanged(make_repository: MakeRepository) -> None:
    """A path of arbitrary bytes goes in and out of git and still names its file."""
    repository = make_repository()
    name = os.fsdecode(b"caf\xe9 \xff\n.txt")
    (repository / name).write_text("x", "utf-8")
    assert Git(repository).nul_separated("ls-files", "-z", "--others") == [name]
    Git(repository).run("update-index", "--add", "-z", "--stdin", stdin=os.fsencode(name) + b"\0")
    assert name in Git(repository).nul_separated("ls-files", "-z")
    assert (repository / name).read_text("utf-8") == "x"


def test_a_path_that_looks_like_a_pattern_is_taken_literally(make_repository: MakeRepository) -> None:
    """Path arguments are names, not patterns."""
    repository = make_repository({"a*.txt": "star\n", "ab.txt": "plain\n"})
    assert Git(repository).lines("ls-files", "--", "a*.txt") == ["a*.txt"]


def test_an_absent_git_is_an_environment_fault(make_repository: MakeRepository, tmp_path: Path) -> None:
    """Without git the message says so, with exit code 30 and what to install."""
    missing = str(tmp_path / "no-such-git")
    for attempt in (
        lambda: Git(make_repository(), executable=missing).head(),
        lambda: version(missing),
        lambda: require_supported(missing),
    ):
        with pytest.raises(EnvironmentFault, match="git is not installed") as caught:
            attempt()
        assert caught.value.exit_code == 30
        assert "2.25" in caught.value.hint


@pytest.mark.parametrize(
    ("printed", "accepted"),
    [
        ("git version 2.24.9", False),
        ("git version 1.8.3.1", False),
        ("nonsense", False),
        ("git version 2.25.0", True),
        ("git version 2.39.5 (Apple Git-154)", True),
        ("git version 2.50.1.windows.1", True),
        ("git version 3.0.0-rc1", True),
    ],
)
def test_an_old_git_is_refused(tmp_path: Path, printed: str, accepted: bool) -> None:
    """Every version below 2.25 is an environment fault that names it; newer ones pass, whoever built them."""
    fake = tmp_path / "git"
    fake.write_text(f"#!/bin/sh\necho '{printed}'\n", "utf-8")
    fake.chmod(0o755)
    if accepted:
        require_supported(str(fake))
        return
    with pytest.raises(EnvironmentFault, match="too old"):
        require_supported(str(fake))


def test_a_git_that_does_not_end_is_given_up(make_repository: MakeRepository, tmp_path: Path) -> None:
    """A command that hangs ends in an environment fault after its time."""
    fake = tmp_path / "git"
    fake.write_text("#!/bin/sh\nexec sleep 60\n", "utf-8")
    fake.chmod(0o755)
    with pytest.raises(EnvironmentFault, match="git status did not end within 0 seconds"):
        Git(make_repository(), executable=str(fake)).run("status", timeout=0.2)


def test_a_command_that_git_refuses_is_reported_with_its_reason(make_repository: MakeRepository) -> None:
    """What git says on stderr is in the message; without `check` it is in the answer."""
    repository = make_repository()
    with pytest.raises(GitFailed, match="git rev-parse failed: fatal: Needed a single revision"):
        Git(repository).run("rev-parse", "--verify", "no-such-name")
    assert Git(repository).run("rev-parse", "--verify", "no-such-name", check=False).code == 128


def test_the_root_is_found_from_any_folder_inside(make_repository: MakeRepository) -> None:
    """From a subfolder the root of the working tree is found, blanks in its name included."""
    repository = make_repository({"a/b/c.txt": "x\n"}, name="a repository")
    assert find_work_tree(repository / "a" / "b") == repository


def test_a_folder_outside_of_any_repository_is_a_usage_error(tmp_path: Path) -> None:
    """A plain folder, a missing one and a file each get a message with the way out."""
    (tmp_path / "file").write_text("x", "utf-8")
    for start in (tmp_path, tmp_path / "missing", tmp_path / "file"):
        with pytest.raises(UsageError, match="is not") as caught:
            find_work_tree(start)
        assert "--workspace" in caught.value.hint


def test_a_bare_repository_is_refused(tmp_path: Path) -> None:
    """Where there is no working tree, the message says so and the exit code is 8."""
    git(tmp_path, "init", "--quiet", "--bare", "bare.git")
    with pytest.raises(UnsafeRepository, match="bare repository") as caught:
        find_work_tree(tmp_path / "bare.git")
    assert caught.value.exit_code == 8


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to give a folder away")
def test_a_repository_of_another_user_is_refused(make_repository: MakeRepository) -> None:
    """Git's own refusal of foreign folders is passed on with the command that trusts one."""
    repository = make_repository()
    os.chown(repository, 12345, 12345)
    os.chown(repository / ".git", 12345, 12345)
    with pytest.raises(UnsafeRepository, match="belongs to another user") as caught:
        find_work_tree(repository)
    assert "safe.directory" in caught.value.hint


def test_head_and_branch_of_an_empty_and_of_a_detached_repository(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    """Before the first commit there is a branch and no HEAD; detached there is a HEAD and no branch."""
    empty = tmp_path / "empty"
    empty.mkdir()
    git(empty, "init", "--quiet")
    assert (Git(empty).head(), Git(empty).branch()) == (None, "main")
    repository = make_repository()
    git(repository, "checkout", "--quiet", "--detach")
    assert (Git(repository).head(), Git(repository).branch()) == (git_head(repository), None)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a repository to another user")
def test_a_repository_of_another_user_needs_the_persons_trust(
    make_repository: MakeRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """git's refusal is an answer with the command that helps, and that command really helps."""
    repo = make_repository()
    for path in (repo, *repo.rglob("*")):
        os.chown(path, 65534, 65534, follow_symlinks=False)
    with pytest.raises(UnsafeRepository) as refused:
        find_work_tree(repo)
    assert refused.value.hint == f"If you trust it: git config --global --add safe.directory {repo}"
    git(repo, "config", "--global", "--add", "safe.directory", str(repo))
    monkeypatch.setenv("XDG_CONFIG_HOME", "/a-new-process-would-look-again")
    assert find_work_tree(repo) == repo
    assert Git(repo).head() is not None
