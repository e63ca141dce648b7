"""The event log of a run: one JSON document a line, appended as things happen."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from autopack.artifacts.redaction import redact
from autopack.clock import Clock, timestamp
from autopack.errors import EnvironmentFault


def append_event(path: Path, event: str, details: Mapping[str, object], clock: Clock) -> None:
    """Append EVENT with DETAILS to the log PATH; lines of several threads and processes do not mix.

    Raises EnvironmentFault when the disk or a permission stands in the way.
    """
    document = {"at": timestamp(clock.now()), "event": event, **details}
    line = redact(json.dumps(document, ensure_ascii=True, sort_keys=True)).encode() + b"\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)
    except OSError as fault:
        raise EnvironmentFault(
            f"Cannot write {path}: {fault.strerror or fault}.", hint="Check free space and permissions."
        ) from fault
