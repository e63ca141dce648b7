"""Marked blocks whose content differs from what regenerates it. See `marked_blocks` and `ledgers.summary`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from autopack.artifacts.canonical import bytes_digest
from autopack.gaps import document_places as places
from autopack.gaps.ledgers import (
    ENTRY_ID,
    SUMMARY_LINE,
    configured_ledgers,
    counted_entries,
    is_ledger,
    summary,
)
from autopack.gaps.link_targets import Tree
from autopack.gaps.marked_blocks import SUMMARY_NAME, MarkedBlock, marked_blocks, quoted


@dataclass(frozen=True)
class StaleBlock:
    """A block that is out of date: what is wrong with it, and the bytes that it should hold (None: not known)."""

    document: str
    block: MarkedBlock
    what: str
    wanted: bytes | None


def stale_blocks(tree: Tree, documents: Iterable[str]) -> Iterator[StaleBlock]:
    """Yield the stale blocks of DOCUMENTS; ledgers are append-only and specimens are meant as they are."""
    for document in documents:
        data = tree.snapshot.texts.get(document)
        if data is None or is_ledger(tree.snapshot, document) or places.is_specimen(document):
            continue
        for block in marked_blocks(data):
            stale = _summary(tree, document, block) if block.name == SUMMARY_NAME else _quote(tree, document, block)
            if stale is not None:
                yield stale


def _summary(tree: Tree, document: str, block: MarkedBlock) -> StaleBlock | None:
    texts = tree.snapshot.texts
    ledgers = {path: texts[path] for path in configured_ledgers(texts).values() if path in texts}
    if not ledgers:
        return None
    body = texts[document][block.body_start : block.body_end].decode("utf-8", "replace")
    lines = [line.strip() for line in body.split("\n") if line.strip()]
    if not all(SUMMARY_LINE.match(line) for line in lines):
        behind = _ledger_left_behind(ledgers, body)
        return StaleBlock(document, block, f"misses the newest entry of {behind}", None) if behind else None
    wanted = summary(ledgers, document)
    if "".join(f"{line}\n" for line in lines) == wanted:
        return None
    return StaleBlock(document, block, "differs from the ledgers that it summarises", wanted.encode())


def _ledger_left_behind(ledgers: Mapping[str, bytes], body: str) -> str | None:
    """Return the ledger of which BODY, in a form that is not ours, names entries but not the newest one."""
    named = {match["id"] for match in ENTRY_ID.finditer(body)}
    for path, data in sorted(ledgers.items()):
        identities = [entry.entry_id for entry in counted_entries(data) if entry.entry_id]
        if not named.isdisjoint(identities) and max(identities, key=_number) not in named:
            return path
    return None


def _number(identity: str) -> int:
    return int(identity.rpartition("-")[2])


def _quote(tree: Tree, document: str, block: MarkedBlock) -> StaleBlock | None:
    if block.source is None:
        return None
    record = tree.snapshot.files.get(block.source)
    if record is None:
        gone = not tree.exists(block.source)
        return StaleBlock(document, block, f"quotes {block.source}, which is not there", None) if gone else None
    body = tree.snapshot.texts[document][block.body_start : block.body_end].replace(b"\r\n", b"\n")
    source = tree.snapshot.texts.get(block.source)
    if source is not None:
        wanted = quoted(source, block.fence)
        return StaleBlock(document, block, f"differs from {block.source}", wanted) if body != wanted else None
    if record.sha256 is None or _holds(body, block.fence, record.sha256):
        return None
    return StaleBlock(document, block, f"differs from {block.source}", None)


def _holds(body: bytes, fence: str | None, sha256: str) -> bool:
    """Tell whether BODY quotes the file with that digest, whatever the file's line endings and last line."""
    content = body if fence is None else b"".join(body.splitlines(keepends=True)[1:-1])
    spellings = (content, content[:-1], content.replace(b"\n", b"\r\n"), content[:-1].replace(b"\n", b"\r\n"))
    return sha256 in {bytes_digest(spelling) for spelling in spellings}
