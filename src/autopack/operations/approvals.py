"""The use-cases of approvals: what waits, what it says, and deciding it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from autopack.actions.models import Action
from autopack.artifacts.store import read_artifact
from autopack.clock import Clock, SystemClock
from autopack.config import Settings
from autopack.errors import ArtifactError, DeniedByPolicy, StaleError, UsageError
from autopack.file_layout import RunFileLayout
from autopack.git import Git
from autopack.governance.approvals import ApprovalRecord, all_records, binding_of, records_of_run, staleness
from autopack.governance.channels.cli import decide_at_terminal
from autopack.governance.measured import Measured
from autopack.governance.models import ApprovalBinding, Decision, RecordedDecision
from autopack.operations.intention import load_committed_intention
from autopack.operations.policy import policy_for
from autopack.planning.models import PlanProposalV1
from autopack.proofs.escalation import measured_changes
from autopack.store.database import Database, open_database
from autopack.store.runs import get_run, list_runs

Status = Literal["waiting", "approved", "rejected", "used", "stale"]


@dataclass(frozen=True)
class Approval:
    """A request as people see it. `action` is None where the plan no longer holds it or cannot be read."""

    record: ApprovalRecord
    action: Action | None
    current: ApprovalBinding | None
    moved: tuple[str, ...]
    """What the request binds to and has moved since, one sentence each."""

    @property
    def action_id(self) -> str:
        return self.record.request.binding.action_id

    @property
    def status(self) -> Status:
        if self.record.rejected:
            return "rejected"
        if self.record.used_for is not None:
            return "used"
        if self.moved:
            return "stale"
        return "waiting" if self.record.decision is None else "approved"


def list_approvals(settings: Settings, *, run_id: str | None = None, everything: bool = False) -> tuple[Approval, ...]:
    """Return the requests of RUN_ID, or of all runs: those that wait, or EVERYTHING. Makes no file."""
    if not _database_path(settings).exists():
        return ()
    with open_database(_database_path(settings)) as database:
        if run_id is None:
            records = all_records(database, undecided=not everything)
        else:
            records = records_of_run(database, run_id)
    present = _Present(settings, {})
    found = tuple(present.look_at(record) for record in records)
    return found if everything or run_id is not None else tuple(one for one in found if one.status == "waiting")


def find_approval(settings: Settings, identifier: str, *, run_id: str | None = None) -> Approval:
    """Return the latest request for the action (or request) whose id is or begins with IDENTIFIER.

    Raises UsageError for an unknown or ambiguous one, DeniedByPolicy where it is an action that policy blocks.
    """
    every = list_approvals(settings, run_id=run_id, everything=True)
    matches = [one for one in every if _is_meant(identifier, one.action_id, one.record.request.request_id)]
    actions = sorted({one.action_id for one in matches})
    if len(actions) > 1:
        raise UsageError(f"{identifier!r} could be {actions[0]} or {actions[1]}.", hint="Write more of the id.")
    if not matches:
        _explain_absence(settings, identifier, run_id)
    return matches[-1]


def decide_approvals(
    settings: Settings,
    approvals: Sequence[Approval],
    decision: Decision,
    *,
    reason: str = "",
    clock: Clock | None = None,
) -> tuple[RecordedDecision, ...]:
    """Store DECISION on each of APPROVALS, as the person at the terminal; all are looked at before the first is stored.

    Raises StaleError naming what moved, UsageError where somebody decided otherwise before.
    """
    for approval in approvals:
        if approval.status == "stale":
            raise StaleError(
                f"The request for {approval.action_id} is void: {'; '.join(approval.moved)}.",
                hint="Start a new run: autopack autopilot --enable",
            )
    clock = clock or SystemClock()
    with open_database(_database_path(settings)) as database:
        return tuple(_decide(settings, database, one, decision, reason, clock) for one in approvals)


def _decide(
    settings: Settings, database: Database, approval: Approval, decision: Decision, reason: str, clock: Clock
) -> RecordedDecision:
    return decide_at_terminal(
        database,
        approval.record,
        decision,
        current=approval.current,
        actor=settings.actor,
        reason=reason,
        now=clock.now(),
    )


@dataclass(frozen=True)
class _Present:
    """What requests are compared with: the committed intention, the policy and the plans, as they are now."""

    settings: Settings
    plans: dict[str, PlanProposalV1 | None]
    """Run id -> its plan; filled while looking."""

    def look_at(self, record: ApprovalRecord) -> Approval:
        request = record.request
        plan = self._plan_of(request.project_id, request.run_id)
        actions = () if plan is None else plan.actions
        action = next((one for one in actions if one.action_id == request.binding.action_id), None)
        current = None
        if plan is not None and action is not None:
            current = binding_of(plan, action, self._measured(plan).get(action.action_id)).model_copy(
                update=self._bindings
            )
        return Approval(record, action, current, staleness(request.binding, current))

    @cached_property
    def _bindings(self) -> dict[str, str]:
        git = Git(self.settings.workspace)
        head = git.head()
        anchor = None if head is None else load_committed_intention(self.settings, head)
        if head is None or anchor is None:
            return {"base_commit": "0" * 40, "anchor_id": "none", "policy_digest": "0" * 64}
        digest = policy_for(self.settings, anchor, head).digest
        return {"base_commit": head, "anchor_id": anchor.anchor_id, "policy_digest": digest}

    def _measured(self, plan: PlanProposalV1) -> dict[str, Measured]:
        return measured_changes(RunFileLayout(self.settings.runs_root, plan.project_id, plan.run_id), plan)

    def _plan_of(self, project_id: str, run_id: str) -> PlanProposalV1 | None:
        if run_id not in self.plans:
            path = RunFileLayout(self.settings.runs_root, project_id, run_id).plan_proposal
            try:
                self.plans[run_id] = read_artifact(path, PlanProposalV1)
            except ArtifactError:
                self.plans[run_id] = None
        return self.plans[run_id]


def _database_path(settings: Settings) -> Path:
    return settings.runs_root / "autopack.db"


def _is_meant(identifier: str, *ids: str) -> bool:
    """Return whether IDENTIFIER is one of IDS, or begins one with at least four of its hex digits."""
    return any(
        one == identifier
        or (len(identifier) >= 4 and one.rpartition("-")[2].startswith(identifier))
        or (identifier.rpartition("-")[0] == one.rpartition("-")[0] and one.startswith(identifier))
        for one in ids
    )


def _explain_absence(settings: Settings, identifier: str, run_id: str | None) -> None:
    """Raise the error that says why there is no request for IDENTIFIER."""
    for action in _planned_actions(settings, run_id):
        if _is_meant(identifier, action.action_id):
            if action.approval_status == "blocked":
                raise DeniedByPolicy(
                    f"{action.action_id} is blocked by {', '.join(action.decided_by)}; no approval can change that.",
                    hint="Change .autopack/intention.yaml if it should be possible, commit it, and propose again.",
                )
            raise UsageError(f"Nobody is asked about {action.action_id}: it is {action.approval_status}.")
    where = f" in run {run_id}" if run_id else ""
    raise UsageError(f"There is no request {identifier!r}{where}.", hint="autopack approvals list")


def _planned_actions(settings: Settings, run_id: str | None) -> tuple[Action, ...]:
    """Return the actions of the plan of RUN_ID, or of the latest run."""
    if not _database_path(settings).exists():
        return ()
    with open_database(_database_path(settings)) as database:
        runs = list_runs(database, most=1)
        run = get_run(database, run_id) if run_id is not None else (runs[0] if runs else None)
    if run is None:
        return ()
    plan = _Present(settings, {})._plan_of(run.project_id, run.run_id)
    return () if plan is None else plan.actions
