"""A question that waits for people, for tests of approvals and channels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from autopack.actions.models import Action
from autopack.file_layout import RunFileLayout
from autopack.gaps.models import GapReportV1
from autopack.governance.approvals import (
    ApprovalRecord,
    Asked,
    Asking,
    all_records,
    binding_of,
    record_of,
    records_for,
    request_approvals,
)
from autopack.governance.decisions import Answer, Decided, Present, decide
from autopack.governance.gate import GateResult, grants
from autopack.governance.models import ApprovalRequestV1, Decision
from autopack.intention_anchor.v2 import Approver, GovernanceReview, IntentionAnchorV2
from autopack.planning.models import PlanProposalV1
from autopack.store.database import Database
from governed import BASE, EXECUTABLE, a_plan, an_action, an_anchor, gap_at, verdicts_of
from plans import report

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def a_review(*approvers: Approver, **stated: object) -> GovernanceReview:
    """Return a governance review with APPROVERS and whatever is STATED."""
    return GovernanceReview.model_validate({"approvers": approvers, **stated})


def an_approver(name: str, *identities: str) -> Approver:
    """Return the approver NAME, known under IDENTITIES (default: at the terminal)."""
    return Approver(name=name, identities=identities or (f"cli:{name}",))


@dataclass
class Question:
    """One run that asks, in a database of its own. `now` is the clock of whoever acts next."""

    database: Database
    review: GovernanceReview = field(default_factory=GovernanceReview)
    actions: tuple[Action, ...] = field(default_factory=lambda: (an_action("a.md"),))
    requested_by: str = "cli:grace"
    run_id: str = "run-1"
    now: datetime = NOW

    @property
    def anchor(self) -> IntentionAnchorV2:
        stated = an_anchor(independent=True)
        pivots = stated.pivot_intentions.model_copy(update={"governance_review": self.review})
        return stated.model_copy(update={"pivot_intentions": pivots})

    @property
    def plan(self) -> PlanProposalV1:
        return a_plan(*self.actions, of=self.anchor, run_id=self.run_id)

    @property
    def report(self) -> GapReportV1:
        return report([gap_at(path) for action in self.actions for path in action.target_paths])

    def ask(self) -> Asked:
        """Ask what needs a person."""
        return request_approvals(
            self.database,
            RunFileLayout(self.database.path.parent, "sample", self.run_id),
            self.plan,
            self.report,
            executable=EXECUTABLE,
            asking=Asking(self.review, self.requested_by),
            now=self.now,
        )

    @property
    def request(self) -> ApprovalRequestV1:
        """The request that is meant: the latest of the run."""
        return self.record.request

    @property
    def record(self) -> ApprovalRecord:
        return [one for one in all_records(self.database, self.now) if one.request.run_id == self.run_id][-1]

    def present(self, record: ApprovalRecord, **others: object) -> Present:
        """Return everything as it is now, with OTHERS instead."""
        action = next((one for one in self.actions if one.action_id == record.request.binding.action_id), None)
        current = None if action is None else binding_of(self.plan, action)
        stated = {"review": self.review, "current": current, "action": action, **others}
        return Present(**stated)  # type: ignore[arg-type]

    def answer(
        self,
        decision: Decision = "allow_once",
        by: str = "ada",
        *,
        channel: str = "cli",
        signature: str = "",
        grant_paths: tuple[str, ...] = (),
        **present: object,
    ) -> Decided:
        """Answer the request as BY on CHANNEL."""
        record = self.record
        answer = Answer(decision, by, channel, signature=signature, grant_paths=grant_paths)
        return decide(self.database, record, answer, present=self.present(record, **present), now=self.now)

    def find(self, nonce: str) -> ApprovalRecord | None:
        """Return the request that NONCE belongs to."""
        every = all_records(self.database, self.now)
        return next((one for one in every if one.request.nonce == nonce), None)

    def again(self, request_id: str) -> ApprovalRecord:
        """Return the record of that request as it is now."""
        found = record_of(self.database, request_id, self.now)
        assert found is not None
        return found

    def gate(self, executed: Iterable[str] = ()) -> GateResult:
        """Return what the gate lets through now."""
        return grants(
            self.plan,
            anchor=self.anchor,
            verdicts=verdicts_of(self.plan),
            records=records_for(self.database, self.plan, self.report, self.now),
            base_commit=BASE,
            executable=EXECUTABLE,
            executed=tuple(executed),
        )


def database_at(folder: Path) -> Path:
    """Return where the database of a test lies."""
    return folder / ".autonomous_runs" / "autopack.db"
