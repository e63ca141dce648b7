"""Each gate of the plan as a whole passes, fails, and says why."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from autopack.actions.models import Action, CostEstimate, Interval
from autopack.gaps.models import Gap, NotLookedAt
from autopack.intention_anchor.v2 import (
    BudgetCost,
    EvidenceVerification,
    IntentionAnchorV2,
    ParallelismIsolation,
    RequiredCheck,
)
from autopack.planning.checks import governance_checks
from autopack.planning.selection import Selection
from autopack.policy.facts import Circumstances
from governed import an_action, an_anchor
from plans import link_gap, report

BOUNDS = BudgetCost(max_actions=2, max_files=2, max_lines=4)


def gate(
    name: str,
    *,
    actions: Sequence[Action] = (),
    gaps: Sequence[Gap] = (),
    metadata: dict[str, object] | None = None,
    bounds: BudgetCost = BOUNDS,
    pivots: dict[str, object] | None = None,
    run: Circumstances | None = None,
    **filled: object,
) -> tuple[bool, str]:
    """Return whether the gate NAME passed and what it says, for a plan whose places are FILLED so."""
    stated = an_anchor()
    told = {"budget_cost": bounds, **(pivots or {})}
    intention: IntentionAnchorV2 = stated.model_copy(
        update={"pivot_intentions": stated.pivot_intentions.model_copy(update=told)}
    )
    found = report(gaps)
    found = found.model_copy(update={"metadata": found.metadata.model_copy(update=metadata or {})})
    selection = Selection(bounds, run or Circumstances(), **filled)  # type: ignore[arg-type]
    checks = governance_checks(intention, found, actions, selection)
    assert [check.name for check in checks] == sorted(check.name for check in checks)
    (check,) = [check for check in checks if check.name == name]
    return check.passed, check.detail


def unknown_lines(action: Action) -> Action:
    cost = CostEstimate(
        lines=Interval(low=0, high=None), seconds=Interval(low=0, high=1), tokens=Interval(low=0, high=0)
    )
    return action.model_copy(update={"cost_estimate": cost})


def test_a_plan_may_reach_each_bound_but_not_pass_it() -> None:
    """Actions, files and lines count up to the anchor's bounds; one more of any fails, and blocked actions are none."""
    two = [an_action("a.md"), an_action("b.md", "auto_approved"), an_action("c.md", "blocked")]
    within = (True, "2 of 2 actions, 2 of 2 files, 4 of 4 lines")
    assert gate("plan.within-bounds", actions=two, files={"a", "b"}, lines=4) == within
    assert not gate("plan.within-bounds", actions=[*two, an_action("d.md")], files={"a"}, lines=4)[0]
    assert not gate("plan.within-bounds", actions=two, files={"a", "b", "c"}, lines=4)[0]
    assert not gate("plan.within-bounds", actions=two, files={"a"}, lines=5)[0]


def test_actions_of_unknown_size_are_counted() -> None:
    """What has no upper end in lines is said beside the bounds, blocked actions left out."""
    actions = [unknown_lines(an_action("a.md")), an_action("b.md"), unknown_lines(an_action("c.md", "blocked"))]
    assert gate("plan.within-bounds", actions=actions) == (
        True,
        "2 of 2 actions, 0 of 2 files, 0 of 4 lines; 1 of unknown size, which ask first",
    )


@pytest.mark.parametrize(
    "rule", ["block.outside-write-roots", "block.protected-path", "block.never-allow", "engine.unsafe-path"]
)
def test_an_action_out_of_bounds_that_is_not_blocked_fails_the_plan(rule: str) -> None:
    """A path out of bounds has to be blocked; the plan is refused where an action with such a rule is not."""
    blocked = an_action("a.md", "blocked").model_copy(update={"decided_by": (rule, "x")})
    loose = an_action("b.md").model_copy(update={"decided_by": ("x", rule)})
    assert gate("plan.no-protected-path", actions=[an_action("c.md")]) == (
        True,
        "no action targets a path out of bounds",
    )
    assert gate("plan.no-protected-path", actions=[blocked, an_action("c.md")]) == (
        True,
        "1 actions target paths out of bounds; all of them are blocked",
    )
    unasked = an_action("c.md", "auto_approved").model_copy(update={"decided_by": (rule,)})
    for first, second in ((loose, unasked), (unasked, loose)):
        assert gate("plan.no-protected-path", actions=[blocked, first, second]) == (
            False,
            f"{first.action_id} targets a path out of bounds and is not blocked",
        )
        assert not gate("plan.no-protected-path", actions=[first])[0]


@pytest.mark.parametrize(
    ("tokens", "seconds", "caps", "passed", "detail"),
    [
        (0, 0, (None, None), True, "at most 0 tokens, no cap stated, at most 0 seconds, no cap stated"),
        (9, 9, (None, None), True, "at most 9 tokens, no cap stated, at most 9 seconds, no cap stated"),
        (9, 8, (9, 8), True, "at most 9 tokens, 9 left, at most 8 seconds, 8 left"),
        (8, 7, (9, 8), True, "at most 8 tokens, 9 left, at most 7 seconds, 8 left"),
        (10, 8, (9, 8), False, "at most 10 tokens, 9 left, at most 8 seconds, 8 left"),
        (9, 9, (9, 8), False, "at most 9 tokens, 9 left, at most 9 seconds, 8 left"),
        (1, 0, (0, None), False, "at most 1 tokens, 0 left, at most 0 seconds, no cap stated"),
    ],
)
def test_the_budget_holds_up_to_what_is_left(
    tokens: int, seconds: int, caps: tuple[int | None, int | None], passed: bool, detail: str
) -> None:
    """Tokens and seconds may use up what is left and no more; nothing left is a cap too, and no cap stops nothing."""
    run = Circumstances(remaining_tokens=caps[0], remaining_seconds=caps[1])
    assert gate("plan.budget", tokens=tokens, seconds=seconds, run=run) == (passed, detail)


def test_unknown_costs_are_said() -> None:
    """Actions whose cost nobody knows are counted beside the budget."""
    assert gate("plan.budget", unknown_costs=2)[1].endswith("; 2 actions of unknown cost, which ask first")


CHECKED = {"evidence_verification": EvidenceVerification(required_checks=(RequiredCheck(name="t", argv=("t",)),))}


@pytest.mark.parametrize(
    ("tier", "pivots", "kind", "passed", "runs"),
    [
        ("none", {}, "link_fix", True, False),
        ("none", {}, "advice", True, False),
        ("none", CHECKED, "link_fix", False, True),
        ("none", {}, "agent_task", False, True),
        ("isolated", CHECKED, "link_fix", True, True),
        ("confined", {}, "agent_task", True, True),
    ],
)
def test_code_of_the_repository_runs_only_in_a_sandbox(
    tier: str, pivots: dict[str, object], kind: str, passed: bool, runs: bool
) -> None:
    """A plan that runs checks or an agent fails without a sandbox; one that runs nothing passes anywhere."""
    said = "runs" if runs else "does not run"
    actions = [an_action("a.md"), an_action("b.md", kind=kind)]
    assert gate("plan.sandbox", actions=actions, pivots=pivots, run=Circumstances(sandbox=tier)) == (  # type: ignore[arg-type]
        passed,
        f"sandbox tier {tier}; the plan {said} code of the repository",
    )


def test_a_blocked_agent_runs_nothing() -> None:
    """An agent's task that is blocked needs no sandbox."""
    blocked = an_action("a.md", "blocked", kind="agent_task")
    assert gate("plan.sandbox", actions=[blocked], run=Circumstances(sandbox="none"))[0]


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (ParallelismIsolation(), (True, "one run at a time")),
        (ParallelismIsolation(isolation_model="four_layer"), (True, "one run at a time")),
        (
            ParallelismIsolation(allowed=True, isolation_model="four_layer", max_concurrent_runs=3),
            (True, "up to 3 runs, isolation four_layer"),
        ),
        (ParallelismIsolation(allowed=True, max_concurrent_runs=3), (False, "up to 3 runs, isolation none")),
    ],
)
def test_parallel_runs_need_the_full_isolation(stated: ParallelismIsolation, expected: tuple[bool, str]) -> None:
    """Several runs at once are refused unless the intention names the one isolation that there is."""
    assert gate("plan.parallel-isolation", pivots={"parallelism_isolation": stated}) == expected


def test_what_was_not_looked_at_fails_the_plan() -> None:
    """An incomplete scan is no clean scan: the first thing unseen is named."""
    unseen = tuple(NotLookedAt(subject=name, reason="too large") for name in ("big.bin", "b.bin"))
    assert gate("plan.complete-scan") == (True, "nothing unseen")
    assert gate("plan.complete-scan", metadata={"scan_incomplete": unseen}) == (
        False,
        "2 things were not looked at, the first: big.bin",
    )


@pytest.mark.parametrize("source", ["none", "working_copy", "commit"])
def test_only_a_committed_intention_counts(source: str) -> None:
    """An intention that is not in a commit can be shown and not carried out."""
    said = gate("plan.committed-intention", metadata={"intention_source": source})
    assert said == (source == "commit", f"the intention was read from: {source}")


def test_gaps_that_block_the_autopilot_are_counted() -> None:
    """A gap that blocks fails the gate, however many others do not."""
    calm, blocking = link_gap("a.md"), [link_gap(name, blocks=True) for name in ("b.md", "c.md")]
    assert gate("plan.no-blocking-gap", gaps=[calm]) == (True, "no gap blocks the autopilot")
    assert gate("plan.no-blocking-gap", gaps=[calm, *blocking]) == (False, "2 gaps block the autopilot")
    assert gate("plan.no-blocking-gap", gaps=blocking[:1]) == (False, "1 gap blocks the autopilot")
