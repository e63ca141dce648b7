"""Recall from the ledgers: within the caps, and never unrecorded."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from autopack.clock import FixedClock
from autopack.config import load_settings
from autopack.errors import EnvironmentFault
from autopack.file_layout import RunFileLayout
from autopack.intention_anchor.v2 import BudgetCost, IntentionAnchorV2, MemoryContinuity, PivotIntentions
from autopack.memory.index import entries_of, open_index
from autopack.memory.recall import LEAST_WORTH_GIVING, given_before, recall, words_of
from autopack.operations.recalling import committed_ledgers, recall_for_report
from autopack.operations.scanning import scan_workspace
from repositories import MakeRepository, commit_all, write_files

CLOCK = FixedClock(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
LEDGERS = {
    "docs/BUILD_HISTORY.md": b"# Build\r\n\r\n## BUILD-001: harbour tables\r\n\r\nThe harbour.\r\n\r\n"
    b"## BUILD-002: links\r\n\r\nEvery broken link was retargeted. " + b"More about the link. " * 20 + b"\r\n",
    "docs/DEBUG_LOG.md": b"# Debug\n\n## DBG-001: a link to nowhere\n\nThe link went to an old guide.\n",
}


@pytest.fixture
def layout(tmp_path: Path) -> RunFileLayout:
    return RunFileLayout(tmp_path / "runs", "sample", "r1")


def anchor(per_call: int | None = 1_000, overall: int | None = 5_000, *, enabled: bool = True) -> IntentionAnchorV2:
    return IntentionAnchorV2(
        project_id="sample",
        created_at="2026-01-02T03:04:05Z",
        updated_at="2026-01-02T03:04:05Z",
        raw_input_digest="0" * 64,
        pivot_intentions=PivotIntentions(
            budget_cost=BudgetCost(token_cap_per_call=per_call, token_cap_global=overall),
            memory_continuity=MemoryContinuity(retrieval_enabled=enabled),
        ),
    )


def log_of(layout: RunFileLayout) -> list[dict[str, object]]:
    return [json.loads(line) for line in layout.budget_log.read_bytes().splitlines()]


def test_entries_are_given_whole_while_they_fit(layout: RunFileLayout) -> None:
    """What fits is given, the most relevant first, and each decision is one line with its figures."""
    given = recall(("link", "harbour"), LEDGERS, anchor(), layout, CLOCK)
    assert sorted(each.label for each in given) == [
        "docs/BUILD_HISTORY.md#BUILD-001",
        "docs/BUILD_HISTORY.md#BUILD-002",
        "docs/DEBUG_LOG.md#DBG-001",
    ]
    lines = log_of(layout)
    assert [line["entry"] for line in lines] == [each.label for each in given]
    assert lines[0] == {
        "at": "2026-01-02T03:04:05Z",
        "event": "recall",
        "decision": "retrieve",
        "entry": given[0].label,
        "words": ["link", "harbour"],
        "tokens_asked": given[0].tokens,
        "tokens_given": given[0].tokens,
        "tokens_remaining": 1_000 - given[0].tokens,
        "token_cap_per_call": 1_000,
        "token_cap_global": 5_000,
        "reason": "it fits",
    }


@pytest.mark.parametrize(
    ("intention", "reason"),
    [
        (anchor(enabled=False), "memory_continuity.retrieval_enabled is not true"),
        (anchor(per_call=None), "budget_cost.token_cap_per_call is not stated"),
        (anchor(overall=None), "budget_cost.token_cap_global is not stated"),
        (anchor(per_call=0), "5000 tokens are left of the run's 5000, 0 for a call"),
        (anchor(overall=0), "0 tokens are left of the run's 0, 1000 for a call"),
        (IntentionAnchorV2.from_document({**anchor().document(), "pivot_intentions": {}}), "retrieval_enabled"),
    ],
)
def test_without_a_budget_nothing_is_given(layout: RunFileLayout, intention: IntentionAnchorV2, reason: str) -> None:
    """Retrieval that is off or has no cap gives nothing, builds nothing, and leaves the refusal in the log."""
    assert recall(("link",), LEDGERS, intention, layout, CLOCK) == ()
    (line,) = log_of(layout)
    assert (line["decision"], line["tokens_given"]) == ("refuse", 0)
    assert reason in str(line["reason"])
    assert not (layout.runs_root / "memory.db").exists()


@pytest.mark.parametrize("per_call", range(LEAST_WORTH_GIVING, 140, 9))
def test_no_call_gives_more_than_its_cap(layout: RunFileLayout, per_call: int) -> None:
    """Whatever the cap, the sum stays within it; what does not fit is cut or refused, and both are recorded."""
    given = recall(("link", "harbour"), LEDGERS, anchor(per_call=per_call), layout, CLOCK)
    assert sum(each.tokens for each in given) <= per_call
    assert all(len(each.text.encode()) <= 4 * each.tokens for each in given)
    lines = log_of(layout)
    assert len(lines) == 3
    assert {line["decision"] for line in lines} & {"truncate", "refuse"}
    assert all((line["tokens_given"] == 0) == (line["decision"] == "refuse") for line in lines)


def test_all_calls_of_a_run_stay_within_the_global_cap(layout: RunFileLayout) -> None:
    """Call after call, a run is given no more than the global cap, counting what it spent on other things."""
    intention = anchor(per_call=100, overall=250)
    given = [recall(("link", "harbour"), LEDGERS, intention, layout, CLOCK, already_spent=40) for _ in range(6)]
    total = sum(each.tokens for call in given for each in call)
    assert 150 < total <= 210
    assert given_before(layout) == total
    assert given[-1] == ()
    assert log_of(layout)[-1]["decision"] == "refuse"


def test_text_is_never_cut_inside_a_character(layout: RunFileLayout) -> None:
    """A cut entry is valid text, whatever bytes the cap falls on."""
    ledgers = {"docs/L.md": "## BUILD-001: haven\n\n€".encode() + "€".encode() * 300}
    for per_call in range(32, 40):
        (entry,) = recall(("haven",), ledgers, anchor(per_call=per_call), layout, CLOCK)
        assert set(entry.text.partition("\n\n")[2]) == {"€"}


@pytest.mark.parametrize("line", [b"{", b"[]", b'{"event":"recall","tokens_given":-5}', b'{"event":"recall"}', b"\xff"])
def test_a_log_that_cannot_be_read_gives_nothing(layout: RunFileLayout, line: bytes) -> None:
    """A run whose past spending is unknown is given nothing more."""
    write_files(layout.logs, {"budget.ndjson": line + b"\n"})
    with pytest.raises(EnvironmentFault):
        recall(("link",), LEDGERS, anchor(), layout, CLOCK)


def test_a_log_that_cannot_be_written_gives_nothing(layout: RunFileLayout, tmp_path: Path) -> None:
    """What cannot be recorded is not given; a log that is a link is not followed."""
    layout.logs.mkdir(parents=True)
    layout.budget_log.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(EnvironmentFault):
        recall(("link",), LEDGERS, anchor(), layout, CLOCK)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("word", ['"', '" OR text:x', "NEAR(", "*", "-", "a AND", "heading:link", "", " "])
def test_words_are_never_query_syntax(layout: RunFileLayout, word: str) -> None:
    """Nothing in a word changes the question or breaks it."""
    with open_index(layout.runs_root / "memory.db", LEDGERS) as index:
        assert len(index.search((word, "harbour"), 5)) in {1, 2}


def test_the_index_follows_the_ledgers(layout: RunFileLayout) -> None:
    """A changed ledger is indexed anew; a damaged, foreign or deleted index is rebuilt."""
    path = layout.runs_root / "memory.db"

    def labels(ledgers: dict[str, bytes]) -> list[str]:
        with open_index(path, ledgers) as index:
            return [entry.label for entry in index.search(("harbour",), 5)]

    expected = ["docs/BUILD_HISTORY.md#BUILD-001"]
    assert labels(LEDGERS) == expected
    grown = {**LEDGERS, "docs/DEBUG_LOG.md": b"## DBG-002: harbour\n"}
    assert sorted(labels(grown)) == [*expected, "docs/DEBUG_LOG.md#DBG-002"]
    path.write_bytes(b"no database" * 1_000)
    assert labels(LEDGERS) == expected
    path.unlink()
    assert labels(LEDGERS) == expected
    path.unlink()
    sqlite3.connect(path).close()
    assert labels(LEDGERS) == expected
    assert [each.name for each in layout.runs_root.iterdir() if each.name != ".gitignore"] == ["memory.db"]


def test_an_open_index_is_not_swapped_under_its_reader(layout: RunFileLayout) -> None:
    """Another run that indexes other ledgers meanwhile changes no answer."""
    path = layout.runs_root / "memory.db"
    with open_index(path, LEDGERS) as mine, open_index(path, {"docs/X.md": b"## X-001: other\n"}) as other:
        assert len(mine.search(("harbour",), 5)) == 1
        assert len(other.search(("other",), 5)) == 1


def test_entries_keep_their_own_text() -> None:
    """An entry is its heading and what follows up to the next; line endings are LF."""
    first = entries_of(LEDGERS)[0]
    assert (first.label, first.text) == (
        "docs/BUILD_HISTORY.md#BUILD-001",
        "## BUILD-001: harbour tables\n\nThe harbour.",
    )


def test_a_report_is_asked_about_on_its_base_commit(make_repository: MakeRepository) -> None:
    """Words come from the gaps, ledgers from the commit; the same commit gives the same answer, and nothing but the
    run's own files is written."""
    repository = make_repository(
        {
            "docs/BUILD_HISTORY.md": b"# B\n\n## BUILD-001: guide\n\nThe guide moved.\n",
            "README.md": "[x](docs/guide.md)\n",
        }
    )
    settings = load_settings(repository, {})
    report = scan_workspace(settings, "r1", "sample")
    assert "guide" in " ".join(words_of(report)) or "docs" in words_of(report)
    layout = RunFileLayout(settings.runs_root, "sample", "r1")
    first = recall_for_report(settings, anchor(), layout, report, CLOCK)
    write_files(repository, {"docs/BUILD_HISTORY.md": "# B\n\n## BUILD-001: other\n"})
    assert recall_for_report(settings, anchor(), layout, report, CLOCK) == first
    commit_all(repository)
    assert b"other" in committed_ledgers(settings, "HEAD")["docs/BUILD_HISTORY.md"]
    assert committed_ledgers(settings, None) == {}


def test_a_ledger_without_entries_has_nothing_to_give(layout: RunFileLayout) -> None:
    """An empty ledger, and one that holds only its title, are no reason to fail."""
    ledgers = {"docs/BUILD_HISTORY.md": b"", "docs/DEBUG_LOG.md": b"# Debug\n\nNothing yet.\n"}
    assert entries_of(ledgers) == ()
    assert recall(("debug",), ledgers, anchor(), layout, CLOCK) == ()
