"""The loop, opt-in: look, propose, let the gate decide, execute what it grants, ask for the rest, and record all of it.

Nothing here widens what a person wrote: the anchor comes from the base commit, grants come from the gate, budgets only
shrink. A pass that may not execute still records everything that it would do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from autopack.actions.claims import claimed_facts
from autopack.actions.kinds import agent_task
from autopack.actions.models import Action, Kind
from autopack.artifacts.events import append_event, append_events, read_events
from autopack.artifacts.store import ensure_runs_root, read_artifact, write_artifact
from autopack.autonomous_executor import RunContext, clear_interrupted_phase, execute, is_concluded
from autopack.autonomy.fence import Fence
from autopack.autonomy.session import AutopilotSessionV1, ExecutedStep, Outcome, PlannedStep
from autopack.clock import Clock
from autopack.errors import BudgetExhausted, UsageError
from autopack.execution.agents.task import Agent
from autopack.execution.caps import day_of
from autopack.execution.sandbox.box import Sandbox
from autopack.file_layout import RunFileLayout
from autopack.gaps.detectors import all_detectors
from autopack.gaps.models import GapReportV1
from autopack.gaps.scanner import scan
from autopack.gaps.snapshot import take_snapshot
from autopack.gaps.sources.recall import open_cache
from autopack.git import Git
from autopack.governance.approvals import (
    Asking,
    action_digest,
    complete_log,
    consume,
    records_for,
    request_approvals,
    use_of,
)
from autopack.governance.gate import GateResult, Withheld, grants
from autopack.governance.models import Grant
from autopack.intention_anchor.v2 import IntentionAnchorV2
from autopack.planning.experience import Experience
from autopack.planning.models import PlanProposalV1
from autopack.planning.plan_proposer import propose
from autopack.policy.decide import Policy
from autopack.policy.facts import Circumstances
from autopack.proofs.collect import PhaseRecord, phase_id_of
from autopack.proofs.escalation import measured_changes
from autopack.proofs.models import PhaseProofV1
from autopack.store.budgets import Day, Resource, budgets_of, set_caps, spend, spend_once, spent_on, use_up
from autopack.store.database import Database
from autopack.store.history import PhaseActual, record_phase
from autopack.store.runs import Run, RunState, create_run, get_run, move_run, take_over
from autopack.wording import agreeing, counted
from autopack.worktrees.lease import acquire_run_lock
from autopack.worktrees.lock import Lock, Owner, this_process
from autopack.worktrees.manager import Worktree, adopt, create, give_back
from autopack.worktrees.refs import branch_of
from autopack.worktrees.registration import registrations


@dataclass(frozen=True)
class Loop:
    """What one run needs, wired by `operations.runs`. `look` scans the owner's checkout, `recall` asks the ledgers."""

    layout: RunFileLayout
    repository: Git
    anchor: IntentionAnchorV2
    base_commit: str
    policy: Policy
    kinds: Mapping[str, Kind]
    sandbox: Sandbox
    database: Database
    clock: Clock
    look: Callable[[], GapReportV1]
    recall: Callable[[GapReportV1], tuple[str, ...]]
    progress: Callable[[str], None]
    experience: Callable[[GapReportV1], Experience]
    requested_by: str
    """`<channel>:<identity>` of whoever started this pass; asks, and may be barred from approving."""

    agent: Agent | None = None
    """Carries out agents' tasks; without one they are advice."""

    @property
    def run_id(self) -> str:
        return self.layout.run_id

    @property
    def executable(self) -> frozenset[str]:
        """Kinds that Autopack carries out itself, and the tasks of its agent."""
        own = frozenset(name for name, kind in self.kinds.items() if kind.apply is not None)
        return own if self.agent is None else own | {agent_task.NAME}


@dataclass(frozen=True)
class Ending:
    """How a pass ended, in a word and in a sentence, and the state in which it leaves the run."""

    outcome: Outcome
    reason: str
    state: RunState


def run_once(loop: Loop, *, enabled: bool) -> AutopilotSessionV1:
    """Make one pass as a new run and return its record, which is stored too.

    Without ENABLED nothing is executed and nobody is asked. Raises UsageError where the run id is taken, LockHeld where
    another process works on it.
    """
    owner = this_process(loop.run_id, loop.clock.now())
    with acquire_run_lock(loop.repository.common_dir(), loop.run_id, owner) as lock:
        if get_run(loop.database, loop.run_id) is not None:
            raise UsageError(
                f"There is a run {loop.run_id} already.",
                hint=f"Choose another --run-id, or: autopack autopilot resume {loop.run_id}",
            )
        report, plan = _look_and_propose(loop, enabled=enabled)
        if not enabled:
            ending = Ending("disabled", "Nothing was executed: --enable was not given.", "stopped")
            return _record(loop, report, plan, _gate(loop, report, plan), ending)
        return _advance_unless_blocked(loop, lock, report, plan)


def resume(loop: Loop) -> AutopilotSessionV1:
    """Go on with a run from its stored report and plan: what was decided meanwhile is executed, what was done is kept.

    What stopped a run stops it here too: gaps that block, and that nobody gave --enable.

    Raises UsageError where the run only looked, StaleError where the plan was made for another base, intention or
    policy, LockHeld where a process still works on the run.
    """
    owner = this_process(loop.run_id, loop.clock.now())
    with acquire_run_lock(loop.repository.common_dir(), loop.run_id, owner) as lock:
        if not _may_execute(loop):
            raise UsageError(
                f"Run {loop.run_id} was made without --enable: it only looked, and nothing of it is carried out.",
                hint="autopack autopilot --enable",
            )
        report = read_artifact(loop.layout.gap_report, GapReportV1)
        plan = read_artifact(loop.layout.plan_proposal, PlanProposalV1)
        _log_plan(loop, plan)
        return _advance_unless_blocked(loop, lock, report, plan)


def _may_execute(loop: Loop) -> bool:
    """Say whether --enable was given: a run without it is in the state `stopped` from its first moment."""
    run = get_run(loop.database, loop.run_id)
    if run is None or run.state != "stopped":
        return run is not None
    path = loop.layout.autopilot_session
    return path.exists() and read_artifact(path, AutopilotSessionV1).enabled


def _advance_unless_blocked(loop: Loop, lock: Lock, report: GapReportV1, plan: PlanProposalV1) -> AutopilotSessionV1:
    blocking = [gap for gap in report.gaps if gap.blocks_autopilot]
    if not blocking:
        return _advance(loop, lock, report, plan)
    number = len(blocking)
    holding = f"{counted(number, 'gap')} {agreeing(number, 'blocks', 'block')} the autopilot"
    ending = Ending("blocked_by_gaps", f"{holding}, the first: {blocking[0].title}", "stopped")
    return _record(loop, report, plan, _gate(loop, report, plan), ending)


def _look_and_propose(loop: Loop, *, enabled: bool) -> tuple[GapReportV1, PlanProposalV1]:
    ensure_runs_root(loop.layout.runs_root)
    write_artifact(loop.layout.intention_anchor_v2, loop.anchor)
    loop.progress("Looking for gaps")
    report = loop.look()
    write_artifact(loop.layout.gap_report, report)
    loop.progress(f"{counted(report.summary.total, 'gap')}; proposing a plan")
    plan = propose(
        loop.anchor,
        report,
        policy=loop.policy,
        kinds=loop.kinds,
        circumstances=Circumstances(sandbox=loop.sandbox.tier),
        recalled=loop.recall(report),
        experience=loop.experience(report),
    )
    write_artifact(loop.layout.plan_proposal, plan)
    run = Run(
        run_id=loop.run_id,
        project_id=loop.layout.project_id,
        base_commit=loop.base_commit,
        branch=branch_of(loop.run_id),
        anchor_id=plan.anchor_id,
        gap_report_id=plan.gap_report_id,
        plan_proposal_id=plan.plan_proposal_id,
        state="created" if enabled else "stopped",
    )
    set_caps(loop.database, loop.run_id, _caps(loop.anchor))  # first: a run that exists has its caps
    create_run(loop.database, run, loop.clock.now())
    _log_plan(loop, plan)
    return report, plan


def _caps(anchor: IntentionAnchorV2) -> dict[Resource, int | None]:
    budget = anchor.budget_cost
    return {
        "tokens": budget.token_cap_global,
        "seconds": budget.time_cap_seconds,
        "actions": budget.max_actions,
        "lines": budget.max_lines,
    }


def _today(loop: Loop) -> Day:
    return day_of(loop.anchor.budget_cost, loop.layout.project_id, loop.clock.now())


def _left(loop: Loop, resource: Resource, of_run: int | None) -> int | None:
    """Return what is left of RESOURCE: of the run's budget, or of the day's where that is less; None where the run
    has no cap."""
    day = _today(loop)
    cap = day.caps[resource]
    if cap is None or of_run is None:
        return of_run
    return min(of_run, max(0, cap - spent_on(loop.database, day, resource)))


def _advance(loop: Loop, lock: Lock, report: GapReportV1, plan: PlanProposalV1) -> AutopilotSessionV1:
    """Ask for what needs a person, execute what the gate grants, and record where that leaves the run."""
    taken = take_over(loop.database, loop.run_id, loop.clock.now())
    fence = Fence(loop.database, loop.run_id, taken.fence, lock)
    complete_log(loop.database, loop.layout, loop.clock.now())
    _ask(loop, report, plan)
    gate = _gate(loop, report, plan)
    if gate.granted:
        _log_grants(loop, gate.granted)
        _execute(loop, fence, plan, gate.granted)
        _ask(loop, report, plan)
        gate = _gate(loop, report, plan)
    return _record(loop, report, plan, gate, _ending(loop, plan, gate), fence)


def _ask(loop: Loop, report: GapReportV1, plan: PlanProposalV1) -> None:
    """Ask for what the plan says needs a person, and for what was done and turned out worse than its claim."""
    request_approvals(
        loop.database,
        loop.layout,
        plan,
        report,
        executable=loop.executable,
        asking=Asking(loop.anchor.governance_review, loop.requested_by),
        now=loop.clock.now(),
        measured=measured_changes(loop.layout, plan),
    )


def _log_grants(loop: Loop, granted: Sequence[Grant]) -> None:
    events = [
        (
            "grant",
            {
                "action_id": grant.action.action_id,
                "action_digest": action_digest(grant.action),
                "base_commit": grant.base_commit,
                "outcome": grant.verdict.outcome,
                "rules": grant.verdict.rules,
                "approved_by": grant.approved_by,
                "request_id": grant.request_id,
                "measured_digest": grant.measured_digest,
            },
        )
        for grant in granted
    ]
    append_events(loop.layout.event_log, events, loop.clock)


def _log_plan(loop: Loop, plan: PlanProposalV1) -> None:
    """Put on record what the run goes by, and the verdict on every action that was proposed, unless it is there: a
    process can be killed between starting a run and saying so, or in the middle of saying it."""
    known = {
        (event.event, event.details.get("plan_proposal_id"), event.details.get("action_id"))
        for event in read_events(loop.layout.event_log).events
        if event.event == "run_begun" or event.details.get("on") == "the claim"
    }
    named = {name: getattr(plan, name) for name in ("anchor_id", "gap_report_id", "plan_proposal_id")}
    begun = {**named, "base_commit": loop.base_commit, "policy_digest": plan.metadata.policy_digest}
    verdicts: list[tuple[str, dict[str, object]]] = [
        (
            "verdict",
            {
                "on": "the claim",
                "action_id": action.action_id,
                "outcome": action.approval_status,
                "rules": action.decided_by,
                "policy_digest": plan.metadata.policy_digest,
            },
        )
        for action in plan.actions
    ]
    missing = [
        (name, details)
        for name, details in [("run_begun", {**begun}), *verdicts]
        if (name, details.get("plan_proposal_id"), details.get("action_id")) not in known
    ]
    append_events(loop.layout.event_log, missing, loop.clock)


def _gate(loop: Loop, report: GapReportV1, plan: PlanProposalV1) -> GateResult:
    where = _circumstances(loop)
    return grants(
        plan,
        anchor=loop.anchor,
        verdicts={
            action.action_id: loop.policy.decide(claimed_facts(action, loop.kinds[action.kind]), where)
            for action in plan.actions
        },
        records=records_for(loop.database, plan, report, loop.clock.now()),
        base_commit=loop.base_commit,
        executable=loop.executable,
        executed=[action.action_id for action in plan.actions if is_concluded(loop.layout, loop.repository, action)],
        measured=measured_changes(loop.layout, plan),
    )


def _circumstances(loop: Loop) -> Circumstances:
    left = {budget.resource: budget.remaining for budget in budgets_of(loop.database, loop.run_id)}
    return Circumstances(
        sandbox=loop.sandbox.tier,
        remaining_tokens=_left(loop, "tokens", left.get("tokens")),
        remaining_seconds=_left(loop, "seconds", left.get("seconds")),
    )


def _execute(loop: Loop, fence: Fence, plan: PlanProposalV1, granted: Sequence[Grant]) -> None:
    worktree = _worktree(loop, fence.lock.owner)
    with worktree.lease:
        for note in worktree.notes:
            loop.progress(note)
        watch = _Watch(loop.clock)
        context = RunContext(
            layout=loop.layout,
            worktree=worktree,
            anchor=loop.anchor,
            plan=plan,
            policy=loop.policy,
            where=_circumstances(loop),
            kinds=loop.kinds,
            sandbox=loop.sandbox,
            rescan=lambda: _scan_worktree(loop, worktree),
            claim=_claimer(loop, watch),
            remember=_rememberer(loop, watch),
            require_fence=fence.check,
            beat=fence.beat,
            clock=loop.clock,
            progress=loop.progress,
            perform=None if loop.agent is None else loop.agent.perform,
        )
        execute(context, granted)


def _worktree(loop: Loop, owner: Owner) -> Worktree:
    path = loop.layout.worktree
    known = {registration.run_id for registration in registrations(loop.repository.common_dir())}
    if loop.run_id in known:
        worktree = adopt(loop.repository, run_id=loop.run_id, path=path, owner=owner)
        clear_interrupted_phase(worktree)
        return worktree
    return create(loop.repository, run_id=loop.run_id, base_commit=loop.base_commit, path=path, owner=owner)


def _scan_worktree(loop: Loop, worktree: Worktree) -> GapReportV1:
    detectors = all_detectors()
    kept = open_cache(worktree.path, writable=True)
    snapshot = take_snapshot(worktree.path, detectors, intention=loop.anchor, intention_source="commit", kept=kept)
    return scan(snapshot, project_id=loop.layout.project_id, run_id=loop.run_id, detectors=detectors)


class _Watch:
    """Tells the whole seconds that have passed since it was last asked; what is left of one counts the next time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = clock.monotonic()

    def lap(self) -> int:
        seconds = int(self._clock.monotonic() - self._last)
        self._last += seconds
        return seconds


def _rememberer(loop: Loop, watch: _Watch) -> Callable[[PhaseRecord], None]:
    """Return what is called after each phase: it counts the time, and records what the action really cost, for later
    estimates."""
    before = [_tokens_spent(loop)]

    def remember(record: PhaseRecord) -> None:
        use_up(loop.database, loop.run_id, "seconds", watch.lap())
        spent, action = _tokens_spent(loop), record.grant.action
        tokens, before[0] = spent - before[0], spent
        if record.seconds is None:
            return
        cost = action.cost_estimate
        actual = PhaseActual(
            run_id=loop.run_id,
            action_id=action.action_id,
            kind=action.kind,
            paths=action.target_paths,
            outcome=record.outcome,
            estimated_lines=cost.lines.high,
            estimated_seconds=cost.seconds.high,
            estimated_tokens=cost.tokens.high,
            lines=sum(change.lines_added + change.lines_removed for change in record.changes),
            seconds=record.seconds,
            tokens=max(tokens, 0),
        )
        record_phase(loop.database, loop.layout.project_id, actual, loop.clock.now())

    return remember


def _tokens_spent(loop: Loop) -> int:
    return next((one.spent for one in budgets_of(loop.database, loop.run_id) if one.resource == "tokens"), 0)


def _claimer(loop: Loop, watch: _Watch) -> Callable[[Grant], None]:
    """Return what is called before each action: it counts the cost against the caps and uses the approval up."""

    def claim(grant: Grant) -> None:
        time = spend(loop.database, loop.run_id, "seconds", watch.lap(), day=_today(loop))
        if time.remaining == 0:
            raise BudgetExhausted(
                f"Run {loop.run_id} has used up its {time.cap} seconds.",
                hint="Raise time_cap_seconds in .autopack/intention.yaml, commit it, and start a new run.",
            )
        attempt = f"{grant.action.action_id} {grant.approved_by}"
        cost: dict[Resource, int] = {"actions": 1, "lines": grant.action.cost_estimate.lines.high or 0}
        spend_once(loop.database, loop.run_id, attempt, cost, day=_today(loop))
        if grant.request_id is not None:
            use = use_of(loop.run_id, grant.action.action_id)
            consume(loop.database, grant.request_id, use, loop.clock.now())
            used = {"request_id": grant.request_id, "used_for": use}
            append_event(loop.layout.event_log, "approval_used", used, loop.clock)

    return claim


def _ending(loop: Loop, plan: PlanProposalV1, gate: GateResult) -> Ending:
    proofs = stored_proofs(loop.layout, plan)
    committed = sum(proof.predicate.outcome == "committed" for proof in proofs)
    undone = [proof for proof in proofs if proof.predicate.outcome == "undone"]
    waiting = len(gate.waiting) + len(gate.stale)
    done = f"{counted(committed, 'action')} executed"
    if waiting:
        reason = f"{done}, {waiting} {agreeing(waiting, 'waits', 'wait')} for approval.{_held_note(gate)}"
        return Ending("partly_executed" if committed else "waiting", reason, "waiting")
    if undone:
        reason = f"{done}, {len(undone)} undone; the first: {undone[0].predicate.reason}."
        return Ending("partly_executed" if committed else "failed", reason, "failed")
    if committed:
        return Ending("executed", f"{done}.{_held_note(gate)}", "done")
    nothing = "There is nothing that Autopack may carry out here."
    return Ending("nothing_to_do", f"{nothing}{_held_note(gate)}", "done")


def _held_note(gate: GateResult) -> str:
    """Say how many allowed actions do not run all the same, and why the first of them does not."""
    if not gate.held:
        return ""
    number = len(gate.held)
    return f" {number} allowed {agreeing(number, 'one is', 'ones are')} held back: {gate.held[0].reason}."


def stored_proofs(layout: RunFileLayout, plan: PlanProposalV1) -> tuple[PhaseProofV1, ...]:
    """Return the proofs that a run has so far, in the order of its plan."""
    paths = (layout.proof(phase_id_of(action.action_id)) for action in plan.actions)
    return tuple(read_artifact(path, PhaseProofV1) for path in paths if path.exists())


def _record(
    loop: Loop, report: GapReportV1, plan: PlanProposalV1, gate: GateResult, ending: Ending, fence: Fence | None = None
) -> AutopilotSessionV1:
    """Store the session and the run's state; a run that is over gives its worktree back."""
    proofs = stored_proofs(loop.layout, plan)
    session = AutopilotSessionV1(
        session_id="unsealed",
        project_id=loop.layout.project_id,
        run_id=loop.run_id,
        enabled=ending.outcome != "disabled",
        outcome=ending.outcome,
        reason=ending.reason,
        anchor_id=plan.anchor_id,
        gap_report_id=plan.gap_report_id,
        plan_proposal_id=plan.plan_proposal_id,
        base_commit=loop.base_commit,
        branch=branch_of(loop.run_id) if proofs else None,
        blocking_gaps=tuple(gap.gap_id for gap in report.gaps if gap.blocks_autopilot),
        would_execute=tuple(_step(grant.action) for grant in gate.granted) + _steps(gate.held),
        waiting_for_approval=_steps(gate.waiting) + _steps(gate.stale),
        blocked=_steps(gate.blocked),
        rejected=_steps(gate.rejected),
        executed=tuple(_executed(proof) for proof in proofs),
        gaps_closed=tuple(sorted({gap for proof in proofs for gap in proof.predicate.gaps_closed})),
        gaps_opened=tuple(sorted({gap for proof in proofs for gap in proof.predicate.gaps_opened if _kept(proof)})),
        next_command=_next_command(loop, ending),
    ).sealed()
    if fence is not None:
        fence.check()
    write_artifact(loop.layout.autopilot_session, session)
    if ending.state == "done":  # before the run is over: a removal that is killed is finished by the next `resume`
        owner = this_process(loop.run_id, loop.clock.now())
        give_back(loop.repository, run_id=loop.run_id, path=loop.layout.worktree, owner=owner)
    move_run(loop.database, loop.run_id, ending.state, loop.clock.now(), fence=fence.token if fence else None)
    return session


def _kept(proof: PhaseProofV1) -> bool:
    return proof.predicate.outcome == "committed"


def _steps(withheld: Sequence[Withheld]) -> tuple[PlannedStep, ...]:
    return tuple(_step(one.action) for one in withheld)


def _step(action: Action) -> PlannedStep:
    return PlannedStep(
        action_id=action.action_id,
        kind=action.kind,
        title=action.title,
        approval_status=action.approval_status,
        decided_by=action.decided_by,
    )


def _executed(proof: PhaseProofV1) -> ExecutedStep:
    said = proof.predicate
    return ExecutedStep(
        action_id=said.action_id,
        phase_id=said.phase_id,
        outcome=said.outcome,
        commit=said.commit,
        reason=said.reason,
    )


def _next_command(loop: Loop, ending: Ending) -> str:
    if ending.state == "waiting":
        return f"autopack approvals list --run-id {loop.run_id}"
    by_outcome: dict[Outcome, str] = {
        "disabled": "autopack autopilot --enable",
        "blocked_by_gaps": "autopack scan",
        "failed": f"autopack verify {loop.run_id}",
        "executed": f"git merge {branch_of(loop.run_id)}",
        "partly_executed": f"git log -p {branch_of(loop.run_id)}",
    }
    return by_outcome.get(ending.outcome, "autopack status")
