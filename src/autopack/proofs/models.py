"""Phase proofs: in-toto Statements (v1) over the git tree that an action produced.

Source of the envelope: https://in-toto.io/Statement/v1 (spec/v1/statement.md); digest type `gitTree` from its
digest-set page.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from autopack.actions.models import ActionId
from autopack.artifacts.model import (
    Approval,
    Artifact,
    Count,
    GitOid,
    Identifier,
    RepoPath,
    RuleName,
    Sha256,
    Text,
)
from autopack.gaps.models import GapId

PREDICATE_TYPE = "https://autopack.dev/attestation/phase/v1"


class SubjectDigest(Artifact):
    """Digests of the subject, by in-toto digest type."""

    gitTree: GitOid


class Subject(Artifact):
    """What the proof is about: the tree after the phase."""

    name: Text
    digest: SubjectDigest


class ChangedFile(Artifact):
    """One file of the real diff, as `git diff --numstat --summary` measured it."""

    path: RepoPath
    change: Literal["added", "modified", "deleted", "renamed", "mode", "type"]
    previous_path: RepoPath | None = None
    lines_added: Count
    lines_removed: Count


class CheckResult(Artifact):
    """One required check: what ran, where, how it ended. Durations stay in the logs."""

    name: Text
    argv: tuple[Text, ...]
    outcome: Literal["passed", "failed", "timed_out", "not_run"]
    exit_code: int | None
    output_sha256: Sha256 | None
    sandbox: Literal["isolated", "confined", "none"]
    tests_passed: Count | None = None
    tests_failed: Count | None = None
    detail: Text = ""


class PhasePredicate(Artifact):
    """Who allowed what, what was really done, and whether it held."""

    phase_id: Identifier
    run_id: Identifier
    project_id: Identifier
    anchor_id: Identifier
    gap_report_id: Identifier
    plan_proposal_id: Identifier
    action_id: ActionId
    kind: Text
    policy_digest: Sha256
    approval: Approval
    approved_by: Text
    """`policy:<rule ids>` for an auto-approval, otherwise the person and the channel."""
    first_verdict: tuple[RuleName, ...]
    second_verdict: tuple[RuleName, ...]
    second_outcome: Approval | None = None
    """How the real diff was judged; None where nothing was done."""
    measured_digest: Sha256 | None = None
    """Digest of the whole measured change."""
    needs_approval: bool = False
    """It was undone because it is worse than its claim; a person who has seen the measured change may allow it."""
    outcome: Literal["committed", "undone", "nothing_to_do"]
    reason: Text
    base_commit: GitOid
    commit: GitOid | None
    files_changed: tuple[ChangedFile, ...]
    checks: tuple[CheckResult, ...]
    tests_passed: Count
    tests_failed: Count
    gaps_closed: tuple[GapId, ...]
    gaps_opened: tuple[GapId, ...]


class PhaseProofV1(Artifact):
    """An in-toto Statement whose predicate is one phase of one run."""

    type: Annotated[Literal["https://in-toto.io/Statement/v1"], Field(alias="_type")] = (
        "https://in-toto.io/Statement/v1"
    )
    subject: Annotated[tuple[Subject, ...], Field(min_length=1, max_length=1)]
    predicate_type: Annotated[
        Annotated[str, StringConstraints(pattern=r"^https://autopack\.dev/attestation/phase/v1$")],
        Field(alias="predicateType"),
    ] = PREDICATE_TYPE
    format_version: Literal["v1"] = "v1"
    predicate: PhasePredicate
