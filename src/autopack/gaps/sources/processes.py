"""Who is alive on this machine: judged from process ids and start times, never from a guess."""

from __future__ import annotations

import json
import os
import re
import socket
from pathlib import Path

_PROC = Path("/proc")
_FIRST_NUMBER = re.compile(r"\s*(?:pid\s*[:=]?\s*)?(\d{1,9})\s*(?:[\r\n]|\Z)", re.IGNORECASE)
_START_SLACK_SECONDS = 5
MAX_LOCK_BYTES = 4_096


def recorded_owner(data: bytes) -> tuple[int, str | None] | None:
    """Return (process id, host or None) that the content of a lock file names, or None where it names nobody.

    Understood: a first line that is a number (optionally after `pid`), or a JSON object with an integer `pid`.
    """
    if len(data) > MAX_LOCK_BYTES:
        return None
    text = data.decode("utf-8", "replace")
    if text.lstrip().startswith("{"):
        return _owner_in_json(text)
    match = _FIRST_NUMBER.match(text)
    return (int(match[1]), None) if match and int(match[1]) > 0 else None


def _owner_in_json(text: str) -> tuple[int, str | None] | None:
    try:
        document = json.loads(text)
    except ValueError:
        return None
    pid = document.get("pid") if isinstance(document, dict) else None
    if not isinstance(pid, int) or isinstance(pid, bool) or pid <= 0:
        return None
    host = document.get("host", document.get("hostname"))
    return pid, host if isinstance(host, str) else None


def owner_alive(pid: int, host: str | None, locked_at: float) -> bool | None:
    """Tell whether the process PID that took a lock at LOCKED_AT (seconds since the epoch) still lives.

    None when it ran on another HOST. A process that started after the lock was taken is another one with the same
    number.
    """
    if host is not None and host != socket.gethostname():
        return None
    if not exists(pid):
        return False
    started = start_time(pid)
    return started is None or started <= locked_at + _START_SLACK_SECONDS


def exists(pid: int) -> bool:
    """Tell whether a process PID exists and has not ended (a zombie holds nothing), whoever owns it."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return _fields(pid)[:1] not in ([b"Z"], [b"X"])


def start_time(pid: int) -> float | None:
    """Return when PID started (seconds since the epoch), or None where the machine does not tell; see proc(5)."""
    fields = _fields(pid)
    try:
        boot = re.search(rb"^btime (\d+)$", (_PROC / "stat").read_bytes(), re.MULTILINE)
        ticks = os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        return None
    return int(boot[1]) + int(fields[19]) / ticks if boot and len(fields) > 19 else None


def _fields(pid: int) -> list[bytes]:
    """Return the fields of /proc/PID/stat from the third (the state) on, or none."""
    try:
        return (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return []


def git_is_at_work_in(folders: frozenset[str]) -> bool | None:
    """Tell whether a git process of this machine works in one of FOLDERS (real paths); None where that is hidden."""
    try:
        pids = [name for name in os.listdir(_PROC) if name.isdigit()]
    except OSError:
        return None
    hidden = False
    for pid in pids:
        try:
            if not (_PROC / pid / "comm").read_bytes().startswith(b"git"):
                continue
            where = str((_PROC / pid / "cwd").readlink())
        except FileNotFoundError:
            continue
        except OSError:
            hidden = True
            continue
        if any(where == folder or where.startswith(folder + "/") for folder in folders):
            return True
    return None if hidden else False
