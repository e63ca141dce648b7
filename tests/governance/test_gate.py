"""The gate makes a grant only for what policy and people both let through, now, on this base."""

from __future__ import annotations

import ast
import dataclasses
from pathlib import Path

import pytest

from autopack.actions.models import Action
from autopack.artifacts.model import Approval
from autopack.errors import InternalError, StaleError
from autopack.governance import approvals
from autopack.governance.approvals import ApprovalRecord, binding_of
from autopack.governance.gate import GateResult, grants
from autopack.governance.models import ApprovalRequestV1, Decision, Grant, RecordedDecision
from autopack.intention_anchor.v2 import IntentionAnchorV2
from autopack.planning.models import PlanProposalV1
from autopack.policy.facts import Verdict
from governed import BASE, EXECUTABLE, a_plan, a_verdict, an_action, an_anchor, verdicts_of

_SOURCE = Path(approvals.__file__).parents[1]


def _decided(
    plan: PlanProposalV1, action: Action, decision: Decision | None = "allow_once", used_for: str | None = None
) -> ApprovalRecord:
    request = ApprovalRequestV1(
        request_id="unsealed",
        project_id=plan.project_id,
        run_id=plan.run_id,
        binding=binding_of(plan, action),
        canonical_text="text",
        asked_because=action.decided_by,
        requested_at="2026-01-02T03:04:05Z",
    ).sealed()
    made = None
    if decision is not None:
        made = RecordedDecision(request.request_id, decision, "ada", "cli", "2026-01-02T03:04:06Z", "")
    return ApprovalRecord(request, made, used_for)


def _gate(
    plan: PlanProposalV1,
    *,
    anchor: IntentionAnchorV2 | None = None,
    verdicts: dict[str, Verdict] | None = None,
    records: dict[str, ApprovalRecord] | None = None,
    base_commit: str = BASE,
    executed: tuple[str, ...] = (),
) -> GateResult:
    return grants(
        plan,
        anchor=anchor or an_anchor(),
        verdicts=verdicts_of(plan) if verdicts is None else verdicts,
        records=records or {},
        base_commit=base_commit,
        executable=EXECUTABLE,
        executed=executed,
    )


def _places(result: GateResult) -> dict[str, list[str]]:
    """Return which action is where, by the path that it edits, empty lists left out."""
    found = {"granted": [grant.action for grant in result.granted], "advice": list(result.advice)}
    found["executed"] = list(result.executed)
    for name in ("waiting", "stale", "blocked", "rejected", "held"):
        found[name] = [withheld.action for withheld in getattr(result, name)]
    return {name: [action.target_paths[0] for action in actions] for name, actions in found.items() if actions}


def test_an_action_that_policy_approves_twice_is_granted() -> None:
    """Auto-approved in the plan and now again: a grant that names the rules."""
    plan = a_plan(an_action("a.md", "auto_approved"))
    (grant,) = _gate(plan).granted
    assert (grant.action, grant.run_id, grant.base_commit) == (plan.actions[0], "run-1", BASE)
    assert (grant.approved_by, grant.request_id) == ("policy:owner.sample-rule", None)


@pytest.mark.parametrize("now", ["requires_approval", "blocked"])
def test_policy_that_turned_worse_takes_the_grant_away(now: Approval) -> None:
    """What the plan calls auto-approved is judged again, and the worse of the two counts."""
    plan = a_plan(an_action("a.md", "auto_approved"))
    result = _gate(plan, verdicts={plan.actions[0].action_id: a_verdict(now)})
    assert _places(result) == {"waiting" if now == "requires_approval" else "blocked": ["a.md"]}
    (withheld,) = result.waiting or result.blocked
    assert withheld.reason == ", ".join(a_verdict(now).rules)


def test_policy_that_turned_milder_does_not_replace_a_person() -> None:
    """What the plan left to a person stays with the person."""
    plan = a_plan(an_action("a.md"))
    result = _gate(plan, verdicts={plan.actions[0].action_id: a_verdict("auto_approved")})
    assert _places(result) == {"waiting": ["a.md"]}


def test_an_action_without_a_verdict_is_blocked() -> None:
    """No answer of the policy is no permission, whatever a person said."""
    plan = a_plan(an_action("a.md", "auto_approved"), an_action("b.md"))
    records = {plan.actions[1].action_id: _decided(plan, plan.actions[1])}
    assert _places(_gate(plan, verdicts={}, records=records)) == {"blocked": ["a.md", "b.md"]}


def test_a_decision_of_a_person_makes_a_grant() -> None:
    """An approval in force grants, and names who gave it and what will be used up."""
    plan = a_plan(an_action("a.md"))
    record = _decided(plan, plan.actions[0])
    (grant,) = _gate(plan, records={plan.actions[0].action_id: record}).granted
    assert (grant.approved_by, grant.request_id) == ("ada via cli", record.request.request_id)


@pytest.mark.parametrize(
    ("decision", "used_for", "place"),
    [
        (None, None, "waiting"),
        ("reject_once", None, "rejected"),
        ("allow_once", "run-0/something", "stale"),
        ("allow_once", None, "granted"),
    ],
)
def test_only_an_unused_approval_grants(decision: Decision | None, used_for: str | None, place: str) -> None:
    """No decision waits, a rejection is final, and an approval that was used for something else is void."""
    plan = a_plan(an_action("a.md"))
    records = {plan.actions[0].action_id: _decided(plan, plan.actions[0], decision, used_for)}
    assert _places(_gate(plan, records=records)) == {place: ["a.md"]}


def test_an_approval_taken_up_by_a_killed_run_stands_for_that_run() -> None:
    """The same action of the same run may go on with the approval that it used up before it was killed."""
    plan = a_plan(an_action("a.md"))
    action = plan.actions[0]
    use = approvals.use_of(plan.run_id, action.action_id)
    assert _places(_gate(plan, records={action.action_id: _decided(plan, action, "allow_once", use)})) == {
        "granted": ["a.md"]
    }


def test_a_blocked_action_is_not_granted_although_somebody_approved_it() -> None:
    """No approval lifts a block, be it the plan's or the policy's now."""
    plan = a_plan(an_action("a.md", "blocked"), an_action("b.md"))
    records = {action.action_id: _decided(plan, action) for action in plan.actions}
    verdicts = {
        plan.actions[0].action_id: a_verdict("auto_approved"),
        plan.actions[1].action_id: a_verdict("blocked"),
    }
    assert _places(_gate(plan, verdicts=verdicts, records=records)) == {"blocked": ["a.md", "b.md"]}


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("action_digest", "c" * 64, "the content of the action was cccccccccccc"),
        ("base_commit", "c" * 40, "the base commit was cccccccccccc"),
        ("anchor_id", "anchor-other", "the intention anchor was anchor-other"),
        ("plan_proposal_id", "plan-proposal-other", "the plan was plan-proposal-other"),
        ("policy_digest", "c" * 64, "the policy was cccccccccccc"),
        ("action_id", "action-cccccccccccc", "the action was action-cccccccccccc"),
    ],
)
def test_an_approval_of_anything_else_is_stale_and_says_of_what(field: str, value: str, said: str) -> None:
    """Each thing that an approval binds to voids it when it moved, and is named."""
    plan = a_plan(an_action("a.md"))
    record = _decided(plan, plan.actions[0])
    binding = record.request.binding.model_copy(update={field: value})
    moved = dataclasses.replace(record, request=record.request.model_copy(update={"binding": binding}))
    result = _gate(plan, records={plan.actions[0].action_id: moved})
    assert _places(result) == {"stale": ["a.md"]}
    assert said in result.stale[0].reason


def test_a_plan_for_another_intention_base_or_policy_grants_nothing_and_says_what_moved() -> None:
    """A plan that was made for something else is stale as a whole."""
    plan = a_plan(an_action("a.md", "auto_approved"))
    edited = plan.model_copy(update={"run_id": "run-2"})
    cases = {
        "the intention anchor was": lambda: _gate(plan, anchor=an_anchor(max_actions=3)),
        f"the base commit was {BASE[:12]} and is cccccccccccc": lambda: _gate(plan, base_commit="c" * 40),
        f"the base commit was {BASE[:12]} and is 000000000000": lambda: _gate(plan, base_commit="0" * 40),
        "the policy changed": lambda: _gate(
            plan, verdicts={plan.actions[0].action_id: a_verdict("auto_approved", "c" * 64)}
        ),
        "its content is not what its id says": lambda: _gate(edited),
    }
    for said, attempt in cases.items():
        with pytest.raises(StaleError) as refusal:
            attempt()
        assert said in refusal.value.message


def test_one_waiting_action_holds_the_whole_batch() -> None:
    """all_or_nothing: nothing runs while anything waits or is stale; a rejected or blocked action holds nobody."""
    plan = a_plan(an_action("a.md", "auto_approved"), an_action("b.md"))
    result = _gate(plan)
    assert _places(result) == {"waiting": ["b.md"], "held": ["a.md"]}
    assert "all_or_nothing" in result.held[0].reason

    used = {plan.actions[1].action_id: _decided(plan, plan.actions[1], "allow_once", "elsewhere")}
    assert _places(_gate(plan, records=used)) == {"stale": ["b.md"], "held": ["a.md"]}
    rejected = {plan.actions[1].action_id: _decided(plan, plan.actions[1], "reject_once")}
    assert _places(_gate(plan, records=rejected)) == {"granted": ["a.md"], "rejected": ["b.md"]}
    approved = {plan.actions[1].action_id: _decided(plan, plan.actions[1])}
    assert _places(_gate(plan, records=approved)) == {"granted": ["a.md", "b.md"]}


def test_independent_actions_run_while_others_wait_but_not_what_depends_on_them() -> None:
    """independent: what depends, over however many steps, on a waiting, blocked or rejected action is held."""
    anchor = an_anchor(independent=True)
    waiting, blocked = an_action("waiting.md"), an_action("blocked.md", "blocked")
    free = an_action("free.md", "auto_approved")
    near = an_action("near.md", "auto_approved", depends_on=[waiting])
    far = an_action("far.md", "auto_approved", depends_on=[near, free])
    after_free = an_action("after_free.md", "auto_approved", depends_on=[free])
    after_blocked = an_action("after_blocked.md", "auto_approved", depends_on=[blocked])
    plan = a_plan(waiting, blocked, free, near, far, after_free, after_blocked, of=anchor)
    result = _gate(plan, anchor=anchor)
    assert _places(result) == {
        "granted": ["free.md", "after_free.md"],
        "waiting": ["waiting.md"],
        "blocked": ["blocked.md"],
        "held": ["near.md", "far.md", "after_blocked.md"],
    }
    assert result.held[1].reason == f"it depends on {near.action_id}, which does not run"


def test_an_action_listed_before_what_it_depends_on_is_held() -> None:
    """Grants are carried out in their order, so a dependency has to come first; an unknown one never does."""
    anchor = an_anchor(independent=True)
    first = an_action("first.md", "auto_approved")
    early = an_action("early.md", "auto_approved", depends_on=[first])
    lost = an_action("lost.md", "auto_approved", depends_on=[an_action("unplanned.md"), an_action("another.md")])
    plan = a_plan(early, first, lost, of=anchor)
    result = _gate(plan, anchor=anchor)
    assert _places(result) == {"granted": ["first.md"], "held": ["early.md", "lost.md"]}
    assert result.held[1].reason == f"it depends on {lost.depends_on[0]}, which does not run"


def test_what_was_executed_is_not_granted_again_and_satisfies_what_depends_on_it() -> None:
    """A resumed run goes on behind what it has done."""
    done = an_action("done.md", "auto_approved")
    next_one = an_action("next.md", "auto_approved", depends_on=[done])
    plan = a_plan(done, next_one)
    assert _places(_gate(plan, executed=(done.action_id,))) == {"granted": ["next.md"], "executed": ["done.md"]}


def test_a_kind_that_nobody_carries_out_is_advice_and_holds_nobody() -> None:
    """Advice is for reading: it gets no grant, waits for nobody, and what depends on it is held."""
    advice = an_action("advice.md", kind="advice")
    plan = a_plan(advice, an_action("a.md", "auto_approved"), an_action("b.md", "auto_approved", depends_on=[advice]))
    assert _places(_gate(plan)) == {"granted": ["a.md"], "advice": ["advice.md"], "held": ["b.md"]}


def test_more_actions_than_the_intention_allows_are_not_started() -> None:
    """max_actions bounds the run, what it executed before included."""
    anchor = an_anchor(max_actions=2)
    actions = [an_action(f"{name}.md", "auto_approved") for name in "abc"]
    plan = a_plan(*actions, of=anchor)
    assert _places(_gate(plan, anchor=anchor)) == {"held": ["a.md", "b.md", "c.md"]}
    executed = (actions[0].action_id, actions[1].action_id)
    assert _places(_gate(plan, anchor=anchor, executed=executed))["held"] == ["c.md"]


def test_what_never_starts_takes_no_place_within_the_bound() -> None:
    """Advice, and what is blocked, rejected or waiting, does not count against max_actions."""
    anchor = an_anchor(max_actions=1, independent=True)
    others = [an_action("1.md", kind="advice"), an_action("2.md", "blocked"), an_action("3.md"), an_action("4.md")]
    plan = a_plan(*others, an_action("a.md", "auto_approved"), of=anchor)
    records = {others[3].action_id: _decided(plan, others[3], "reject_once")}
    assert _places(_gate(plan, anchor=anchor, records=records))["granted"] == ["a.md"]


def test_every_action_is_in_exactly_one_place() -> None:
    """Nothing of a plan is lost between granted, waiting, stale, blocked, rejected, held, advice and executed."""
    actions = [
        an_action("1.md", "auto_approved"),
        an_action("2.md"),
        an_action("3.md", "blocked"),
        an_action("4.md", kind="agent_task"),
        an_action("5.md"),
        an_action("6.md", "auto_approved"),
    ]
    plan = a_plan(*actions)
    records = {actions[4].action_id: _decided(plan, actions[4], "reject_once")}
    places = _places(_gate(plan, records=records, executed=(actions[5].action_id,)))
    assert sorted(path for paths in places.values() for path in paths) == sorted(
        action.target_paths[0] for action in actions
    )


def test_a_grant_cannot_be_made_or_altered_elsewhere() -> None:
    """Building a grant without the gate fails, and so does changing one."""
    plan = a_plan(an_action("a.md", "auto_approved"))
    (grant,) = _gate(plan).granted
    with pytest.raises(InternalError, match="gate"):
        Grant(plan.actions[0], "run-1", BASE, a_verdict("auto_approved"), "eve", None, seal=object())
    with pytest.raises((InternalError, ValueError)):
        dataclasses.replace(grant, base_commit="c" * 40)
    with pytest.raises(dataclasses.FrozenInstanceError):
        grant.base_commit = "c" * 40  # type: ignore[misc]


def test_nothing_but_the_gate_constructs_a_grant() -> None:
    """No other module of Autopack calls `Grant` or touches its seal."""
    makers = set()
    for path in sorted(_SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            name = getattr(called, "id", getattr(called, "attr", None))
            if name == "Grant" or getattr(node, "id", getattr(node, "attr", None)) == "_SEAL":
                makers.add(path.relative_to(_SOURCE).as_posix())
            if isinstance(node, ast.alias) and node.name == "_SEAL":
                makers.add(path.relative_to(_SOURCE).as_posix())
    assert makers == {"governance/gate.py", "governance/models.py"}


@pytest.mark.parametrize(("made_for", "edited_to"), [("run-1", "run-2"), ("run-2", "run-1")])
def test_an_edited_plan_is_stale_whatever_its_id_would_be(made_for: str, edited_to: str) -> None:
    """Be the id of the edited content smaller or larger than the one that the plan bears, it is refused."""
    plan = a_plan(an_action("a.md", "auto_approved"), run_id=made_for)
    with pytest.raises(StaleError, match="its content is not what its id says"):
        _gate(plan.model_copy(update={"run_id": edited_to}))


def test_equal_words_are_the_same_whoever_wrote_them() -> None:
    """A base commit and a digest are compared by what they say, not by being the same object."""
    plan = a_plan(an_action("a.md", "auto_approved"))
    read = "".join(BASE)
    verdicts = {plan.actions[0].action_id: a_verdict("auto_approved", "".join(plan.metadata.policy_digest))}
    assert read is not BASE
    assert _places(_gate(plan, base_commit=read, verdicts=verdicts)) == {"granted": ["a.md"]}
