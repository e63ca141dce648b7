"""A plan never holds more than the written intention allows, whatever the gaps ask for."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot

from autopack.actions.claims import claimed_facts
from autopack.actions.identity import expected_action_id
from autopack.actions.models import Action
from autopack.actions.registry import all_kinds
from autopack.artifacts.store import artifact_bytes
from autopack.gaps.models import Gap
from autopack.intention_anchor.v2 import BudgetCost, IntentionAnchorV2
from autopack.planning.models import PlanProposalV1
from autopack.planning.plan_proposer import propose
from autopack.policy.decide import Policy
from autopack.policy.facts import ActionFacts, Circumstances, Verdict
from plans import anchor, auto_rule, delete, edit, gap, link_gap, move, report


@lru_cache(maxsize=64)
def policy_of(intention: IntentionAnchorV2) -> Policy:
    return Policy.build(intention, kinds=tuple(all_kinds()))


def plan(intention: IntentionAnchorV2, gaps: Sequence[Gap], **circumstances: object) -> PlanProposalV1:
    """Return the plan of the real policy and the real kinds."""
    where = Circumstances(**circumstances)  # type: ignore[arg-type]
    return propose(intention, report(gaps), policy=policy_of(intention), kinds=all_kinds(), circumstances=where)


def only(proposal: PlanProposalV1) -> Action:
    """Return the one action of PROPOSAL."""
    (action,) = proposal.actions
    return action


def reasons(proposal: PlanProposalV1) -> list[str]:
    return [left.reason for left in proposal.metadata.left_out]


ALL_LINKS = auto_rule("link_fix", "file_move", "file_delete", "encoding_fix", "config_fix", "index_fix")


def test_a_small_allowed_change_is_auto_approved() -> None:
    """A link fix inside an owner's rule is auto-approved, and names that rule."""
    action = only(plan(anchor(rules=[ALL_LINKS]), [link_gap("docs/a.md")]))
    assert (action.approval_status, action.decided_by, action.target_paths) == (
        "auto_approved",
        ("owner.sample-rule",),
        ("docs/a.md",),
    )


@pytest.mark.parametrize(
    ("intention", "path", "rule"),
    [
        ({"roots": ["/docs/**"]}, "src/a.md", "block.outside-write-roots"),
        ({"protected": ["secret.md"]}, "docs/Secret.md", "block.protected-path"),
        ({"never_allow": ["/docs/**"]}, "docs/a.md", "block.never-allow"),
        ({"never_allow": ["link_fix"]}, "docs/a.md", "block.never-allow"),
        ({}, ".git/config", "block.protected-path"),
        ({}, "docs/../.git/config", "engine.unsafe-path"),
        ({}, "docs/a\u200b.md", "engine.unsafe-path"),
    ],
)
def test_no_action_can_target_disallowed_paths(intention: dict[str, list[str]], path: str, rule: str) -> None:
    """What targets a disallowed path is listed as blocked with the rule, and never as executable."""
    proposal = plan(anchor(rules=[ALL_LINKS], **intention), [link_gap(path)])  # type: ignore[arg-type]
    action = only(proposal)
    assert action.approval_status == "blocked"
    assert rule in action.decided_by
    assert proposal.summary.auto_approved == proposal.summary.requires_approval == 0


@given(
    st.lists(st.sampled_from(["docs/a", "docs/b", "keep/c", "src/d", ".git/x", "e", "../f"]), min_size=1, max_size=6)
)
@settings(max_examples=40, deadline=None)
def test_no_mixture_hides_a_disallowed_path(paths: list[str]) -> None:
    """Whatever else an action touches, one disallowed path among its paths blocks it."""
    intention = anchor(roots=["/docs/**", "/keep/**"], protected=["/keep/**"], rules=[ALL_LINKS])
    operations = [edit(path) for path in sorted(set(paths))]
    action = only(plan(intention, [gap("x", kind="link_fix", operations=operations)]))
    allowed = all(path.startswith("docs/") for path in paths)
    assert (action.approval_status != "blocked") == allowed


def test_both_names_of_a_move_are_judged() -> None:
    """A move out of, or into, a protected folder is blocked."""
    intention = anchor(protected=["/keep/**"], rules=[ALL_LINKS])
    for operation in (move("keep/a", "a"), move("a", "keep/a")):
        action = only(plan(intention, [gap("x", kind="file_move", operations=[operation])]))
        assert action.approval_status == "blocked"


@pytest.mark.parametrize(
    ("eleventh", "status"),
    [
        ("docs/k11.md", "auto_approved"),
        ("package.json", "requires_approval"),
        ("keep/k11.md", "blocked"),
        (".github/ci.yml", "requires_approval"),
    ],
)
def test_every_path_is_judged(eleventh: str, status: str) -> None:
    """The eleventh path counts as much as the first, wherever it stands in the order of paths."""
    operations = [edit(f"docs/k{number:02}.md") for number in range(1, 11)]
    many = gap("x", kind="link_fix", operations=[*operations, edit(eleventh)], lines=22)
    action = only(plan(anchor(rules=[ALL_LINKS], protected=["/keep/**"], tolerance="medium"), [many]))
    assert len(action.target_paths) == 11
    assert action.approval_status == status


@pytest.mark.parametrize("tolerance", ["low", "medium", "high"])
def test_high_risk_always_needs_approval(tolerance: str) -> None:
    """An action of high or critical risk asks a person, whatever the owner's rules and tolerance say."""
    operations = [delete(f"src/m{number}.py") for number in range(12)]
    risky = gap("x", kind="file_delete", operations=operations, lines=90, risk="high", confidence="medium")
    action = only(plan(anchor(rules=[ALL_LINKS], tolerance=tolerance), [risky]))
    assert action.risk_classification in {"high", "critical"}
    assert action.approval_status == "requires_approval"


def test_high_risk_is_asked_even_where_the_policy_would_not() -> None:
    """With the highest tolerance and a rule that fits, the proposer's own rule still asks."""
    operations = [delete(f"src/m{number}.py") for number in range(4)]
    risky = gap("x", kind="file_delete", operations=operations, lines=10)
    action = only(plan(anchor(rules=[ALL_LINKS], tolerance="high"), [risky]))
    assert 50 < action.risk_score <= 75
    assert (action.approval_status, action.decided_by) == ("requires_approval", ("plan.high-risk",))


def test_unknown_cost_needs_approval() -> None:
    """An agent's task has no known upper cost and asks."""
    intention = anchor(rules=[ALL_LINKS], requires_approval=["agent_task"], tolerance="high")
    task = only(plan(intention, [gap("x", paths=["docs/a.md"])]))
    assert task.kind == "agent_task"
    assert task.cost_estimate.tokens.high is None
    assert task.cost_estimate.lines.high is None
    assert task.approval_status == "requires_approval"
    assert "never.unknown" in task.decided_by


def test_without_a_sandbox_nothing_is_auto_approved() -> None:
    """On a machine without a sandbox every action asks, and the plan says which tier it was made for."""
    proposal = plan(anchor(rules=[ALL_LINKS]), [link_gap("docs/a.md")], sandbox="none")
    assert only(proposal).approval_status == "requires_approval"
    assert proposal.metadata.sandbox_tier == "none"


def budget(**bounds: object) -> BudgetCost:
    return BudgetCost.from_document({"token_cap_global": 1000, "time_cap_seconds": 3600, **bounds})


@pytest.mark.parametrize(
    ("bounds", "kept", "reason"),
    [
        ({"max_actions": 2}, 2, "the plan is full: max_actions is 2"),
        ({"max_files": 3}, 3, "with it the plan would touch 4 files; max_files is 3"),
        ({"max_lines": 5}, 2, "with it the plan would change 6 lines; max_lines is 5"),
        (
            {"time_cap_seconds": 12, "cost_escalation_policy": "block"},
            2,
            "the actions before it use what is left of the token or time cap",
        ),
    ],
)
def test_the_anchors_bounds_hold(bounds: dict[str, object], kept: int, reason: str) -> None:
    """Each bound of the anchor ends the plan; what gets no place is left out with the bound that it met."""
    gaps = [link_gap(f"docs/{name}.md") for name in "abcdef"]
    proposal = plan(anchor(rules=[ALL_LINKS], budget=budget(**bounds)), gaps)
    assert len(proposal.actions) == kept
    assert reasons(proposal) == [reason] * (len(gaps) - kept)
    assert all(check.passed for check in proposal.governance_checks)


def test_spending_beyond_the_cap_asks_where_the_owner_says_so() -> None:
    """With `request_approval` the action that goes beyond the cap asks; the ones before it do not."""
    gaps = [link_gap(f"docs/{name}.md") for name in "abc"]
    proposal = plan(anchor(rules=[ALL_LINKS], budget=budget(time_cap_seconds=12)), gaps)
    assert [action.approval_status for action in proposal.actions] == [
        "auto_approved",
        "auto_approved",
        "requires_approval",
    ]
    assert proposal.actions[2].decided_by == ("never.over-budget",)
    (check,) = [check for check in proposal.governance_checks if check.name == "plan.budget"]
    assert not check.passed


def test_what_is_left_counts_and_not_only_the_cap() -> None:
    """A run that has spent most of its time gets a plan for the rest."""
    gaps = [link_gap(f"docs/{name}.md") for name in "abc"]
    intention = anchor(rules=[ALL_LINKS], budget=budget(cost_escalation_policy="block"))
    assert len(plan(intention, gaps, remaining_seconds=7, remaining_tokens=0).actions) == 1


def test_blocking_and_worst_gaps_come_first() -> None:
    """With one place, the gap that blocks the autopilot gets it; with two, the worst of the others follows."""
    gaps = [
        link_gap("docs/low.md"),
        link_gap("docs/critical.md", risk="critical"),
        link_gap("docs/blocks.md", blocks=True),
    ]
    for places, expected in ((1, ["docs/blocks.md"]), (2, ["docs/blocks.md", "docs/critical.md"])):
        proposal = plan(anchor(budget=budget(max_actions=places)), gaps)
        assert [action.target_paths[0] for action in proposal.actions] == expected


def test_what_is_left_out_is_listed_with_the_worst_first() -> None:
    """A gap that blocks the autopilot leads the list, whatever its risk; then the risk decides."""
    gaps = [
        link_gap("docs/low.md"),
        link_gap("docs/critical.md", risk="critical"),
        link_gap("docs/blocks.md", blocks=True),
        link_gap("docs/first.md", blocks=True, risk="critical"),
    ]
    places = {one.gap_id: one.evidence[0].path for one in gaps}
    left_out = plan(anchor(budget=budget(max_actions=1)), gaps).metadata.left_out
    assert [places[left.gap_id] for left in left_out] == ["docs/blocks.md", "docs/critical.md", "docs/low.md"]


@pytest.mark.parametrize(
    ("protected", "path", "guarded"),
    [
        ("/vault/keys/one.md", "vault/keys/two.md", True),
        ("/vault/keys/one.md", "vault/other.md", False),
        ("/vault/keys/*.pem", "vault/keys/two.md", True),
        ("/vault/*/one.md", "vault/keys/two.md", True),
        ("/vault/*/one.md", "other/two.md", False),
        ("/one.md", "two.md", False),
    ],
)
def test_the_neighbours_of_what_is_protected_are_riskier(protected: str, path: str, *, guarded: bool) -> None:
    """A file in the folder that a protective pattern names is guarded; a pattern at the root guards only itself."""
    action = only(plan(anchor(protected=[protected]), [link_gap(path)]))
    assert ("guarded-neighbourhood" in {factor.name for factor in action.risk_factors}) is guarded


def test_blocked_actions_never_take_a_place() -> None:
    """A blocked action is listed only where a place is left, at the end, and its change does not count."""
    worse = [link_gap(f"keep/{name}.md", risk="critical") for name in "ab"]
    gaps = [*worse, link_gap("docs/a.md"), link_gap("docs/b.md")]
    proposal = plan(anchor(protected=["/keep/**"], rules=[ALL_LINKS], budget=budget(max_actions=3)), gaps)
    assert [action.approval_status for action in proposal.actions] == ["auto_approved", "auto_approved", "blocked"]
    assert proposal.summary.document() == snapshot(
        {
            "total_actions": 3,
            "auto_approved": 2,
            "requires_approval": 0,
            "blocked": 1,
            "lines_high": 4,
            "files": 2,
        }
    )
    assert reasons(proposal) == ["blocked by block.protected-path, and the plan has no place left to list it"]


def test_advice_does_not_crowd_out_what_can_be_done() -> None:
    """Advice of worse gaps takes half the places while something that can be carried out waits."""
    advice = [gap(f"r{number}", rule=f"rule-{number}", risk="high") for number in range(9)]
    fixes = [link_gap(f"docs/{name}.md") for name in "abcdef"]
    proposal = plan(anchor(rules=[ALL_LINKS], budget=budget(max_actions=6)), [*advice, *fixes])
    kinds = [action.kind for action in proposal.actions]
    assert (kinds.count("advice"), kinds.count("link_fix")) == (3, 3)


def test_two_gaps_with_one_remedy_make_one_action() -> None:
    """The same operation asked for twice is one action with both gaps, and its lines count once."""
    operations = [edit("docs/a.md")]
    gaps = [gap(key, kind="link_fix", operations=operations) for key in "xy"]
    action = only(plan(anchor(rules=[ALL_LINKS]), gaps))
    assert action.gap_ids == tuple(sorted(gap.gap_id for gap in gaps))
    assert len(action.operations) == 1
    assert action.cost_estimate.lines.high == 2


def test_the_same_gap_twice_counts_once() -> None:
    """A report that names one gap twice gets one action."""
    assert len(plan(anchor(), [link_gap("docs/a.md")] * 2).actions) == 1


def test_actions_on_one_file_exclude_each_other() -> None:
    """Of two kinds on one file the worse gap's action stays and the other waits for the next plan."""
    gaps = [
        link_gap("NOTES.md"),
        gap("m", kind="file_move", operations=[move("NOTES.md", "docs/NOTES.md"), edit("README.md")], risk="medium"),
        gap("e", kind="encoding_fix", operations=[edit("notes.MD", column=1)]),
    ]
    proposal = plan(anchor(), gaps)
    assert [action.kind for action in proposal.actions] == ["file_move"]
    assert sorted(reasons(proposal)) == [
        "another action of this plan changes NOTES.md; propose again after it",
        "another action of this plan changes notes.MD; propose again after it",
    ]


def test_a_file_and_what_would_lie_below_it_exclude_each_other() -> None:
    """A move into a folder that is a file of another action waits."""
    gaps = [
        gap("d", kind="file_delete", operations=[delete("docs")], risk="high"),
        gap("m", kind="file_move", operations=[move("a.md", "docs/a.md")]),
    ]
    assert [action.kind for action in plan(anchor(), gaps).actions] == ["file_delete"]


def test_moves_run_first_and_agents_last() -> None:
    """Actions run in the order of their stages, and an agent's task waits for the actions on its files."""
    gaps = [
        gap("t", paths=["docs/a.md", "b.md"], risk="high"),
        link_gap("docs/a.md", risk="medium"),
        gap("m", kind="file_move", operations=[move("b.md", "docs/b.md")]),
        gap("i", kind="index_fix", operations=[edit("index.json")]),
        gap("n", gap_type="git_state_corruption", rule="stale-lock", paths=[".git/index.lock"]),
    ]
    actions = plan(anchor(requires_approval=["agent_task"]), gaps).actions
    assert [action.kind for action in actions] == ["file_move", "link_fix", "index_fix", "agent_task", "advice"]
    by_kind = {action.kind: action for action in actions}
    assert by_kind["agent_task"].depends_on == tuple(
        sorted((by_kind["file_move"].action_id, by_kind["link_fix"].action_id))
    )
    assert all(by_kind[kind].depends_on == () for kind in ("file_move", "link_fix", "index_fix", "advice"))


def test_without_agents_in_the_intention_there_is_advice() -> None:
    """A gap without a remedy becomes advice that touches nothing, one for each rule."""
    gaps = [gap(f"g{number:02}", paths=[f"docs/f{number:02}.md"]) for number in range(25)]
    action = only(plan(anchor(), gaps))
    assert (action.kind, action.target_paths, action.operations) == ("advice", (), ())
    assert len(action.gap_ids) == 25
    assert action.approval_status == "requires_approval"
    assert (action.brief or "").count("\n  - ") == 20
    assert "and 5 more places" in (action.brief or "")


def test_an_agent_gets_only_what_it_may_attempt() -> None:
    """A task that names a protected file is divided: the rest may be asked for, the protected part stays blocked."""
    gaps = [gap(name, paths=[name]) for name in ("docs/a.md", "keep/b.md", "docs/c.md")]
    actions = plan(anchor(protected=["/keep/**"], requires_approval=["agent_task"]), gaps).actions
    assert [(action.approval_status, action.target_paths) for action in actions] == [
        ("requires_approval", ("docs/a.md", "docs/c.md")),
        ("blocked", ("keep/b.md",)),
    ]


def test_a_task_of_two_gaps_is_divided_too() -> None:
    """One of them is blocked, the other may be asked for."""
    gaps = [gap(name, paths=[name]) for name in ("docs/a.md", "keep/b.md")]
    actions = plan(anchor(protected=["/keep/**"], requires_approval=["agent_task"]), gaps).actions
    assert [(action.approval_status, action.target_paths) for action in actions] == [
        ("requires_approval", ("docs/a.md",)),
        ("blocked", ("keep/b.md",)),
    ]


def test_risk_counts_only_what_an_action_does() -> None:
    """Prose needs no test, program text does; advice touches nothing that could have been undone before."""

    def factors(*gaps: Gap) -> set[str]:
        return {factor.name for factor in only(plan(anchor(), gaps)).risk_factors}

    assert not {"code", "untested-code"} & factors(link_gap("docs/a.md"))
    assert {"code", "untested-code"} <= factors(link_gap("src/a.py"))
    assert "history" not in factors(gap("a"))


def test_an_action_says_how_it_is_taken_back() -> None:
    """By git, where files change; advice touches nothing."""
    assert only(plan(anchor(), [link_gap("docs/a.md")])).rollback.startswith("Before the commit")
    assert only(plan(anchor(), [gap("a")])).rollback == "Nothing is touched."


def test_repository_damage_is_never_for_agents() -> None:
    """What lies outside a worktree is advice also where agents are wanted."""
    damage = gap("d", gap_type="git_state_corruption", rule="damaged", paths=["docs/a.md"])
    assert only(plan(anchor(requires_approval=["agent_task"]), [damage])).kind == "advice"


def test_a_runs_own_logs_are_never_for_agents() -> None:
    """What only a log of Autopack's shows is advice; with a file of the repository beside it, an agent may look."""
    log = ".autonomous_runs/p/runs/f/f-1/ci/1/tests.log"
    told = gap("l", gap_type="windows_encoding_issue", rule="encoding-error-in-checks", paths=[log])
    assert only(plan(anchor(requires_approval=["agent_task"]), [told])).kind == "advice"
    both = gap("b", gap_type="doc_drift", rule="stale-block", paths=[log, "docs/a.md"])
    assert only(plan(anchor(requires_approval=["agent_task"]), [both])).kind == "agent_task"


def test_a_remedy_of_an_unknown_kind_is_advice() -> None:
    """A remedy that would act outside the worktree is put before a person."""
    lock = gap(
        "l",
        kind="lock_cleanup",
        operations=[delete("app.lock")],
        gap_type="db_lock_contention",
        rule="dead-owner",
        paths=["app.lock"],
    )
    action = only(plan(anchor(), [lock]))
    assert (action.kind, action.operations) == ("advice", ())
    assert "  rm -- app.lock" in (action.brief or "")


SAMPLE = [
    *(
        link_gap(f"docs/{name}.md", risk=risk)
        for name, risk in zip("abcdef", ["low", "high", "medium"] * 2, strict=True)
    ),
    *(gap(f"t{number}", paths=[f"src/{number}.py"], rule=f"rule-{number % 3}") for number in range(9)),
    gap("m", kind="file_move", operations=[move("x.md", "docs/x.md"), edit("docs/a.md", line=2)]),
    *(gap(f"e{number}", kind="encoding_fix", operations=[edit("data.csv", line=number)]) for number in range(1, 4)),
]


@given(st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_the_order_of_gaps_changes_nothing(shuffle: random.Random) -> None:
    """The same gaps in any order give a plan that differs only in the report's own id."""
    intention = anchor(rules=[ALL_LINKS], budget=budget(max_actions=8))
    shuffled = list(SAMPLE)
    shuffle.shuffle(shuffled)
    base = report(SAMPLE)
    plans = {
        artifact_bytes(
            propose(
                intention,
                base.model_copy(update={"gaps": tuple(gaps)}),
                policy=policy_of(intention),
                kinds=all_kinds(),
                circumstances=Circumstances(),
            )
        )
        for gaps in (SAMPLE, shuffled)
    }
    assert len(plans) == 1


def test_every_gap_is_answered_or_left_out_once() -> None:
    """No gap falls away silently, and none is both answered and left out."""
    proposal = plan(anchor(budget=budget(max_actions=4, max_lines=9)), SAMPLE)
    answered = [gap_id for action in proposal.actions for gap_id in action.gap_ids]
    left_out = [left.gap_id for left in proposal.metadata.left_out]
    assert sorted([*answered, *left_out]) == sorted(gap.gap_id for gap in SAMPLE)


def test_ids_follow_from_content() -> None:
    """An action's id is the digest of what is done and why; the plan's id that of the whole plan."""
    proposal = plan(anchor(), SAMPLE)
    assert all(action.action_id == expected_action_id(action) for action in proposal.actions)
    assert proposal.plan_proposal_id == proposal.expected_id()
    assert len({action.action_id for action in proposal.actions}) == len(proposal.actions)


def test_the_plan_names_what_it_answers() -> None:
    """A plan carries the ids of anchor, report, policy and base commit."""
    intention, gaps = anchor(), [link_gap("docs/a.md")]
    proposal = plan(intention, gaps)
    assert proposal.anchor_id == intention.anchor_id
    assert proposal.gap_report_id == report(gaps).gap_report_id
    assert proposal.metadata.base_commit == "a" * 40
    assert proposal.metadata.policy_digest == policy_of(intention).digest


def test_the_policy_is_asked_about_what_the_plan_shows() -> None:
    """The facts that were judged are the ones that can be read off the action afterwards."""

    asked: list[ActionFacts] = []

    class Listening:
        digest = "0" * 64

        def decide(self, facts: ActionFacts, circumstances: Circumstances) -> Verdict:
            asked.append(facts)
            return Verdict("requires_approval", ("x",), self.digest)

    intention = anchor(requires_approval=["agent_task"])
    kinds = all_kinds()
    proposal = propose(intention, report(SAMPLE), policy=Listening(), kinds=kinds, circumstances=Circumstances())
    shown = {claimed_facts(action, kinds[action.kind]) for action in proposal.actions}
    assert shown == set(asked)


def test_gates_of_the_whole_plan() -> None:
    """The gates of the plan are listed by name with what they saw."""
    proposal = plan(anchor(protected=["/keep/**"]), [link_gap("docs/a.md", blocks=True), link_gap("keep/a.md")])
    assert [(check.name, check.passed, check.detail) for check in proposal.governance_checks] == snapshot(
        [
            ("plan.budget", True, "at most 0 tokens, 100000 left, at most 5 seconds, 3600 left"),
            ("plan.committed-intention", True, "the intention was read from: commit"),
            ("plan.complete-scan", True, "nothing unseen"),
            ("plan.no-blocking-gap", False, "1 gap blocks the autopilot"),
            ("plan.no-protected-path", True, "1 actions target paths out of bounds; all of them are blocked"),
            ("plan.parallel-isolation", True, "one run at a time"),
            ("plan.sandbox", True, "sandbox tier isolated; the plan does not run code of the repository"),
            ("plan.within-bounds", True, "1 of 20 actions, 1 of 50 files, 2 of 2000 lines"),
        ]
    )


def test_an_empty_report_gives_an_empty_plan() -> None:
    """Without gaps there is nothing to do, and the plan says so in numbers."""
    proposal = plan(anchor(), [])
    assert proposal.actions == ()
    assert proposal.summary.total_actions == 0
