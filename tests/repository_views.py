"""Repositories in memory, for what only looks at paths and bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class MemoryView:
    """Files by path."""

    files: Mapping[str, bytes]

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(self.files)

    def read(self, path: str) -> bytes | None:
        return self.files.get(path)
