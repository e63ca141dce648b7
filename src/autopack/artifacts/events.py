"""The event log of a run: one JSON document a line, each naming the digest of the line before it.

Lines are only ever appended, under a lock on the file, and are on the disk when the call returns. A process killed in
the middle of a line leaves a torn one: the next writer ends it, says so in an event of its own, and the chain goes on
from the last whole line. Source of the construction: hash-chained audit logs as in Schneier and Kelsey, "Secure Audit
Logs to Support Computer Forensics" (1999), without keys: it shows edits, not who made them.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from autopack.artifacts.canonical import bytes_digest, canonical_bytes
from autopack.artifacts.model import printable
from autopack.artifacts.redaction import redact
from autopack.clock import Clock, timestamp
from autopack.errors import EnvironmentFault

START = "0" * 64
"""What the first line names as the line before it."""

RECOVERED = "log_recovered"
"""The event that follows a torn line."""

_KEYS = {"seq", "previous", "at", "event", "details"}
_BLOCK = 65_536


@dataclass(frozen=True)
class Event:
    """One line. `digest` is the SHA-256 of its bytes; `previous` that of the line before."""

    seq: int
    at: str
    event: str
    details: Mapping[str, object]
    previous: str
    digest: str


@dataclass(frozen=True)
class EventLog:
    """What a log holds, and the first thing that is wrong with it (empty: nothing)."""

    events: tuple[Event, ...]
    fault: str
    torn: tuple[int, ...] = ()
    """Numbers of lines (from 1) that a killed process left unfinished and that the next writer named."""


def append_event(path: Path, event: str, details: Mapping[str, object], clock: Clock) -> None:
    """Append EVENT with DETAILS (plain JSON values, secrets masked) to the log PATH; on the disk when this returns.

    Raises EnvironmentFault when the disk or a permission stands in the way.
    """
    append_events(path, [(event, details)], clock)


def append_events(path: Path, events: Iterable[tuple[str, Mapping[str, object]]], clock: Clock) -> None:
    """Append EVENTS (name and details) to the log PATH as `append_event` does, with one write for all of them."""
    added = list(events)
    if not added:
        return
    at = timestamp(clock.now())
    with _locked(path) as descriptor:
        seq, previous, torn = _end_of(descriptor)
        lines = [b"\n"] if torn else []
        complete = _parsed(torn)  # cut right before its line feed: nothing of it is lost
        if complete is not None:
            seq, previous = complete.seq, complete.digest
        elif torn:
            added.insert(0, (RECOVERED, {"torn_bytes": len(torn), "torn_sha256": bytes_digest(torn)}))
        for name, details in added:
            seq += 1
            line = canonical_bytes(
                {"seq": seq, "previous": previous, "at": at, "event": name, "details": _masked(dict(details))}
            )
            previous = bytes_digest(line)
            lines += [line, b"\n"]
        _write_all(descriptor, b"".join(lines))
        os.fsync(descriptor)


def read_events(path: Path) -> EventLog:
    """Return every event of the log PATH up to the first line that is not as it was written.

    A log that is not there is an empty one. Raises EnvironmentFault when it cannot be read.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return EventLog((), "")
    except OSError as fault:
        raise EnvironmentFault(f"Cannot read {path}: {fault.strerror or fault}.") from fault
    lines = data.split(b"\n")
    unfinished = lines.pop()
    events: list[Event] = []
    torn: list[int] = []
    for number, line in enumerate(lines, 1):
        follower = lines[number] if number < len(lines) else None
        found = _parsed(line)
        if found is None and _names_torn(follower, line):
            torn.append(number)
            continue
        wrong = "is no event" if found is None else _out_of_chain(found, events)
        if found is None or wrong:
            return EventLog(tuple(events), f"line {number} {wrong}", tuple(torn))
        events.append(found)
    end = f"line {len(lines) + 1} is torn: {len(unfinished)} bytes without an end" if unfinished else ""
    return EventLog(tuple(events), end, tuple(torn))


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Yield a descriptor of PATH that nobody else writes to meanwhile."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(path, flags, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)
    except OSError as fault:
        raise EnvironmentFault(
            f"Cannot write {path}: {fault.strerror or fault}.", hint="Check free space and permissions."
        ) from fault


def _end_of(descriptor: int) -> tuple[int, str, bytes]:
    """Return number and digest of the last whole event, and the bytes of a torn line after it.

    A line that is no event is passed over, as one that was torn before: whoever reads the log judges it.
    """
    size = os.fstat(descriptor).st_size
    tail, start = b"", size
    while True:
        whole, _, torn = tail.rpartition(b"\n")
        for line in reversed(whole.split(b"\n") if start == 0 else whole.split(b"\n")[1:]):
            found = _parsed(line)
            if found is not None:
                return found.seq, found.digest, torn
        if start == 0:
            return 0, START, torn
        start = max(0, start - max(_BLOCK, len(tail)))
        tail = os.pread(descriptor, size - start, start)


def _parsed(line: bytes) -> Event | None:
    try:
        document = json.loads(line)
        if not isinstance(document, dict) or set(document) != _KEYS or canonical_bytes(document) != line:
            return None
    except (ValueError, RecursionError):
        return None
    seq, details = document["seq"], document["details"]
    at, event, previous = (document[name] for name in ("at", "event", "previous"))
    if type(seq) is not int or not isinstance(details, dict):
        return None
    if not (isinstance(at, str) and isinstance(event, str) and isinstance(previous, str)):
        return None
    return Event(seq, at, event, details, previous, bytes_digest(line))


def _out_of_chain(found: Event, before: list[Event]) -> str:
    last = before[-1] if before else None
    seq, digest = (last.seq, last.digest) if last else (0, START)
    if found.seq != seq + 1:
        return f"is event {found.seq} where event {seq + 1} belongs"
    return "" if found.previous == digest else f"does not follow from event {seq}, which was changed"


def _names_torn(follower: bytes | None, line: bytes) -> bool:
    found = None if follower is None else _parsed(follower)
    return found is not None and found.event == RECOVERED and found.details.get("torn_sha256") == bytes_digest(line)


def _masked(value: object) -> object:
    """Return VALUE as plain JSON values without secrets."""
    if isinstance(value, str):
        return redact(printable(value))
    if isinstance(value, Mapping):
        return {redact(printable(str(key))): _masked(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(inner) for inner in (sorted(value) if isinstance(value, set | frozenset) else value)]
    return value


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
