"""Old entries of a ledger move to `archive/<ledger>-<year>.md` beside it; the newest stay. Pure, on bytes.

An entry is moved byte for byte, from its marker or heading up to the next entry or to a heading above it. One stays
where moving it would break a link: it holds a relative one, shares a definition with another part, or somebody links
to it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from autopack.errors import UnsafeRepository
from autopack.gaps import markdown
from autopack.gaps.ledgers import Entry, counted_entries, entries
from autopack.tidy.ledgers import line_ending, recorded_ids

ARCHIVE_FOLDER = "archive"

_DATE = re.compile(rb"(?<![\w-])((?:19|20)\d\d)-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?!\d)")
_DEFINITION = re.compile(rb"^ {0,3}(\[[^\]\n]{1,300}\]):", re.MULTILINE)
_NUMBERED = re.compile(r"-\d+\Z")
_LINK_LINE = re.compile(rb"^Older entries: [^\r\n]*<!-- autopack:archives -->[ \t]*(?=\r?$)", re.MULTILINE)
_LONE_LF = re.compile(rb"(?<!\r)\n")


@dataclass(frozen=True)
class Piece:
    """One entry: bytes `start:end` of its ledger, the blank lines after it included; `text` is without them."""

    start: int
    end: int
    name: str
    text: bytes
    series: str
    number: int | None
    date: bytes
    """The first day that it names; empty where it names none."""
    stays: str | None
    """Why it may not be moved."""


@dataclass(frozen=True)
class Rotated:
    """A ledger and those of its archives that change (path -> bytes), once entries have left it."""

    ledger: bytes
    archives: Mapping[str, bytes]


def archive_path(ledger: str, year: str) -> str:
    """Return the path of the archive of LEDGER for YEAR."""
    path = PurePosixPath(ledger)
    return str(path.parent / ARCHIVE_FOLDER / f"{path.stem}-{year}{path.suffix}")


def pieces_of(data: bytes, linked: Collection[str] = ()) -> tuple[Piece, ...]:
    """Return the entries of the ledger DATA, the oldest first. LINKED are the fragments by which anyone links into it.

    Entries numbered in one series are as old as their numbers say, else as their dates say, else as their places: the
    last is the latest.
    """
    proper = counted_entries(data)
    offsets = frozenset(entry.offset for entry in proper)
    masked = markdown.mask(data)
    definitions = tuple(_definitions(masked))
    bounds = [_start(data, entry, offsets) for entry in entries(data) if proper and entry.level <= proper[0].level]
    bounds.append(len(data))
    found = []
    for entry in proper:
        start = _start(data, entry, offsets)
        end = bounds[bisect_right(bounds, start)]
        text = data[start:end].rstrip(b"\r\n")
        series, _, number = (entry.entry_id or "").rpartition("-")
        dated = _DATE.search(text)
        stays = _why_it_stays(masked, start, end, definitions, linked)
        name = entry.entry_id or entry.heading
        found.append(
            Piece(start, end, name, text, series, int(number) if number else None, dated[0] if dated else b"", stays)
        )
    if all(piece.number is not None for piece in found) and len({piece.series for piece in found}) == 1:
        return tuple(sorted(found, key=lambda piece: piece.number or 0))
    if all(piece.date for piece in found):
        return tuple(sorted(found, key=lambda piece: piece.date))
    return tuple(found)


def _start(data: bytes, entry: Entry, proper: Collection[int]) -> int:
    """Return where ENTRY begins: at the marker of tidy on the line above, if there is one."""
    above = data.rfind(b"\n", 0, max(entry.offset - 1, 0)) + 1
    return above if entry.offset in proper and recorded_ids(data[above : entry.offset].rstrip(b"\n")) else entry.offset


def _definitions(masked: bytes) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Yield where each link or footnote is defined, and where else its label stands."""
    for match in _DEFINITION.finditer(masked):
        uses = re.finditer(re.escape(match[1]), masked, re.IGNORECASE)
        yield match.start(1), tuple(use.start() for use in uses if use.start() != match.start(1))


def _why_it_stays(
    masked: bytes,
    start: int,
    end: int,
    definitions: Sequence[tuple[int, tuple[int, ...]]],
    linked: Collection[str],
) -> str | None:
    part = masked[start:end]
    targets = [link.target for link in markdown.find_links(part) if not link.target.startswith("/")]
    if targets:
        return f"its link {targets[0]} would lead nowhere from the archive"
    for defined, uses in definitions:
        if any((start <= defined < end) != (start <= use < end) for use in uses):
            return "it shares the definition of a link or footnote with another part"
    own = markdown.heading_slugs(part) | markdown.explicit_ids(part)
    wanted = {markdown.slug_key(fragment) for fragment in linked}
    if any(each in own or _NUMBERED.sub("", each) in own for each in wanted):
        return "a document links to it"
    return None


def years_of(pieces: Sequence[Piece], otherwise: str) -> dict[Piece, str]:
    """Return the year of each of PIECES (the oldest first): the one that it names, else that of the one before it, else
    that of the first that names one, else OTHERWISE."""
    year = next((piece.date[:4].decode() for piece in pieces if piece.date), otherwise)
    found = {}
    for piece in pieces:
        year = piece.date[:4].decode() if piece.date else year
        found[piece] = year
    return found


def rotated(
    path: str, data: bytes, archives: Mapping[str, bytes], leaving: Sequence[tuple[Piece, str]], title: str
) -> Rotated:
    """Return the ledger DATA at PATH without the LEAVING pieces (the oldest first, each with the path of its archive),
    and ARCHIVES (path -> bytes as they are) with them at their ends.

    What an archive holds already is not added again, so that a rotation that was cut off can be finished. Raises
    UnsafeRepository where anything would be lost or line endings would be mixed.
    """
    changed = dict(archives)
    for archive in dict.fromkeys(archive for _, archive in leaving):
        texts = [piece.text for piece, place in leaving if place == archive]
        changed[archive] = _with_entries(path, archive, changed.get(archive, b""), data, texts, title)
    gone = {piece.start: piece.end for piece, _ in leaving}
    kept, position = [], 0
    for start, end in sorted(gone.items()):
        kept.append(data[position:start])
        position = end
    kept.append(data[position:])
    rest = b"".join(kept)
    if position == len(data):
        rest = rest.rstrip(b"\r\n") + (line_ending(data) if data.endswith(b"\n") else b"")
    result = _with_link(rest, tuple(changed), min(piece.start for piece in pieces_of(data)))
    _check_nothing_is_lost(path, data, result, tuple(changed.values()))
    return Rotated(result, {place: new for place, new in changed.items() if new != archives.get(place)})


def texts_of(data: bytes) -> frozenset[bytes]:
    """Return the entries of the ledger or archive DATA, byte for byte."""
    return frozenset(piece.text for piece in pieces_of(data))


def _with_entries(ledger: str, path: str, archive: bytes, data: bytes, texts: Sequence[bytes], title: str) -> bytes:
    ending = line_ending(data)
    for name, each in ((ledger, data), (path, archive)):
        if each and (line_ending(each) != ending or (b"\r\n" in each and _LONE_LF.search(each))):
            raise UnsafeRepository(
                f"{name} would end up with mixed line endings.", hint=f"Give {ledger} and {path} the same line ending."
            )
    year = PurePosixPath(path).stem.rpartition("-")[2]
    name = PurePosixPath(ledger).name
    head = f"# {title}, {year}\n\nMoved out of [{name}](../{name}).\n".encode().replace(b"\n", ending)
    result, known = archive or head, texts_of(archive)
    for text in texts:
        if text not in known:
            result = result.rstrip(b"\r\n") + ending * 2 + text + ending
    return result


def room_for_links(archives: Collection[str]) -> int:
    """Return how many bytes the line that links ARCHIVES takes at most, with the blank lines around it."""
    return len(_link_line(archives)) + 3 * len(b"\r\n")


def _link_line(archives: Collection[str]) -> bytes:
    names = sorted(PurePosixPath(archive).name for archive in archives)
    links = ", ".join(f"[{PurePosixPath(name).stem.rpartition('-')[2]}]({ARCHIVE_FOLDER}/{name})" for name in names)
    return f"Older entries: {links} <!-- autopack:archives -->".encode()


def _with_link(data: bytes, archives: Collection[str], place: int) -> bytes:
    """Return the ledger DATA with one line that links ARCHIVES, before its first entry at PLACE."""
    line = _link_line(archives)
    known = _LINK_LINE.search(data)
    if known:
        return data[: known.start()] + line + data[known.end() :]
    ending = line_ending(data)
    before = data[:place]
    gap = b"" if not before or before.endswith(ending * 2) else ending
    return before + gap + line + ending * 2 + data[place:]


def _check_nothing_is_lost(path: str, before: bytes, after: bytes, archives: Sequence[bytes]) -> None:
    """Raise UnsafeRepository unless every entry of BEFORE stands, byte for byte, in AFTER or in one of ARCHIVES."""
    kept = texts_of(after).union(*map(texts_of, archives))
    lost = [piece.name for piece in pieces_of(before) if piece.text not in kept]
    if lost:
        raise UnsafeRepository(
            f"{path} does not come apart at {lost[0]}: it would not be found again.",
            hint="Look for code or a comment that is never closed near it.",
        )
