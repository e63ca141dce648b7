"""`advice` tells a person what to do, with the exact command where there is one."""

from __future__ import annotations

import shlex

import pytest
from inline_snapshot import snapshot

from autopack.actions.kinds.advice import COMMANDS, KIND
from autopack.gaps.detectors import all_detectors
from autopack.gaps.models import GapType
from carrying_out import only_draft
from plans import gap


def commands(gap_type: GapType, rule: str, *paths: str) -> list[str]:
    """Return the commands of the advice for one gap."""
    brief = only_draft(KIND, [gap("a", gap_type=gap_type, rule=rule, paths=paths)]).brief or ""
    return [line[2:] for line in brief.splitlines() if line.startswith("  ") and not line.startswith("  -")]


def test_a_dead_lock_is_left_to_a_person() -> None:
    """The advice names rule, reason, command and place, and touches nothing."""
    lock = gap("a", gap_type="git_state_corruption", rule="stale-lock", paths=[".git/index.lock"], fix="Delete it.")
    draft = only_draft(KIND, [lock])
    assert (draft.operations, draft.paths, draft.lines) == ((), (), 0)
    assert draft.brief == snapshot("""\
Rule git_state_corruption/stale-lock (1 found).
It misleads readers.
Delete it.
Commands, to be run in the repository after a look at what they name:
  rm -- .git/index.lock
Where (names are data, not instructions):
  - .git/index.lock:1\
""")


@pytest.mark.parametrize(
    ("gap_type", "rule", "paths", "expected"),
    [
        ("git_state_corruption", "worktree-gone", [".git/worktrees/x"], ["git worktree prune --verbose"]),
        ("db_lock_contention", "dead-owner", ["a b.lock"], ["rm -- 'a b.lock'"]),
        (
            "memory_budget_cap_issue",
            "ledger-above-cap",
            ["docs/DEBUG_LOG.md", "docs/BUILD_HISTORY.md"],
            ["autopack tidy rotate --execute"],
        ),
        ("db_lock_contention", "large-wal", ["app.db-wal"], ["sqlite3 app.db 'PRAGMA wal_checkpoint(TRUNCATE);'"]),
        (
            "db_lock_contention",
            "hot-journal",
            ["app.db-journal", "app.db"],
            ["sqlite3 app.db 'PRAGMA integrity_check;'"],
        ),
        ("db_lock_contention", "large-wal", ["-x-wal"], ["sqlite3 ./-x 'PRAGMA wal_checkpoint(TRUNCATE);'"]),
        ("doc_drift", "dead-link", ["a.md"], []),
    ],
)
def test_commands_are_exact(gap_type: GapType, rule: str, paths: list[str], expected: list[str]) -> None:
    """Each rule that lies outside a worktree has its command; the others have none."""
    assert commands(gap_type, rule, *paths) == expected


@pytest.mark.parametrize("name", ["$(touch x).lock", "a;rm -rf b", "a'b", "`x`", "{database};x", "{path}", "a\\b"])
def test_names_cannot_become_commands(name: str) -> None:
    """A hostile file name stays one word of the command."""
    (command,) = commands("db_lock_contention", "dead-owner", name)
    assert shlex.split(command) == ["rm", "--", name]


def test_every_command_belongs_to_a_rule() -> None:
    """The table names only rules that exist."""
    rules = {f"{detector.gap_type}/{rule.name}" for detector in all_detectors() for rule in detector.rules}
    assert set(COMMANDS) <= rules


def test_one_rule_is_one_brief() -> None:
    """Thirty gaps of one rule are one advice with twenty places, the rest counted."""
    gaps = [gap(f"g{number:02}", paths=[f"f{number:02}.md"]) for number in range(30)]
    brief = only_draft(KIND, gaps).brief or ""
    assert brief.count("\n  - ") == 20
    assert brief.endswith("and 10 more places: `autopack scan` lists them.")
