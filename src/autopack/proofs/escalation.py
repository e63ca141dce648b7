"""Turns the proof of an undone phase into what a person is asked: both verdicts and the measured change."""

from __future__ import annotations

from collections.abc import Iterator

from autopack.artifacts.store import read_artifact
from autopack.file_layout import RunFileLayout
from autopack.governance.measured import Measured
from autopack.planning.models import PlanProposalV1
from autopack.proofs.collect import phase_id_of
from autopack.proofs.models import PhasePredicate, PhaseProofV1

BEYOND_CLAIM = "run.beyond-claim"
"""The rule by which the runner itself asks: the policy would let the real diff pass, but it is not what was claimed."""


def measured_changes(layout: RunFileLayout, plan: PlanProposalV1) -> dict[str, Measured]:
    """Return, by action id, the changes of the run that turned out worse than their claim and wait for a person."""
    found = {}
    for action in plan.actions:
        path = layout.proof(phase_id_of(action.action_id))
        if path.exists():
            said = read_artifact(path, PhaseProofV1).predicate
            if said.needs_approval and said.measured_digest is not None:
                rules = said.second_verdict if said.second_outcome == "requires_approval" else (BEYOND_CLAIM,)
                found[action.action_id] = Measured(said.measured_digest, rules, tuple(_text(said)))
    return found


def _text(said: PhasePredicate) -> Iterator[str]:
    yield f"It was carried out once and undone: {said.reason}."
    yield f"First verdict, on the claim: {said.approval} ({', '.join(said.first_verdict)})"
    yield f"Second verdict, on the real diff: {said.second_outcome} ({', '.join(said.second_verdict)})"
    yield f"Measured change (digest {str(said.measured_digest)[:8]}), {len(said.files_changed)} files:"
    for file in said.files_changed:
        moved = f" (was {file.previous_path})" if file.previous_path else ""
        yield f"  {file.change} {file.path}{moved}: +{file.lines_added} -{file.lines_removed}"
    yield "Approved is exactly this change; any other is undone again."
