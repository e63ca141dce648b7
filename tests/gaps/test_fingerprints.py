"""Fingerprints: what stays the same when lines shift and files move, and what does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from autopack.gaps.detectors import all_detectors
from autopack.gaps.fingerprints import fingerprint
from autopack.gaps.models import Gap
from gap_reports import report_of
from repositories import MakeRepository, commit_all, git, write_files

FILES = {
    "docs/guide.md": "# Guide\n\nSee [gone](missing-page.md).\n",
    "src/load.py": "def load(path):\n    with open(path) as handle:\n        return handle.read()\n",
    "tests/test_load.py": "def test_nothing():\n    len([1]) == 1\n",
}


def fingerprints(repository: Path) -> dict[str, str]:
    """Return rule -> fingerprint for a repository with one gap of a rule at most."""
    gaps = report_of(repository, *all_detectors()).gaps
    found = {gap.rule_id: fingerprint(gap) for gap in gaps}
    assert len(found) == len(gaps), [gap.title for gap in gaps]
    return found


def _shift(repository: Path) -> None:
    for path in FILES:
        file = repository / path
        first = "\n\n" if path.endswith(".md") else "# a new line\n\n"
        file.write_text(first + file.read_text("utf-8"), "utf-8")


def _rename(repository: Path) -> None:
    git(repository, "mv", "docs/guide.md", "docs/handbook.md")
    git(repository, "mv", "src/load.py", "src/loading.py")
    git(repository, "mv", "tests/test_load.py", "tests/test_loading.py")


def _edit_elsewhere(repository: Path) -> None:
    for path in FILES:
        file = repository / path
        file.write_text(file.read_text("utf-8") + "\n# more\n", "utf-8")


@pytest.mark.parametrize("change", [_shift, _rename, _edit_elsewhere])
def test_a_finding_keeps_its_fingerprint(make_repository: MakeRepository, change: Callable[[Path], None]) -> None:
    """Lines above, a new name of the file, and edits elsewhere in it change no fingerprint."""
    repository = make_repository(FILES)
    before = fingerprints(repository)
    assert len(before) == 3
    change(repository)
    commit_all(repository)
    assert fingerprints(repository) == before


def test_another_line_is_another_finding(make_repository: MakeRepository) -> None:
    """What is wrong on another line with other words has another fingerprint, in the same file and of the same rule."""
    repository = make_repository({"a.md": "# A\n\n[one](one-gone.md)\n\n[two](two-gone.md)\n"})
    gaps = report_of(repository, *all_detectors()).gaps
    assert len({fingerprint(gap) for gap in gaps}) == len(gaps) == 2


def test_the_same_line_in_two_files_is_told_apart_by_the_id(make_repository: MakeRepository) -> None:
    """A copied fault has the same fingerprint and another gap id, so that a baseline counts both."""
    fault = "# Title of {}\n\n[one](one-gone.md)\n"
    repository = make_repository({"a.md": fault.format("a"), "b.md": fault.format("b")})
    gaps: tuple[Gap, ...] = report_of(repository, *all_detectors()).gaps
    assert len({gap.gap_id for gap in gaps}) == 2
    assert len({fingerprint(gap) for gap in gaps}) == 1


def test_files_that_should_not_be_there_differ_by_name(make_repository: MakeRepository) -> None:
    """Two findings about whole files without a line are two fingerprints."""
    repository = make_repository({"README.md": "# A\n"})
    write_files(repository, {"notes.orig": "a\n", "todo.orig": "b\n"})
    commit_all(repository)
    gaps = report_of(repository, *all_detectors()).gaps
    assert len({fingerprint(gap) for gap in gaps}) == len(gaps) >= 2
