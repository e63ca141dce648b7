"""Tier `isolated`: bubblewrap with a minimal root, own namespaces, a filter of system calls, no capabilities, limits.

Facts behind the odd flags, measured with bubblewrap 0.8 on Linux 6.18:
- bwrap is process 1 inside and keeps its own environment readable in /proc/1/environ, so the clean environment is
  given to bwrap itself and `--clearenv` is not used;
- run by root, /proc/sys would be writable from inside even without capabilities, so it is bound read-only;
- a bind follows a symbolic link in its source, so links in the paths of roots are refused before;
- a read-only mount does not stop connect(2) to a Unix socket in it, so sockets are covered;
- a protected file is escaped by renaming its folder, so each folder between it and its root is bound onto itself;
- protecting what does not exist would leave an empty file on the host, so that is left to the postflight.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from autopack.errors import AutopackError
from autopack.execution.egress import Egress, destinations
from autopack.execution.sandbox import seccomp
from autopack.execution.sandbox.box import Job, JobResult, Launch
from autopack.execution.sandbox.environment import (
    HOME,
    PROXY_PORT,
    inner_python,
    job_environment,
    proxy_variables,
    tool_folders,
)
from autopack.execution.sandbox.git_settings import git_settings
from autopack.execution.sandbox.process import run_launch
from autopack.execution.sandbox.survey import Survey, preflight, require_safe
from autopack.policy.facts import SandboxTier

_MIB = 1024**2
SYSTEM_FILES = (
    *("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "ssl", "ca-certificates", "pki", "localtime"),
    *("nsswitch.conf", "mime.types", "protocols", "services", "crypto-policies", "gitattributes"),
)
"""Below /etc; none holds a secret."""
_PROC_READ_ONLY = ("sys", "sysrq-trigger", "irq", "bus", "fs", "scsi", "acpi")
_PROC_MASKED = ("kcore", "keys", "key-users", "kallsyms", "timer_list", "latency_stats", "sched_debug", "kmsg")
"""What tells root, or anybody, about the kernel of the host and its keys."""
_DOORS = "/run/autopack"
_GONE_SECONDS = 10.0
_BRIDGE = Path(__file__).with_name("bridge.py")


@dataclass(frozen=True)
class Bubblewrap:
    """Runs jobs in bubblewrap. Made by `detect.find_sandbox` after the tier has been proven."""

    executable: str = "bwrap"

    @property
    def tier(self) -> SandboxTier:
        return "isolated"

    def run(self, job: Job) -> JobResult:
        return run_launch(self.ready, job)

    @contextmanager
    def ready(self, job: Job) -> Iterator[Launch]:
        with ExitStack() as stack:
            survey = _survey(job)
            doors = _open_doors(job, stack)
            descriptors = _Descriptors(stack)
            options = [
                *_namespaces(descriptors),
                *_system(),
                *_identity(descriptors),
                *_folders(job, survey, descriptors),
                *_door_mounts(doors),
                *("--remount-ro", "/", "--chdir", str(job.start or job.folder)),
            ]
            options += ["--info-fd", str(descriptors.lend(_watch_end(stack)))]
            arguments = descriptors.add(b"".join(os.fsencode(option) + b"\0" for option in options))
            inner = [*_bridge(doors), *job.argv]
            argv = (self.executable, "--args", str(arguments), "--", *_limits(job), *inner)
            environment = {**job_environment(HOME), **(proxy_variables() if _has_network(job) else {})}
            yield Launch(argv, {**environment, **dict(job.variables)}, Path("/"), tuple(descriptors.numbers))


def _survey(job: Job) -> Survey:
    roots = write_roots(job)
    survey = preflight(job.folder, roots, hidden=job.hidden, protected=() if job.disposable else job.protected)
    require_safe([danger for danger in survey.dangers if not job.disposable or danger.path in (job.folder, *roots)])
    return Survey(survey.hidden, () if job.disposable else survey.protected, ())


def write_roots(job: Job) -> tuple[Path, ...]:
    """Return what JOB may write."""
    return (job.folder,) if job.write is None else job.write


class _Descriptors:
    """Small texts that bwrap reads from inherited descriptors; closed with the context."""

    def __init__(self, stack: ExitStack) -> None:
        self.numbers: list[int] = []
        self._stack = stack

    def add(self, data: bytes) -> int:
        descriptor = os.memfd_create("autopack", 0)
        self._stack.callback(os.close, descriptor)
        os.write(descriptor, data)
        os.lseek(descriptor, 0, os.SEEK_SET)
        return self.lend(descriptor)

    def lend(self, descriptor: int) -> int:
        """Let bwrap inherit DESCRIPTOR."""
        self.numbers.append(descriptor)
        return descriptor


def _watch_end(stack: ExitStack) -> int:
    """Return where bwrap has to tell the job's process 1; leaving STACK then waits until that is gone.

    bwrap itself ends when the command ends; what the command left behind may write for a moment longer, and nobody
    may look at the tree before. The kernel reports process 1 as ended only after everybody in its namespace is.
    """
    reader, writer = os.pipe()
    found: list[int] = []
    thread = threading.Thread(target=_find_process, args=(reader, found), daemon=True)
    thread.start()

    def wait_until_gone() -> None:
        os.close(writer)
        thread.join(_GONE_SECONDS)
        os.close(reader)
        for process in found:
            select.select([process], [], [], _GONE_SECONDS)
            os.close(process)

    stack.callback(wait_until_gone)
    return writer


def _find_process(reader: int, found: list[int]) -> None:
    told = b""
    while not told.rstrip().endswith(b"}") and (data := os.read(reader, 4096)):  # it comes in several writes
        told += data
    with contextlib.suppress(ProcessLookupError, ValueError, KeyError):
        found.append(os.pidfd_open(json.loads(told)["child-pid"]))


def _namespaces(descriptors: _Descriptors) -> list[str]:
    filtered = descriptors.add(seccomp.program((seccomp.UNIX, seccomp.INET, seccomp.INET6)))
    return [
        *("--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session"),
        *("--cap-drop", "ALL", "--hostname", "autopack", "--seccomp", str(filtered)),
    ]


def _system() -> Iterator[str]:
    """Yield the minimal root: programs and libraries, a few files of /etc, private temporary folders."""
    yield from ("--ro-bind", "/usr", "/usr")
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        path = Path("/") / name
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        elif path.is_dir():
            yield from ("--ro-bind", str(path), str(path))
    for name in SYSTEM_FILES:
        yield from ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")
    yield from ("--ro-bind-try", "/nix/store", "/nix/store", "--proc", "/proc")
    for name in _PROC_READ_ONLY:
        yield from ("--ro-bind-try", f"/proc/{name}", f"/proc/{name}")
    for path in (Path("/proc") / name for name in _PROC_MASKED):
        yield from ("--ro-bind", os.devnull, str(path)) if path.exists() else ()
    yield from ("--dev", "/dev")
    for size, folder in ((64, "/dev/shm"), (512, "/tmp"), (64, HOME)):
        yield from ("--size", str(size * _MIB), "--tmpfs", folder)


def _identity(descriptors: _Descriptors) -> list[str]:
    """Return options that give the user a name and nobody else one: programs look their own name up."""
    user = descriptors.add(f"agent:x:{os.getuid()}:{os.getgid()}::{HOME}:/bin/sh\n".encode())
    group = descriptors.add(f"agent:x:{os.getgid()}:\n".encode())
    return ["--ro-bind-data", str(user), "/etc/passwd", "--ro-bind-data", str(group), "/etc/group"]


def _folders(job: Job, survey: Survey, descriptors: _Descriptors) -> Iterator[str]:
    """Yield mounts from the general to the particular: a later one covers an earlier one."""
    for readable in (*tool_folders(), *(folder.resolve() for folder in job.readable)):
        yield from ("--ro-bind", str(readable), str(readable))
    yield from ("--ro-bind", str(job.folder), str(job.folder))
    roots = sorted(write_roots(job))
    pins = _pins((*survey.protected, *survey.hidden), roots)
    for writable in (*roots, *pins):
        yield from ("--bind", str(writable), str(writable))
    for protected in survey.protected:
        yield from ("--ro-bind", str(protected), str(protected))
    for hidden in survey.hidden:
        if hidden.is_dir():
            yield from ("--tmpfs", str(hidden), "--remount-ro", str(hidden))
        else:
            yield from ("--ro-bind", os.devnull, str(hidden))
    for readable in job.readable:
        for special in _sockets(readable.resolve()):
            yield from ("--ro-bind", os.devnull, str(special))
        for path, shown in git_settings(readable.resolve()):
            yield from ("--ro-bind-data", str(descriptors.add(shown)), str(path))


def _sockets(folder: Path) -> list[Path]:
    """Return the sockets directly in FOLDER: git keeps those of its daemons in its own folder."""
    with os.scandir(folder) as entries:
        return [
            Path(entry.path)
            for entry in entries
            if not (entry.is_symlink() or entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False))
        ]


def _pins(fixed: Iterable[Path], roots: list[Path]) -> list[Path]:
    """Return the folders between each of FIXED and the root that it is in, the outer ones first."""
    found: set[Path] = set()
    for path in fixed:
        for root in roots:
            if path.is_relative_to(root):
                found |= {parent for parent in path.parents if parent.is_relative_to(root) and parent != root}
    return sorted(found)


def _has_network(job: Job) -> bool:
    return bool(job.network or job.private_network)


def _open_doors(job: Job, stack: ExitStack) -> tuple[tuple[int, Path], ...]:
    """Start the proxy if JOB has network; return every port inside with the host's socket behind it."""
    if not _has_network(job):
        return job.doors
    allowed = destinations(job.network) + destinations(job.private_network, private=True)
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="autopack-egress-")))
    try:
        stack.enter_context(Egress(allowed, job.on_connection).serving(folder / "proxy"))
    except OSError as fault:
        raise AutopackError(f"The network proxy cannot listen in {folder}: {fault}.") from fault
    return (*job.doors, (PROXY_PORT, folder / "proxy"))


def _door_mounts(doors: tuple[tuple[int, Path], ...]) -> Iterator[str]:
    if doors:
        yield from ("--ro-bind", str(_BRIDGE), f"{_DOORS}/bridge.py")
    for port, path in doors:
        yield from ("--ro-bind", str(path), f"{_DOORS}/{port}")


def _bridge(doors: tuple[tuple[int, Path], ...]) -> list[str]:
    if not doors:
        return []
    pairs = [f"{port}={_DOORS}/{port}" for port, _ in doors]
    return [inner_python(), "-I", "-S", f"{_DOORS}/bridge.py", *pairs, "--"]


def _limits(job: Job) -> list[str]:
    """Return a prlimit(1) prefix, or nothing where util-linux lacks it."""
    prlimit = shutil.which("prlimit", path="/usr/bin:/bin")
    if prlimit is None:
        return []
    return [
        prlimit,
        f"--as={job.memory_bytes}",
        f"--nproc={job.processes}",
        f"--fsize={job.file_bytes}",
        "--core=0",
        "--nofile=4096",
        "--",
    ]
