"""Who gets a place in a plan: up to each bound and not one beyond it, and what gets none says why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from autopack.actions.models import CostEstimate, Draft, Interval
from autopack.artifacts.model import Approval
from autopack.intention_anchor.v2 import BudgetCost
from autopack.planning.order import Candidate
from autopack.planning.risk import total
from autopack.planning.selection import Judged, Selection
from autopack.policy.facts import Circumstances
from plans import edit


def named(name: str) -> tuple[str, ...]:
    """Return the ids of a draft that NAME tells apart."""
    return (f"{name}-000000000000",)


def a_change(*paths: str, lines: int | None = 1) -> Candidate:
    """Return a candidate that edits PATHS."""
    draft = Draft("link_fix", "t", named(f"gap_{paths[0]}"), operations=tuple(map(edit, paths)), lines=lines)
    return Candidate(draft, paths, False, "low")


def an_advice(number: int) -> Candidate:
    """Return a candidate that touches nothing."""
    return Candidate(Draft("advice", "t", named(f"advice_{'abcd'[number]}"), brief="b", lines=0), (), False, "low")


@dataclass
class Judge:
    """Judges by path: `blocked` holds rules, everything else asks. Remembers what it was told is left."""

    lines: int | None = 1
    tokens: int | None = 0
    seconds: int | None = 0
    blocked: dict[str, tuple[str, ...]] = field(default_factory=dict)
    divided: dict[str, Sequence[Candidate]] = field(default_factory=dict)
    left: list[tuple[int | None, int | None]] = field(default_factory=list)

    def judged(self, candidate: Candidate, circumstances: Circumstances) -> Judged:
        self.left.append((circumstances.remaining_tokens, circumstances.remaining_seconds))
        rules = next((self.blocked[path] for path in candidate.paths if path in self.blocked), ())
        status: Approval = "blocked" if rules else "requires_approval"
        spent = (Interval(low=0, high=high) for high in (self.lines, self.seconds, self.tokens))
        cost = CostEstimate(**dict(zip(("lines", "seconds", "tokens"), spent, strict=True)))
        return Judged(candidate, cost, total(()), status, rules or ("x",))

    def parts(self, blocked: Candidate) -> Sequence[Candidate]:
        return self.divided.get(blocked.paths[0], ())


def fill(
    *candidates: Candidate, judge: Judge | None = None, run: Circumstances | None = None, **bounds: int
) -> Selection:
    """Return the places of a plan within BOUNDS after CANDIDATES were considered."""
    selection = Selection(BudgetCost.from_document(dict(bounds)), run or Circumstances())
    selection.fill(candidates, judge or Judge())
    return selection


def placed(selection: Selection) -> list[str]:
    return [judged.gap_ids[0].partition("-")[0] for judged in selection.executable]


def listed(selection: Selection) -> list[str]:
    return [judged.gap_ids[0].partition("-")[0] for judged in selection.blocked]


def left_out(selection: Selection) -> dict[str, str]:
    return {left.gap_id.partition("-")[0]: left.reason for left in selection.left_out}


@pytest.mark.parametrize(
    ("bounds", "reason"),
    [
        ({"max_actions": 2}, "the plan is full: max_actions is 2"),
        ({"max_files": 2}, "with it the plan would touch 3 files; max_files is 2"),
        ({"max_lines": 2}, "with it the plan would change 3 lines; max_lines is 2"),
    ],
)
def test_a_bound_is_reached_and_not_passed(bounds: dict[str, int], reason: str) -> None:
    """Two of three changes of one line in one file fit into a bound of two, and the third says which bound it met."""
    selection = fill(a_change("a"), a_change("b"), a_change("c"), **bounds)
    assert placed(selection) == ["gap_a", "gap_b"]
    assert left_out(selection) == {"gap_c": reason}
    assert (selection.files, selection.lines) == ({"a", "b"}, 2)


def test_the_lines_of_all_changes_count_together() -> None:
    """Changes of three lines fill a bound of six, and the estimate of what was taken counts, not its claim."""
    three = [a_change(name, lines=3) for name in "abc"]
    assert placed(fill(*three, judge=Judge(lines=3), max_lines=6)) == ["gap_a", "gap_b"]
    widened = fill(a_change("a"), a_change("b", lines=None), judge=Judge(lines=3), max_lines=2)
    assert left_out(widened) == {"gap_b": "with it the plan would change 3 lines; max_lines is 2"}


def test_a_large_plan_keeps_its_bounds() -> None:
    """Three hundred places are three hundred places."""
    changes = [
        a_change(f"{'abcdefghij'[n // 100]}{'abcdefghij'[n // 10 % 10]}{'abcdefghij'[n % 10]}") for n in range(302)
    ]
    selection = fill(*changes, max_actions=300, max_files=400)
    assert (len(selection.executable), len(selection.left_out)) == (300, 2)
    assert len(fill(*changes, max_actions=400, max_files=300).executable) == 300
    assert len(fill(*changes, max_actions=400, max_files=400, max_lines=300).executable) == 300


def test_what_is_taken_is_added_up() -> None:
    """Lines, tokens and seconds of what got a place are summed, and the next one is judged by what is left."""
    judge = Judge(lines=3, tokens=4, seconds=5)
    run = Circumstances(remaining_tokens=9, remaining_seconds=8)
    selection = fill(a_change("a"), a_change("b"), a_change("c"), judge=judge, run=run)
    assert (selection.lines, selection.tokens, selection.seconds, selection.unknown_costs) == (9, 12, 15, 0)
    assert judge.left == [(9, 8), (5, 3), (1, 0)]


def test_without_a_cap_nothing_is_taken_off_it() -> None:
    """A cap that nobody stated stays unstated, however much is spent."""
    judge = Judge(tokens=4, seconds=5)
    fill(a_change("a"), a_change("b"), judge=judge)
    assert judge.left == [(None, None), (None, None)]


@pytest.mark.parametrize("unknown", ["lines", "tokens", "seconds"])
def test_an_unknown_cost_is_counted_and_adds_nothing(unknown: str) -> None:
    """Each action with any unknown upper end counts once."""
    selection = fill(
        a_change("a"), a_change("b"), judge=Judge(**{"lines": 1, "tokens": 1, "seconds": 1, unknown: None})
    )
    assert selection.unknown_costs == 2
    assert getattr(selection, unknown) == 0


def test_an_unknown_number_of_lines_takes_no_room_of_others() -> None:
    """What has no known size is asked about whatever it is, so that it meets no bound of lines."""
    assert placed(fill(a_change("a"), a_change("b", lines=None), max_lines=1)) == ["gap_a", "gap_b"]


def test_two_changes_of_one_file_exclude_each_other_and_briefs_do_not() -> None:
    """The second edit of a file waits; a brief without operations claims nothing and waits for nobody."""
    brief = Candidate(Draft("agent_task", "t", named("brief"), brief="b", lines=0), ("a",), False, "low")
    selection = fill(a_change("a", "b"), a_change("b", "c"), brief)
    assert placed(selection) == ["gap_a", "brief"]
    assert left_out(selection) == {"gap_b": "another action of this plan changes b; propose again after it"}


def test_advice_waits_where_changes_need_the_places() -> None:
    """Half of the places may go to advice before changes; the rest of it takes what is left over."""
    changes = [a_change(name) for name in "abcd"]
    advice = [Candidate(an_advice(number).draft, (), True, "high") for number in range(4)]
    full = fill(*advice, *changes, max_actions=4)
    assert placed(full) == ["advice_a", "advice_b", "gap_a", "gap_b"]
    assert set(left_out(full)) == {"advice_c", "advice_d", "gap_c", "gap_d"}
    roomy = fill(*advice, changes[0], max_actions=4)
    assert placed(roomy) == ["advice_a", "advice_b", "advice_c", "gap_a"]
    assert len([name for name in placed(fill(*advice, *map(a_change, "abcdef"), max_actions=6)) if "gap" in name]) == 3
    assert placed(fill(*advice, changes[0], max_actions=5)) == [f"advice_{name}" for name in "abcd"] + ["gap_a"]


def test_what_is_blocked_takes_only_what_places_are_left() -> None:
    """Blocked actions are listed behind the others while places last; the rest of them is left out with the rules."""
    judge = Judge(blocked={"a": ("block.x", "block.y"), "b": ("block.x", "block.y")})
    selection = fill(a_change("a"), a_change("b"), a_change("c"), judge=judge, max_actions=2)
    assert placed(selection) == ["gap_c"]
    assert listed(selection) == ["gap_a"]
    assert left_out(selection) == {"gap_b": "blocked by block.x, block.y, and the plan has no place left to list it"}
    assert (selection.files, selection.lines) == ({"c"}, 1)


def test_what_is_blocked_in_part_is_divided() -> None:
    """The part that may be attempted gets a place, and the other one stays blocked."""
    judge = Judge(blocked={"a": ("block.x",)})
    judge.divided["b"] = [a_change("never asked for")]
    brief = Candidate(Draft("agent_task", "t", named("brief"), brief="b"), ("whole", "a"), False, "low")
    judge.divided["whole"] = [a_change("b"), a_change("a")]
    selection = fill(brief, judge=judge)
    assert placed(selection) == ["gap_b"]
    assert listed(selection) == ["gap_a"]


@pytest.mark.parametrize(("tokens", "seconds", "waits"), [(0, 0, False), (1, 0, True), (0, 1, True)])
def test_what_only_the_budget_blocks_waits_for_the_next_run(tokens: int, seconds: int, waits: bool) -> None:
    """Where others spent the budget it is left out until later; where nobody did, it is blocked as it is."""
    judge = Judge(tokens=tokens, seconds=seconds, blocked={"b": ("block.over-budget",)})
    selection = fill(a_change("a"), a_change("b"), judge=judge)
    assert listed(selection) == ([] if waits else ["gap_b"])
    reason = "the actions before it use what is left of the token or time cap"
    assert left_out(selection) == ({"gap_b": reason} if waits else {})


def test_a_second_rule_beside_the_budget_blocks_for_good() -> None:
    """An action that something else forbids too does not wait for a fresh budget."""
    judge = Judge(tokens=1, blocked={"b": ("block.never-allow", "block.over-budget")})
    assert len(fill(a_change("a"), a_change("b"), judge=judge).blocked) == 1
