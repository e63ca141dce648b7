"""Paths of a run are named, never made, and no id can lead out of them."""

from pathlib import Path

from autopack.file_layout import RunFileLayout


def test_a_layout_creates_nothing(tmp_path: Path) -> None:
    """Naming every path of a run leaves the disk untouched."""
    layout = RunFileLayout(tmp_path / "runs", "demo", "autopilot-20261122T103000Z")
    assert layout.gap_report == tmp_path / "runs/demo/runs/autopilot/autopilot-20261122T103000Z/gaps/gap_report_v1.json"
    assert list(tmp_path.iterdir()) == []
