"""A brief for a person; it touches nothing. Also for everything that would have to be done outside the run's worktree
(locks, worktree records, databases): then it names the exact command, and a person runs it."""

from __future__ import annotations

import re
import shlex

from autopack.actions import briefs
from autopack.actions.models import Draft, Kind
from autopack.gaps.models import Gap

NAME = "advice"


def remedy(gaps: tuple[Gap, ...]) -> tuple[Draft, ...]:
    """Return one brief for each rule."""
    return tuple(
        Draft(
            kind=NAME,
            title=briefs.title(group),
            gap_ids=tuple(sorted(gap.gap_id for gap in group)),
            brief=briefs.brief(group, commands=_commands(group)),
            lines=0,
        )
        for group in briefs.by_rule(gaps).values()
    )


def _commands(gaps: list[Gap]) -> list[str]:
    """Return the exact commands for GAPS of one rule, each once; none where only a person can say."""
    template = COMMANDS.get(gaps[0].rule_id)
    if template is None:
        return []
    before, name, after = _split(template)
    if not name:
        return [template]
    paths = [path for gap in gaps for path in briefs.paths(gap)]
    named = (_quoted(_database(path) if name == "{database}" else path) for path in paths)
    return list(dict.fromkeys(f"{before}{word}{after}" for word in named))


def _split(template: str) -> tuple[str, str, str]:
    """Return TEMPLATE before, at and after its placeholder: a name is put in once and never looked at again."""
    found = re.search(r"\{(path|database)\}", template)
    return (template, "", "") if found is None else (template[: found.start()], found[0], template[found.end() :])


def _quoted(path: str) -> str:
    """Return PATH as one word of a POSIX shell that no program takes for an option."""
    return shlex.quote(f"./{path}" if path.startswith("-") else path)


def _database(path: str) -> str:
    """Return the database that a SQLite side file belongs to (https://www.sqlite.org/tempfiles.html)."""
    return path.removesuffix("-wal").removesuffix("-journal")


COMMANDS: dict[str, str] = {
    "git_state_corruption/stale-lock": "rm -- {path}",
    "git_state_corruption/unfinished-operation": "git status",
    "git_state_corruption/damaged": "git fsck --full",
    "git_state_corruption/worktree-gone": "git worktree prune --verbose",
    "git_state_corruption/worktree-abandoned": "git worktree list --verbose",
    "git_state_corruption/worktree-mismatch": "git worktree repair",
    "git_state_corruption/run-worktree-off-branch": "git worktree list --verbose",
    "git_state_corruption/hook-not-executable": "chmod +x -- {path}",
    "git_state_corruption/hooks-path-missing": "git config --show-origin --get core.hooksPath",
    "git_state_corruption/objects-not-checked": "git fsck --full",
    "db_lock_contention/dead-owner": "rm -- {path}",
    "db_lock_contention/hot-journal": "sqlite3 {database} 'PRAGMA integrity_check;'",
    "db_lock_contention/large-wal": "sqlite3 {database} 'PRAGMA wal_checkpoint(TRUNCATE);'",
    "memory_budget_cap_issue/ledger-above-cap": "autopack tidy rotate --execute",
}
"""Rule -> the command that closes its gaps, or shows what to close, outside any worktree of a run; `{path}` is the
quoted path of the evidence, `{database}` the database that it belongs to."""

KIND = Kind(
    name=NAME,
    summary="Tell a person what to do; touches nothing.",
    deterministic=False,
    reversible=True,
    base_risk=0,
    remedy=remedy,
    apply=None,
    seconds=(0, 0),
)
