"""A brief for a person; it touches nothing. Also for everything that would have to be done outside the run's worktree
(locks, worktree records, databases): then it names the exact command, and a person runs it."""

from __future__ import annotations

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
    if "{path}" not in template:
        return [template]
    named = [path for gap in gaps for path in briefs.paths(gap)]
    return [template.replace("{path}", shlex.quote(path)) for path in dict.fromkeys(named)]


COMMANDS: dict[str, str] = {}
"""Rule -> the command that closes its gaps outside any worktree; `{path}` is the quoted path of the evidence."""

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
