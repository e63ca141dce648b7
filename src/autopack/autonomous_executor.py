"""One plan, one run: every granted action is applied, measured, rescanned, checked, committed and proven, or undone.

The order inside a phase keeps every moment recoverable: the commit object is made first, then the proof is written,
then the branch moves by compare-and-swap. Killed in between, a resumed run finds the proof and finishes or repeats
the phase.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

from autopack.actions.models import Action, Kind
from autopack.artifacts.canonical import bytes_digest
from autopack.artifacts.events import append_event
from autopack.artifacts.store import artifact_bytes, read_artifact, write_artifact
from autopack.clock import Clock, timestamp
from autopack.errors import AutopackError, StaleError
from autopack.execution.checks import CheckPlace, CheckRun, run_checks
from autopack.execution.runner import Outcome, Perform, carry_out, undo
from autopack.execution.sandbox.box import Sandbox
from autopack.file_layout import RunFileLayout
from autopack.gaps.models import GapReportV1
from autopack.git import Git
from autopack.governance.models import Grant
from autopack.intention_anchor.v2 import IntentionAnchorV2
from autopack.planning.models import PlanProposalV1
from autopack.policy.decide import Policy
from autopack.policy.facts import Circumstances
from autopack.proofs.collect import PhaseRecord, make_proof, phase_id_of
from autopack.proofs.models import PhaseProofV1
from autopack.worktrees.manager import Worktree, check_identity
from autopack.worktrees.refs import branch_of, park

Progress = Callable[[str], None]


@dataclass(frozen=True)
class RunContext:
    """What all phases of one run share. `rescan` scans the worktree as it is and returns the report."""

    layout: RunFileLayout
    worktree: Worktree
    anchor: IntentionAnchorV2
    plan: PlanProposalV1
    policy: Policy
    where: Circumstances
    kinds: Mapping[str, Kind]
    sandbox: Sandbox
    rescan: Callable[[], GapReportV1]
    claim: Callable[[Grant], None]
    """Called before an action starts: counts its cost and uses its approval up; what it raises stops the action."""
    require_fence: Callable[[], None]
    """Called before every write of a result; raises StaleError where another process has taken the run over."""
    beat: Callable[[], None]
    """Called while something is awaited: the run's heartbeat."""
    clock: Clock
    remember: Callable[[PhaseRecord], None] = field(default=lambda record: None, kw_only=True)
    """Called with each phase that ended, for later estimates."""
    progress: Progress = field(default=lambda message: None)
    perform: Perform | None = None
    """Carries out what Autopack's own code does not; None where there is nobody."""

    @property
    def git(self) -> Git:
        return self.worktree.git

    def log(self, event: str, **details: object) -> None:
        """Put EVENT with DETAILS (plain JSON values) into the run's event log."""
        append_event(self.layout.event_log, event, details, self.clock)


def execute(run: RunContext, grants: Sequence[Grant]) -> tuple[PhaseProofV1, ...]:
    """Carry out GRANTS in their order, one phase each, and return their proofs.

    A phase that fails is undone, and so is nothing else: the phases before it stay, the ones that depend on it are
    undone with that reason, the others go on.
    """
    proofs: list[PhaseProofV1] = []
    failed: set[str] = set()
    gaps: frozenset[str] | None = None
    for grant in grants:
        action = grant.action
        settled = _settle(run, action)
        if settled is not None:
            proofs.append(settled)
            continue
        if gaps is None:
            gaps = _gap_ids(run.rescan())
        run.progress(f"{action.kind}: {action.title}")
        missing = sorted(failed.intersection(action.depends_on))
        record = (
            _undone(run, grant, f"{missing[0]}, on which this depends, was not carried out")
            if missing
            else _phase(run, grant, gaps)
        )
        run.remember(record)
        proofs.append(_conclude(run, record))
        if record.outcome == "undone":
            failed.add(action.action_id)
        gaps = (gaps - set(record.gaps_closed)) | set(record.gaps_opened)
    return tuple(proofs)


def is_concluded(layout: RunFileLayout, repository: Git, action: Action) -> bool:
    """Return whether the run of LAYOUT is through with ACTION: undone for good, found needless, or committed on its
    branch."""
    path = layout.proof(phase_id_of(action.action_id))
    if not path.exists():
        return False
    said = read_artifact(path, PhaseProofV1).predicate
    if said.needs_approval:
        return False
    commit = said.commit
    branch = f"refs/heads/{branch_of(layout.run_id)}"
    return commit is None or repository.run("merge-base", "--is-ancestor", commit, branch, check=False).code == 0


def clear_interrupted_phase(worktree: Worktree) -> None:
    """Put an adopted worktree back to the tip of its branch; what a killed phase (or a person) left in it is parked
    first."""
    park(worktree.git, worktree.run_id)
    tip = worktree.git.resolve(f"refs/heads/{worktree.branch}")
    if tip is not None:
        undo(worktree.git, tip)


def _settle(run: RunContext, action: Action) -> PhaseProofV1 | None:
    """Return the proof of a phase that an earlier, interrupted attempt completed; finish moving the branch if need
    be."""
    path = run.layout.proof(phase_id_of(action.action_id))
    if not path.exists():
        return None
    proof = read_artifact(path, PhaseProofV1)
    commit = proof.predicate.commit
    if commit is None:
        return None
    tip = _tip(run)
    if run.git.run("merge-base", "--is-ancestor", commit, tip, check=False).code == 0:
        return proof
    if _parent(run, commit) == tip:
        _advance(run, commit, tip)
        undo(run.git, commit)
        return proof
    return None


def _phase(run: RunContext, grant: Grant, gaps_before: frozenset[str]) -> PhaseRecord:
    action = grant.action
    check_identity(run.worktree)
    tip = _tip(run)
    unknown = sorted(set(action.gap_ids) - gaps_before)
    if unknown:
        return _undone(
            run, grant, f"{unknown[0]} is not there in the base commit; commit the working copy and scan again"
        )
    try:
        run.claim(grant)
        begun = run.clock.monotonic()
        run.log("action_started", action_id=action.action_id, parent=tip, approved_by=grant.approved_by)
        outcome = carry_out(
            grant,
            kind=run.kinds[action.kind],
            git=run.git,
            parent=tip,
            policy=run.policy,
            where=run.where,
            perform=run.perform,
        )
        seconds = math.ceil(run.clock.monotonic() - begun)
        record = replace(_judge(run, grant, outcome, tip, gaps_before), seconds=seconds)
    except AutopackError as fault:
        record = _undone(run, grant, fault.message)
    if record.outcome != "committed":
        undo(run.git, tip)
    return record


def _judge(run: RunContext, grant: Grant, outcome: Outcome, tip: str, gaps_before: frozenset[str]) -> PhaseRecord:
    """Return what becomes of a change that has been made: kept only if it stays in its grant, closes its gaps, opens
    none, and every required check passes."""
    record = PhaseRecord(
        grant,
        "undone",
        outcome.refusal,
        tree=_tree(run, tip),
        second_verdict=outcome.second_verdict.rules,
        second_outcome=outcome.second_verdict.outcome,
        measured_digest=outcome.measured_digest,
        needs_approval=outcome.askable,
        changes=outcome.changes,
    )
    _log_measured(run, grant, outcome)
    if outcome.refusal:
        return record
    if outcome.tree == record.tree:
        return replace(record, outcome="nothing_to_do", reason="the tree already is as the action would make it")
    gaps_after = _gap_ids(run.rescan())
    record = replace(
        record,
        gaps_closed=tuple(sorted(gaps_before - gaps_after)),
        gaps_opened=tuple(sorted(gaps_after - gaps_before)),
    )
    reason = _gap_objection(grant.action, record)
    if reason:
        return replace(record, reason=reason, gaps_closed=(), gaps_opened=record.gaps_opened)
    checks = _run_required_checks(run, phase_id_of(grant.action.action_id), outcome.tree)
    for check in checks:
        run.log("check", action_id=grant.action.action_id, **_check_details(check))
    bad = next((check for check in checks if check.outcome != "passed"), None)
    if bad is not None:
        return replace(record, checks=checks, reason=_check_objection(run, bad), gaps_closed=())
    commit = _commit(run, grant, outcome.tree, tip)
    return replace(record, outcome="committed", reason="", tree=outcome.tree, commit=commit, checks=checks)


def _log_measured(run: RunContext, grant: Grant, outcome: Outcome) -> None:
    run.log(
        "verdict",
        on="the real diff",
        action_id=grant.action.action_id,
        outcome=outcome.second_verdict.outcome,
        rules=outcome.second_verdict.rules,
        policy_digest=outcome.second_verdict.policy_digest,
        granted_as=grant.verdict.outcome,
        paths=[path for change in outcome.changes for path in change.paths],
        lines=outcome.lines,
        measured_digest=outcome.measured_digest,
        refusal=outcome.refusal,
    )


def _gap_objection(action: Action, record: PhaseRecord) -> str:
    if record.gaps_opened:
        return f"the change would open {record.gaps_opened[0]}"
    left = sorted(set(action.gap_ids) - set(record.gaps_closed))
    return f"the change does not close {left[0]}" if left else ""


def _check_details(check: CheckRun) -> dict[str, object]:
    return {name: getattr(check, name) for name in ("name", "outcome", "exit_code", "output_sha256", "sandbox")}


def _check_objection(run: RunContext, check: CheckRun) -> str:
    said = {"failed": f"failed with exit code {check.exit_code}", "timed_out": "ran out of time"}
    return f"the required check {check.name!r} {said.get(check.outcome, f'could not run: {check.detail}')}"


def _run_required_checks(run: RunContext, phase_id: str, tree: str) -> tuple[CheckRun, ...]:
    place = CheckPlace(
        worktree=run.git.work_tree,
        tree=tree,
        readable=(run.git.common_dir(),),
        sandbox=run.sandbox,
        layout=run.layout,
        phase_id=phase_id,
        network=run.anchor.scope_boundaries.network_allowlist,
        on_connection=lambda made: run.log("connection", **asdict(made)),
        beat=run.beat,
    )
    return run_checks(run.anchor.evidence_verification.required_checks, place)


def _undone(run: RunContext, grant: Grant, reason: str) -> PhaseRecord:
    return PhaseRecord(grant, "undone", reason, tree=_tree(run, _tip(run)))


def _commit(run: RunContext, grant: Grant, tree: str, parent: str) -> str:
    """Make the commit object (no branch moves yet, no hook runs) and return its id."""
    instant = timestamp(run.clock.now())
    identity = {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", "Autopack"), ("EMAIL", "autopack@localhost"), ("DATE", instant))
    }
    answer = run.git.run(
        "commit-tree", tree, "-p", parent, stdin=commit_message(run.plan, grant).encode(), extra_environment=identity
    )
    return answer.text.strip()


def commit_message(plan: PlanProposalV1, grant: Grant) -> str:
    """Return the message of the commit that carries out GRANT: what, and the trailers that trace it to its origins."""
    trailers = {
        "Autopack-Run": plan.run_id,
        "Autopack-Anchor": plan.anchor_id,
        "Autopack-Gap-Report": plan.gap_report_id,
        "Autopack-Plan": plan.plan_proposal_id,
        "Autopack-Action": grant.action.action_id,
        "Autopack-Approval": grant.approved_by,
    }
    subject = f"{grant.action.kind}: {' '.join(grant.action.title.split())}"[:120]
    return subject + "\n\n" + "".join(f"{name}: {value}\n" for name, value in trailers.items())


def _conclude(run: RunContext, record: PhaseRecord) -> PhaseProofV1:
    """Put the proof on record and on the disk, and only then let the branch show the commit."""
    proof = make_proof(record, run.plan)
    run.require_fence()
    run.log(
        {"committed": "commit", "undone": "undo"}.get(record.outcome, record.outcome),
        action_id=record.grant.action.action_id,
        phase_id=proof.predicate.phase_id,
        commit=record.commit,
        tree=record.tree,
        reason=record.reason,
        proof_sha256=bytes_digest(artifact_bytes(proof)),
    )
    write_artifact(run.layout.proof(proof.predicate.phase_id), proof)
    if record.commit is not None:
        _advance(run, record.commit, _parent(run, record.commit))
    return proof


def _advance(run: RunContext, commit: str, expected: str) -> None:
    """Move the run's branch from EXPECTED to COMMIT; raises StaleError when somebody else moved it."""
    run.require_fence()
    answer = run.git.run("update-ref", f"refs/heads/{run.worktree.branch}", commit, expected, check=False)
    if answer.code != 0:
        raise StaleError(f"The branch {run.worktree.branch} moved while the run was at work.", hint="Start a new run.")


def _tip(run: RunContext) -> str:
    tip = run.git.resolve(f"refs/heads/{run.worktree.branch}")
    if tip is None:
        raise StaleError(f"The branch {run.worktree.branch} is gone.", hint="Start a new run.")
    return tip


def _parent(run: RunContext, commit: str) -> str:
    return run.git.run("rev-parse", "--verify", f"{commit}^").text.strip()


def _tree(run: RunContext, commit: str) -> str:
    return run.git.run("rev-parse", "--verify", f"{commit}^{{tree}}").text.strip()


def _gap_ids(report: GapReportV1) -> frozenset[str]:
    return frozenset(gap.gap_id for gap in report.gaps)
