"""The external agent of a repository, made ready for a run."""

from __future__ import annotations

from collections.abc import Callable

from autopack.actions.models import Action
from autopack.artifacts.store import read_artifact
from autopack.clock import Clock
from autopack.config import Settings, key_from_environment
from autopack.execution.agents.config import Hired
from autopack.execution.agents.task import Agent
from autopack.execution.sandbox.box import Sandbox
from autopack.file_layout import RunFileLayout
from autopack.gaps.models import GapReportV1
from autopack.intention_anchor.v2 import IntentionAnchorV2
from autopack.operations.recalling import recall_for_report
from autopack.policy.decide import Policy
from autopack.store.budgets import budgets_of
from autopack.store.database import open_database


def agent_of_run(
    settings: Settings,
    hired: Hired,
    *,
    sandbox: Sandbox,
    anchor: IntentionAnchorV2,
    policy: Policy,
    layout: RunFileLayout,
    clock: Clock,
) -> Agent:
    """Return HIRED with everything of the host that a task of the run of LAYOUT needs."""
    return Agent(
        hired=hired,
        sandbox=sandbox,
        policy=policy,
        layout=layout,
        clock=clock,
        seconds_left=_seconds_left(layout),
        key=key_from_environment,
        folders=settings.agent_folders,
        remember=_remembering(settings, anchor, layout, clock),
    )


def _seconds_left(layout: RunFileLayout) -> Callable[[], int | None]:
    def left() -> int | None:
        with open_database(layout.database) as database:
            budgets = {budget.resource: budget.remaining for budget in budgets_of(database, layout.run_id)}
            return budgets.get("seconds")

    return left


def _remembering(
    settings: Settings, anchor: IntentionAnchorV2, layout: RunFileLayout, clock: Clock
) -> Callable[[Action], tuple[str, ...]]:
    """Return what asks the ledgers about the gaps of one action."""

    def remember(action: Action) -> tuple[str, ...]:
        if not anchor.memory_continuity.retrieval_enabled:
            return ()
        report = read_artifact(layout.gap_report, GapReportV1)
        asked = tuple(gap for gap in report.gaps if gap.gap_id in action.gap_ids)
        about = report.model_copy(update={"gaps": asked})
        return tuple(entry.text for entry in recall_for_report(settings, anchor, layout, about, clock))

    return remember
