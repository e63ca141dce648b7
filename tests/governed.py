"""Actions, plans and verdicts for tests of approvals and of the gate."""

from __future__ import annotations

from collections.abc import Iterable

from autopack.actions.identity import UNNAMED, expected_action_id
from autopack.actions.models import Action, CostEstimate, Interval
from autopack.artifacts.model import Approval
from autopack.gaps.models import Gap
from autopack.gaps.remedies import Operation
from autopack.intention_anchor.v2 import BudgetCost, GovernanceReview, IntentionAnchorV2
from autopack.planning.models import PlanMetadata, PlanProposalV1, PlanSummary
from autopack.policy.facts import Verdict
from plans import anchor, edit, link_gap

BASE = "a" * 40
POLICY = "b" * 64
EXECUTABLE = frozenset({"link_fix", "file_move"})

_RULES: dict[Approval, str] = {
    "auto_approved": "owner.sample-rule",
    "requires_approval": "default.no-rule-auto-approves",
    "blocked": "block.protected",
}


def an_action(
    path: str = "docs/a.md",
    status: Approval = "requires_approval",
    *,
    kind: str = "link_fix",
    title: str = "Correct a link",
    depends_on: Iterable[Action] = (),
    operations: Iterable[Operation] | None = None,
    brief: str | None = None,
    target_paths: tuple[str, ...] | None = None,
) -> Action:
    """Return an action that edits PATH and answers the gap there."""
    one = Interval(low=1, high=2)
    action = Action(
        action_id=UNNAMED,
        kind=kind,
        title=title,
        gap_ids=(gap_at(path).gap_id,),
        target_paths=target_paths or (path,),
        operations=(edit(path),) if operations is None else tuple(operations),
        brief=brief,
        depends_on=tuple(other.action_id for other in depends_on),
        risk_score=10,
        risk_classification="low",
        risk_factors=(),
        cost_estimate=CostEstimate(lines=one, seconds=one, tokens=Interval(low=0, high=None)),
        rollback="git revert of the commit.",
        approval_status=status,
        decided_by=(_RULES[status],),
    )
    return action.model_copy(update={"action_id": expected_action_id(action)})


def gap_at(path: str) -> Gap:
    """Return the gap that `an_action(path)` answers."""
    return link_gap(path)


def an_anchor(*, independent: bool = False, max_actions: int = 20) -> IntentionAnchorV2:
    """Return an anchor whose batch policy is all_or_nothing unless INDEPENDENT."""
    review = GovernanceReview(batch_policy="independent" if independent else "all_or_nothing")
    stated = anchor(budget=BudgetCost(max_actions=max_actions))
    pivots = stated.pivot_intentions.model_copy(update={"governance_review": review})
    return stated.model_copy(update={"pivot_intentions": pivots})


def a_plan(*actions: Action, of: IntentionAnchorV2 | None = None, run_id: str = "run-1") -> PlanProposalV1:
    """Return a plan of ACTIONS under the anchor OF."""
    status = [action.approval_status for action in actions]
    return PlanProposalV1(
        plan_proposal_id="unsealed",
        project_id="sample",
        run_id=run_id,
        anchor_id=(of or an_anchor()).anchor_id,
        gap_report_id="gap-report-000000000000",
        actions=actions,
        summary=PlanSummary(
            total_actions=len(actions),
            auto_approved=status.count("auto_approved"),
            requires_approval=status.count("requires_approval"),
            blocked=status.count("blocked"),
            lines_high=0,
            files=len(actions),
        ),
        governance_checks=(),
        metadata=PlanMetadata(base_commit=BASE, policy_digest=POLICY, sandbox_tier="isolated"),
    ).sealed()


def verdicts_of(plan: PlanProposalV1, **others: Approval) -> dict[str, Verdict]:
    """Return the verdict that each action of PLAN has, or the one named for its id (with `_` for `-`)."""
    return {
        action.action_id: a_verdict(others.get(action.action_id.replace("-", "_"), action.approval_status))
        for action in plan.actions
    }


def a_verdict(outcome: Approval, policy_digest: str = POLICY) -> Verdict:
    """Return a verdict of OUTCOME."""
    return Verdict(outcome, (_RULES[outcome],), policy_digest)
