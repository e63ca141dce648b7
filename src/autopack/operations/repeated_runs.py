"""The autopilot again and again: a new run only when something moved, an old one gone on with, no pass fatal."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from autopack.artifacts.store import read_artifact
from autopack.autonomy.session import AutopilotSessionV1
from autopack.clock import Clock, SystemClock
from autopack.config import Settings
from autopack.errors import ArtifactError, AutopackError, StaleError
from autopack.file_layout import RunFileLayout
from autopack.operations.runs import Progress, committed_intention, resume_run, start_run
from autopack.store.database import open_database
from autopack.store.runs import Run, list_runs


def keep_passing(
    settings: Settings,
    *,
    pause: timedelta,
    family: str | None,
    project_id: str | None,
    enabled: bool,
    progress: Progress,
    show: Callable[[AutopilotSessionV1], object],
) -> None:
    """Make a pass, SHOW its session if there is one, wait for PAUSE, and so on until the process is told to end.

    A pass that fails is reported and the next one is made all the same. Each new run is called FAMILY (default:
    autopilot) and its time.
    """
    while True:
        try:
            session = make_pass(settings, family=family, project_id=project_id, enabled=enabled, progress=progress)
            if session is not None:
                show(session)
        except AutopackError as fault:
            progress(f"This pass failed: {fault.message}" + (f"\n  next: {fault.hint}" if fault.hint else ""))
        progress(f"Next pass in {pause}.")
        time.sleep(pause.total_seconds())


def make_pass(
    settings: Settings,
    *,
    family: str | None,
    project_id: str | None,
    enabled: bool,
    progress: Progress,
    clock: Clock | None = None,
) -> AutopilotSessionV1 | None:
    """Go on with the latest run if it waits or was killed, start a new one if something moved since, or return None.

    A plan follows from the base commit, the intention and the policy, all of them committed: while these stay, another
    run would ask the same people the same questions.
    """
    clock = clock or SystemClock()
    anchor, head = committed_intention(settings)
    project = project_id or anchor.project_id
    latest = _latest(settings, project)
    if latest is not None and (latest.base_commit, latest.anchor_id) == (head, anchor.anchor_id):
        before = _session(settings, latest)
        unfinished = latest.state in {"created", "running", "waiting"}
        if enabled and unfinished:
            try:
                session = resume_run(settings, latest.run_id, progress=progress, clock=clock)
            except StaleError as stale:
                progress(f"{stale.message} A new run is made.")
            else:
                return _unless_the_same(session, before, progress)
        elif before is not None and before.enabled == enabled:
            progress(f"Nothing moved since run {latest.run_id} ({latest.state}); no new run is made.")
            return None
    name = f"{family or 'autopilot'}-{clock.now():%Y%m%dT%H%M%SZ}"
    return start_run(settings, run_id=name, project_id=project_id, enabled=enabled, progress=progress, clock=clock)


def _latest(settings: Settings, project_id: str) -> Run | None:
    path = RunFileLayout(settings.runs_root, project_id, "any").database
    if not path.exists():
        return None
    with open_database(path) as database:
        return next(iter(list_runs(database, project_id=project_id, most=1)), None)


def _session(settings: Settings, run: Run) -> AutopilotSessionV1 | None:
    layout = RunFileLayout(settings.runs_root, run.project_id, run.run_id)
    try:
        return read_artifact(layout.autopilot_session, AutopilotSessionV1)
    except ArtifactError:
        return None


def _unless_the_same(
    session: AutopilotSessionV1, before: AutopilotSessionV1 | None, progress: Progress
) -> AutopilotSessionV1 | None:
    if before is not None and before.session_id == session.session_id:
        progress(f"Run {session.run_id} still waits: nobody has decided anything since the last pass.")
        return None
    return session
