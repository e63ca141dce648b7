"""Who excludes whom, and who runs before whom."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopack.actions.models import Action, CostEstimate, Draft, Interval
from autopack.actions.registry import all_kinds
from autopack.planning.order import STAGES, Candidate, Occupied, draft_paths, in_execution_order, stage
from plans import edit, move

ZERO = Interval(low=0, high=0)
PATHS = st.sampled_from(["a", "A", "b", "c/d", "c"])


def action(number: int, kind: str, *paths: str) -> Action:
    return Action(
        action_id=f"action-{number:012x}",
        kind=kind,
        title="t",
        gap_ids=(),
        target_paths=tuple(sorted(paths)),
        risk_score=0,
        risk_classification="info",
        risk_factors=(),
        cost_estimate=CostEstimate(lines=ZERO, seconds=ZERO, tokens=ZERO),
        rollback="",
        approval_status="auto_approved",
        decided_by=(),
    )


@given(st.lists(st.tuples(st.sampled_from(sorted(all_kinds())), st.sets(PATHS, max_size=3)), max_size=12))
def test_nobody_runs_before_what_it_waits_for(chosen: list[tuple[str, set[str]]]) -> None:
    """Every action stands behind all that it waits for, and those that touch one path wait for each other."""
    ordered = in_execution_order([action(number, kind, *paths) for number, (kind, paths) in enumerate(chosen)])
    place = {each.action_id: number for number, each in enumerate(ordered)}
    for number, later in enumerate(ordered):
        assert all(place[earlier] < number for earlier in later.depends_on)
        for earlier in ordered[:number]:
            shared = {path.lower() for path in earlier.target_paths} & {path.lower() for path in later.target_paths}
            assert (earlier.action_id in later.depends_on) == bool(shared)


def test_equals_keep_their_rank() -> None:
    """Within a stage the order of rank stays."""
    ordered = in_execution_order([action(2, "link_fix", "b"), action(1, "link_fix", "a"), action(3, "file_move", "c")])
    assert [each.action_id[-1] for each in ordered] == ["3", "2", "1"]


@pytest.mark.parametrize(
    ("paths", "clash"),
    [(["x", "a/b"], "a/b"), (["A/B"], "A/B"), (["a"], "a"), (["a/b/c"], "a/b/c"), (["a/c", "ab"], None), ([], None)],
)
def test_claims_exclude_files_below_and_above(paths: list[str], clash: str | None) -> None:
    """A claimed file excludes itself in any case, what lies below it, and the folders that it lies in."""
    occupied = Occupied()
    occupied.claim(["a/b"])
    assert occupied.claimed(paths) == clash


def test_unknown_kinds_run_between_edits_and_what_is_generated() -> None:
    """A kind that the table does not name has a place: after edits, before indexes."""
    assert stage("link_fix") < stage("brand_new") < stage("index_fix")
    assert {kind for kind in STAGES if kind} == set(all_kinds())


def test_every_path_of_a_draft_counts() -> None:
    """Both names of a move, the edited files and an agent's files are the paths of a draft."""
    draft = Draft("file_move", "t", (), operations=(move("a", "b"), edit("c")), paths=("d", "a"))
    assert draft_paths(draft) == ("a", "b", "c", "d")


def test_rank_prefers_blocking_then_worse_then_smaller() -> None:
    """Blocking gaps come first, then worse risks, then smaller changes; unknown size comes last."""

    def candidate(*, blocks: bool = False, risk: str = "low", lines: int | None = 1) -> Candidate:
        return Candidate(Draft("link_fix", "t", (), lines=lines), ("a",), blocks, risk)  # type: ignore[arg-type]

    ranked = [
        candidate(blocks=True, risk="info"),
        candidate(risk="critical", lines=None),
        candidate(lines=1),
        candidate(lines=9),
        candidate(lines=None),
    ]
    backwards = ranked[::-1]
    assert sorted(backwards, key=lambda each: each.rank) == ranked
