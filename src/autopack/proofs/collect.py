"""Makes the proof of one phase from what was granted, measured, checked and scanned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from autopack.artifacts.model import Approval
from autopack.execution.checks import CheckRun
from autopack.execution.diff import FileChange
from autopack.governance.models import Grant
from autopack.planning.models import PlanProposalV1
from autopack.proofs.models import (
    ChangedFile,
    CheckResult,
    PhasePredicate,
    PhaseProofV1,
    Subject,
    SubjectDigest,
)


@dataclass(frozen=True)
class PhaseRecord:
    """Everything that happened in one phase. `tree` is the git tree after it (the one before, when it was undone)."""

    grant: Grant
    outcome: Literal["committed", "undone", "nothing_to_do"]
    reason: str
    tree: str
    commit: str | None = None
    second_verdict: tuple[str, ...] = ()
    second_outcome: Approval | None = None
    measured_digest: str | None = None
    needs_approval: bool = False
    changes: tuple[FileChange, ...] = ()
    checks: tuple[CheckRun, ...] = ()
    gaps_closed: tuple[str, ...] = ()
    gaps_opened: tuple[str, ...] = ()
    seconds: int | None = None
    """What the action itself took; None where it was not begun. Durations stay out of proofs."""


def phase_id_of(action_id: str) -> str:
    """Return the phase that carries out ACTION_ID: `phase-<the action's 12 hex digits>`, the same on every attempt."""
    return f"phase-{action_id.removeprefix('action-')}"


def make_proof(record: PhaseRecord, plan: PlanProposalV1) -> PhaseProofV1:
    """Return the in-toto Statement about RECORD, whose action stands in PLAN."""
    grant = record.grant
    predicate = PhasePredicate(
        phase_id=phase_id_of(grant.action.action_id),
        run_id=plan.run_id,
        project_id=plan.project_id,
        anchor_id=plan.anchor_id,
        gap_report_id=plan.gap_report_id,
        plan_proposal_id=plan.plan_proposal_id,
        action_id=grant.action.action_id,
        kind=grant.action.kind,
        policy_digest=grant.verdict.policy_digest,
        approval=grant.verdict.outcome,
        approved_by=grant.approved_by,
        first_verdict=grant.verdict.rules,
        second_verdict=record.second_verdict,
        second_outcome=record.second_outcome,
        measured_digest=record.measured_digest,
        needs_approval=record.needs_approval,
        outcome=record.outcome,
        reason=record.reason,
        base_commit=grant.base_commit,
        commit=record.commit,
        files_changed=tuple(_changed_file(change) for change in record.changes),
        checks=tuple(_check_result(check) for check in record.checks),
        tests_passed=sum(check.tests_passed or 0 for check in record.checks),
        tests_failed=sum(check.tests_failed or 0 for check in record.checks),
        gaps_closed=record.gaps_closed,
        gaps_opened=record.gaps_opened,
    )
    subject = Subject(name=f"autopack/{plan.run_id}", digest=SubjectDigest(gitTree=record.tree))
    return PhaseProofV1.from_document(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [subject.document()],
            "predicateType": "https://autopack.dev/attestation/phase/v1",
            "format_version": "v1",
            "predicate": predicate.document(),
        }
    )


def _changed_file(change: FileChange) -> ChangedFile:
    return ChangedFile(
        path=change.path,
        change=change.change,
        previous_path=change.previous_path,
        lines_added=change.lines_added,
        lines_removed=change.lines_removed,
    )


def _check_result(check: CheckRun) -> CheckResult:
    return CheckResult(
        name=check.name,
        argv=check.argv,
        outcome=check.outcome,
        exit_code=check.exit_code,
        output_sha256=check.output_sha256,
        sandbox=check.sandbox,
        tests_passed=check.tests_passed,
        tests_failed=check.tests_failed,
        detail=check.detail,
    )
