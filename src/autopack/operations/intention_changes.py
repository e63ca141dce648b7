"""What became of an intention that was in effect: deleted, replaced, or gone from the working copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autopack.config import INTENTION_FILE, Settings
from autopack.file_layout import RunFileLayout
from autopack.git import Git
from autopack.operations.intention import load_committed_intention, read_working_copy
from autopack.store.database import open_database
from autopack.store.runs import Run, list_runs

RUNS_SHOWN = 5


@dataclass(frozen=True)
class IntentionChange:
    """One sentence or two, and the command that takes it back or goes on from it."""

    what: str
    next_command: str


def latest_runs(settings: Settings) -> tuple[Run, ...]:
    """Return the last runs of the workspace, the newest first. Makes no file."""
    path = RunFileLayout(settings.runs_root, "any", "any").database
    if not path.exists():
        return ()
    with open_database(path) as database:
        return list_runs(database, most=RUNS_SHOWN)


def intention_change(settings: Settings, runs: Sequence[Run]) -> IntentionChange | None:
    """Return what happened to the intention that RUNS went by or that HEAD holds; None where nothing did.

    Raises UsageError where what HEAD holds is no valid intention.
    """
    committed = load_committed_intention(settings)
    if committed is None:
        return _deleted_in_history(settings) if runs else None
    if read_working_copy(settings) is None:
        return IntentionChange(
            f"{INTENTION_FILE} is deleted from the working copy; {committed.anchor_id} of the last commit stays in"
            " effect until the deletion is committed.",
            f"git restore {INTENTION_FILE}",
        )
    other = next((run for run in runs if _is_open(run) and run.anchor_id != committed.anchor_id), None)
    if other is None:
        return None
    return IntentionChange(
        f"The run {other.run_id} went by another intention, {other.anchor_id}; now {committed.anchor_id} is in effect,"
        " and what was approved for that run is void.",
        "autopack autopilot --enable",
    )


def _deleted_in_history(settings: Settings) -> IntentionChange | None:
    git = Git(settings.workspace)
    answer = git.run("log", "-1", "--diff-filter=D", "--format=%H", "HEAD", "--", INTENTION_FILE, check=False)
    commit = answer.text.strip()
    if answer.code != 0 or not commit:
        return None
    return IntentionChange(
        f"{INTENTION_FILE} was deleted in the commit {commit[:12]}; no intention is in effect, and nothing is carried"
        " out.",
        f"git restore --source={commit[:12]}^ {INTENTION_FILE}",
    )


def _is_open(run: Run) -> bool:
    return run.state in {"running", "waiting"}
