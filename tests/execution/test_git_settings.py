"""A job sees how the repository is laid out and none of the credentials that stand beside it."""

from pathlib import Path

import pytest

from autopack.execution.sandbox.git_settings import git_settings, holds_credentials, shown_settings
from repositories import MakeRepository, git

WRITTEN = b"""[core]
\trepositoryformatversion = 1
[http "https://code.example"]
\textraheader = Authorization: basic abc
[Core] bare = false
[credential] helper = store
[remote "origin"]
\turl = https://user:pass@code.example/x
[includeIf "gitdir:/"]
\tpath = /home/person/.secret
[extensions]
\tobjectFormat = sha1
"""


def test_only_the_layout_is_shown() -> None:
    """Headers, helpers, remotes and includes are left out, however their sections are spelt."""
    assert shown_settings(WRITTEN) == (
        b"[core]\n\trepositoryformatversion = 1\n[Core] bare = false\n[extensions]\n\tobjectFormat = sha1\n"
    )


def test_git_reads_with_what_is_shown(make_repository: MakeRepository) -> None:
    """The shown settings are enough for git to read the repository."""
    repo = make_repository()
    ((path, shown),) = git_settings(repo / ".git")
    path.write_bytes(shown)
    assert git(repo, "log", "--format=%s").strip() == "first"
    assert git(repo, "status", "--porcelain") == ""


def test_an_ordinary_folder_has_no_settings(tmp_path: Path) -> None:
    """A tool chain with a file called config is shown as it is."""
    (tmp_path / "config").write_text("[http]\n")
    assert list(git_settings(tmp_path)) == []


@pytest.mark.parametrize(
    ("written", "holds"),
    [
        (b"[core]\n\tbare = false\n", False),
        (b'[remote "origin"]\n\turl = https://code.example/x\n', False),
        (b'[remote "origin"]\n\turl = git@code.example:x\n', False),
        (b'[remote "origin"]\n\turl = https://token@code.example/x\n', True),
        (b'[http "https://code.example"]\n\textraheader = x\n', True),
        (b"  [ Credential ]\n\thelper = store\n", True),
    ],
)
def test_credentials_are_suspected_where_they_are_kept(written: bytes, holds: bool) -> None:
    """Sections for headers and helpers count, and so does a user in a URL."""
    assert holds_credentials(written) is holds
