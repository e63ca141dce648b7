"""Starting, resuming and verifying runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta

from autopack.artifacts.events import EventLog, read_events
from autopack.artifacts.store import read_artifact
from autopack.autonomy.autopilot import Loop, resume, run_once
from autopack.autonomy.session import AutopilotSessionV1
from autopack.autonomy.supervisor import RunResult, supervise
from autopack.clock import Clock, SystemClock
from autopack.config import INTENTION_FILE, Settings
from autopack.errors import StaleError, UsageError
from autopack.execution.sandbox.detect import find_sandbox
from autopack.file_layout import RunFileLayout, validate_id
from autopack.git import Git
from autopack.governance.approvers import identity_of
from autopack.intention_anchor.v2 import IntentionAnchorV2
from autopack.operations.agents import agent_of_run
from autopack.operations.base_policy import policy_for
from autopack.operations.crew import crew_of
from autopack.operations.experience import experience_for
from autopack.operations.intention import load_committed_intention
from autopack.operations.recalling import recall_for_report
from autopack.operations.scanning import FILLING, scan_workspace
from autopack.proofs.verify import Link, commit_trailers, verify_run
from autopack.store.database import open_database
from autopack.store.runs import Run, get_run, list_runs

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Found:
    """A run that exists, by its row and its paths."""

    run: Run
    layout: RunFileLayout


def committed_intention(settings: Settings) -> tuple[IntentionAnchorV2, str]:
    """Return the intention in the base commit, and that commit.

    Raises UsageError, with the command that helps, where there is no commit or no committed intention: execution never
    acts on a text that is still being written.
    """
    git = Git(settings.workspace)
    head = git.head()
    if head is None:
        raise UsageError("The repository has no commit yet.", hint="Commit something first.")
    anchor = load_committed_intention(settings)
    if anchor is None:
        written = (settings.workspace / INTENTION_FILE).exists()
        raise UsageError(
            f"{INTENTION_FILE} is not committed." if written else "There is no written intention.",
            hint=f"git add {INTENTION_FILE} && git commit -m 'Write the intention down'"
            if written
            else "autopack init",
        )
    return anchor, head


def start_run(
    settings: Settings,
    *,
    run_id: str | None,
    project_id: str | None,
    enabled: bool,
    progress: Progress,
    clock: Clock | None = None,
) -> AutopilotSessionV1:
    """Make one pass of the loop as a new run; see `autonomy.autopilot.run_once`."""
    clock = clock or SystemClock()
    anchor, base = committed_intention(settings)
    name = run_id or f"autopilot-{clock.now():%Y%m%dT%H%M%SZ}"
    layout = RunFileLayout(settings.runs_root, project_id or anchor.project_id, name)
    with ExitStack() as stack:
        loop = _loop(settings, layout, anchor, base, clock, progress, stack)
        return run_once(loop, enabled=enabled)


def resume_run(
    settings: Settings, run_id: str | None, *, progress: Progress, clock: Clock | None = None
) -> AutopilotSessionV1:
    """Go on with a run after people have decided, or after it was killed; RUN_ID None means the latest unfinished one.

    Raises StaleError, saying what moved, where the base commit or the intention is not the one that the run was made
    for.
    """
    clock = clock or SystemClock()
    found = find_run(settings, run_id, unfinished=True)
    anchor, head = committed_intention(settings)
    _require_same(found.run, anchor, head)
    with ExitStack() as stack:
        loop = _loop(settings, found.layout, anchor, head, clock, progress, stack)
        return resume(loop)


def _require_same(run: Run, anchor: IntentionAnchorV2, head: str) -> None:
    moved = []
    if head != run.base_commit:
        moved.append(f"the base commit moved from {run.base_commit[:12]} to {head[:12]}")
    if anchor.anchor_id != run.anchor_id:
        moved.append(f"the intention changed from {run.anchor_id} to {anchor.anchor_id}")
    if moved:
        raise StaleError(
            f"Run {run.run_id} is stale: {' and '.join(moved)}.",
            hint="Start a new run: autopack autopilot --enable",
        )


def find_run(settings: Settings, run_id: str | None, *, unfinished: bool = False) -> Found:
    """Return the run called RUN_ID, or the latest (UNFINISHED) one; raises UsageError where there is none."""
    if not settings.runs_root.is_dir():
        raise UsageError("There are no runs yet.", hint="autopack autopilot --enable")
    with open_database(RunFileLayout(settings.runs_root, "any", "any").database) as database:
        if run_id is not None:
            run = get_run(database, run_id)
        else:
            runs = list_runs(database)
            run = next((run for run in runs if not unfinished or run.state not in {"done", "stopped"}), None)
    if run is None:
        raise UsageError(
            f"There is no run {run_id}."
            if run_id
            else "There is no unfinished run."
            if unfinished
            else "There are no runs.",
            hint="`autopack status` shows the runs.",
        )
    return Found(run, RunFileLayout(settings.runs_root, run.project_id, run.run_id))


def verify(settings: Settings, run_or_commit: str | None) -> tuple[str, tuple[Link, ...]]:
    """Return the id of a run, or of the run that made a commit, and every link of its chain, recomputed offline."""
    git = Git(settings.workspace)
    found = find_run(settings, _run_named(settings, git, run_or_commit))
    return found.run.run_id, verify_run(found.layout, git)


def audit(settings: Settings, run_or_commit: str | None) -> tuple[str, EventLog]:
    """Return the id of a run, or of the run that made a commit, and its event log."""
    found = find_run(settings, _run_named(settings, Git(settings.workspace), run_or_commit))
    return found.run.run_id, read_events(found.layout.event_log)


def _run_named(settings: Settings, git: Git, name: str | None) -> str | None:
    """Return the run that NAME means: its own id, or that in the trailers of the commit that it names."""
    if name is None or _COMMIT.fullmatch(name) is None or _is_run(settings, name):
        return name
    commit = git.resolve(f"{name}^{{commit}}")
    run_id = None if commit is None else commit_trailers(git, commit).get("Autopack-Run")
    if run_id is None:
        raise UsageError(
            f"{name} is neither a run nor a commit that a run made.", hint="`autopack status` shows the runs."
        )
    return run_id


def _is_run(settings: Settings, name: str) -> bool:
    if not settings.runs_root.is_dir():
        return False
    with open_database(RunFileLayout(settings.runs_root, "any", "any").database) as database:
        return get_run(database, name) is not None


_COMMIT = re.compile(r"[0-9a-f]{4,64}")


def session_of(settings: Settings, run_id: str | None) -> AutopilotSessionV1:
    """Return the stored session of a run."""
    return read_artifact(find_run(settings, run_id).layout.autopilot_session, AutopilotSessionV1)


def supervise_runs(
    settings: Settings, run_ids: Sequence[str], *, workers: int, environment: Mapping[str, str]
) -> tuple[RunResult, ...]:
    """Run the autopilot once for each of RUN_IDS, at most WORKERS at a time.

    Raises UsageError, before any starts, where one of them cannot be the name of a run.
    """
    for run_id in run_ids:
        validate_id(run_id, "run id")
    anchor, _ = committed_intention(settings)
    if len(set(run_ids)) != len(run_ids):
        raise UsageError("The same run id is named twice.", hint="Every run has an id of its own.")
    return supervise(anchor, run_ids, workers=workers, workspace=settings.workspace, environment=environment)


def _loop(
    settings: Settings,
    layout: RunFileLayout,
    anchor: IntentionAnchorV2,
    base: str,
    clock: Clock,
    progress: Progress,
    stack: ExitStack,
) -> Loop:
    repository = Git(settings.workspace)
    crew, policy, sandbox = crew_of(settings, anchor, base), policy_for(settings, anchor, base), find_sandbox()
    agent = None
    if crew.hired is not None:
        agent = agent_of_run(
            settings, crew.hired, sandbox=sandbox, anchor=anchor, policy=policy, layout=layout, clock=clock
        )
    return Loop(
        layout=layout,
        repository=repository,
        anchor=anchor,
        base_commit=base,
        policy=policy,
        kinds=crew.kinds,
        sandbox=sandbox,
        database=stack.enter_context(open_database(layout.database)),
        clock=clock,
        look=lambda: scan_workspace(settings, layout.run_id, layout.project_id, FILLING),
        recall=lambda report: tuple(
            entry.label for entry in recall_for_report(settings, anchor, layout, report, clock)
        ),
        progress=progress,
        experience=lambda report: experience_for(settings, report),
        requested_by=identity_of("cli", settings.actor),
        agent=agent,
    )


def parse_duration(text: str) -> timedelta:
    """Return `90s`, `15m`, `2h` or `1d` as a duration; raises UsageError for anything else or less than a second."""
    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
    number, unit = text[:-1], text[-1:]
    if unit not in units or not number.isascii() or not number.isdigit() or int(number) == 0:
        raise UsageError(f"{text!r} is no duration.", hint="Write for example 90s, 15m, 2h or 1d.")
    return timedelta(**{units[unit]: int(number)})
