"""An action's hands reach the granted files and nothing else."""

import os
from pathlib import Path

import pytest

from autopack.errors import DeniedByPolicy, StaleError
from autopack.execution.tree import GrantedTree


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "docs").mkdir(parents=True)
    (root / "docs/a.md").write_bytes(b"a\r\n")
    (root / "secret").write_bytes(b"s")
    (tmp_path / "outside").write_bytes(b"o")
    return root


def test_a_granted_file_is_read_and_replaced_with_its_mode(root: Path) -> None:
    """Writing keeps the file's mode and leaves no temporary file behind."""
    (root / "docs/a.md").chmod(0o755)
    tree = GrantedTree(root, frozenset({"docs/a.md"}))
    tree.write("docs/a.md", tree.read("docs/a.md") + b"b\n")
    assert (root / "docs/a.md").read_bytes() == b"a\r\nb\n"
    assert (root / "docs/a.md").stat().st_mode & 0o777 == 0o755
    assert os.listdir(root / "docs") == ["a.md"]


@pytest.mark.parametrize(
    "path", ["secret", "docs/../secret", "../outside", "/etc/passwd", "docs/./a.md", ".git/config"]
)
def test_what_is_not_granted_is_denied(root: Path, path: str) -> None:
    """A path outside the grant is denied, however it is spelt, also when the spelling itself was granted."""
    with pytest.raises(DeniedByPolicy):
        GrantedTree(root, frozenset({"docs/a.md"})).read(path)
    if path != "secret":
        with pytest.raises((DeniedByPolicy, StaleError)):
            GrantedTree(root, frozenset({path})).read(path)


def test_a_link_is_not_followed_at_any_depth(root: Path, tmp_path: Path) -> None:
    """Neither a linked file nor a linked folder on the way leads out of the tree."""
    (root / "link.md").symlink_to(tmp_path / "outside")
    (root / "linked").symlink_to(tmp_path)
    tree = GrantedTree(root, frozenset({"link.md", "linked/outside", "linked/new"}))
    for path in ("link.md", "linked/outside"):
        with pytest.raises(StaleError):
            tree.read(path)
        with pytest.raises(StaleError):
            tree.write(path, b"x")
        with pytest.raises(StaleError):
            tree.delete(path)
    assert (tmp_path / "outside").read_bytes() == b"o"


def test_a_hard_link_is_refused(root: Path, tmp_path: Path) -> None:
    """A file with a second name is refused, because the other name may lie outside."""
    os.link(tmp_path / "outside", root / "hard.md")
    with pytest.raises(StaleError):
        GrantedTree(root, frozenset({"hard.md"})).write("hard.md", b"x")
    assert (tmp_path / "outside").read_bytes() == b"o"


def test_a_move_makes_folders_and_never_replaces(root: Path) -> None:
    """A move needs both names granted, makes the folders on the way, and refuses a taken destination."""
    tree = GrantedTree(root, frozenset({"docs/a.md", "new/deep/a.md", "secret"}))
    with pytest.raises(StaleError, match="exists already"):
        tree.move("docs/a.md", "secret")
    with pytest.raises(DeniedByPolicy):
        tree.move("docs/a.md", "elsewhere.md")
    tree.move("docs/a.md", "new/deep/a.md")
    assert (root / "new/deep/a.md").read_bytes() == b"a\r\n"
    assert not (root / "docs/a.md").exists()
