"""The gate: the only maker of `Grant`. Everything that does not clearly hold stays outside. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from autopack.actions.models import Action
from autopack.errors import StaleError
from autopack.governance import models
from autopack.governance.approvals import ApprovalRecord, binding_of, staleness, use_of
from autopack.governance.measured import NOTHING_MEASURED, Measured
from autopack.governance.models import Grant
from autopack.intention_anchor.v2 import IntentionAnchorV2
from autopack.planning.models import PlanProposalV1
from autopack.policy.facts import Verdict


@dataclass(frozen=True)
class Withheld:
    """An action that gets no grant, and why."""

    action: Action
    reason: str


@dataclass(frozen=True)
class GateResult:
    """Every action of a plan, each in exactly one place, in the order of the plan."""

    granted: tuple[Grant, ...]
    waiting: tuple[Withheld, ...]
    """A person has to decide."""
    stale: tuple[Withheld, ...]
    """Approved once, but what the approval binds to moved: to be asked anew."""
    blocked: tuple[Withheld, ...]
    rejected: tuple[Withheld, ...]
    held: tuple[Withheld, ...]
    """Could run, but the batch waits, or something it depends on does not run."""
    advice: tuple[Action, ...]
    """Kinds that nobody carries out: for people to read."""
    executed: tuple[Action, ...]
    """Carried out by this run before."""


@dataclass(frozen=True)
class _Ready:
    """An action that may run by itself: whose word it is, and the approval that is used up by it."""

    verdict: Verdict
    approved_by: str
    request_id: str | None
    measured_digest: str | None


_Standing = _Ready | tuple[str, str]
"""Ready, or a list of `GateResult` and the reason for being in it."""


def grants(
    plan: PlanProposalV1,
    *,
    anchor: IntentionAnchorV2,
    verdicts: Mapping[str, Verdict],
    records: Mapping[str, ApprovalRecord],
    base_commit: str,
    executable: Collection[str],
    executed: Collection[str] = (),
    measured: Mapping[str, Measured] = NOTHING_MEASURED,
) -> GateResult:
    """Return what of PLAN may run now.

    VERDICTS (by action id) are the policy's answers asked again now; RECORDS what people decided; EXECUTABLE the kinds
    that can be carried out; EXECUTED the actions that this run carried out before; MEASURED the
    changes that turned out worse than their claim and were undone. Raises StaleError, naming what
    moved, for a plan that was made for another anchor, base or policy, or edited since.
    """
    _require_current(plan, anchor, base_commit, verdicts)
    standing = {
        action.action_id: _standing(
            plan,
            action,
            verdicts.get(action.action_id),
            records,
            executable,
            executed,
            measured.get(action.action_id),
        )
        for action in plan.actions
    }
    _hold_dependents(plan, standing)
    _hold_batch(plan, anchor, standing)
    _hold_beyond_bound(plan, anchor, standing)
    return _result(plan, standing)


def _require_current(
    plan: PlanProposalV1, anchor: IntentionAnchorV2, base_commit: str, verdicts: Mapping[str, Verdict]
) -> None:
    moved = []
    if plan.plan_proposal_id != plan.expected_id():
        moved.append("its content is not what its id says")
    if plan.anchor_id != anchor.anchor_id:
        moved.append(f"the intention anchor was {plan.anchor_id} and is {anchor.anchor_id}")
    if plan.metadata.base_commit != base_commit:
        moved.append(f"the base commit was {str(plan.metadata.base_commit)[:12]} and is {base_commit[:12]}")
    if any(verdict.policy_digest != plan.metadata.policy_digest for verdict in verdicts.values()):
        moved.append("the policy changed")
    if moved:
        raise StaleError(f"The plan {plan.plan_proposal_id} is stale: {'; '.join(moved)}.", hint="Propose again.")


def _standing(
    plan: PlanProposalV1,
    action: Action,
    verdict: Verdict | None,
    records: Mapping[str, ApprovalRecord],
    executable: Collection[str],
    executed: Collection[str],
    measured: Measured | None,
) -> _Standing:
    """Return where ACTION stands by itself; of the plan's verdict and the one asked now, the worse counts."""
    if action.action_id in executed:
        return ("executed", "")
    if verdict is None:
        return ("blocked", "the policy gave no answer")
    verdict = verdict if measured is None else measured.verdict(verdict)
    if "blocked" in {action.approval_status, verdict.outcome}:
        rules = verdict.rules if verdict.outcome == "blocked" else action.decided_by
        return ("blocked", ", ".join(rules))
    if action.kind not in executable:
        return ("advice", "")
    if action.approval_status == verdict.outcome == "auto_approved":
        return _Ready(verdict, f"policy:{','.join(verdict.rules)}", None, None)
    return _by_people(plan, action, verdict, records.get(action.action_id), measured)


def _by_people(
    plan: PlanProposalV1,
    action: Action,
    verdict: Verdict,
    record: ApprovalRecord | None,
    measured: Measured | None,
) -> _Standing:
    if record is None:
        return ("waiting", ", ".join(verdict.rules or action.decided_by))
    decision = record.decision
    if record.rejected and decision is not None:
        return ("rejected", f"rejected by {decision.decided_by} at {decision.decided_at}")
    moved = staleness(record.request.binding, binding_of(plan, action, measured))
    if moved:
        return ("stale", "; ".join(moved))
    if record.used_for not in {None, use_of(plan.run_id, action.action_id)}:
        return ("stale", f"the approval was used for {record.used_for}")
    if record.ended and record.used_for is None:
        return ("stale", record.ended)
    if decision is None:
        return ("waiting", ", ".join(record.request.asked_because))
    if not decision.allows:
        return ("stale", "the rejection was taken back")
    change = None if measured is None else measured.digest
    return _Ready(verdict, f"{decision.decided_by} via {decision.channel}", record.request.request_id, change)


def _hold_dependents(plan: PlanProposalV1, standing: dict[str, _Standing]) -> None:
    """Hold what depends, over however many steps, on something that neither ran nor comes before it in this batch."""
    satisfied: set[str] = {name for name, place in standing.items() if place == ("executed", "")}
    for action in plan.actions:
        unmet = [name for name in action.depends_on if name not in satisfied]
        if isinstance(standing[action.action_id], _Ready):
            if unmet:
                standing[action.action_id] = ("held", f"it depends on {unmet[0]}, which does not run")
            else:
                satisfied.add(action.action_id)


def _hold_batch(plan: PlanProposalV1, anchor: IntentionAnchorV2, standing: dict[str, _Standing]) -> None:
    if anchor.governance_review.batch_policy == "independent":
        return
    undecided = [name for name, place in standing.items() if not isinstance(place, _Ready) and place[0] in _UNDECIDED]
    if undecided:
        _hold_all(standing, f"the whole batch waits for {undecided[0]} (batch_policy: all_or_nothing)")


def _hold_beyond_bound(plan: PlanProposalV1, anchor: IntentionAnchorV2, standing: dict[str, _Standing]) -> None:
    most = anchor.budget_cost.max_actions
    started = sum(1 for place in standing.values() if isinstance(place, _Ready) or place[0] == "executed")
    if started > most:
        _hold_all(standing, f"{started} actions are more than max_actions ({most})")


_UNDECIDED = frozenset({"waiting", "stale"})


def _hold_all(standing: dict[str, _Standing], reason: str) -> None:
    for name, place in standing.items():
        if isinstance(place, _Ready):
            standing[name] = ("held", reason)


def _result(plan: PlanProposalV1, standing: Mapping[str, _Standing]) -> GateResult:
    def withheld(where: str) -> tuple[Withheld, ...]:
        return tuple(
            Withheld(action, place[1])
            for action in plan.actions
            if not isinstance(place := standing[action.action_id], _Ready) and place[0] == where
        )

    return GateResult(
        granted=tuple(
            _grant(plan, action, ready)
            for action in plan.actions
            if isinstance(ready := standing[action.action_id], _Ready)
        ),
        waiting=withheld("waiting"),
        stale=withheld("stale"),
        blocked=withheld("blocked"),
        rejected=withheld("rejected"),
        held=withheld("held"),
        advice=tuple(each.action for each in withheld("advice")),
        executed=tuple(each.action for each in withheld("executed")),
    )


def _grant(plan: PlanProposalV1, action: Action, ready: _Ready) -> Grant:
    return Grant(
        action=action,
        run_id=plan.run_id,
        base_commit=str(plan.metadata.base_commit),
        verdict=ready.verdict,
        approved_by=ready.approved_by,
        request_id=ready.request_id,
        measured_digest=ready.measured_digest,
        seal=models._SEAL,
    )
