"""Whether what a run committed is already part of another branch, so that removing its branch loses nothing.

Squashed and rebased work is found by its content, not by its commits; see git-cherry(1) and git-merge-tree(1).
"""

from __future__ import annotations

from typing import Literal

from autopack.git import Git
from autopack.worktrees.refs import commit_tree

Integration = Literal["ancestor", "equal tree", "merging changes nothing", "patches are there", "squashed"]


def integration_of(git: Git, commit: str, target: str) -> Integration | None:
    """Return how COMMIT is integrated in TARGET (both commit ids), by the first test that says so; None if by none."""
    if git.run("merge-base", "--is-ancestor", commit, target, check=False).code == 0:
        return "ancestor"
    tree, target_tree = (git.run("rev-parse", f"{one}^{{tree}}").text.strip() for one in (commit, target))
    if tree == target_tree:
        return "equal tree"
    merged = git.run("merge-tree", "--write-tree", target, commit, check=False)  # git 2.38; older ones say no
    if merged.code == 0 and merged.text.strip() == target_tree:
        return "merging changes nothing"
    if _all_patches_are_in(git, commit, target):
        return "patches are there"
    fork = git.run("merge-base", target, commit, check=False).text.strip()
    if fork and _all_patches_are_in(git, commit_tree(git, tree, [fork], "autopack: as one patch"), target):
        return "squashed"
    return None


def _all_patches_are_in(git: Git, commit: str, target: str) -> bool:
    answer = git.run("cherry", target, commit, check=False)
    lines = answer.text.splitlines()
    return answer.code == 0 and bool(lines) and all(line.startswith("- ") for line in lines)
