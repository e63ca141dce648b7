"""How gaps with exact remedies become drafts: one draft for everything that touches the same files.

Each operation is bound to the bytes of its file, so two actions on one file could not both be carried out: the
second would find it changed. Gaps whose remedies share a file are therefore answered by one action.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from autopack.actions.models import Action, Draft, Workspace
from autopack.actions.operations import apply_operations, contradiction
from autopack.gaps.models import Gap
from autopack.gaps.remedies import Operation, Remedy, remedy_paths

TITLES_SHOWN = 3


def drafts_by_shared_files(kind: str, gaps: Sequence[Gap], what: str) -> tuple[Draft, ...]:
    """Return one draft of KIND for each set of GAPS whose remedies share files; WHAT names several of them
    ("links")."""
    return tuple(_draft(kind, compatible, what) for group in _groups(gaps) for compatible in _compatible_groups(group))


def carry_out(workspace: Workspace, action: Action) -> None:
    """Apply the operations of ACTION as one change."""
    apply_operations(workspace, action.operations)


def _groups(gaps: Sequence[Gap]) -> list[list[Gap]]:
    """Split GAPS (each with a remedy) into connected groups: two are connected when they touch one path."""
    leader: dict[str, str] = {}

    def find(path: str) -> str:
        while leader[path] != path:
            leader[path] = leader[leader[path]]
            path = leader[path]
        return path

    for gap in gaps:
        paths = remedy_paths(_remedy(gap))
        for path in paths:
            leader.setdefault(path, path)
            first, second = sorted((find(paths[0]), find(path)))
            leader[second] = first
    groups: dict[str, list[Gap]] = {}
    for gap in gaps:
        groups.setdefault(find(remedy_paths(_remedy(gap))[0]), []).append(gap)
    return list(groups.values())


def _compatible_groups(gaps: Sequence[Gap]) -> list[list[Gap]]:
    """Split GAPS so that the operations of each part can be carried out together; earlier gaps go first."""
    if contradiction(_operations(gaps)) is None:
        return [list(gaps)]
    parts: list[list[Gap]] = []
    for gap in gaps:
        fitting = (part for part in parts if contradiction(_operations((*part, gap))) is None)
        part = next(fitting, None)
        if part is None:
            parts.append([gap])
        else:
            part.append(gap)
    return parts


def _draft(kind: str, gaps: Sequence[Gap], what: str) -> Draft:
    titles = [gap.title for gap in gaps]
    several = f"{len(gaps)} {what}: " + "; ".join(titles[:TITLES_SHOWN])
    more = f"; and {len(gaps) - TITLES_SHOWN} more" if len(gaps) > TITLES_SHOWN else ""
    distinct = {remedy.model_dump_json(): remedy for remedy in map(_remedy, gaps)}
    return Draft(
        kind=kind,
        title=titles[0] if len(gaps) == 1 else several + more,
        gap_ids=tuple(sorted(gap.gap_id for gap in gaps)),
        operations=tuple(dict.fromkeys(_operations(gaps))),
        lines=sum(remedy.lines for remedy in distinct.values()),
    )


def _operations(gaps: Iterable[Gap]) -> list[Operation]:
    return [operation for gap in gaps for operation in _remedy(gap).operations]


def _remedy(gap: Gap) -> Remedy:
    if gap.remedy is None:
        raise ValueError(f"{gap.gap_id} has no remedy")
    return gap.remedy
