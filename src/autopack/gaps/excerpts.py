"""Evidence from a place in a file: the line, its digest and a short preview."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property, lru_cache

from autopack.artifacts.canonical import bytes_digest
from autopack.gaps.models import Evidence

PREVIEW_CHARACTERS = 160
_MAX_COLUMN_BYTES = 4_096
"""Beyond that nobody counts columns, and many findings on one endless line would cost quadratic time."""
_NEWLINE = re.compile(rb"\n")


def line_number(data: bytes, offset: int) -> int:
    """Return the line (from 1) that byte OFFSET of DATA is on."""
    return data.count(b"\n", 0, offset) + 1


def line_start(data: bytes, offset: int) -> int:
    """Return where the line that holds byte OFFSET begins."""
    return data.rfind(b"\n", 0, offset) + 1


def line_at(data: bytes, offset: int) -> bytes:
    """Return the line that holds byte OFFSET, without its line ending."""
    end = data.find(b"\n", offset)
    return data[line_start(data, offset) : len(data) if end < 0 else end].rstrip(b"\r")


def preview(excerpt: bytes) -> str:
    """Return EXCERPT as one short line of text."""
    text = " ".join(excerpt[: PREVIEW_CHARACTERS * 4].decode("utf-8", "replace").split())
    return text if len(text) <= PREVIEW_CHARACTERS else f"{text[: PREVIEW_CHARACTERS - 1]}…"


class Places:
    """Places in one file. In whatever order they are asked for, any number of them costs few passes over the file."""

    def __init__(self, path: str, data: bytes) -> None:
        self._path = path
        self._data = data
        self._reached = (0, 1)
        self._excerpts: dict[int, tuple[str, str]] = {}

    def line(self, offset: int) -> int:
        """Return the line (from 1) that byte OFFSET is on."""
        reached, line = self._reached
        if offset < reached:
            return bisect_right(self._line_starts, offset)
        line += self._data.count(b"\n", reached, offset)
        self._reached = (offset, line)
        return line

    def start_of(self, line: int) -> int:
        """Return where LINE (from 1) begins; the end of the file where it has no such line."""
        starts = self._line_starts
        return starts[line - 1] if line <= len(starts) else len(self._data)

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(match.end() for match in _NEWLINE.finditer(self._data))]

    def at(self, offset: int) -> Evidence:
        """Return evidence for the line that holds byte OFFSET."""
        start = line_start(self._data, offset)
        if start not in self._excerpts:
            excerpt = line_at(self._data, offset)
            self._excerpts[start] = (bytes_digest(excerpt), preview(excerpt))
        digest, text = self._excerpts[start]
        near = offset - start <= _MAX_COLUMN_BYTES
        return Evidence(
            path=self._path,
            line=self.line(offset),
            column=len(self._data[start:offset].decode("utf-8", "replace")) + 1 if near else None,
            excerpt_sha256=digest,
            preview=text,
        )

    def at_line(self, line: int) -> Evidence:
        """Return evidence for LINE (from 1)."""
        return self.at(self.start_of(line))


@lru_cache(maxsize=4)
def places_in(path: str, data: bytes) -> Places:
    """Return the places in DATA, the bytes of PATH: the same ones for whoever asks about that file next."""
    return Places(path, data)


def evidence_at(path: str, data: bytes, offset: int) -> Evidence:
    """Return evidence for the line of PATH that holds byte OFFSET of DATA; for many of one file, see `Places`."""
    return Places(path, data).at(offset)


def evidence_of_file(path: str, sha256: str | None, note: str) -> Evidence:
    """Return evidence for PATH as a whole; NOTE says what is seen."""
    return Evidence(path=path, excerpt_sha256=sha256, preview=note)
