"""memory_budget_cap_issue: memory above its caps and caps that cannot work are found, with a margin for doubt."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopack.gaps.detectors.memory_budget_cap_issue import DETECTOR
from autopack.gaps.models import Gap
from autopack.intention_anchor.v2 import BudgetCost, IntentionAnchorV2, MemoryContinuity, PivotIntentions
from gap_reports import report_of, seen
from repositories import MakeRepository


def anchor(per_call: int | None, overall: int | None, *, retrieves: bool = True) -> IntentionAnchorV2:
    """Return an anchor with the two token caps."""
    return IntentionAnchorV2(
        project_id="sample",
        created_at="2026-01-02T03:04:05Z",
        updated_at="2026-01-02T03:04:05Z",
        raw_input_digest="0" * 64,
        pivot_intentions=PivotIntentions(
            budget_cost=BudgetCost(token_cap_per_call=per_call, token_cap_global=overall),
            memory_continuity=MemoryContinuity(retrieval_enabled=retrieves),
        ),
    )


def gaps_of(workspace: Path, intention: IntentionAnchorV2 | None) -> tuple[Gap, ...]:
    return report_of(workspace, DETECTOR, intention=intention).gaps


def test_a_ledger_above_the_cap_per_call_is_found(make_repository: MakeRepository) -> None:
    """Bytes / 4 has to be above the cap even at the low end of the estimate."""
    repository = make_repository({"docs/DEBUG_LOG.md": "x" * 7_000, "docs/BUILD_HISTORY.md": "x" * 6_000})
    (gap,) = gaps_of(repository, anchor(1_000, 100_000))
    assert gap.title == "docs/DEBUG_LOG.md has about 1750 tokens, above the cap of 1000 tokens per call"
    assert (gap.evidence[0].path, gap.evidence[0].preview) == ("docs/DEBUG_LOG.md", "7000 bytes, about 1750 tokens")


def test_the_sum_of_memory_is_held_against_the_global_cap(make_repository: MakeRepository) -> None:
    """Ledgers, rules, agents' instructions and what they import count together, the same content once."""
    repository = make_repository(
        {
            "docs/DEBUG_LOG.md": "a" * 4_000,
            "docs/LEARNED_RULES.json": "b" * 4_000,
            "AGENTS.md": "@docs/imported.md\n`@docs/quoted.md`\n" + "c" * 4_000,
            "CLAUDE.md": "@docs/imported.md\n`@docs/quoted.md`\n" + "c" * 4_000,
            "docs/imported.md": "@deeper.md\n" + "d" * 4_000,
            "docs/deeper.md": "@imported.md\n" + "e" * 4_000,
            "docs/quoted.md": "f" * 40_000,
            "data.json": "g" * 400_000,
        }
    )
    (gap,) = gaps_of(repository, anchor(None, 2_000))
    assert gap.title == "Canonical memory has about 5015 tokens in 5 files, above the cap of 2000 tokens"
    assert len(gap.evidence) == 5


def test_no_intention_no_cap_and_room_enough_are_no_gap(make_repository: MakeRepository) -> None:
    """Without a stated cap nothing is measured; large files that are no memory do not count."""
    repository = make_repository({"docs/DEBUG_LOG.md": "x" * 7_000, "CHANGELOG.md": "x" * 900_000})
    assert gaps_of(repository, None) == ()
    assert gaps_of(repository, anchor(None, None, retrieves=False)) == ()
    assert gaps_of(repository, anchor(1_750, 10_000)) == ()


@pytest.mark.parametrize(
    ("per_call", "overall", "retrieves", "titles"),
    [
        (2_000, 1_000, False, ["token_cap_per_call (2000) is above token_cap_global (1000)"]),
        (0, 1_000, False, ["token_cap_per_call is 0, so no call can ever be made"]),
        (None, 0, True, ["token_cap_global is 0, so no call can ever be made"]),
        (None, None, True, ["Retrieval from memory is enabled, but no token cap is stated"]),
        (0, 0, False, []),
        (1_000, 1_000, True, []),
        (None, 1_000, True, []),
    ],
)
def test_caps_that_cannot_work_are_found(
    make_repository: MakeRepository, per_call: int | None, overall: int | None, retrieves: bool, titles: list[str]
) -> None:
    """Contradictions are found; spending nothing on purpose is no contradiction."""
    gaps = gaps_of(make_repository(), anchor(per_call, overall, retrieves=retrieves))
    assert [gap.title for gap in gaps] == titles


def test_a_faulty_cap_is_shown_where_it_is_written(make_repository: MakeRepository) -> None:
    """Evidence is the line of the written intention."""
    written = "budget_cost:\n  # caps\n  token_cap_global: 10\n  token_cap_per_call: 20\n"
    repository = make_repository({".autopack/intention.yaml": written})
    gaps = gaps_of(repository, anchor(20, 10))
    assert seen(gaps) == ["caps-cannot-work .autopack/intention.yaml:4"]
