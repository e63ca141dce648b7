"""A workspace in memory: a dictionary that keeps the contract of `actions.models.Workspace`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from autopack.errors import StaleError


@dataclass
class MemoryWorkspace:
    """Files by path, and every change in the order made."""

    files: dict[str, bytes]
    changes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, files: Mapping[str, bytes]) -> MemoryWorkspace:
        return cls(dict(files))

    def read(self, path: str) -> bytes:
        if path not in self.files:
            raise StaleError(f"{path} is gone.")
        return self.files[path]

    def write(self, path: str, data: bytes) -> None:
        self.read(path)
        self.files[path] = data
        self.changes.append(f"write {path}")

    def move(self, path: str, destination: str) -> None:
        if destination in self.files:
            raise StaleError(f"{destination} exists.")
        self.files[destination] = self.files.pop(path)
        self.changes.append(f"move {path} {destination}")

    def delete(self, path: str) -> None:
        self.read(path)
        del self.files[path]
        self.changes.append(f"delete {path}")
