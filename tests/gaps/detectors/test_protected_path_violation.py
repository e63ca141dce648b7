"""protected_path_violation: what changes where the intention says that nothing changes without a person."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopack.gaps.detectors.protected_path_violation import DETECTOR
from autopack.intention_anchor.v2 import IntentionAnchorV2
from gap_reports import anchor_protecting, report_of, seen
from repositories import MakeRepository, commit_all, git, write_files

PROTECTED = anchor_protecting("/db/", "*.pem")
FILES = {"db/schema.sql": "create table a;\n" * 9, "src/a.py": "a = 1\n" * 9, "key.pem": "not a key\n"}


def gaps_of(workspace: Path, intention: IntentionAnchorV2 | None = PROTECTED, since: str | None = None) -> list[str]:
    return seen(report_of(workspace, DETECTOR, intention=intention, since=since).gaps)


def test_a_clean_tree_has_no_violation(make_repository: MakeRepository) -> None:
    """Protected files that are as they were committed are no gap."""
    assert gaps_of(make_repository(FILES)) == []


def test_uncommitted_changes_of_every_kind_are_found(make_repository: MakeRepository) -> None:
    """Edited, staged, deleted and new protected paths are found; edits elsewhere are not."""
    repository = make_repository({**FILES, "db/gone.sql": "x\n", "db/staged.sql": "x\n", "db/cut.sql": "yy\n"})
    write_files(
        repository, {"db/schema.sql": "changed\n", "db/new.sql": "n\n", "src/a.py": "b\n", "db/staged.sql": "s"}
    )
    git(repository, "add", "db/staged.sql")
    git(repository, "rm", "-q", "--cached", "db/cut.sql")
    (repository / "db" / "gone.sql").unlink()
    report = report_of(repository, DETECTOR, intention=PROTECTED)
    assert [gap.title for gap in report.gaps] == [
        "Protected db/cut.sql is deleted",
        "Protected db/gone.sql is deleted",
        "Protected db/new.sql is new",
        "Protected db/schema.sql is changed",
        "Protected db/staged.sql is changed",
    ]
    assert report.summary.blocking == 0, "a run starts at the base commit, so the working copy does not stop it"


@pytest.mark.parametrize("name", ["with space.sql", 'with "quotes".sql', "ümläut.sql", "tab\t.sql", "new\nline.sql"])
def test_names_that_git_would_quote_are_found(make_repository: MakeRepository, name: str) -> None:
    """A protected path is found whatever characters its name has."""
    repository = make_repository(FILES)
    write_files(repository, {f"db/{name}": "x\n"})
    assert gaps_of(repository) == [f"uncommitted db/{name}"]


def test_a_name_that_is_no_text_is_found_and_escaped(make_repository: MakeRepository) -> None:
    """Bytes of a name that are no UTF-8 appear as `\\\\xNN`."""
    repository = make_repository(FILES)
    Path(str(repository / "db") + "/caf\udce9.sql").write_bytes(b"x")
    assert gaps_of(repository) == ["uncommitted db/caf\\xe9.sql"]


def test_renames_into_and_out_of_a_protected_place_are_found(make_repository: MakeRepository) -> None:
    """A staged rename is found when either of its ends is protected."""
    repository = make_repository(FILES)
    git(repository, "mv", "db/schema.sql", "src/schema.sql")
    git(repository, "mv", "src/a.py", "db/a.py")
    assert gaps_of(repository) == ["moved db/a.py", "moved src/schema.sql"]


def test_without_protected_paths_nobody_is_disturbed(make_repository: MakeRepository) -> None:
    """A person's own edits are no gap where no intention, or one without protected paths, governs."""
    repository = make_repository(FILES)
    write_files(repository, {"db/schema.sql": "changed\n"})
    assert gaps_of(repository, None) == []
    assert gaps_of(repository, anchor_protecting()) == []


def test_a_protection_cannot_be_lifted_by_an_uncommitted_edit(make_repository: MakeRepository) -> None:
    """What the committed intention protects stays protected when the working copy no longer says so."""
    repository = make_repository(FILES)
    write_files(repository, {"db/schema.sql": "changed\n"})
    report = report_of(repository, DETECTOR, intention=anchor_protecting(), base_intention=PROTECTED)
    assert seen(report.gaps) == ["uncommitted db/schema.sql"]


def test_changes_inside_vendored_trees_are_seen(make_repository: MakeRepository) -> None:
    """A protected path is protected also where no other rule looks."""
    repository = make_repository({"vendor/lib/a.js": "1\n"})
    write_files(repository, {"vendor/lib/a.js": "2\n"})
    assert gaps_of(repository, anchor_protecting("vendor/")) == ["uncommitted vendor/lib/a.js"]


def test_ignored_files_among_protected_ones_are_found(make_repository: MakeRepository) -> None:
    """An ignored file beside tracked protected files is found; caches and ignored secrets are not."""
    repository = make_repository({**FILES, ".gitignore": "*.local.sql\n__pycache__/\n*.pyc\n/secret.pem\n"})
    write_files(repository, {"db/x.local.sql": "x", "db/__pycache__/a.pyc": "x", "db/b.pyc": "x", "secret.pem": "x"})
    report = report_of(repository, DETECTOR, intention=PROTECTED)
    assert seen(report.gaps) == ["hidden db/x.local.sql"]
    assert report.summary.blocking == 0


def test_commits_of_a_run_need_an_approval(make_repository: MakeRepository) -> None:
    """On a run's branch, a commit that changes a protected path without an approval trailer is found."""
    repository = make_repository(FILES)
    git(repository, "checkout", "-q", "-b", "autopack/run-1")
    write_files(repository, {"db/schema.sql": "approved\n"})
    commit_all(repository, "Change the schema\n\nAutopack-Run: run-1\nAutopack-Approval: approval-12ab")
    write_files(repository, {"src/a.py": "fine\n"})
    commit_all(repository, "Change the source")
    assert gaps_of(repository) == []
    git(repository, "mv", "db/schema.sql", "src/schema.sql")
    commit_all(repository, "Move the schema\n\nAutopack-Run: run-1")
    assert gaps_of(repository) == ["unapproved-commit db/schema.sql"]


def test_commits_of_people_are_judged_only_on_request(make_repository: MakeRepository) -> None:
    """On an ordinary branch, commits are examined only after the revision that `since` names."""
    repository = make_repository(FILES)
    write_files(repository, {"db/schema.sql": "changed\n"})
    commit_all(repository, "Change the schema")
    assert gaps_of(repository) == []
    assert gaps_of(repository, since="HEAD~1") == ["unapproved-commit db/schema.sql"]
    assert gaps_of(repository, since="HEAD") == []


def test_links_into_a_protected_place_are_found(make_repository: MakeRepository) -> None:
    """A new link into a protected place is found, also through `..`; a committed one only where Autopack may write."""
    repository = make_repository(FILES)
    (repository / "src" / "old").symlink_to("../db")
    commit_all(repository)
    (repository / "src" / "new").symlink_to("../src/../db/schema.sql")
    (repository / "src" / "harmless").symlink_to("a.py")
    (repository / "src" / "outside").symlink_to("../../elsewhere/db")
    (repository / "src" / "loop").symlink_to("loop")
    assert gaps_of(repository) == ["symlink-into src/new"]
    writable = anchor_protecting("/db/", writable=["/src/"])
    assert gaps_of(repository, writable) == ["symlink-into src/new", "symlink-into src/old"]
