"""The use-cases of approvals: what waits, what it says, deciding it, taking it back, and why it went stale."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Literal

from autopack.actions.models import Action
from autopack.artifacts.seals import is_sealed
from autopack.artifacts.store import read_artifact
from autopack.clock import Clock, SystemClock, timestamp
from autopack.config import Settings
from autopack.errors import ArtifactError, DeniedByPolicy, StaleError, UsageError
from autopack.file_layout import RunFileLayout
from autopack.gaps.fingerprints import fingerprint
from autopack.gaps.models import Gap, GapReportV1
from autopack.git import Git
from autopack.governance.approvals import (
    ApprovalRecord,
    all_records,
    binding_of,
    record_of,
    records_of_run,
    staleness,
)
from autopack.governance.channels.cli import decide_at_terminal
from autopack.governance.decisions import Decided, Present, revoke
from autopack.governance.measured import Measured
from autopack.governance.models import ApprovalBinding, ApprovalRequestV1, Decision, StandingGrant
from autopack.governance.signatures import sign
from autopack.governance.standing_grants import grants_on_record
from autopack.intention_anchor.v2 import GovernanceReview, IntentionAnchorV2
from autopack.operations.base_policy import policy_for
from autopack.operations.intention import load_committed_intention
from autopack.operations.scanning import scan_workspace
from autopack.planning.models import PlanProposalV1
from autopack.policy.decide import Policy
from autopack.policy.facts import Circumstances
from autopack.proofs.escalation import measured_changes
from autopack.store.database import Database, open_database
from autopack.store.grants import revoke_grant
from autopack.store.runs import get_run, list_runs

_ACTION_ID = re.compile(r'"action_id":"(action-[0-9a-f]{12})"')

Status = Literal["waiting", "approved", "rejected", "used", "stale", "expired", "revoked"]


@dataclass(frozen=True)
class Approval:
    """A request as people see it, held against what is there now."""

    record: ApprovalRecord
    current: ApprovalBinding | None
    """What a request for the action would bind to now; None where the plan no longer holds it or cannot be read."""
    moved: tuple[str, ...]
    """What the request binds to and has moved since, one sentence each."""

    @property
    def request(self) -> ApprovalRequestV1:
        return self.record.request

    @property
    def action_id(self) -> str:
        return self.record.request.binding.action_id

    @property
    def status(self) -> Status:
        if self.record.rejected:
            return "rejected"
        if self.record.used_for is not None:
            return "used"
        if self.record.revoked:
            return "revoked"
        if self.record.ended:
            return "expired"
        if self.moved:
            return "stale"
        return "waiting" if self.record.decision is None else "approved"


@dataclass(frozen=True)
class StaleAction:
    """One action of a run whose approval may have gone stale, and whether the action itself still stands."""

    action_id: str
    title: str
    reasons: tuple[str, ...]
    """What moved for this action: files, findings, intention, policy, the plan."""
    stays_valid: bool
    """Nothing of what the action is about moved: proposed anew it is the same, and only has to be asked again."""
    goes_on: bool
    """`approve` and `resume` still take it: nothing at all moved, and its request has neither ended nor been taken
    back."""


def list_approvals(
    settings: Settings, *, run_id: str | None = None, everything: bool = False, clock: Clock | None = None
) -> tuple[Approval, ...]:
    """Return the requests of RUN_ID, or of all runs: those that wait, or EVERYTHING. Makes no file."""
    if not _database_path(settings).exists():
        return ()
    now = (clock or SystemClock()).now()
    with open_database(_database_path(settings)) as database:
        if run_id is None:
            records = all_records(database, now, undecided=not everything)
        else:
            records = records_of_run(database, run_id, now)
    looking = Looking(settings)
    found = tuple(looking.look_at(record) for record in records)
    return found if everything or run_id is not None else tuple(one for one in found if one.status == "waiting")


def find_approval(settings: Settings, identifier: str, *, run_id: str | None = None) -> Approval:
    """Return the latest request for the action (or request) whose id is or begins with IDENTIFIER.

    Raises UsageError for an unknown or ambiguous one, DeniedByPolicy where it is an action that policy blocks.
    """
    every = list_approvals(settings, run_id=run_id, everything=True)
    matches = [one for one in every if _is_meant(identifier, one.action_id, one.record.request.request_id)]
    actions = sorted({one.action_id for one in matches})
    if len(actions) > 1:
        raise UsageError(f"{identifier!r} could be {actions[0]} or {actions[1]}.", hint="Write more of the id.")
    if not matches:
        _explain_absence(settings, identifier, run_id)
    return matches[-1]


def decide_approvals(
    settings: Settings,
    approvals: Sequence[Approval],
    decision: Decision,
    *,
    reason: str = "",
    sign_with: Path | None = None,
    grant_paths: tuple[str, ...] = (),
    clock: Clock | None = None,
) -> tuple[Decided, ...]:
    """Store DECISION on each of APPROVALS, as the person at the terminal; all are looked at before the first is stored.

    SIGN_WITH is a private key, for repositories that ask for signatures. Raises StaleError naming what moved or
    expired, UsageError where somebody decided otherwise before, DeniedByPolicy for who may not or what is blocked.
    """
    for approval in approvals:
        if approval.status in {"stale", "expired", "revoked"}:
            why = "; ".join(filter(None, (approval.record.ended, *approval.moved)))
            raise StaleError(
                f"The request for {approval.action_id} is void: {why}.",
                hint="Start a new run: autopack autopilot --enable",
            )
    now = (clock or SystemClock()).now()
    looking = Looking(settings)
    with open_database(_database_path(settings)) as database:
        return tuple(
            decide_at_terminal(
                database,
                one.record,
                decision,
                present=looking.present(one.record),
                actor=settings.actor,
                reason=reason,
                signature="" if sign_with is None else sign(one.record.request, decision, sign_with),
                grant_paths=grant_paths,
                now=now,
            )
            for one in approvals
        )


def revoke_approvals(
    settings: Settings, identifiers: Sequence[str], *, run_id: str | None = None, reason: str = ""
) -> tuple[str, ...]:
    """Take requests, approvals, remembered rejections or standing grants back; return their ids.

    Raises UsageError for an unknown id and for an approval that was used.
    """
    found = [one if one.startswith("grant-") else find_approval(settings, one, run_id=run_id) for one in identifiers]
    now = SystemClock().now()
    with open_database(_database_path(settings)) as database:
        return tuple(_revoke(settings, database, one, reason, timestamp(now)) for one in found)


def _revoke(settings: Settings, database: Database, one: Approval | str, reason: str, now: str) -> str:
    if isinstance(one, str):
        if not revoke_grant(database, one, revoked_by=settings.actor, revoked_at=now):
            raise UsageError(f"There is no standing grant {one!r}.", hint="autopack approvals grants")
        return one
    revoke(database, one.record, revoked_by=settings.actor, reason=reason, now=SystemClock().now())
    return one.record.request.request_id


def standing_grants(settings: Settings) -> tuple[tuple[StandingGrant, str], ...]:
    """Return every standing grant with its state: `active`, `expired`, `revoked by …`, or `void: …`."""
    if not _database_path(settings).exists():
        return ()
    with open_database(_database_path(settings)) as database:
        found = grants_on_record(database)
    looking, now = Looking(settings), timestamp(SystemClock().now())
    states = []
    for grant, row in found:
        state = "active"
        if row.revoked_by is not None:
            state = f"revoked by {row.revoked_by}"
        elif grant.expires_at <= now:
            state = "expired"
        elif looking.anchor is None or looking.anchor.anchor_id != grant.anchor_id:
            state = "void: the intention changed"
        elif looking.policy is None or looking.policy.digest != grant.policy_digest:
            state = "void: the policy changed"
        states.append((grant, state))
    return tuple(states)


def explain_staleness(settings: Settings, run_id: str) -> tuple[StaleAction, ...]:
    """Return, for each action of the run that was asked about, what moved since and whether the action still stands.

    Files are compared between the commit that was approved on and HEAD; what an action is about are its own paths and
    its findings, which are looked for anew.
    """
    latest = {one.action_id: one for one in list_approvals(settings, run_id=run_id, everything=True)}
    looking = Looking(settings)
    gone = _findings_gone(settings, latest.values())
    return tuple(_explained(settings, looking, one, gone) for one in latest.values())


def _findings_gone(settings: Settings, asked: Collection[Approval]) -> dict[str, str]:
    """Return the findings of the run that ASKED which are not there any more: gap id -> title."""
    report = next((found for found in map(partial(_report_of, settings), asked) if found is not None), None)
    if report is None:
        return {}
    now = scan_workspace(settings, report.run_id, report.project_id).gaps
    same = {gap.gap_id for gap in now} | {_found_at(gap) for gap in now}
    return {gap.gap_id: gap.title for gap in report.gaps if not {gap.gap_id, _found_at(gap)} & same}


def _found_at(gap: Gap) -> str:
    """Return what GAP is and in which files, whatever line it has moved to."""
    return " ".join((fingerprint(gap), *sorted({one.path or "" for one in gap.evidence})))


def _report_of(settings: Settings, one: Approval) -> GapReportV1 | None:
    layout = RunFileLayout(settings.runs_root, one.request.project_id, one.request.run_id)
    try:
        return read_artifact(layout.gap_report, GapReportV1)
    except ArtifactError:
        return None


def _explained(settings: Settings, looking: Looking, one: Approval, gone: Mapping[str, str]) -> StaleAction:
    request = one.record.request
    title = request.title or request.kind or ""
    action = looking.action(request)
    if action is None:
        return StaleAction(one.action_id, title, (*one.moved,), False, goes_on=False)
    own = [sentence for sentence in one.moved if not sentence.startswith("the base commit")]
    head = looking.head
    base = request.binding.base_commit
    touched: list[str] = []
    if head is not None and head != base:
        changed = _changed_between(settings, base, head)
        touched = ["its base is no longer there"] if changed is None else sorted(changed & set(action.target_paths))
        own += [f"{path} changed since {base[:12]}" if changed is not None else path for path in touched]
        if not touched:
            own.append(f"the base commit moved to {head[:12]}, but none of its files changed")
    lost = [gap for gap in action.gap_ids if gap in gone]
    own += [f"its finding {gap} is gone ({gone[gap]})" for gap in lost]
    same_rules = one.current is not None and (one.current.anchor_id, one.current.policy_digest) == (
        request.binding.anchor_id,
        request.binding.policy_digest,
    )
    same_action = one.current is not None and one.current.action_digest == request.binding.action_digest
    is_same = not touched and not lost and same_rules and same_action
    own += [one.record.ended] if one.record.ended else []
    return StaleAction(one.action_id, title, tuple(own), is_same, goes_on=not one.moved and not one.record.ended)


def _changed_between(settings: Settings, base: str, head: str) -> frozenset[str] | None:
    answer = Git(settings.workspace).run("diff", "--name-only", "--no-renames", "-z", base, head, check=False)
    if answer.code != 0:
        return None
    return frozenset(path for path in answer.text.split("\0") if path)


class Looking:
    """What requests are held against: the committed intention, the policy and the plans. Each is looked up once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._plans: dict[str, PlanProposalV1 | None] = {}
        self._actions: dict[str, dict[str, Action]] = {}
        self._measured: dict[str, dict[str, Measured]] = {}
        self._intact: dict[str, tuple[str, frozenset[str]]] = {}

    @cached_property
    def head(self) -> str | None:
        return Git(self._settings.workspace).head()

    @cached_property
    def anchor(self) -> IntentionAnchorV2 | None:
        return None if self.head is None else load_committed_intention(self._settings, self.head)

    @cached_property
    def policy(self) -> Policy | None:
        return None if self.anchor is None else policy_for(self._settings, self.anchor, self.head)

    def look_at(self, record: ApprovalRecord) -> Approval:
        """Return RECORD with what moved since it was asked."""
        request = record.request
        current = self._binding(request)
        return Approval(record, current, staleness(request.binding, current))

    def present(self, record: ApprovalRecord) -> Present:
        """Return everything that an answer to RECORD is held against, the policy asked again now."""
        action, anchor, policy = self.action(record.request), self.anchor, self.policy
        if anchor is None or policy is None or action is None:
            return Present(GovernanceReview(), None)
        review = anchor.governance_review
        return Present(
            review=review,
            current=self._binding(record.request),
            action=action,
            blocked_by=_blocking(action, policy),
            allowed_signers=self._allowed_signers(review),
        )

    def action(self, request: ApprovalRequestV1) -> Action | None:
        """Return the action that REQUEST is about, as its plan holds it now."""
        if request.run_id not in self._actions:
            plan = self._plan_of(request.project_id, request.run_id)
            actions = () if plan is None else plan.actions
            self._actions[request.run_id] = {action.action_id: action for action in actions}
        return self._actions[request.run_id].get(request.binding.action_id)

    def plan(self, project_id: str, run_id: str) -> PlanProposalV1 | None:
        """Return the plan of a run, or None where it is missing or damaged."""
        return self._plan_of(project_id, run_id)

    def _allowed_signers(self, review: GovernanceReview) -> bytes | None:
        if review.allowed_signers is None or self.head is None:
            return None
        return Git(self._settings.workspace).show(self.head, review.allowed_signers.removeprefix("/"))

    def _binding(self, request: ApprovalRequestV1) -> ApprovalBinding | None:
        if self._is_as_asked(request):
            return request.binding.model_copy(update=self._rules)
        plan, action = self._plan_of(request.project_id, request.run_id), self.action(request)
        if plan is None or action is None:
            return None
        if request.run_id not in self._measured:
            self._measured[request.run_id] = measured_changes(self._layout(request), plan)
        measured = self._measured[request.run_id].get(action.action_id)
        return binding_of(plan, action, measured).model_copy(update=self._rules)

    def _is_as_asked(self, request: ApprovalRequestV1) -> bool:
        """Return whether the plan on disk is byte for byte the one that REQUEST was made from, and nothing of the run
        was carried out yet: then its actions are the ones that were shown, and need not be digested anew."""
        run_id, binding = request.run_id, request.binding
        if run_id not in self._intact:
            empty: tuple[str, frozenset[str]] = ("", frozenset())
            carried_out = self._layout(request).proofs.exists()
            self._intact[run_id] = empty if carried_out else self._intact_plan(request)
        plan_id, actions = self._intact[run_id]
        return binding.measured_digest is None and binding.plan_proposal_id == plan_id and binding.action_id in actions

    def _intact_plan(self, request: ApprovalRequestV1) -> tuple[str, frozenset[str]]:
        """Return the ids of the run's plan and of its actions, or nothing where the plan as it is written is not the
        one that REQUEST names."""
        try:
            text = self._layout(request).plan_proposal.read_text(encoding="utf-8").removesuffix("\n")
        except (OSError, UnicodeDecodeError):
            return "", frozenset()
        named = request.binding.plan_proposal_id
        if not is_sealed(text, field="plan_proposal_id", prefix=PlanProposalV1.ID_PREFIX, artifact_id=named):
            return "", frozenset()
        return named, frozenset(_ACTION_ID.findall(text))

    def _layout(self, request: ApprovalRequestV1) -> RunFileLayout:
        return RunFileLayout(self._settings.runs_root, request.project_id, request.run_id)

    @cached_property
    def _rules(self) -> dict[str, str]:
        if self.head is None or self.anchor is None or self.policy is None:
            return {"base_commit": "0" * 40, "anchor_id": "none", "policy_digest": "0" * 64}
        return {"base_commit": self.head, "anchor_id": self.anchor.anchor_id, "policy_digest": self.policy.digest}

    def _plan_of(self, project_id: str, run_id: str) -> PlanProposalV1 | None:
        if run_id not in self._plans:
            path = RunFileLayout(self._settings.runs_root, project_id, run_id).plan_proposal
            try:
                self._plans[run_id] = read_artifact(path, PlanProposalV1)
            except ArtifactError:
                self._plans[run_id] = None
        return self._plans[run_id]


def _blocking(action: Action, policy: Policy) -> tuple[str, ...]:
    """Return the rules that block ACTION: as the plan says, or asked again now."""
    from autopack.actions.claims import claimed_facts
    from autopack.actions.registry import all_kinds

    if action.approval_status == "blocked":
        return action.decided_by
    kind = all_kinds().get(action.kind)
    if kind is None:
        return ("block.unknown-kind",)
    verdict = policy.decide(claimed_facts(action, kind), Circumstances())
    return verdict.rules if verdict.outcome == "blocked" else ()


def find_record(settings: Settings, database: Database, request_id: str, clock: Clock) -> Approval | None:
    """Return the request of that id as it stands now, or None."""
    record = record_of(database, request_id, clock.now())
    return None if record is None else Looking(settings).look_at(record)


def _database_path(settings: Settings) -> Path:
    return settings.runs_root / "autopack.db"


def _is_meant(identifier: str, *ids: str) -> bool:
    """Return whether IDENTIFIER is one of IDS, or begins one with at least four of its hex digits."""
    return any(
        one == identifier
        or (len(identifier) >= 4 and one.rpartition("-")[2].startswith(identifier))
        or (identifier.rpartition("-")[0] == one.rpartition("-")[0] and one.startswith(identifier))
        for one in ids
    )


def _explain_absence(settings: Settings, identifier: str, run_id: str | None) -> None:
    """Raise the error that says why there is no request for IDENTIFIER."""
    for action in _planned_actions(settings, run_id):
        if _is_meant(identifier, action.action_id):
            if action.approval_status == "blocked":
                raise DeniedByPolicy(
                    f"{action.action_id} is blocked by {', '.join(action.decided_by)}; no approval can change that.",
                    hint="Change .autopack/intention.yaml if it should be possible, commit it, and propose again.",
                )
            raise UsageError(f"Nobody is asked about {action.action_id}: it is {action.approval_status}.")
    where = f" in run {run_id}" if run_id else ""
    raise UsageError(f"There is no request {identifier!r}{where}.", hint="autopack approvals list")


def _planned_actions(settings: Settings, run_id: str | None) -> tuple[Action, ...]:
    """Return the actions of the plan of RUN_ID, or of the latest run."""
    if not _database_path(settings).exists():
        return ()
    with open_database(_database_path(settings)) as database:
        runs = list_runs(database, most=1)
        run = get_run(database, run_id) if run_id is not None else (runs[0] if runs else None)
    if run is None:
        return ()
    plan = Looking(settings).plan(run.project_id, run.run_id)
    return () if plan is None else plan.actions
