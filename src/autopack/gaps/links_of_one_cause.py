"""Dead links that one mend would mend: told once, wherever they stand.

A page that lost its anchors and a folder that was moved break every link to them. A finding for each says one thing
many times; what has a remedy of its own, or a story of its own, is told by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

from autopack.gaps.dead_links import DeadLink
from autopack.gaps.detector import Finding
from autopack.gaps.link_targets import folders_above
from autopack.wording import counted

_ENOUGH = 3
"""Links of one document, or documents, that make one finding."""
_MOST_NAMED = 3

Told = tuple[DeadLink, Finding]


class _Cause(NamedTuple):
    """A page that lacks headings, the uppermost folder on the way to what is missing, the missing file itself, or a
    document that separates folders as Windows does."""

    kind: Literal["headings", "folder", "file", "backslashes"]
    place: str


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
    for cause, found in alike.items():
        by_document: dict[str, list[Told]] = {}
        for dead, finding in found:
            by_document.setdefault(dead.document, []).append((dead, finding))
        if len(by_document) >= _ENOUGH:
            yield _one_finding(cause, found, f"{counted(len(by_document), 'document')} link")
            continue
        for document, few in by_document.items():
            if len(few) >= _ENOUGH:
                yield _one_finding(cause, few, f"{document} links", document)
            else:
                yield from (finding for _, finding in few)


def first_of(names: Sequence[str]) -> str:
    """Return the first few of NAMES, and whether there are more."""
    return ", ".join(names[:_MOST_NAMED]) + (", …" if len(names) > _MOST_NAMED else "")


def _cause(dead: DeadLink, finding: Finding, folders: Collection[str]) -> _Cause | None:
    if finding.remedy is not None or finding.confidence is not None:
        return None
    if dead.fragment is not None:
        return _Cause("headings", dead.wanted)
    if "\\" in dead.target:
        return _Cause("backslashes", dead.document)
    absent = [folder for folder in folders_above(dead.wanted) if folder not in folders]
    return _Cause("folder", absent[-1]) if absent else _Cause("file", dead.wanted)


def _one_finding(cause: _Cause, found: Sequence[Told], who: str, document: str | None = None) -> Finding:
    """Return the one finding for FOUND, which have CAUSE: links of WHO, a DOCUMENT if it is one."""
    if cause.kind == "headings":
        named = [f"#{dead.fragment}" for dead, _ in found]
        what, which = "heading", f"that {'it' if cause.place == document else cause.place} does not have"
    elif cause.kind == "backslashes":
        named = [dead.target for dead, _ in found]
        what, which = "path", "with backslashes, which separate nothing in a link"
    else:
        named = [dead.wanted.removeprefix(f"{cause.place}/") for dead, _ in found]
        what, which = "path", f"in {cause.place}/, which is not there"
    distinct = tuple(dict.fromkeys(named))
    title = f"{who} to {counted(len(distinct), what)} {which}: {first_of(distinct)}"
    if cause.kind == "file":
        _, _, what = found[0][1].title.partition(", which is not there")
        title = f"{who} to {cause.place}, which is not there{what}"
    return replace(
        found[0][1],
        title=title,
        key=(document or "several documents", *cause),
        evidence=tuple(place for _, finding in found for place in finding.evidence),
    )
