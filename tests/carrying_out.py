"""Carry out what a kind makes of gaps, on files in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from autopack.actions.models import Action, CostEstimate, Draft, Interval, Kind
from autopack.artifacts.canonical import bytes_digest
from autopack.gaps.models import Gap
from autopack.gaps.remedies import DeleteFile, MoveFile, ReplaceBlock, ReplaceText, Transcode
from autopack.planning.order import draft_paths
from workspaces import MemoryWorkspace


def only_draft(kind: Kind, gaps: Sequence[Gap]) -> Draft:
    """Return the one draft that KIND makes of GAPS."""
    (draft,) = kind.remedy(tuple(gaps))
    return draft


def carried_out(kind: Kind, gaps: Sequence[Gap], files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return FILES after every draft of KIND for GAPS."""
    workspace = MemoryWorkspace.of(files)
    assert kind.apply is not None
    for draft in kind.remedy(tuple(gaps)):
        kind.apply(workspace, action_of(draft))
    return workspace.files


def action_of(draft: Draft) -> Action:
    """Return DRAFT as an action, without costs, risk or verdict."""
    nothing = Interval(low=0, high=0)
    return Action(
        action_id="action-000000000000",
        kind=draft.kind,
        title=draft.title,
        gap_ids=draft.gap_ids,
        target_paths=draft_paths(draft),
        operations=draft.operations,
        brief=draft.brief,
        risk_score=0,
        risk_classification="info",
        risk_factors=(),
        cost_estimate=CostEstimate(lines=nothing, seconds=nothing, tokens=nothing),
        rollback="",
        approval_status="auto_approved",
        decided_by=(),
    )


def replace_text(path: str, data: bytes, old: str, new: str) -> ReplaceText:
    """Return the edit of the first OLD in DATA."""
    offset = data.index(old.encode())
    line_start = data.rfind(b"\n", 0, offset) + 1
    return ReplaceText(
        path=path,
        before_sha256=bytes_digest(data),
        line=data.count(b"\n", 0, offset) + 1,
        column=offset - line_start,
        old=old,
        new=new,
    )


def replace_block(path: str, data: bytes, start: str, end: str, new: str) -> ReplaceBlock:
    """Return the rewriting of what stands between START and END."""
    return ReplaceBlock(path=path, before_sha256=bytes_digest(data), start=start, end=end, new=new)


def move_file(path: str, data: bytes, destination: str) -> MoveFile:
    """Return the move of PATH, which holds DATA."""
    return MoveFile(path=path, before_sha256=bytes_digest(data), destination=destination)


def delete_file(path: str, data: bytes) -> DeleteFile:
    """Return the deletion of PATH, which holds DATA."""
    return DeleteFile(path=path, before_sha256=bytes_digest(data))


def transcode(path: str, data: bytes, **wishes: object) -> Transcode:
    """Return the transcoding of PATH, which holds DATA, from UTF-8 unless WISHES say otherwise."""
    stated = {"source": "utf-8", "strip_bom": False, "line_ending": "keep", **wishes}
    return Transcode.from_document({"path": path, "before_sha256": bytes_digest(data), **stated})
