"""Versions 1 and 2 beside each other in the run's folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopack.errors import ArtifactError, UsageError
from autopack.file_layout import RunFileLayout
from autopack.intention_anchor.v1 import IntentionAnchorV1
from autopack.intention_anchor.v2 import IntentionAnchorV2, create_from_inputs
from autopack.project_intention import ProjectIntentionManager

NOW = "2026-01-02T03:04:05Z"
ANCHOR_V1 = IntentionAnchorV1(
    project_id="demo", created_at=NOW, raw_input_digest="0" * 64, intent_anchor="Grüße.\nZwei Zeilen.", non_goals=("x",)
)
ANCHOR_V2 = create_from_inputs(project_id="demo", created_at=NOW)


@pytest.fixture
def manager(tmp_path: Path) -> ProjectIntentionManager:
    """Return a manager for one run below a temporary folder."""
    return ProjectIntentionManager(RunFileLayout(tmp_path / ".autonomous_runs", "demo", "run-1"))


def test_both_versions_are_kept_side_by_side(manager: ProjectIntentionManager, tmp_path: Path) -> None:
    """Writing one leaves the other, and nothing lands outside the run's intention folder."""
    assert (manager.read_v1(), manager.read_v2()) == (None, None)
    manager.write_v1(ANCHOR_V1)
    before = manager.layout.intention_anchor_v1.read_bytes()
    manager.write_v2(ANCHOR_V2)
    assert (manager.read_v1(), manager.read_v2()) == (ANCHOR_V1, ANCHOR_V2)
    assert manager.layout.intention_anchor_v1.read_bytes() == before
    folder = tmp_path / ".autonomous_runs/demo/runs/run-1/run-1/intention"
    files = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {folder / name for name in ("intent_v1.json", "intent_anchor.txt", "intention_anchor_v2.json")}


def test_the_text_file_holds_the_anchor_to_the_letter(manager: ProjectIntentionManager) -> None:
    """At most 2,048 characters, in UTF-8."""
    longest = ANCHOR_V1.model_copy(update={"intent_anchor": "ü" * 2048})
    manager.write_v1(longest)
    assert manager.layout.intention_anchor_text.read_text(encoding="utf-8") == "ü" * 2048


def test_writing_twice_gives_the_same_bytes(manager: ProjectIntentionManager) -> None:
    """No clock and no chance enters the files."""
    manager.write_v2(ANCHOR_V2)
    first = manager.layout.intention_anchor_v2.read_bytes()
    manager.write_v2(IntentionAnchorV2.from_document(ANCHOR_V2.document()))
    assert manager.layout.intention_anchor_v2.read_bytes() == first


def test_an_edited_text_file_is_noticed(manager: ProjectIntentionManager) -> None:
    """Two files that should say the same must; a missing text file is no contradiction."""
    manager.write_v1(ANCHOR_V1)
    manager.layout.intention_anchor_text.write_text("Something else.", encoding="utf-8")
    with pytest.raises(ArtifactError, match="is not the text"):
        manager.read_v1()
    manager.layout.intention_anchor_text.unlink()
    assert manager.read_v1() == ANCHOR_V1


def test_an_anchor_of_another_project_is_refused(manager: ProjectIntentionManager) -> None:
    """Neither written nor read."""
    other = create_from_inputs(project_id="other", created_at=NOW)
    with pytest.raises(ArtifactError, match="belongs to project other"):
        manager.write_v2(other)
    ProjectIntentionManager(RunFileLayout(manager.layout.runs_root, "other", "run-1")).write_v2(other)
    manager.layout.intention_anchor_v2.parent.mkdir(parents=True)
    foreign = RunFileLayout(manager.layout.runs_root, "other", "run-1").intention_anchor_v2
    manager.layout.intention_anchor_v2.write_bytes(foreign.read_bytes())
    with pytest.raises(ArtifactError, match="belongs to project other"):
        manager.read_v2()


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data.replace(b'"schema_version":"v1"', b'"schema_version":"v9"'),
        lambda data: data.replace(b'"non_goals"', b'"no_goals"'),
        lambda data: data.replace(b'"demo"', b'"../up"'),
        lambda data: data.replace(b'["x"]', b"[true]"),
        lambda data: b" " * 50_000_000,
        lambda data: b"",
    ],
)
def test_a_damaged_artifact_is_refused(manager: ProjectIntentionManager, damage: object) -> None:
    """Truncated, of another version, with unknown keys, wrong ids or types, or far too large."""
    manager.write_v1(ANCHOR_V1)
    path = manager.layout.intention_anchor_v1
    assert callable(damage)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UsageError):
        manager.read_v1()


def test_an_upgrade_is_proposed_and_nothing_is_written(manager: ProjectIntentionManager, tmp_path: Path) -> None:
    """A person decides whether the proposal becomes the intention."""
    assert manager.propose_upgrade(updated_at=NOW) is None
    manager.write_v1(ANCHOR_V1)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    upgrade = manager.propose_upgrade(updated_at=NOW)
    assert upgrade is not None
    assert upgrade.proposed.unconfirmed
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert manager.read_v2() is None
