"""Paths of a run are named, never made, and no id can lead out of them."""

from __future__ import annotations

import re
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopack.errors import UsageError
from autopack.file_layout import RunFileLayout, family_of, validate_id

ROOT = Path("/runs")
_hostile = st.text(st.sampled_from("aZ9._-/\\:* \0\n\t~$%éß\u202e．／"), max_size=12)
_any_id = st.one_of(st.text(max_size=140), _hostile, st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"))


def _paths(layout: RunFileLayout) -> list[Path]:
    names = [name for name, value in vars(RunFileLayout).items() if isinstance(value, property) and name != "family"]
    return [
        *(getattr(layout, name) for name in names),
        layout.proof(layout.run_id),
        layout.approval_request(layout.run_id),
        layout.check_output(layout.run_id, layout.run_id),
    ]


def test_a_layout_creates_nothing(tmp_path: Path) -> None:
    """Naming every path of a run leaves the disk untouched."""
    layout = RunFileLayout(tmp_path / "runs", "demo", "autopilot-20261122T103000Z")
    assert layout.gap_report == tmp_path / "runs/demo/runs/autopilot/autopilot-20261122T103000Z/gaps/gap_report_v1.json"
    assert _paths(layout)
    assert list(tmp_path.iterdir()) == []


@given(_any_id, _any_id)
def test_no_id_leads_out_of_the_runs_folder(project_id: str, run_id: str) -> None:
    """An id is refused, or every path made with it stays below the runs folder, part by part, also on Windows."""
    try:
        layout = RunFileLayout(ROOT, project_id, run_id)
    except UsageError:
        return
    for path in _paths(layout):
        below = path.relative_to(ROOT)
        assert ".." not in below.parts
        assert not [part for part in below.parts if re.search(r'[<>:"/\\|?*\x00-\x1f]|[. ]$', part)]
        assert not PureWindowsPath(below).is_absolute()
        assert PureWindowsPath(str(below)).parts == below.parts


@given(_any_id)
def test_what_is_accepted_as_id_is_plain(value: str) -> None:
    """Only letters, digits, dot, underscore and dash of ASCII pass, starting with a letter or digit."""
    try:
        assert validate_id(value, "run id") == value
    except UsageError:
        return
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", value)
    assert ".." not in value
    assert not value.endswith(".")


@pytest.mark.parametrize(
    "value",
    [
        *("", ".", "..", "a..b", "a.", "-a", "_a", ".a", "a/b", "a\\b", "a\n", "a\0", " a", "a ", "é", "a" * 129),
        *("con", "NUL", "nul.txt", "Com1.log", "lpt9", "aux.", "PRN.a.b", "a:b", "a*", "$HOME", "~", "%2e%2e"),
    ],
)
def test_a_bad_id_is_refused_with_its_name(value: str) -> None:
    """Traversal, separators, device names and control characters are a usage error that names the id."""
    with pytest.raises(UsageError, match=r"^run id ") as caught:
        validate_id(value, "run id")
    assert repr(value) in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("run_id", "family"),
    [
        ("autopilot-20261122T103000Z", "autopilot"),
        ("autopilot-20261122-103000", "autopilot"),
        ("nightly.1732271400", "nightly"),
        ("fix_20261122103000", "fix"),
        ("scan-0123456789ab", "scan-0123456789ab"),
        ("20261122T103000Z", "20261122T103000Z"),
        ("a-b-20261122T103000Z", "a-b"),
        ("v1.2", "v1.2"),
        ("con-20261122T103000Z", "con-20261122T103000Z"),
        ("worktrees-20261122T103000Z", "worktrees"),
    ],
)
def test_a_family_is_the_run_without_its_timestamp(run_id: str, family: str) -> None:
    """Runs of one purpose share a family; a run without a timestamp is its own."""
    assert family_of(run_id) == family


@given(_any_id)
def test_a_family_is_itself_a_usable_name(run_id: str) -> None:
    """Whatever the run is called, its family passes for a folder's name too."""
    try:
        validate_id(run_id, "run id")
    except UsageError:
        return
    assert validate_id(family_of(run_id), "family")


@pytest.mark.parametrize("project_id", ["worktrees", "Worktrees", "workplaces", "autopack.db", "autopack.db-wal"])
def test_a_project_cannot_take_the_name_of_autopacks_own_files(project_id: str) -> None:
    """What else lies beside the projects has names that no project may have."""
    with pytest.raises(UsageError, match="is taken by Autopack itself"):
        RunFileLayout(ROOT, project_id, "run")
