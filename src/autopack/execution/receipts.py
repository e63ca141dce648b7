"""What a supervisor leaves behind when its job has ended: the outcome, on disk before anybody acts on it.

A receipt is written once, after the redacted output that it names, and never changed; a job that has one is not run
again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from autopack.artifacts.canonical import bytes_digest
from autopack.artifacts.model import Artifact, Count, Sha256, Text
from autopack.artifacts.store import read_artifact, write_artifact, write_bytes
from autopack.errors import ArtifactError

_RECEIPT, _OUTPUT = "receipt.json", "output.log"


class Receipt(Artifact):
    """How a supervised job ended; `seconds` are whole seconds of wall time."""

    format_version: Literal["v1"] = "v1"
    outcome: Literal["ended", "timed_out", "not_started"]
    exit_code: int | None
    detail: Text
    output_sha256: Sha256
    seconds: Count


@dataclass(frozen=True)
class Delivered:
    """A receipt with the output that it vouches for."""

    receipt: Receipt
    output: bytes


def leave_receipt(folder: Path, receipt: Receipt, output: bytes) -> None:
    """Put OUTPUT and then RECEIPT into FOLDER, each atomically and synced."""
    write_bytes(folder / _OUTPUT, output)
    write_artifact(folder / _RECEIPT, receipt)


def find_receipt(folder: Path) -> Delivered | None:
    """Return what lies in FOLDER, or None where there is no receipt, or one that its output does not match."""
    try:
        receipt = read_artifact(folder / _RECEIPT, Receipt)
        output = (folder / _OUTPUT).read_bytes()
    except (ArtifactError, OSError):
        return None
    return Delivered(receipt, output) if bytes_digest(output) == receipt.output_sha256 else None
