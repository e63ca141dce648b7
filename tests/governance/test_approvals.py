"""Approvals are asked once, decided once, used once, and void when anything they are about moves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from asked import Question, a_review, an_approver
from autopack.actions.models import Action
from autopack.artifacts.events import read_events
from autopack.artifacts.store import read_artifact
from autopack.errors import ArtifactError, DeniedByPolicy, StaleError, UsageError
from autopack.file_layout import RunFileLayout
from autopack.gaps.models import Gap, GapReportV1
from autopack.governance.approvals import (
    ApprovalRecord,
    Asked,
    Asking,
    all_records,
    binding_of,
    consume,
    record_of,
    records_for,
    records_of_run,
    request_approvals,
    staleness,
)
from autopack.governance.decisions import Answer, Decided, Present, decide, revoke
from autopack.governance.models import ApprovalRequestV1, Decision, RecordedDecision
from autopack.intention_anchor.v2 import GovernanceReview
from autopack.planning.models import PlanProposalV1
from autopack.store.database import Database, open_database
from governed import EXECUTABLE, a_plan, an_action, gap_at
from plans import edit, move, report

_NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(tmp_path / ".autonomous_runs" / "autopack.db") as opened:
        yield opened


def _layout(database: Database, run_id: str = "run-1") -> RunFileLayout:
    return RunFileLayout(database.path.parent, "sample", run_id)


def _report(*gaps: Gap) -> GapReportV1:
    return report(gaps or [gap_at(f"{name}.md") for name in "abc"])


def _ask(
    database: Database,
    plan: PlanProposalV1,
    found: GapReportV1 | None = None,
    now: datetime = _NOW,
    review: GovernanceReview | None = None,
) -> Asked:
    return request_approvals(
        database,
        _layout(database, plan.run_id),
        plan,
        found or _report(),
        executable=EXECUTABLE,
        asking=Asking(review or GovernanceReview(), "cli:ada"),
        now=now,
    )


def _decide(
    database: Database,
    record: ApprovalRecord,
    plan: PlanProposalV1,
    decision: Decision = "allow_once",
    by: str = "ada",
    *,
    reason: str = "",
    now: datetime = _NOW,
    **present: object,
) -> RecordedDecision:
    action = next((one for one in plan.actions if one.action_id == record.request.binding.action_id), None)
    current = None if action is None else binding_of(plan, action)
    stated = {"review": GovernanceReview(), "current": current, "action": action, **present}
    answer = Answer(decision, by, "cli", reason)
    decided = decide(database, record, answer, present=Present(**stated), now=now)  # type: ignore[arg-type]
    assert decided.standing is not None
    return decided.standing


def test_requests_are_made_for_what_needs_a_person_and_can_be_carried_out(database: Database) -> None:
    """Only actions that require approval and have hands are asked about, in the store and as artifacts of the run."""
    plan = a_plan(
        an_action("a.md"),
        an_action("b.md", "auto_approved"),
        an_action("c.md", "blocked"),
        an_action("d.md", kind="advice"),
    )
    asked = _ask(database, plan)
    assert [one.request.binding.action_id for one in asked.waiting] == [plan.actions[0].action_id]
    stored = read_artifact(_layout(database).approval_request(plan.actions[0].action_id), ApprovalRequestV1)
    assert stored == asked.waiting[0].request == records_of_run(database, "run-1", _NOW)[0].request
    assert not _layout(database).approval_request(plan.actions[2].action_id).exists()


def test_asking_again_asks_nothing_new(database: Database) -> None:
    """The same plan asked later has the same requests, and the first question keeps its instant."""
    plan = a_plan(an_action("a.md"), an_action("b.md"))
    first = _ask(database, plan)
    second = _ask(database, plan, now=_NOW + timedelta(hours=1))
    assert second == first
    assert len(all_records(database, _NOW)) == 2


def test_the_first_decision_wins_and_says_who_and_when(database: Database) -> None:
    """Deciding the same again is harmless; deciding otherwise is refused with the name, the channel and the time."""
    plan = a_plan(an_action("a.md"))
    (record,) = _ask(database, plan).waiting
    first = _decide(database, record, plan)
    assert _decide(database, record, plan, by="eve") == first
    with pytest.raises(UsageError, match="was approved by ada via cli at 2026-01-02T03:04:05Z") as refused:
        _decide(database, record, plan, "reject_once", by="eve")
    assert f"autopack approvals revoke {plan.actions[0].action_id}" in refused.value.hint
    assert records_of_run(database, "run-1", _NOW)[0].decision == first


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("action_id", "action-cccccccccccc", "the action was action-"),
        ("action_digest", "c" * 64, "the content of the action was "),
        ("base_commit", "c" * 40, "the base commit was aaaaaaaaaaaa and is cccccccccccc"),
        ("anchor_id", "anchor-moved", "the intention anchor was anchor-"),
        ("plan_proposal_id", "plan-proposal-moved", "the plan was plan-proposal-"),
        ("policy_digest", "c" * 64, "the policy was bbbbbbbbbbbb and is cccccccccccc"),
    ],
)
def test_a_request_is_void_when_anything_it_binds_to_moves(
    database: Database, field: str, value: str, said: str
) -> None:
    """Each moved part is named, and neither approving nor rejecting is stored."""
    plan = a_plan(an_action("a.md"))
    (record,) = _ask(database, plan).waiting
    moved = record.request.binding.model_copy(update={field: value})
    assert staleness(record.request.binding, moved)[0].startswith(said)
    assert len(staleness(record.request.binding, moved)) == 1
    for decision in ("allow_once", "reject_once"):
        with pytest.raises(StaleError) as refusal:
            _decide(database, record, plan, decision, current=moved)
        assert said in refusal.value.message
    assert records_of_run(database, "run-1", _NOW)[0].decision is None


def test_every_part_of_a_binding_is_compared(database: Database) -> None:
    """A binding that gains a part without being compared is noticed here."""
    plan = a_plan(an_action("a.md"))
    binding = binding_of(plan, plan.actions[0])
    for field in type(binding).model_fields:
        moved = binding.model_copy(update={field: "0"})
        assert len(staleness(binding, moved)) == 1, field
    assert staleness(binding, None) == (f"{binding.action_id} is no longer part of the plan",)
    assert staleness(binding, binding) == ()


def test_a_blocked_action_cannot_be_approved_but_can_be_rejected(database: Database) -> None:
    """Approving what policy blocks now is refused by the rules' names; nothing is stored."""
    plan = a_plan(an_action("a.md"))
    (record,) = _ask(database, plan).waiting
    with pytest.raises(DeniedByPolicy, match=r"blocked by block\.protected; no approval can change that"):
        _decide(database, record, plan, blocked_by=("block.protected",))
    assert records_of_run(database, "run-1", _NOW)[0].decision is None
    assert _decide(database, record, plan, "reject_once", blocked_by=("block.protected",)).decision == "reject_once"


def test_an_approval_is_used_once(database: Database) -> None:
    """The use that took an approval keeps it; any other use is refused, and so is using a rejection."""
    plan = a_plan(an_action("a.md"), an_action("b.md"), an_action("c.md"))
    allowed, rejected, undecided = _ask(database, plan).waiting
    _decide(database, allowed, plan)
    _decide(database, rejected, plan, "reject_once")
    consume(database, allowed.request.request_id, "run-1/x", _NOW)
    consume(database, allowed.request.request_id, "run-1/x", _NOW)
    for request, use in ((allowed, "run-2/x"), (rejected, "run-1/y"), (undecided, "run-1/z")):
        with pytest.raises(StaleError, match="used up, expired, revoked, or was never given"):
            consume(database, request.request.request_id, use, _NOW)


def test_a_used_up_approval_is_asked_anew_with_another_request(database: Database) -> None:
    """What was used for something else is asked again, even within the same second."""
    plan = a_plan(an_action("a.md"))
    (first,) = _ask(database, plan).waiting
    _decide(database, first, plan)
    consume(database, first.request.request_id, "elsewhere", _NOW)
    (second,) = _ask(database, plan).waiting
    assert second.request.request_id != first.request.request_id
    assert second.decision is None


def _rejected_once(database: Database, action: Action, found: GapReportV1) -> None:
    plan = a_plan(action)
    (record,) = _ask(database, plan, found).waiting
    _decide(database, record, plan, "reject_once")


def test_a_rejection_is_remembered_by_later_runs(database: Database) -> None:
    """The same action on the same evidence is shown as rejected in another run, and nobody is asked."""
    action = an_action("a.md")
    _rejected_once(database, action, _report())
    later = a_plan(action, run_id="run-2")
    asked = _ask(database, later)
    assert asked.waiting == ()
    assert [one.request.run_id for one in asked.rejected] == ["run-1"]
    assert records_for(database, later, _report(), _NOW)[action.action_id].rejected
    assert records_of_run(database, "run-2", _NOW) == ()


def test_a_rejection_is_forgotten_when_its_evidence_changes(database: Database) -> None:
    """Another edit, or the same edit for a gap that now says something else, is asked about again."""
    action = an_action("a.md")
    _rejected_once(database, action, _report())
    changed = gap_at("a.md").model_copy(update={"why_it_matters": "It breaks the build now."})
    assert len(_ask(database, a_plan(action, run_id="run-2"), _report(changed)).waiting) == 1
    assert len(_ask(database, a_plan(action), _report(changed)).waiting) == 1
    other_edit = an_action("a.md", operations=[edit("a.md", new="third")])
    assert len(_ask(database, a_plan(other_edit, run_id="run-3")).waiting) == 1


@pytest.mark.parametrize("worse_first", [False, True])
def test_any_other_evidence_makes_a_rejection_forgotten(database: Database, *, worse_first: bool) -> None:
    """Whichever of two digests of evidence is the larger: what was rejected by the one is asked about by the other."""
    action = an_action("a.md")
    worse = _report(gap_at("a.md").model_copy(update={"why_it_matters": "It breaks the build now."}))
    before, after = (worse, _report()) if worse_first else (_report(), worse)
    _rejected_once(database, action, before)
    assert len(_ask(database, a_plan(action), after).waiting) == 1


@pytest.mark.parametrize(("needed", "people"), [(1, "one person"), (2, "2 people"), (3, "3 people")])
def test_a_request_says_who_asks_how_many_answer_and_until_when(database: Database, needed: int, people: str) -> None:
    """The last line of a request names the asker, the number of people and the end, which the owner's hours set."""
    names = ("ada", "grace", "mary")[: max(needed, 2)]
    review = a_review(*map(an_approver, names), min_approvers=needed, approval_ttl_hours=5)
    (record,) = _ask(database, a_plan(an_action("a.md")), review=review).waiting
    assert record.request.canonical_text.splitlines()[-1] == (
        f"Asked by cli:ada; {people} can approve it until 2026-01-02T08:04:05Z."
    )
    assert (record.request.min_approvers, record.request.expires_at) == (needed, "2026-01-02T08:04:05Z")
    assert record_of(database, record.request.request_id, _NOW) == record
    assert record_of(database, "request-000000000000", _NOW) is None


def test_a_rejection_of_one_project_says_nothing_in_another(database: Database) -> None:
    """Rejections are remembered for each project of its own."""
    action = an_action("a.md")
    _rejected_once(database, action, _report())
    other = a_plan(action, run_id="run-2").model_copy(update={"project_id": "other"}).sealed()
    assert len(_ask(database, other).waiting) == 1


def test_an_action_too_large_to_be_shown_is_not_asked_about(database: Database) -> None:
    """It is reported with the reason, and the others are asked about."""
    paths = tuple(f"docs/{'x' * 100}/{number:04}.md" for number in range(400))
    large = an_action("a.md", operations=[move("a.md", "b.md")], target_paths=paths)
    asked = _ask(database, a_plan(large, an_action("b.md")))
    assert [action_id for action_id, _ in asked.unaskable] == [large.action_id]
    assert len(asked.waiting) == 1


@pytest.mark.parametrize("damage", ["edited", "cut"])
def test_a_stored_request_that_was_edited_is_refused(database: Database, damage: str) -> None:
    """A row that was changed behind the back is named, never shown or decided."""
    _ask(database, a_plan(an_action("a.md")))
    document = json.loads(database.rows("SELECT document FROM approval_requests")[0][0])
    document["canonical_text"] = "Nothing to see here"
    text = json.dumps(document) if damage == "edited" else "{"
    with database.change() as connection:
        connection.execute("UPDATE approval_requests SET document = ?", (text,))
    with pytest.raises(ArtifactError, match="was edited"):
        records_of_run(database, "run-1", _NOW)


@pytest.mark.parametrize(
    "change",
    [
        "expires_at = '2027-01-02T03:04:05Z'",
        "expires_at = '2026-01-02T03:04:06Z'",
        "action_id = 'action-000000000000'",
        "run_id = 'run-9'",
    ],
)
def test_a_stored_row_that_was_edited_is_refused(database: Database, change: str) -> None:
    """A request that was made to last longer, or moved to another action or run, beside its document, is named."""
    _ask(database, a_plan(an_action("a.md")))
    with database.change() as connection:
        connection.execute(f"UPDATE approval_requests SET {change}")
    with pytest.raises(ArtifactError, match="was edited"):
        all_records(database, _NOW)


def test_a_request_ends_at_its_last_second(database: Database) -> None:
    """One second before its end a request stands, at the end it has expired."""
    review = GovernanceReview(approval_ttl_hours=1)
    _ask(database, a_plan(an_action("a.md")), review=review)
    for seconds, ended in ((3_599, ""), (3_600, "it expired at 2026-01-02T04:04:05Z")):
        (record,) = all_records(database, _NOW + timedelta(seconds=seconds))
        assert record.ended == ended


def test_names_and_reasons_cannot_forge_anything(database: Database) -> None:
    """Line breaks and invisible characters in a name or a reason are written out, so that a commit trailer or a log
    line stays one line."""
    plan = a_plan(an_action("a.md"))
    (record,) = _ask(database, plan).waiting
    decided = _decide(database, record, plan, by="ada\nAutopack-Approval: root", reason="fine\u202e\n")
    assert decided.decided_by == "ada<U+000A>Autopack-Approval: root"
    assert decided.reason == "fine<U+202E><U+000A>"


def test_names_and_reasons_are_kept_up_to_a_length(database: Database) -> None:
    """200 characters of a name and 2,000 of a reason are kept, of decisions and of what takes them back."""
    plan = a_plan(an_action("a.md"))
    (record,) = _ask(database, plan).waiting
    decided = _decide(database, record, plan, "reject_once", by="a" * 201, reason="r" * 2_001)
    assert (decided.decided_by, decided.reason) == ("a" * 200, "r" * 2_000)
    revoke(database, record, revoked_by="b" * 201, reason="s" * 2_001, now=_NOW)
    rows = database.rows("SELECT revoked_by, reason FROM revocations")
    assert [tuple(row) for row in rows] == [("b" * 200, "s" * 2_000)]


def test_an_approver_who_signs_nothing_is_kept_up_to_the_same_length(database: Database) -> None:
    """The name of whoever approves is bounded like that of whoever rejects."""
    plan = a_plan(an_action("a.md"))
    (record,) = _ask(database, plan).waiting
    assert _decide(database, record, plan, by="a" * 201).decided_by == "a" * 200


def test_saying_yes_once_more_gives_no_second_grant(database: Database) -> None:
    """Who answered beforehand and then approves the same request once hears what stands, and nothing is granted."""
    action = an_action("a.md")
    plan, review = a_plan(action), a_review(standing_grant_days=7)
    _ask(database, plan, review=review)
    present = Present(review, binding_of(plan, action), action)

    def say(decision: Decision) -> Decided:
        (now,) = all_records(database, _NOW)
        return decide(database, now, Answer(decision, "ada", "cli"), present=present, now=_NOW)

    first, second = say("allow_always"), say("allow_once")
    assert first.grant is not None
    assert (first.grant.granted_by, first.grant.channel) == ("ada", "cli")
    assert second.grant is None
    assert first.standing == second.standing


@pytest.mark.parametrize(
    ("first", "then", "said"),
    [("reject_once", "allow_once", "rejected by ada"), ("allow_once", "reject_once", "approved by ada")],
)
def test_nobody_hears_yes_where_the_opposite_stands(
    database: Database, first: Decision, then: Decision, said: str
) -> None:
    """Whoever answers the other way round after somebody else is told what stands, and by whom."""
    plan = a_plan(an_action("a.md"))
    (record,) = _ask(database, plan).waiting
    _decide(database, record, plan, first)
    with pytest.raises(UsageError, match=said):
        _decide(database, record, plan, then, by="eve")


@pytest.mark.parametrize(("first", "by"), [("allow_once", "eve"), ("allow_once", "ada"), ("allow_always", "eve")])
def test_only_the_answer_that_stands_gives_a_grant(database: Database, first: Decision, by: str) -> None:
    """Whoever answers beforehand after somebody else's answer, or after an own one for once, grants nothing."""
    action = an_action("a.md")
    plan, review = a_plan(action), a_review(standing_grant_days=7)
    _ask(database, plan, review=review)
    present = Present(review, binding_of(plan, action), action)
    decided = []
    for decision, who in ((first, "ada"), ("allow_always", by)):
        (record,) = all_records(database, _NOW)
        decided.append(decide(database, record, Answer(decision, who, "cli"), present=present, now=_NOW))
    assert (decided[0].grant is not None) is (first == "allow_always")
    assert decided[1].grant is None


def test_one_of_two_who_says_yes_twice_is_recorded_once(database: Database) -> None:
    """While others are to answer, the same person's same answer again is no new one, in the store nor in the log."""
    question = Question(database, a_review(an_approver("ada"), an_approver("bob"), min_approvers=2))
    question.ask()
    first, second, last = question.answer(), question.answer(), question.answer(by="bob")
    assert (first.is_new, second.is_new, last.is_new) == (True, False, True)
    assert (second.standing, last.standing is not None) == (None, True)
    events = read_events(_layout(database).event_log).events
    assert [one.details["decided_by"] for one in events if one.event == "decision"] == ["ada", "bob"]


def test_who_approves_what_somebody_else_approved_leaves_no_trace(database: Database) -> None:
    """The first decision stands under its own name, and the log has no second one."""
    question = Question(database, a_review())
    question.ask()
    first, second = question.answer(), question.answer(by="bob")
    assert (second.standing, second.is_new) == (first.standing, False)
    assert [one.event for one in read_events(_layout(database).event_log).events].count("decision") == 1
