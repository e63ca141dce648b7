"""What the newest runs left behind about the repository: the one look into Autopack's own folder.

Only two logs count: that of the newest run that asked the ledgers, and that of the newest run that made checks. An
older one is answered by a newer, so that a gap found here closes by itself once a run goes well. Which is newer is
written in the logs; time stamps of files say nothing.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from autopack.gaps.run_logs import ShortRecall, ToldFault, documents, short_recalls, told_faults
from autopack.gaps.state import RunFacts

_MOST_RUNS = 2_000
_MOST_LOGS_READ = 50
"""Logs read in search of one that has something to say, newest first."""
_MAX_BYTES = 4 * 1024 * 1024
_TAIL_BYTES = 4_096
_FAILURES = ("failed", "timed_out")


def run_facts(root: Path, runs_folder: str) -> RunFacts:
    """Return what the runs below ROOT/RUNS_FOLDER tell."""
    runs = list(_run_folders(root / runs_folder))
    return RunFacts(short_recalls=_newest_recalls(root, runs), told_faults=_newest_faults(root, runs))


def _run_folders(folder: Path) -> Iterator[Path]:
    """Yield the folders `<project>/runs/<family>/<run>`; links are not followed."""
    found = [folder]
    for step in range(4):
        found = [below for above in found for below in _folders(above) if step != 1 or below.name == "runs"]
    yield from found[:_MOST_RUNS]


def _folders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return sorted(Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []


def _newest_recalls(root: Path, runs: list[Path]) -> tuple[ShortRecall, ...]:
    for log in _newest_first([run / "logs" / "budget.ndjson" for run in runs]):
        data = _read(log)
        if any(line.get("event") == "recall" for line in documents(data)):
            return tuple(short_recalls(_label(root, log), data))
    return ()


def _newest_faults(root: Path, runs: list[Path]) -> tuple[ToldFault, ...]:
    """Return what the failed checks of the newest run that made any tell of; their outputs are known by digest."""
    for log in _newest_first([run / "logs" / "events.ndjson" for run in runs]):
        told = [line.get("details") for line in documents(_read(log)) if line.get("event") == "check"]
        checks = [check for check in told if isinstance(check, dict)]
        if checks:
            failed = {str(check.get("output_sha256")) for check in checks if check.get("outcome") in _FAILURES}
            return tuple(_faults_in(root, log.parent.parent / "ci", failed))
    return ()


def _faults_in(root: Path, outputs: Path, failed: set[str]) -> Iterator[ToldFault]:
    for phase in _folders(outputs):
        for log in sorted(phase.glob("*.log")):
            data = _read(log)
            if hashlib.sha256(data).hexdigest() in failed:
                yield from told_faults(_label(root, log), data)


def _newest_first(logs: list[Path]) -> list[Path]:
    dated = [(at, str(log), log) for log in logs if (at := _last_instant(log)) is not None]
    return [log for _, _, log in sorted(dated, reverse=True)][:_MOST_LOGS_READ]


def _last_instant(log: Path) -> str | None:
    """Return when the last whole line of LOG was written, as it says itself (RFC 3339, UTC)."""
    instants = [line.get("at") for line in documents(_read(log, tail=True))]
    return next((at for at in reversed(instants) if isinstance(at, str)), None)


def _read(path: Path, *, tail: bool = False) -> bytes:
    """Return the bytes of the plain file PATH, or its TAIL; nothing where it is no such file, or too large."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return b""
    with os.fdopen(descriptor, "rb") as handle:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or (status.st_size > _MAX_BYTES and not tail):
            return b""
        if tail:
            handle.seek(max(0, status.st_size - _TAIL_BYTES))
        return handle.read(_MAX_BYTES)


def _label(root: Path, log: Path) -> str:
    return log.relative_to(root).as_posix()
