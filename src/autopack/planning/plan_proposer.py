"""From gaps to a bounded, ordered and judged plan. Pure: the same anchor, report and policy give the same bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from autopack.actions.identity import UNNAMED, expected_action_id
from autopack.actions.models import Action, CostEstimate, Draft, Kind
from autopack.artifacts.model import RISKS, Approval, Confidence
from autopack.file_layout import RUNS_FOLDER
from autopack.gaps.models import Gap, GapReportV1, GapType
from autopack.gaps.remedies import DeleteFile, MoveFile
from autopack.intention_anchor.v2 import IntentionAnchorV2
from autopack.planning.checks import governance_checks
from autopack.planning.costs import NO_OVERRUN, estimate
from autopack.planning.experience import Experience
from autopack.planning.models import LeftOut, PlanMetadata, PlanProposalV1, PlanSummary
from autopack.planning.order import Candidate, draft_paths, in_execution_order
from autopack.planning.risk import Assessment, RiskFacts, assess, is_code, worst
from autopack.planning.selection import Judged, Selection
from autopack.policy.facts import ActionFacts, Circumstances, Verdict
from autopack.policy.paths import NEVER_AUTO_APPROVED, PathList, protecting

HIGH_RISK = "plan.high-risk"
"""Rule by which the proposer itself asks a person, whatever the owner's rules allow."""

FOR_PEOPLE: frozenset[GapType] = frozenset(
    {
        "baseline_policy_drift",
        "db_lock_contention",
        "git_state_corruption",
        "memory_budget_cap_issue",
        "protected_path_violation",
    }
)
"""Gaps that lie outside a worktree or are matters of judgement: no agent gets them."""

NO_EXPERIENCE = Experience()

_CONFIDENCES: tuple[Confidence, ...] = ("high", "medium", "low")


class Decider(Protocol):
    """What the proposer needs of a policy."""

    @property
    def digest(self) -> str:
        """SHA-256 of policy, schema and anchor."""
        ...

    def decide(self, facts: ActionFacts, circumstances: Circumstances) -> Verdict:
        """Return the verdict on FACTS."""
        ...


def propose(
    anchor: IntentionAnchorV2,
    report: GapReportV1,
    *,
    policy: Decider,
    kinds: Mapping[str, Kind],
    circumstances: Circumstances,
    recalled: Sequence[str] = (),
    experience: Experience = NO_EXPERIENCE,
) -> PlanProposalV1:
    """Return the plan that answers REPORT as far as ANCHOR's bounds and POLICY allow.

    EXPERIENCE widens estimates and adds to risks; it never narrows either. Every action carries the verdict on all of
    its paths. Blocked ones are listed for what they would have done; what found no place is in `metadata.left_out`
    with the reason, the worst first.
    """
    gaps = {gap.gap_id: gap for gap in sorted(report.gaps, key=_urgency)}
    drafts, unanswered = _drafts(anchor, kinds, gaps.values())
    caps = _within_caps(circumstances, anchor)
    judge = _Judge(anchor, policy, kinds, gaps, caps, _guarded_places(anchor), experience)
    selection = Selection(anchor.budget_cost, caps)
    selection.fill((judge.candidate(draft) for draft in drafts), judge)
    executable, blocked = (tuple(map(judge.action, part)) for part in (selection.executable, selection.blocked))
    actions = (*in_execution_order(executable), *blocked)
    left_out = [*unanswered, *selection.left_out]
    rank = {gap_id: place for place, gap_id in enumerate(gaps)}
    return PlanProposalV1(
        plan_proposal_id="unsealed",
        project_id=report.project_id,
        run_id=report.run_id,
        anchor_id=anchor.anchor_id,
        gap_report_id=report.gap_report_id,
        actions=actions,
        summary=_summary(actions, selection),
        governance_checks=governance_checks(anchor, report, actions, selection),
        metadata=PlanMetadata(
            base_commit=report.metadata.base_commit,
            policy_digest=policy.digest,
            sandbox_tier=circumstances.sandbox,
            recalled=tuple(sorted(recalled)),
            left_out=tuple(sorted(left_out, key=lambda left: rank[left.gap_id])),
        ),
    ).sealed()


def _urgency(gap: Gap) -> tuple[bool, int, str, str]:
    return (not gap.blocks_autopilot, RISKS.index(gap.risk_classification), gap.rule_id, gap.gap_id)


def _within_caps(circumstances: Circumstances, anchor: IntentionAnchorV2) -> Circumstances:
    """Return CIRCUMSTANCES with no more left of a budget than the anchor's cap."""
    tokens = (circumstances.remaining_tokens, anchor.budget_cost.token_cap_global)
    seconds = (circumstances.remaining_seconds, anchor.budget_cost.time_cap_seconds)
    return replace(
        circumstances,
        remaining_tokens=min((cap for cap in tokens if cap is not None), default=None),
        remaining_seconds=min((cap for cap in seconds if cap is not None), default=None),
    )


def _drafts(
    anchor: IntentionAnchorV2, kinds: Mapping[str, Kind], gaps: Iterable[Gap]
) -> tuple[list[Draft], list[LeftOut]]:
    """Return the drafts that answer GAPS, and the gaps that no kind answers."""
    by_kind: dict[str, list[Gap]] = {}
    for gap in gaps:
        by_kind.setdefault(_kind_for(gap, anchor, kinds), []).append(gap)
    drafts = [
        draft for name, group in sorted(by_kind.items()) if name in kinds for draft in kinds[name].remedy(tuple(group))
    ]
    answered = {gap_id for draft in drafts for gap_id in draft.gap_ids}
    unanswered = [
        LeftOut(gap_id=gap.gap_id, reason="no kind of action answers it")
        for group in by_kind.values()
        for gap in group
        if gap.gap_id not in answered
    ]
    return drafts, unanswered


def _kind_for(gap: Gap, anchor: IntentionAnchorV2, kinds: Mapping[str, Kind]) -> str:
    """Return the name of the kind that answers GAP: its remedy's, else an agent's task where the anchor speaks of
    them, else advice."""
    if gap.remedy is not None and gap.remedy.kind in kinds and kinds[gap.remedy.kind].deterministic:
        return gap.remedy.kind
    # A run's own logs are evidence, and nothing that an agent may change.
    names_files = any(
        evidence.path is not None and not evidence.path.startswith(f"{RUNS_FOLDER}/") for evidence in gap.evidence
    )
    if names_files and gap.gap_type not in FOR_PEOPLE and _wants_agents(anchor) and "agent_task" in kinds:
        return "agent_task"
    return "advice"


def _wants_agents(anchor: IntentionAnchorV2) -> bool:
    """Tell whether the owner reckons with agents: `safety_risk.requires_approval` names `agent_task`. Otherwise a
    brief for one would only be noise."""
    return "agent_task" in anchor.safety_risk.requires_approval


def _guarded_places(anchor: IntentionAnchorV2) -> PathList:
    """Return what a person decides on, widened by the folder in which each of the anchor's protective patterns
    begins."""
    written = (
        *anchor.scope_boundaries.protected_paths,
        *anchor.safety_risk.never_allow,
        *anchor.safety_risk.requires_approval,
    )
    folders = {folder for pattern in written if (folder := _folder_of(pattern))}
    built_in = (pattern for patterns in NEVER_AUTO_APPROVED.values() for pattern in patterns)
    return protecting((*built_in, *written, *sorted(folders)))


def _folder_of(pattern: str) -> str | None:
    """Return the folder (as an anchored pattern) before the first wildcard of PATTERN; None for the root."""
    parts = pattern.strip("/").split("/")
    plain = next((place for place, part in enumerate(parts) if any(sign in part for sign in "*?[")), len(parts))
    folder = parts[: min(plain, len(parts) - 1)]
    return "/" + "/".join(folder) + "/" if folder else None


@dataclass(frozen=True)
class _Judge:
    """Costs, scores and judges drafts."""

    anchor: IntentionAnchorV2
    policy: Decider
    kinds: Mapping[str, Kind]
    gaps: Mapping[str, Gap]
    circumstances: Circumstances
    guarded: PathList
    experience: Experience

    def candidate(self, draft: Draft) -> Candidate:
        gaps = self._gaps_of(draft)
        return Candidate(
            draft=draft,
            paths=draft_paths(draft),
            blocks_autopilot=any(gap.blocks_autopilot for gap in gaps),
            gap_risk=worst(gap.risk_classification for gap in gaps),
        )

    def judged(self, candidate: Candidate, circumstances: Circumstances) -> Judged:
        kind = self.kinds[candidate.draft.kind]
        cost = estimate(candidate.draft, kind, self.experience.overruns.get(kind.name, NO_OVERRUN))
        risk = assess(self._risk_facts(candidate))
        verdict = self._verdict(candidate, risk.score, cost, circumstances)
        return Judged(candidate, cost, risk, *_with_own_rule(verdict, risk))

    def action(self, judged: Judged) -> Action:
        draft = judged.candidate.draft
        action = Action(
            action_id=UNNAMED,
            kind=draft.kind,
            title=draft.title,
            gap_ids=draft.gap_ids,
            target_paths=judged.candidate.paths,
            operations=draft.operations,
            brief=draft.brief,
            risk_score=judged.risk.score,
            risk_classification=judged.risk.classification,
            risk_factors=judged.risk.factors,
            cost_estimate=judged.cost,
            rollback=_rollback(judged.candidate, self.kinds[draft.kind]),
            approval_status=judged.status,
            decided_by=judged.decided_by,
        )
        return action.model_copy(update={"action_id": expected_action_id(action)})

    def parts(self, blocked: Candidate) -> Sequence[Candidate]:
        """Divide a brief by whether its gaps, one by one, may be attempted. Exact remedies that share files stay
        whole."""
        if blocked.draft.operations or len(blocked.draft.gap_ids) < 2:
            return ()
        remedy = self.kinds[blocked.draft.kind].remedy
        gaps = self._gaps_of(blocked.draft)
        refused = {gap.gap_id for gap in gaps if all(self._is_blocked(draft) for draft in remedy((gap,)))}
        if not 0 < len(refused) < len(gaps):
            return ()
        halves = ([gap for gap in gaps if (gap.gap_id in refused) is side] for side in (False, True))
        return [self.candidate(draft) for half in halves for draft in remedy(tuple(half))]

    def _is_blocked(self, draft: Draft) -> bool:
        return self.judged(self.candidate(draft), self.circumstances).status == "blocked"

    def _gaps_of(self, draft: Draft) -> list[Gap]:
        return [self.gaps[gap_id] for gap_id in draft.gap_ids]

    def _risk_facts(self, candidate: Candidate) -> RiskFacts:
        draft, gaps, known = candidate.draft, self._gaps_of(candidate.draft), self.experience
        return RiskFacts(
            kind_base=self.kinds[draft.kind].base_risk,
            paths=len(candidate.paths),
            lines=draft.lines,
            deletions=sum(isinstance(operation, DeleteFile) for operation in draft.operations),
            moves=sum(isinstance(operation, MoveFile) for operation in draft.operations),
            guarded=sum(self.guarded.matches(path) for path in candidate.paths),
            irreversible=not self.kinds[draft.kind].reversible,
            gap_risk=candidate.gap_risk,
            confidence=max((gap.confidence for gap in gaps), key=_CONFIDENCES.index, default="low"),
            code_files=sum(map(is_code, candidate.paths)),
            untested=sum(is_code(path) and path not in known.tested for path in candidate.paths),
            importers=sum(known.importers.get(path, 0) for path in candidate.paths),
            undone_before=max((known.undone.get((draft.kind, path), 0) for path in candidate.paths), default=0),
            checks=len(self.anchor.evidence_verification.required_checks),
        )

    def _verdict(self, candidate: Candidate, score: int, cost: CostEstimate, circumstances: Circumstances) -> Verdict:
        kind = self.kinds[candidate.draft.kind]
        facts = ActionFacts(
            kind=kind.name,
            paths=candidate.paths,
            lines=cost.lines.high,
            risk=score,
            tokens=cost.tokens.high,
            seconds=cost.seconds.high,
            reversible=kind.reversible,
            hosts=kind.hosts,
        )
        return self.policy.decide(facts, circumstances)


def _with_own_rule(verdict: Verdict, risk: Assessment) -> tuple[Approval, tuple[str, ...]]:
    """Return the verdict, or the proposer's own stricter one: it may only ever tighten."""
    if verdict.outcome == "auto_approved" and risk.classification in {"high", "critical"}:
        return "requires_approval", (HIGH_RISK,)
    return verdict.outcome, tuple(sorted(verdict.rules))


def _rollback(candidate: Candidate, kind: Kind) -> str:
    if not candidate.paths:
        return "Nothing is touched."
    if not kind.reversible:
        return "Cannot be undone."
    return (
        "Before the commit the run's worktree returns to the tree that it had; afterwards `git revert` of the "
        "action's commit on the run's branch. The owner's checkout is not touched."
    )


def _summary(actions: Sequence[Action], selection: Selection) -> PlanSummary:
    counted = [action.approval_status for action in actions]
    return PlanSummary(
        total_actions=len(actions),
        auto_approved=counted.count("auto_approved"),
        requires_approval=counted.count("requires_approval"),
        blocked=counted.count("blocked"),
        lines_high=selection.lines,
        files=len(selection.files),
    )
