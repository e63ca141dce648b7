"""What the canaries try from inside a box. Standard library only; handed to the interpreter inside as text.

One argument, JSON: {"outside", "inside", "tcp", "udp", "abstract", "pid"}. Prints the JSON list of the attempts that
met no refusal. What the host can see for itself is judged there and not by this list.
"""

# ruff: noqa: PTH101, PTH104, PTH116
# Pathlib would double the time of a proof, and every command that needs a tier waits for one.

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import socket
import sys
from collections.abc import Callable

_NEW_USER_NAMESPACE = 0x10000000


def main(target: dict[str, str | int]) -> None:
    """Make every attempt, leave a daemon behind, and print what was not refused."""
    outside, inside, pid = str(target["outside"]), str(target["inside"]), int(target["pid"])
    attempts: dict[str, Callable[[], object]] = {
        "write_granted": lambda: _write(f"{inside}/granted/written"),
        "write_outside": lambda: _write(f"{outside}/written"),
        "truncate_outside": lambda: os.truncate(f"{outside}/whole", 0),
        "write_beside": lambda: _write(f"{inside}/written"),
        "write_git": lambda: _write(f"{inside}/.git/config"),
        "read_outside": lambda: os.open(f"{outside}/secret", os.O_RDONLY),
        "read_hidden": lambda: os.open(f"{inside}/.env", os.O_RDONLY),
        "write_protected": lambda: _write(f"{inside}/granted/folder/protected"),
        "rename_protected": lambda: os.rename(f"{inside}/granted/folder", f"{inside}/granted/renamed"),
        "chmod_outside": lambda: os.chmod(f"{outside}/whole", 0o777),
        "tcp": lambda: socket.create_connection(("127.0.0.1", int(target["tcp"])), 1),
        "udp": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", int(target["udp"]))),
        "unix": lambda: socket.socket(socket.AF_UNIX).connect(f"{outside}/socket"),
        "abstract": lambda: socket.socket(socket.AF_UNIX).connect(f"\0{target['abstract']}"),
        "see_processes": lambda: os.stat(f"/proc/{pid}"),
        "signal_processes": lambda: os.kill(pid, 0),
        "kernel_settings": lambda: os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY),
        "new_namespaces": lambda: _call("unshare", _NEW_USER_NAMESPACE),
        "tracing": lambda: _call("process_vm_readv", os.getpid(), 0, 0, 0, 0, 0),
    }
    open_doors = []
    for name, attempt in attempts.items():
        try:
            attempt()
            open_doors.append(name)
        except OSError:
            continue
    print(json.dumps(open_doors), flush=True)
    _outlive(f"{inside}/granted/alive")


def _write(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT))


def _call(name: str, *arguments: int) -> None:
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), name)


def _outlive(path: str) -> None:
    """Leave a daemon, in a session of its own, that holds a lock for as long as it lives (3 seconds at most)."""
    ready, started = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() != 0:
            os._exit(0)
        lock = os.open(path, os.O_RDWR | os.O_CREAT)
        fcntl.flock(lock, fcntl.LOCK_EX)
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        os.write(started, b"x")
        import time

        time.sleep(3)
        os._exit(0)
    os.read(ready, 1)


main(json.loads(sys.argv[1]))
