"""Dead links that one mend would mend: told once, wherever they stand.

A page that lost its anchors and a folder that was moved break every link to them. A finding for each says one thing
many times; what has a story of its own is told by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

from autopack.gaps.dead_links import DeadLink
from autopack.gaps.detector import Finding
from autopack.gaps.link_targets import folders_above, wanted_path
from autopack.gaps.markdown import split_target
from autopack.gaps.remedies import Remedy, ReplaceText, merged
from autopack.wording import counted, first_of

_ENOUGH = 3
"""Links of one document, or documents, that make one finding."""

Told = tuple[DeadLink, Finding]


class _Cause(NamedTuple):
    """A page that lacks headings, the uppermost folder on the way to what is missing, the missing file itself, a
    document that names several missing files, one that separates folders as Windows does, one that writes addresses or
    labels of references as paths, a folder whose files are in another one, or a page whose headings are spelt
    otherwise."""

    kind: Literal["headings", "folder", "file", "files", "backslashes", "moved", "addresses", "references", "spelling"]
    place: str
    detail: str = ""
    """The other folder; `#` for addresses and labels that are written as headings."""


def told_by_cause(told: Sequence[Told], folders: Collection[str]) -> Iterator[Finding]:
    """Yield the findings of TOLD; those of one cause in several documents, or several of one document, are one.

    FOLDERS are those that are there. The id of such a finding is that of its cause: it stays while links come and go.
    """
    alike: dict[_Cause, list[Told]] = {}
    for dead, finding in told:
        cause = _cause(dead, finding, folders)
        if cause is None:
            yield finding
        else:
            alike.setdefault(cause, []).append((dead, finding))
    left: dict[str, list[Told]] = {}
    for cause, found in alike.items():
        by_document: dict[str, list[Told]] = {}
        for dead, finding in found:
            by_document.setdefault(dead.document, []).append((dead, finding))
        if len(by_document) >= _ENOUGH and found[0][1].remedy is None:
            yield _one_finding(cause, found, f"{counted(len(by_document), 'document')} link")
            continue
        for document, few in by_document.items():
            if len(few) >= _ENOUGH:
                yield _one_finding(cause, few, f"{document} links", document)
            elif cause.kind in {"folder", "file"} and not _tells_more(few):
                left.setdefault(document, []).extend(few)
            else:
                yield from (finding for _, finding in few)
    for document, few in left.items():
        if len(few) >= _ENOUGH:
            yield _one_finding(_Cause("files", document), few, f"{document} links", document)
        else:
            yield from (finding for _, finding in few)


def _tells_more(found: Sequence[Told]) -> bool:
    """Tell whether one of FOUND says more than that something is not there."""
    return any(finding.remedy or not finding.title.endswith(", which is not there") for _, finding in found)


def moved(old: str, new: str) -> tuple[str, str] | None:
    """Return the folders of OLD and NEW where they differ in nothing else."""
    (folder, _, name), (now, _, same) = old.rpartition("/"), new.rpartition("/")
    return (folder, now) if name == same else None


def moved_title(named_by: str, folders: tuple[str, str], paths: Sequence[str]) -> str:
    """Return what is to be said of PATHS in the first of FOLDERS, which are in the second: who they are NAMED_BY."""
    old, new = (f"{folder}/" if folder else "the root" for folder in folders)
    names = first_of([path.rpartition("/")[2] for path in paths])
    if f"/{folders[0]}".endswith(f"/{folders[1]}"):
        return f"{named_by} {counted(len(paths), 'file')} in {new} as if it stood in the root: {names}"
    return f"{named_by} {counted(len(paths), 'file')} in {old}, which are in {new} now: {names}"


def _cause(dead: DeadLink, finding: Finding, folders: Collection[str]) -> _Cause | None:
    if finding.confidence is not None:
        return None
    if finding.remedy is not None:
        return _mended_cause(dead, finding.remedy)
    if dead.fragment is not None:
        return _Cause("headings", dead.wanted)
    if "\\" in dead.target:
        return _Cause("backslashes", dead.document)
    absent = [folder for folder in folders_above(dead.wanted) if folder not in folders]
    return _Cause("folder", absent[-1]) if absent else _Cause("file", dead.wanted)


def _mended_cause(dead: DeadLink, remedy: Remedy) -> _Cause | None:
    """Return what REMEDY mends in DEAD that it may mend in others too."""
    operation = remedy.operations[0]
    if not isinstance(operation, ReplaceText):
        return None
    sign = "#" if dead.fragment else ""  # Those are of another rule.
    if operation.new.startswith("["):
        return _Cause("references", dead.document, sign)
    if operation.new.startswith(("https://", "http://", "mailto:")):
        return _Cause("addresses", dead.document, sign)
    if dead.fragment is not None:
        is_same_page = split_target(operation.new)[0] == split_target(operation.old)[0]
        return _Cause("spelling", dead.wanted) if is_same_page else None
    folders = moved(dead.wanted, wanted_path(dead.document, split_target(operation.new)[0]) or "")
    return None if folders is None else _Cause("moved", *folders)


def _one_finding(cause: _Cause, found: Sequence[Told], who: str, document: str | None = None) -> Finding:
    """Return the one finding for FOUND, which have CAUSE: links of WHO, a DOCUMENT if it is one."""
    page = "it" if cause.place == document else cause.place
    said = {
        "headings": ("heading", f"that {page} does not have"),
        "spelling": ("heading", f"that {page} spells otherwise"),
        "backslashes": ("path", "with backslashes, which separate nothing in a link"),
        "addresses": ("URL", f"as if they were {'headings' if cause.detail else 'paths'}"),
        "references": ("reference", "between parentheses instead of brackets"),
        "files": ("path", "that are not there"),
    }
    what, which = said.get(cause.kind, ("path", f"in {cause.place}/, which is not there"))
    distinct = tuple(dict.fromkeys(_named(cause, dead) for dead, _ in found))
    title = f"{who} to {counted(len(distinct), what)} {which}: {first_of(distinct)}"
    if cause.kind == "file":
        _, _, what = found[0][1].title.partition(", which is not there")
        title = f"{who} to {cause.place}, which is not there{what}"
    elif cause.kind == "moved":
        title = moved_title(f"{who} to", (cause.place, cause.detail), distinct)
    return replace(
        found[0][1],
        title=title,
        key=(document or "several documents", *(cause if cause.detail else cause[:2])),
        evidence=tuple(place for _, finding in found for place in finding.evidence),
        remedy=merged([finding.remedy for _, finding in found]),
    )


def _named(cause: _Cause, dead: DeadLink) -> str:
    """Return what DEAD is called among others of CAUSE."""
    if cause.kind in {"headings", "spelling"}:
        return f"#{dead.fragment}"
    return dead.wanted.removeprefix(f"{cause.place}/") if cause.kind in {"folder", "file", "moved"} else dead.target
