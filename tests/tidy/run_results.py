"""Results of runs as they lie on disk: real artifacts in a real run folder."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from autopack.artifacts.canonical import canonical_bytes
from autopack.artifacts.store import ensure_runs_root, write_artifact
from autopack.file_layout import RunFileLayout
from autopack.governance.models import ApprovalBinding, ApprovalRequestV1
from autopack.proofs.models import PhasePredicate, PhaseProofV1, Subject, SubjectDigest
from autopack.store.approvals import StoredDecision, StoredRequest, add_request, record_decision
from autopack.store.database import open_database
from autopack.store.runs import Run, create_run

OID = "0123456789abcdef0123456789abcdef01234567"
PROJECT = "sample"


def write_proof(runs_root: Path, run_id: str, number: int, **changes: object) -> Path:
    """Write the proof of phase NUMBER of a run and return its path; committed unless CHANGES say otherwise."""
    digits = f"{number:012x}"
    stated: dict[str, object] = {
        "phase_id": f"phase-{digits}",
        "run_id": run_id,
        "project_id": PROJECT,
        "anchor_id": "anchor-1",
        "gap_report_id": "gap-report-1",
        "plan_proposal_id": "plan-proposal-1",
        "action_id": f"action-{digits}",
        "kind": "link_fix",
        "policy_digest": "0" * 64,
        "approval": "auto_approved",
        "approved_by": "policy:owner.docs",
        "first_verdict": ("owner.docs",),
        "second_verdict": ("owner.docs",),
        "outcome": "committed",
        "reason": "",
        "base_commit": OID,
        "commit": OID,
        "files_changed": (),
        "checks": (),
        "tests_passed": 0,
        "tests_failed": 0,
        "gaps_closed": (),
        "gaps_opened": (),
    }
    proof = PhaseProofV1(
        _type="https://in-toto.io/Statement/v1",
        subject=(Subject(name="tree", digest=SubjectDigest(gitTree=OID)),),
        predicateType="https://autopack.dev/attestation/phase/v1",
        predicate=PhasePredicate.model_validate({**stated, **changes}),
    )
    path = RunFileLayout(runs_root, PROJECT, run_id).proof(str({**stated, **changes}["phase_id"]))
    ensure_runs_root(runs_root)
    write_artifact(path, proof)
    return path


def write_run(runs_root: Path, run_id: str, *, started: str = "2026-01-02T03:04:05Z") -> None:
    """Store the row of a run."""
    with open_database(runs_root / "autopack.db") as database:
        run = Run(run_id, PROJECT, OID, f"autopack/{run_id}", "anchor-1", "gap-report-1", "plan-proposal-1")
        create_run(database, run, datetime.fromisoformat(started).astimezone(UTC))


def write_decision(runs_root: Path, run_id: str, decision: str = "allow_once", reason: str = "looks right") -> None:
    """Store a request of a run and the decision on it; the run's folder exists afterwards."""
    binding = ApprovalBinding(
        action_id="action-00000000000a",
        action_digest="0" * 64,
        base_commit=OID,
        anchor_id="anchor-1",
        plan_proposal_id="plan-proposal-1",
        policy_digest="0" * 64,
    )
    request = ApprovalRequestV1(
        request_id="unsealed",
        project_id=PROJECT,
        run_id=run_id,
        binding=binding,
        canonical_text="Approval of action-00000000000a",
        asked_because=("never.path",),
        requested_at="2026-01-02T03:04:05Z",
    ).sealed()
    with open_database(runs_root / "autopack.db") as database:
        document = canonical_bytes(request.document()).decode()
        ends = "2026-02-02T03:04:05Z"
        row = (
            request.request_id,
            PROJECT,
            run_id,
            binding.action_id,
            "0" * 64,
            document,
            request.requested_at,
            ends,
            "",
        )
        add_request(database, StoredRequest(*row))
        decided = StoredDecision(request.request_id, decision, "pat", "cli", "2026-01-02T04:05:06Z", reason)
        record_decision(database, decided)
    write_artifact(RunFileLayout(runs_root, PROJECT, run_id).approval_request(binding.action_id), request)
