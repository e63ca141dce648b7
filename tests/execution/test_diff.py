"""What an action did is measured by git, to the line."""

from pathlib import Path

import pytest

from autopack.errors import UnsafeRepository
from autopack.execution.diff import FileChange, measure, stage_everything
from autopack.git import Git
from repositories import MakeRepository, git


def test_every_sort_of_change_is_measured(make_repository: MakeRepository) -> None:
    """Edits, new files, deletions, renames, modes, links and binary files come back with their real lines."""
    repo = make_repository(
        {
            "edit.md": "1\n2\n3\n",
            "gone.md": "1\n2\n",
            "old name é.md": "".join(f"{n}\n" for n in range(50)),
            "run.sh": "x\n",
            "b.bin": b"\0\n\n",
        }
    )
    (repo / "edit.md").write_text("1\ntwo\n3\n4\n")
    (repo / "gone.md").unlink()
    (repo / "old name é.md").rename(repo / "new\tname.md")
    (repo / "run.sh").chmod(0o755)
    (repo / "b.bin").write_bytes(b"\0\n")
    (repo / "link").symlink_to("../outside")
    worktree = Git(repo)
    changes = measure(worktree, "HEAD", stage_everything(worktree))
    assert changes == (
        FileChange("b.bin", "modified", None, 1, 2),
        FileChange("edit.md", "modified", None, 2, 1),
        FileChange("gone.md", "deleted", None, 0, 2),
        FileChange("link", "added", None, 1, 0, link_target="../outside"),
        FileChange("new\tname.md", "renamed", "old name é.md", 0, 0),
        FileChange("run.sh", "mode", None, 0, 0),
    )


def test_a_submodule_that_appears_is_unsafe(make_repository: MakeRepository, tmp_path: Path) -> None:
    """A nested repository that an action leaves behind is refused, because it names code that nobody looked at."""
    repo = make_repository({"a": "1\n"})
    nested = repo / "nested"
    nested.mkdir()
    git(nested, "init", "--quiet")
    git(nested, "commit", "--allow-empty", "--quiet", "-m", "x")
    worktree = Git(repo)
    with pytest.raises(UnsafeRepository, match="submodule"):
        measure(worktree, "HEAD", stage_everything(worktree))
