"""Recomputes the chain anchor -> gap report -> plan -> approval -> action -> commit of a run, offline, from what is
stored, and holds it against the run's event log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autopack.artifacts.canonical import bytes_digest, canonical_bytes
from autopack.artifacts.events import Event, EventLog, read_events
from autopack.artifacts.store import read_artifact
from autopack.config import INTENTION_FILE
from autopack.errors import AutopackError
from autopack.file_layout import RunFileLayout
from autopack.gaps.models import GapReportV1
from autopack.git import Git
from autopack.governance.approvals import binding_of, staleness
from autopack.governance.models import ApprovalRequestV1
from autopack.intention_anchor.v2 import IntentionAnchorV2
from autopack.planning.models import PlanProposalV1
from autopack.proofs.models import PhasePredicate, PhaseProofV1


@dataclass(frozen=True)
class Link:
    """One link of the chain: what was compared, whether it holds, and what was found."""

    name: str
    holds: bool
    detail: str
    phase: str = ""
    """The phase that it belongs to; empty for what the run as a whole stands on."""


def verify_run(layout: RunFileLayout, git: Git) -> tuple[Link, ...]:
    """Check the run of LAYOUT in the repository of GIT and return every link, up to the first document that cannot
    be read."""
    links: list[Link] = []
    try:
        links.extend(_chain(layout, git))
    except AutopackError as fault:
        links.append(Link("documents can be read", False, fault.message))
    return tuple(links)


def _chain(layout: RunFileLayout, git: Git) -> Iterator[Link]:
    anchor = read_artifact(layout.intention_anchor_v2, IntentionAnchorV2)
    report = read_artifact(layout.gap_report, GapReportV1)
    plan = read_artifact(layout.plan_proposal, PlanProposalV1)
    yield _same("the plan names the anchor", plan.anchor_id, anchor.anchor_id)
    yield _same("the plan names the gap report", plan.gap_report_id, report.gap_report_id)
    if plan.metadata.base_commit is not None:
        written = git.show(plan.metadata.base_commit, INTENTION_FILE)
        found = "nothing" if written is None else bytes_digest(written)
        yield _same("the anchor is the intention in the base commit", found, anchor.raw_input_digest)
    known = {gap.gap_id for gap in report.gaps}
    strangers = sorted({gap for action in plan.actions for gap in action.gap_ids} - known)
    yield Link("every action answers a gap of the report", not strangers, strangers[0] if strangers else "")
    log = read_events(layout.event_log)
    yield from _log_links(log, plan)
    proven: set[str] = set()
    for path in sorted(layout.proofs.glob("*.json")):
        proof = read_artifact(path, PhaseProofV1)
        recorded = _recorded_links(proof, path, plan, layout, log.events)
        for link in (*_phase_links(proof, plan, layout, git), *recorded):
            yield replace(link, phase=proof.predicate.phase_id)
        if proof.predicate.commit is not None:
            proven.add(proof.predicate.commit)
    yield from _branch_links(plan, proven, git)


def _phase_links(proof: PhaseProofV1, plan: PlanProposalV1, layout: RunFileLayout, git: Git) -> Iterator[Link]:
    said = proof.predicate
    name = said.phase_id
    yield _same(f"{name} names the plan", said.plan_proposal_id, plan.plan_proposal_id)
    action = next((action for action in plan.actions if action.action_id == said.action_id), None)
    yield Link(f"{name} carries out an action of the plan", action is not None, said.action_id)
    if action is not None:
        never = action.approval_status == "blocked"
        yield Link(f"{name} was not forbidden", not never, ", ".join(action.decided_by))
        agrees = said.approval == action.approval_status and said.first_verdict == action.decided_by
        agrees = agrees or (said.approval, action.approval_status) == ("requires_approval", "auto_approved")
        yield Link(f"{name} was judged as the plan says", agrees, ", ".join(said.first_verdict))
    yield Link(f"{name} says who approved", bool(said.approved_by), said.approved_by)
    for check in said.checks:
        if check.output_sha256 is not None:
            stored = layout.check_output(said.phase_id, check.name)
            found = bytes_digest(stored.read_bytes()) if stored.is_file() else "nothing"
            yield _same(f"{name}: the output of {check.name} is the one that was proven", found, check.output_sha256)
    if said.commit is not None:
        yield from _commit_links(proof, said.commit, git)


def _commit_links(proof: PhaseProofV1, commit: str, git: Git) -> Iterator[Link]:
    said = proof.predicate
    tree = git.run("rev-parse", "--verify", "--quiet", f"{commit}^{{tree}}", check=False).text.strip()
    yield _same(
        f"{said.phase_id}: the commit has the proven tree", tree or "no commit", proof.subject[0].digest.gitTree
    )
    trailers = commit_trailers(git, commit)
    for trailer, expected in _expected_trailers(said).items():
        yield _same(f"{said.phase_id}: trailer {trailer}", trailers.get(trailer, "nothing"), expected)
    passed = all(check.outcome == "passed" for check in said.checks)
    yield Link(f"{said.phase_id}: every required check passed", passed, "")


def _expected_trailers(said: PhasePredicate) -> dict[str, str]:
    return {
        "Autopack-Run": said.run_id,
        "Autopack-Anchor": said.anchor_id,
        "Autopack-Gap-Report": said.gap_report_id,
        "Autopack-Plan": said.plan_proposal_id,
        "Autopack-Action": said.action_id,
        "Autopack-Approval": said.approved_by,
    }


def _log_links(log: EventLog, plan: PlanProposalV1) -> Iterator[Link]:
    events = len(log.events)
    torn = f"; a killed process tore line {', '.join(map(str, log.torn))}, which is named there" if log.torn else ""
    yield Link("the event log is whole", not log.fault, log.fault or f"{events} events{torn}")
    begun = next((event.details.get("plan_proposal_id") for event in log.events if event.event == "run_begun"), None)
    yield _same("the event log begins with the plan", str(begun or "nothing"), plan.plan_proposal_id)


def _recorded_links(
    proof: PhaseProofV1, path: Path, plan: PlanProposalV1, layout: RunFileLayout, events: Sequence[Event]
) -> Iterator[Link]:
    """Hold PROOF, stored at PATH, against what the log says of its action, and against the request that it used."""
    said = proof.predicate
    mine = [event for event in events if event.details.get("action_id") == said.action_id]
    stored = bytes_digest(path.read_bytes())
    on_record = [event for event in mine if event.details.get("proof_sha256") == stored]
    yield Link(f"{said.phase_id}: the proof is the one on record", bool(on_record), stored[:12])
    if said.commit is None or not on_record:
        return
    before = [event for event in mine if event.seq < on_record[-1].seq]
    granted = [event for event in before if event.event == "grant"]
    yield Link(f"{said.phase_id}: a grant is on record", bool(granted), "")
    request = granted[-1].details.get("request_id") if granted else None
    if request is None:
        by_policy = said.approved_by.startswith("policy:")
        yield Link(f"{said.phase_id}: the policy alone approved", by_policy, said.approved_by)
        return
    answers = [event.details for event in before if event.event == "decision"]
    stands = [one for one in answers if one.get("request_id") == request and str(one.get("stands")).startswith("allow")]
    yield Link(f"{said.phase_id}: the approval was on record before", bool(stands), str(request))
    people = {str(one.get("stands_by")) for one in stands}
    yield Link(f"{said.phase_id}: it was given by whom the proof names", said.approved_by in people, said.approved_by)
    yield from _request_links(said, str(request), plan, layout, mine)
    used = [one.details for one in events if one.event == "approval_used"]
    uses = {str(one.get("used_for")) for one in used if one.get("request_id") == request}
    yield Link(f"{said.phase_id}: the approval was used once", len(uses) == 1, str(request))


def _request_links(
    said: PhasePredicate, used: str, plan: PlanProposalV1, layout: RunFileLayout, mine: Sequence[Event]
) -> Iterator[Link]:
    """Hold the stored request against its id, against the log, and against everything that an approval binds to."""
    path, name = layout.approval_request(said.action_id), said.phase_id
    try:
        request = read_artifact(path, ApprovalRequestV1)
    except AutopackError as fault:
        yield Link(f"{name}: what was approved can be read", False, fault.message)
        return
    yield _same(f"{name}: what was approved is the request that was used", request.request_id, used)
    asked = [one for one in mine if one.event == "approval_requested" and one.details.get("request_id") == used]
    stored = bytes_digest(canonical_bytes(request.document()))
    on_record = any(one.details.get("request_sha256") == stored for one in asked)
    yield Link(f"{name}: the request is the one on record", on_record, stored[:12])
    action = next((action for action in plan.actions if action.action_id == said.action_id), None)
    if action is not None:
        moved = staleness(request.binding.model_copy(update={"measured_digest": None}), binding_of(plan, action))
        yield Link(f"{name}: what was approved is this action of this plan", not moved, "; ".join(moved))
    seen = request.binding.measured_digest
    if seen is not None:
        yield _same(f"{name}: the measured change is the approved one", str(said.measured_digest), seen)


def _branch_links(plan: PlanProposalV1, proven: set[str], git: Git) -> Iterator[Link]:
    branch, base = f"refs/heads/autopack/{plan.run_id}", plan.metadata.base_commit
    if base is None or git.resolve(branch) is None:
        return
    for commit in git.lines("rev-list", f"{base}..{branch}"):
        yield Link(f"commit {commit[:12]} on the branch has a proof", commit in proven, "")


def commit_trailers(git: Git, commit: str) -> Mapping[str, str]:
    """Return the `Autopack-…` trailers of COMMIT."""
    message = git.run("log", "-1", "--format=%(trailers:only,unfold)", commit, check=False).text
    pairs = (line.split(": ", 1) for line in message.splitlines() if line.startswith("Autopack-") and ": " in line)
    return {name: value.strip() for name, value in pairs}


def _same(name: str, found: str, expected: str) -> Link:
    return Link(name, found == expected, f"found {found}, expected {expected}" if found != expected else expected)
