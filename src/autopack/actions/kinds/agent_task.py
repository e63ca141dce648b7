"""A brief for a coding agent that works in the run's worktree. What it will write and spend is not known beforehand,
so no owner's rule can approve it unasked."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from autopack.actions import briefs
from autopack.actions.models import Draft, Kind
from autopack.gaps.models import Gap

NAME = "agent_task"
FILES_AT_MOST = 20
"""Files in one task: more than an agent keeps in view, and a diff that nobody reads."""


def remedy(gaps: tuple[Gap, ...], *, terms: tuple[str, ...] = ()) -> tuple[Draft, ...]:
    """Return tasks of one rule and at most 20 files each; gaps that name no file are not for an agent.

    TERMS say who would carry a task out and within which bounds; they stand in the brief, and so in the action's id
    and in what a person approves.
    """
    return tuple(
        Draft(
            kind=NAME,
            title=briefs.title(part),
            gap_ids=tuple(sorted(gap.gap_id for gap in part)),
            brief="\n".join((briefs.brief(part), *terms)),
            lines=None,
            paths=tuple(sorted({path for gap in part for path in briefs.paths(gap)})),
        )
        for group in briefs.by_rule(gaps).values()
        for part in _parts([gap for gap in group if briefs.paths(gap)])
    )


def _parts(gaps: list[Gap]) -> list[list[Gap]]:
    parts: list[list[Gap]] = []
    files: set[str] = set()
    for gap in gaps:
        if not parts or len(files | set(briefs.paths(gap))) > FILES_AT_MOST:
            parts.append([])
            files = set()
        parts[-1].append(gap)
        files |= set(briefs.paths(gap))
    return parts


def with_executor(terms: tuple[str, ...], hosts: tuple[str, ...]) -> Kind:
    """Return the kind where an agent is there to carry the tasks out: on TERMS, reaching HOSTS."""
    return replace(KIND, remedy=partial(remedy, terms=terms), hosts=hosts)


KIND = Kind(
    name=NAME,
    summary="Give a coding agent a bounded task in the run's worktree.",
    deterministic=False,
    reversible=True,
    base_risk=45,
    remedy=remedy,
    apply=None,
    seconds=(60, None),
    tokens=(1_000, None),
)
