"""The proof of a tier: a job tries to get out, and the host looks what it reached. Never a version, never a name."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from autopack.execution.sandbox.box import Job, JobResult, Sandbox
from autopack.execution.sandbox.environment import inner_python
from autopack.policy.facts import SandboxTier

CANARIES: Mapping[str, str] = {
    "write_outside": "writing a file outside the granted folders",
    "truncate_outside": "emptying a file outside the granted folders",
    "write_beside": "writing in the worktree beside the granted folders",
    "write_git": "writing git's own folder",
    "write_protected": "writing a protected file in a granted folder",
    "rename_protected": "moving a protected file away with its folder",
    "chmod_outside": "changing the mode of a file outside",
    "read_outside": "reading files outside the job's folders",
    "read_hidden": "reading a hidden file (.env)",
    "tcp": "connecting to a TCP port of this machine",
    "udp": "sending to a UDP port of this machine",
    "unix": "connecting to a Unix socket of this machine",
    "abstract": "connecting to an abstract Unix socket of this machine",
    "see_processes": "seeing the machine's processes",
    "signal_processes": "sending signals to the machine's processes",
    "kernel_settings": "opening the kernel's settings for writing",
    "new_namespaces": "making namespaces of its own",
    "tracing": "tracing processes",
    "outlive": "a daemon that outlives the job",
}
"""Name of each attempt -> what it would be, in words."""

NOT_PROMISED: Mapping[SandboxTier, frozenset[str]] = {
    "isolated": frozenset(),
    "confined": frozenset(
        {"chmod_outside", "write_protected", "rename_protected", "see_processes", "signal_processes"},
    ),
    "none": frozenset(CANARIES),
}
"""What each tier may leave open and still be that tier."""

_ATTEMPTS = Path(__file__).with_name("attempts.py")
_SECONDS = 20


@dataclass(frozen=True)
class Proof:
    """How one box stood. `fault` says why it cannot be used at all; `open_doors` are names of CANARIES, sorted."""

    tier: SandboxTier
    open_doors: tuple[str, ...]
    fault: str = ""

    @property
    def broken(self) -> tuple[str, ...]:
        """What the tier promises to keep shut and did not."""
        return tuple(name for name in self.open_doors if name not in NOT_PROMISED[self.tier])

    @property
    def stands(self) -> bool:
        return not self.fault and not self.broken

    @property
    def objection(self) -> str:
        """Why the box does not have its tier, in words for a person; empty where it has."""
        if self.fault:
            return self.fault
        return f"it leaves open: {'; '.join(CANARIES[name] for name in self.broken)}" if self.broken else ""


def prove(sandbox: Sandbox) -> Proof:
    """Let a job try to get out of SANDBOX and return what it reached, judged from outside where that can be seen."""
    with _Lab.made() as lab:
        protected = (lab.granted / "folder" / "protected",) if "write_protected" not in _waived(sandbox) else ()
        source = _ATTEMPTS.read_text(encoding="utf-8")
        job = Job(
            (inner_python(), "-I", "-S", "-c", source, lab.target()),
            lab.inside,
            write=(lab.granted,),
            protected=protected,
            timeout_seconds=_SECONDS,
        )
        result = sandbox.run(job)
        if result.outcome != "ended" or result.exit_code != 0:
            return Proof(sandbox.tier, (), f"it cannot start here: {_last_words(result)}")
        try:
            told = set(json.loads(result.output))
        except ValueError:
            return Proof(sandbox.tier, (), f"its answer is unreadable: {_last_words(result)}")
        if "write_granted" not in told or not (lab.granted / "written").exists():
            return Proof(sandbox.tier, (), "a job cannot write the folder that is granted to it")
        seen = lab.seen()
        believed = {name for name in told if name in CANARIES and name not in seen}
        return Proof(sandbox.tier, tuple(sorted(believed | {name for name, happened in seen.items() if happened})))


def _waived(sandbox: Sandbox) -> frozenset[str]:
    return NOT_PROMISED[sandbox.tier] if sandbox.tier != "none" else frozenset()


def _last_words(result: JobResult) -> str:
    lines = result.output.decode("utf-8", "replace").strip().splitlines()
    return (lines[-1] if lines else result.detail)[:300]


@dataclass(frozen=True)
class _Lab:
    """A small world with something to reach in every direction."""

    root: Path
    tcp: socket.socket
    udp: socket.socket
    unix: socket.socket
    abstract: socket.socket

    @property
    def inside(self) -> Path:
        return self.root / "inside"

    @property
    def granted(self) -> Path:
        return self.inside / "granted"

    @property
    def outside(self) -> Path:
        return self.root / "outside"

    @classmethod
    @contextmanager
    def made(cls) -> Iterator[_Lab]:
        with ExitStack() as stack:
            root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="autopack-canary-"))).resolve()
            families = (socket.AF_INET, socket.AF_INET, socket.AF_UNIX, socket.AF_UNIX)
            kinds = (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_STREAM, socket.SOCK_STREAM)
            made = [stack.enter_context(socket.socket(*each)) for each in zip(families, kinds, strict=True)]
            lab = cls(root, *made)
            lab._furnish()
            yield lab

    def _furnish(self) -> None:
        for folder in (self.outside, self.granted / "folder", self.inside / ".git"):
            folder.mkdir(parents=True)
        for path in (self.outside / "secret", self.outside / "whole", self.inside / ".env"):
            path.write_text("canary", encoding="utf-8")
            path.chmod(0o600)
        (self.granted / "folder" / "protected").write_text("canary", encoding="utf-8")
        self.tcp.bind(("127.0.0.1", 0))
        self.udp.bind(("127.0.0.1", 0))
        self.unix.bind(str(self.outside / "socket"))
        with contextlib.suppress(OSError):  # Linux alone has abstract names
            self.abstract.bind(self._abstract_name())
        for listener in (self.tcp, self.unix, self.abstract):
            with contextlib.suppress(OSError):
                listener.listen()
        for each in (self.tcp, self.udp, self.unix, self.abstract):
            each.setblocking(False)

    def _abstract_name(self) -> str:
        return f"\0{self.root.name}"

    def target(self) -> str:
        return json.dumps(
            {
                "outside": str(self.outside),
                "inside": str(self.inside),
                "tcp": self.tcp.getsockname()[1],
                "udp": self.udp.getsockname()[1],
                "abstract": self.root.name,
                "pid": os.getpid(),
            }
        )

    def seen(self) -> dict[str, bool]:
        """Return, for the attempts that the host itself can see, whether they got through."""
        whole = self.outside / "whole"
        return {
            "write_outside": (self.outside / "written").exists(),
            "write_beside": (self.inside / "written").exists(),
            "write_git": (self.inside / ".git" / "config").exists(),
            "rename_protected": not (self.granted / "folder").exists(),
            "truncate_outside": whole.stat().st_size == 0,
            "chmod_outside": whole.stat().st_mode & 0o777 != 0o600,
            "outlive": _is_locked(self.granted / "alive"),
            "udp": _has_come(self.udp),
            **{name: _has_knocked(getattr(self, name)) for name in ("tcp", "unix", "abstract")},
        }


def _has_knocked(listener: socket.socket) -> bool:
    with contextlib.suppress(OSError):
        listener.accept()[0].close()
        return True
    return False


def _has_come(receiver: socket.socket) -> bool:
    with contextlib.suppress(OSError):
        return bool(receiver.recv(16))
    return False


def _is_locked(path: Path) -> bool:
    """Tell whether somebody still holds the lock of PATH; the holder has proven to be alive."""
    with path.open("rb") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False
