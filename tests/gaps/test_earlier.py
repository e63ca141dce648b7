"""`--since`: what changes since a commit can have caused, joins included, and nothing that was there before."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from datetime import date
from pathlib import Path

import pytest

from autopack.cli.workspace import settings_for
from autopack.gaps.detectors import all_detectors
from autopack.gaps.models import GapReportV1
from autopack.gaps.snapshot import take_snapshot
from autopack.gaps.sources.earlier import earlier
from autopack.git import Git
from autopack.operations.scanning import Assessment, assess_workspace
from autopack.reporting.github import render as annotations
from autopack.reporting.sarif import render as sarif
from autopack.reporting.view import View
from gap_reports import seen
from repositories import MakeRepository, commit_all, git, write_files

TODAY = date(2026, 11, 22)
OLD = {
    "README.md": "# A\n\n[guide](docs/guide.md) and [old](old-gone.md)\n",
    "docs/guide.md": "# Guide\n\n## Setup\n\nText.\n",
    "docs/other.md": "# Other\n\n[setup](guide.md#setup)\n",
    "src/load.py": "def load(p):\n    return open(p)\n",
    "tests/test_load.py": "from src.load import load\n\n\ndef test_load():\n    assert load\n",
}


def new_gaps(repository: Path, since: str = "HEAD~1") -> list[str]:
    """Return what a scan of REPOSITORY reports as caused since SINCE."""
    return seen(assess(repository, since).report.gaps)


def assess(repository: Path, since: str | None, *, write: bool = False) -> Assessment:
    """Assess REPOSITORY."""
    return assess_workspace(settings_for(repository), since=since, write=write, today=TODAY)


def _delete_target(repository: Path) -> None:
    (repository / "docs/guide.md").unlink()


def _rename_heading(repository: Path) -> None:
    (repository / "docs/guide.md").write_text("# Guide\n\n## Installing\n\nText.\n", "utf-8")


def _shift_lines(repository: Path) -> None:
    for path in ("README.md", "src/load.py"):
        file = repository / path
        file.write_text("\n\n" + file.read_text("utf-8"), "utf-8")


def _rename_file(repository: Path) -> None:
    git(repository, "mv", "src/load.py", "src/loading.py")
    (repository / "tests/test_load.py").unlink()


def _add_fault(repository: Path) -> None:
    write_files(repository, {"new.md": "# New\n\n[x](nowhere.md)\n"})


def _edit_faulty_file(repository: Path) -> None:
    with (repository / "README.md").open("a", encoding="utf-8") as handle:
        handle.write("\n[second](second-gone.md)\n")


@pytest.mark.parametrize("committed", [True, False])
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_delete_target, ["broken-link README.md:3", "broken-link docs/other.md:3"]),
        (_rename_heading, ["broken-heading-link docs/other.md:3"]),
        (_shift_lines, []),
        (_rename_file, []),
        (_add_fault, ["broken-link new.md:3"]),
        (_edit_faulty_file, ["broken-link README.md:5"]),
    ],
)
def test_only_what_the_change_caused_is_reported(
    make_repository: MakeRepository, change: Callable[[Path], None], expected: list[str], committed: bool
) -> None:
    """A deleted target breaks unchanged files; an old fault stays old when its line or its file moves."""
    repository = make_repository(OLD)
    commit_all(repository, "nothing")
    change(repository)
    if committed:
        commit_all(repository, "change")
    base = "HEAD~1" if committed else "HEAD"
    assert new_gaps(repository, base) == expected


def test_a_branch_is_compared_with_where_it_left(make_repository: MakeRepository) -> None:
    """What the other branch mended meanwhile is not held against this one."""
    repository = make_repository(OLD)
    git(repository, "checkout", "-q", "-b", "topic")
    _add_fault(repository)
    commit_all(repository, "topic")
    git(repository, "checkout", "-q", "main")
    write_files(repository, {"README.md": "# A\n", "src/load.py": "x = 1\n"})
    commit_all(repository, "mended")
    git(repository, "checkout", "-q", "topic")
    assert new_gaps(repository, "main") == ["broken-link new.md:3"]


def test_the_report_says_where_it_starts_and_the_written_one_is_whole(make_repository: MakeRepository) -> None:
    """What is printed names the base commit and counts the older gaps; what a plan is built upon leaves nothing out."""
    repository = make_repository(OLD)
    first = git(repository, "rev-parse", "HEAD").strip()
    _add_fault(repository)
    commit_all(repository, "fault")
    whole = assess(repository, None)
    shown = assess(repository, first, write=True)
    older = View(shown.report, before=shown.before).older
    assert (shown.report.metadata.since, older) == (first, len(whole.report.gaps) - 1)
    assert shown.report.gap_report_id == shown.report.expected_id()
    (stored,) = (repository / ".autonomous_runs").rglob("gap_report_v1.json")
    kept = GapReportV1.model_validate_json(stored.read_bytes())
    assert (kept.gaps, kept.metadata) == (whole.report.gaps, whole.report.metadata)


def test_the_earlier_snapshot_is_what_a_scan_of_that_commit_sees(make_repository: MakeRepository) -> None:
    """Files, folders and facts are those of a fresh checkout of the base, after edits, renames, deletions and links."""
    repository = make_repository({**OLD, "vendor/x.js": "x", "bin/tool": b"\0\1"})
    (repository / "link").symlink_to("docs")
    base = commit_all(repository, "base")
    detectors = all_detectors()
    then = take_snapshot(repository, detectors)
    _delete_target(repository)
    _shift_lines(repository)
    (repository / "link").unlink()
    write_files(repository, {"docs/new/a.md": "# A\n", "vendor/y.js": "y", "bin/tool": b"\0\2"})
    git(repository, "mv", "tests/test_load.py", "tests/test_renamed.py")
    git(repository, "rm", "-q", "vendor/x.js")
    commit_all(repository, "now")
    write_files(repository, {"untracked.md": "# U\n"})
    before = earlier(Git(repository), take_snapshot(repository, detectors), detectors, base, None)
    assert before.files == then.files
    assert (before.folders, before.out_of_scope) == (then.folders, then.out_of_scope)
    assert before.facts == then.facts
    assert before.texts == then.texts
    assert before.changes == ()


def test_nothing_is_written_by_looking_back(make_repository: MakeRepository) -> None:
    """The index and the git folder are the same, byte for byte."""
    repository = make_repository(OLD)
    _add_fault(repository)
    commit_all(repository, "fault")
    _shift_lines(repository)

    def content() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in sorted((repository / ".git").rglob("*")) if path.is_file()}

    before = content()
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        new_gaps(repository)
    assert content() == before


def test_what_has_grown_is_shown_where_it_is_new(make_repository: MakeRepository) -> None:
    """Of a finding in many documents the place that the branch added leads; the report keeps its order."""
    files = {f"{name}.md": "# A\n\nSee [it](gone/there.md).\n" for name in "abc"}
    repository = make_repository(files)
    write_files(repository, {"z.md": "# Z\n\nSee [that](gone/other.md) now.\n"})
    commit_all(repository, "one more")
    shown = assess(repository, "HEAD~1")
    (finding,) = shown.report.gaps
    assert [place.path for place in finding.evidence] == ["a.md", "b.md", "c.md", "z.md"]
    view = View(shown.report, before=shown.before)
    assert [place.path for place in view.new[0].evidence] == ["z.md", "a.md", "b.md", "c.md"]
    assert "file=z.md,line=3" in annotations(view).splitlines()[0]
    result, plain = (json.loads(sarif(one))["runs"][0]["results"][0] for one in (view, View(shown.report)))
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "z.md"
    assert result["partialFingerprints"] == plain["partialFingerprints"]


def test_of_what_has_become_one_the_new_place_leads(make_repository: MakeRepository) -> None:
    """Two dead links of a document were each their own; with the third they are one, and that is what is new."""
    repository = make_repository({"README.md": "# R\n\n[a](docs/m1.md)\n\n[b](docs/m2.md)\n", "docs/x.md": "# X\n"})
    write_files(repository, {"README.md": "# R\n\n[a](docs/m1.md)\n\n[b](docs/m2.md)\n\n[c](docs/m3.md)\n"})
    commit_all(repository, "one more")
    shown = assess(repository, "HEAD~1")
    (finding,) = View(shown.report, before=shown.before).new
    assert [place.line for place in finding.evidence] == [7, 3, 5]
