"""What would defeat a box is found before a job, and what git must not meet is found after it."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest

from autopack.errors import UnsafeRepository
from autopack.execution.sandbox.box import HIDDEN
from autopack.execution.sandbox.survey import Danger, hiding, postflight, preflight, require_safe


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A worktree with one folder that may be written."""
    for name in ("tree/src/a.py", "tree/docs/b.md", "outside/file"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("content\n")
    (tmp_path / "tree/.git").write_text("gitdir: elsewhere\n")
    return tmp_path.resolve() / "tree"


def words(dangers: tuple[Danger, ...], tree: Path) -> list[str]:
    return [f"{os.path.relpath(danger.path, tree)}: {danger.what}" for danger in dangers]


def test_a_plain_tree_holds_nothing_to_fear(tree: Path) -> None:
    """An ordinary folder passes both looks without a word."""
    survey = preflight(tree, (tree / "src",), hidden=HIDDEN)
    assert (survey.hidden, survey.protected, survey.dangers) == ((), (), ())
    assert postflight(tree, (tree / "src",)) == ()


def test_a_root_that_is_a_link_is_refused(tree: Path) -> None:
    """A tracked link in the place of a writable folder would make its target writable."""
    (tree / "lib").symlink_to(tree.parent / "outside")
    (dangers,) = [preflight(tree, (tree / "lib",)).dangers]
    assert words(dangers, tree) == [
        f"lib: leads through a symbolic link to {tree.parent / 'outside'}",
    ]


@pytest.mark.parametrize("root", ["../outside", ".git", "missing", "src/../docs"])
def test_a_root_has_to_be_a_place_below_the_folder(root: str, tree: Path) -> None:
    """What is outside, git's own, absent, or spelt in a roundabout way cannot be granted."""
    assert preflight(tree, (tree / root,)).dangers


def test_a_hard_link_is_refused_where_it_could_be_written(tree: Path) -> None:
    """A second name of a file outside would write through; in a part that is only read it does no harm."""
    os.link(tree.parent / "outside/file", tree / "src/linked")
    os.link(tree.parent / "outside/file", tree / "docs/linked")
    assert words(preflight(tree, (tree / "src",)).dangers, tree) == [
        "src/linked: a hard link; its other name may lie outside"
    ]


def test_pipes_and_sockets_are_refused_in_roots_and_hidden_elsewhere(tree: Path) -> None:
    """A service of the host's is not reached through a file of the tree."""
    os.mkfifo(tree / "src/pipe")
    with socket.socket(socket.AF_UNIX) as service:
        service.bind(str(tree / "docs/s"))
    survey = preflight(tree, (tree / "src",))
    assert words(survey.dangers, tree) == ["src/pipe: a socket, pipe or device"]
    assert survey.hidden == (tree / "docs/s",)


def test_secrets_are_found_by_name_wherever_they_lie(tree: Path) -> None:
    """Names are compared without regard to case, examples stay visible, and a hidden folder is hidden as one."""
    for name in (".env", "src/.ENV.local", "docs/.env.example", "src/id_ed25519.pub", "docs/token.txt"):
        (tree / name).write_text("x")
    (tree / ".ssh").mkdir()
    (tree / ".ssh/id_rsa").write_text("x")
    survey = preflight(tree, (tree / "src",), hidden=(*HIDDEN, "docs/*.txt"))
    assert [str(path.relative_to(tree)) for path in survey.hidden] == [
        *(".env", ".ssh", "docs/token.txt", "src/.ENV.local", "src/id_ed25519.pub"),
    ]


def test_a_hidden_link_hides_what_it_leads_to(tree: Path) -> None:
    """A `.env` that points at a file under another name does not leave that one readable."""
    (tree / "docs/plain").write_text("x")
    (tree / ".env").symlink_to("docs/plain")
    assert preflight(tree, (), hidden=HIDDEN).hidden == (tree / "docs/plain",)


def test_repositories_in_roots_are_protected(tree: Path) -> None:
    """What git executes, in a submodule for example, stays as it is though it lies in a writable folder."""
    (tree / "src/module").mkdir()
    (tree / "src/module/.git").write_text("gitdir: ../../.git/modules/module\n")
    survey = preflight(tree, (tree / "src",))
    assert survey.protected == (tree / "src/module/.git",)
    assert postflight(tree, (tree / "src",), known=survey.protected) == ()


def test_what_a_job_may_leave_behind_is_all_found(tree: Path) -> None:
    """A nested repository, a bare one, a link out, a set-id program, a hard link and a pipe are each named."""
    subprocess.run(["git", "init", "-q", str(tree / "src/nested")], check=True)
    subprocess.run(["git", "init", "-q", "--bare", str(tree / "src/bare")], check=True)
    (tree / "src/out").symlink_to("../../outside")
    (tree / "src/in").symlink_to("../docs")
    (tree / "src/tool").write_text("x")
    (tree / "src/tool").chmod(0o4755)
    os.link(tree / "src/a.py", tree / "src/again")
    os.mkfifo(tree / "src/pipe")
    assert words(postflight(tree, (tree / "src",)), tree) == [
        "src/a.py: a hard link; its other name may lie outside",
        "src/again: a hard link; its other name may lie outside",
        "src/bare: a bare repository, whose configuration names programs",
        "src/nested/.git: a nested repository, whose configuration names programs",
        "src/out: a symbolic link out of the worktree, to ../../outside",
        "src/pipe: a socket, pipe or device",
        "src/tool: a program that runs with its owner's rights (set-id)",
    ]


def test_a_repository_in_other_letters_is_a_repository(tree: Path) -> None:
    """On file systems that fold case `.GIT` is git's folder, so it is one everywhere."""
    (tree / "src/.GIT").mkdir()
    assert len(postflight(tree, (tree / "src",))) == 1


def test_dangers_stop_a_run_with_what_and_what_next(tree: Path) -> None:
    """The first danger is named, the others counted, and the hint says what to do."""
    with pytest.raises(UnsafeRepository) as caught:
        require_safe([Danger(tree / "a", "odd"), Danger(tree / "b", "odd")])
    assert caught.value.message == f"{tree / 'a'}: odd (and 1 more)"
    assert caught.value.hint


def test_globs_with_a_slash_are_paths_and_those_without_are_names() -> None:
    """`build/*.log` is meant from the folder, `*.log` anywhere."""
    hides = hiding(("build/*.log", "*.pem"))
    assert hides("x.log", "build/x.log")
    assert not hides("x.log", "src/x.log")
    assert hides("a.PEM", "src/deep/a.PEM")
    assert not hiding(())("a.pem", "a.pem")
