"""memory_budget_cap_issue: memory above its caps and caps that cannot work are found, with a margin for doubt."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopack.gaps.detectors.memory_budget_cap_issue import DETECTOR
from autopack.gaps.models import Gap
from autopack.intention_anchor.v2 import BudgetCost, IntentionAnchorV2, MemoryContinuity, PivotIntentions
from autopack.memory.index import count_tokens
from autopack.memory.recall import recall
from gap_reports import report_of, seen
from repositories import MakeRepository
from run_leftovers import at, run_of


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


LONG = "## BUILD-002: long\n\n" + "word " * 1_000 + "\n"
SHORT = "## BUILD-001: short\n\nA few words.\n\n"


def test_an_entry_above_the_cap_of_a_call_is_found(make_repository: MakeRepository) -> None:
    """An entry that recall could never give whole is a gap; its neighbours and a cap that just fits are none."""
    repository = make_repository({"docs/BUILD_HISTORY.md": f"# Build\n\n{SHORT}{LONG}"})
    tokens = count_tokens(LONG.strip())
    (gap,) = gaps_of(repository, anchor(tokens - 1, 100_000))
    assert seen([gap]) == ["entry-above-cap docs/BUILD_HISTORY.md:7"]
    assert gap.title == (
        f"The entry BUILD-002 of docs/BUILD_HISTORY.md has {tokens} tokens,"
        f" above the cap of {tokens - 1} tokens per call"
    )
    assert gaps_of(repository, anchor(tokens, 100_000)) == ()
    assert gaps_of(repository, anchor(tokens - 1, 100_000, retrieves=False)) == ()


def ask(
    repository: Path, words: tuple[str, ...], intention: IntentionAnchorV2, run_id: str = "r1", minute: int = 1
) -> None:
    """Let a run ask the ledgers of REPOSITORY, as runs do."""
    ledgers = {"docs/BUILD_HISTORY.md": (repository / "docs/BUILD_HISTORY.md").read_bytes()}
    recall(words, ledgers, intention, run_of(repository, run_id), at(minute))


def test_a_recall_that_was_cut_short_is_found(make_repository: MakeRepository) -> None:
    """The most relevant entry given in part, and a call refused for lack of tokens, are gaps, each in one line."""
    repository = make_repository({"docs/BUILD_HISTORY.md": f"# Build\n\n{SHORT}{LONG}"})
    tight = anchor(200, 250)
    ask(repository, ("long", "word"), tight)
    ask(repository, ("short",), tight)
    ask(repository, ("short",), tight)
    gaps = [gap for gap in gaps_of(repository, tight) if gap.rule_id.endswith("recall-cut-short")]
    assert [gap.title for gap in gaps] == [
        "The newest run got 200 of the 1255 tokens of docs/BUILD_HISTORY.md#BUILD-002",
    ]
    ask(repository, ("long",), tight)
    ask(repository, ("long",), tight)
    gaps = [gap for gap in gaps_of(repository, tight) if gap.rule_id.endswith("recall-cut-short")]
    assert "The newest run got nothing from the ledgers, 1 times: no tokens were left" in [gap.title for gap in gaps]


def test_a_call_that_fills_its_cap_is_no_gap(make_repository: MakeRepository) -> None:
    """That the tenth entry no longer fits is how a cap works; retrieval that is switched off refuses nothing."""
    entries = "".join(f"## BUILD-{number:03}: link\n\n{'word ' * 100}\n\n" for number in range(1, 11))
    repository = make_repository({"docs/BUILD_HISTORY.md": f"# Build\n\n{entries}"})
    ask(repository, ("link",), anchor(1_000, 5_000))
    log = run_of(repository).budget_log.read_text(encoding="utf-8")
    assert '"decision":"truncate"' in log
    assert '"decision":"refuse"' in log
    assert gaps_of(repository, anchor(1_000, 5_000)) == ()
    ask(repository, ("link",), anchor(1_000, 5_000, retrieves=False))
    ask(repository, ("link",), anchor(None, 5_000))
    assert gaps_of(repository, anchor(1_000, 5_000)) == ()


def test_a_newer_run_that_got_what_it_asked_closes_the_gap(make_repository: MakeRepository) -> None:
    """Only the newest run that asked the ledgers counts."""
    repository = make_repository({"docs/BUILD_HISTORY.md": f"# Build\n\n{SHORT}{LONG}"})
    ask(repository, ("long", "word"), anchor(200, 5_000), "z", 1)
    ample = anchor(2_000, 5_000)
    assert len(gaps_of(repository, ample)) == 1
    ask(repository, ("long",), ample, "a", 2)
    assert gaps_of(repository, ample) == ()
