"""Which sandbox this machine really has: proven by attempts, judged from outside, never by a version or a name."""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
from functools import lru_cache
from pathlib import Path

from autopack.execution.sandbox.box import Job, Sandbox
from autopack.execution.sandbox.bubblewrap import Bubblewrap
from autopack.execution.sandbox.unconfined import Unconfined
from autopack.policy.facts import SandboxTier

_CANARY = """
import json, os, socket, sys
outside, port, pid = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
open_doors = []
def attempt(name, act):
    try:
        act()
        open_doors.append(name)
    except OSError:
        pass
attempt("write outside", lambda: open(outside + "/written", "w").close())
attempt("read outside", lambda: open(outside + "/secret").read())
attempt("network", lambda: socket.create_connection(("127.0.0.1", port), 1).close())
attempt("processes of the host", lambda: os.kill(pid, 0))
open("inside", "w").close()
print(json.dumps(open_doors))
"""


@lru_cache(maxsize=1)
def find_sandbox() -> Sandbox:
    """Return the strongest sandbox that stood the test on this machine; `Unconfined` says why if there is none."""
    executable = shutil.which("bwrap")
    if executable is None:
        return Unconfined("bubblewrap (the command bwrap) is not installed")
    candidate = Bubblewrap(executable)
    fault = prove(candidate)
    return candidate if fault is None else Unconfined(fault)


def sandbox_tier() -> SandboxTier:
    """Return the proven tier of this machine."""
    return find_sandbox().tier


def prove(sandbox: Sandbox) -> str | None:
    """Try to get out of SANDBOX; return None if nothing did, else what is wrong, in words for a person."""
    with tempfile.TemporaryDirectory(prefix="autopack-canary-") as made, socket.socket() as listener:
        root = Path(made).resolve()
        inside, outside = root / "inside", root / "outside"
        inside.mkdir()
        outside.mkdir()
        (outside / "secret").write_text("canary", encoding="utf-8")
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        arguments = (str(outside), str(listener.getsockname()[1]), str(os.getpid()))
        job = Job(("python3", "-I", "-S", "-c", _CANARY, *arguments), inside, timeout_seconds=20)
        result = sandbox.run(job)
        if result.outcome != "ended" or result.exit_code != 0:
            said = result.output.decode("utf-8", "replace").strip().splitlines()[-1:] or [result.detail]
            return f"bubblewrap cannot start here: {said[0][:200]}"
        left_open = json.loads(result.output)
        if (outside / "written").exists() and "write outside" not in left_open:
            left_open.append("write outside")
        if not (inside / "inside").exists():
            return "a job cannot write its own folder"
        return f"bubblewrap leaves open: {', '.join(left_open)}" if left_open else None
