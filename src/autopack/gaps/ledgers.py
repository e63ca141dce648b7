"""The source-of-truth ledgers as a scan sees them: where they are, what their entries are called, and the summary
that may be quoted elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from posixpath import relpath

from autopack.config import CONFIG_FILE, DEFAULT_LEDGERS
from autopack.gaps.markdown import mask
from autopack.gaps.state import Snapshot
from autopack.gaps.toml_text import read_toml

ENTRY_ID = re.compile(r"\[?(?P<id>[A-Z][A-Z0-9]{1,15}(?:-[A-Z]{2,10})?-\d{1,6})\b")
_HEADING = re.compile(rb"^(#{1,6})[ \t]+([^\n]{1,1000})", re.MULTILINE)


@dataclass(frozen=True)
class Entry:
    """One heading of a ledger. `entry_id` is None for headings that carry no id; `offset` is in bytes."""

    offset: int
    level: int
    heading: str
    entry_id: str | None


def ledger_paths(configuration: bytes | None) -> dict[str, str]:
    """Return ledger name -> path: the defaults, and what `.autopack/config.toml` (its bytes) says instead.

    A configuration that does not parse names nothing; the front door complains about it.
    """
    written = (read_toml((configuration or b"").decode("utf-8", "replace")) or {}).get("ledgers", {})
    own = written if isinstance(written, dict) else {}
    return {**DEFAULT_LEDGERS, **{name: path for name, path in own.items() if isinstance(path, str)}}


def configured_ledgers(texts: Mapping[str, bytes]) -> dict[str, str]:
    """Return the ledgers that the configuration among TEXTS (retained files) names."""
    return ledger_paths(texts.get(CONFIG_FILE))


def is_ledger(snapshot: Snapshot, path: str) -> bool:
    """Tell whether PATH is a ledger or a part that was rotated out of one (`docs/archive/<ledger>-<year>.md`): only
    tidy writes those."""
    names = configured_ledgers(snapshot.texts).values()
    return path in names or any(_is_part(path, ledger) for ledger in names)


def _is_part(path: str, ledger: str) -> bool:
    stem = ledger.rpartition("/")[2].rpartition(".")[0]
    return re.fullmatch(rf"(?:.*/)?archive/{re.escape(stem)}-\d{{4}}[^/]*", path) is not None


def entries(data: bytes) -> tuple[Entry, ...]:
    """Return the headings of the ledger DATA below its title, in order; those in code are none."""
    found = []
    for match in _HEADING.finditer(mask(data)):
        heading = data[match.start(2) : match.end(2)].decode("utf-8", "replace").strip().rstrip("#").strip()
        identity = ENTRY_ID.match(heading)
        found.append(Entry(match.start(), len(match[1]), heading, identity["id"] if identity else None))
    return tuple(found)


def counted_entries(data: bytes) -> tuple[Entry, ...]:
    """Return the entries proper: headings with an id at the level at which ids first appear; without any id, all
    second-level headings."""
    headings = entries(data)
    named = [entry for entry in headings if entry.entry_id]
    if named:
        level = min(entry.level for entry in named)
        return tuple(entry for entry in named if entry.level == level)
    return tuple(entry for entry in headings if entry.level == 2)


def entry_texts(data: bytes) -> tuple[tuple[Entry, str], ...]:
    """Return each entry proper of the ledger DATA with its text, up to the next one, in LF."""
    found = counted_entries(data)
    ends = [*(entry.offset for entry in found[1:]), len(data)]
    parts = (data[entry.offset : end] for entry, end in zip(found, ends, strict=False))  # without entries: one end
    texts = (part.decode("utf-8", "replace").replace("\r\n", "\n").strip() for part in parts)
    return tuple(zip(found, texts, strict=True))


def summary(ledgers: Mapping[str, bytes], document: str) -> str:
    """Return the summary of LEDGERS (path -> bytes) as it stands between `<!-- SOT_SUMMARY_START -->` and
    `<!-- SOT_SUMMARY_END -->` in DOCUMENT: one line a ledger, by path; the last entry in the file is the latest.

    `- [docs/BUILD_HISTORY.md](docs/BUILD_HISTORY.md): 12 entries, latest: BUILD-012 Faster scans`
    """
    folder = document.rpartition("/")[0] or "."
    return "".join(f"- [{path}]({relpath(path, folder)}): {_tally(data)}\n" for path, data in sorted(ledgers.items()))


def _tally(data: bytes) -> str:
    found = counted_entries(data)
    if not found:
        return "no entries"
    noun = "entry" if len(found) == 1 else "entries"
    return f"{len(found)} {noun}, latest: {found[-1].heading}"


SUMMARY_LINE = re.compile(
    r"- \[[^\]\n]{1,300}\]\([^)\n]{1,300}\): (?:no entries|\d{1,9} entr(?:y|ies), latest: [^\n]{0,1000})\Z"
)
"""A line that `summary` wrote, whatever its numbers."""
