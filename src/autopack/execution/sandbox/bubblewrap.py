"""Tier `isolated`: bubblewrap with a minimal root, own namespaces, no network, no capabilities, and limits.

Facts behind the odd flags, measured with bubblewrap 0.8 on Linux 6.18:
- bwrap is process 1 inside and keeps its own environment readable in /proc/1/environ, so the clean environment is
given to bwrap itself
  and `--clearenv` is not used;
- run by root, /proc/sys would be writable from inside even without capabilities, so it is bound read-only;
- a bind follows a symbolic link in its source, so folders are resolved before.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from autopack.execution.sandbox.box import Job, JobResult
from autopack.execution.sandbox.environment import HOME, job_environment, tool_folders
from autopack.execution.sandbox.process import run_to_end
from autopack.policy.facts import SandboxTier

_MIB = 1024**2
_SYSTEM_FILES = (
    *("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "ssl", "ca-certificates", "pki", "localtime"),
    *("nsswitch.conf", "mime.types", "protocols", "services"),
)
_PROC_READ_ONLY = ("sys", "sysrq-trigger", "irq", "bus", "fs", "scsi", "acpi")


@dataclass(frozen=True)
class Bubblewrap:
    """Runs jobs in bubblewrap. Made by `detect.find_sandbox` after the tier has been proven."""

    executable: str = "bwrap"

    @property
    def tier(self) -> SandboxTier:
        return "isolated"

    def run(self, job: Job) -> JobResult:
        folder = job.folder.resolve()
        if folder != job.folder.absolute():
            return JobResult("not_started", None, b"", f"{job.folder} leads through a symbolic link")
        return run_to_end(
            [*self._argv(job), "--", *_limits(job), "--", *job.argv],
            environment=job_environment(HOME),
            folder=Path("/"),
            timeout_seconds=job.timeout_seconds,
        )

    def _argv(self, job: Job) -> list[str]:
        argv = [self.executable, "--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent"]
        argv += ["--new-session", "--cap-drop", "ALL", "--hostname", "autopack"]
        argv += _system_folders()
        for name in _SYSTEM_FILES:
            argv += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
        argv += ["--proc", "/proc"]
        for name in _PROC_READ_ONLY:
            argv += ["--ro-bind-try", f"/proc/{name}", f"/proc/{name}"]
        argv += ["--dev", "/dev", "--size", str(64 * _MIB), "--tmpfs", "/dev/shm"]
        argv += ["--size", str(512 * _MIB), "--tmpfs", "/tmp", "--size", str(64 * _MIB), "--tmpfs", HOME]
        for readable in (*tool_folders(), *(folder.resolve() for folder in job.readable)):
            argv += ["--ro-bind", str(readable), str(readable)]
        folder = str(job.folder)
        return [*argv, "--bind", folder, folder, "--remount-ro", "/", "--chdir", folder]


def _system_folders() -> list[str]:
    argv = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        path = Path("/") / name
        if path.is_symlink():
            argv += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            argv += ["--ro-bind", str(path), str(path)]
    return argv


def _limits(job: Job) -> list[str]:
    """Return a prlimit(1) prefix, or nothing where util-linux lacks it."""
    prlimit = shutil.which("prlimit", path="/usr/bin:/bin")
    if prlimit is None:
        return ["/usr/bin/env"]
    return [
        prlimit,
        f"--as={job.memory_bytes}",
        f"--nproc={job.processes}",
        f"--fsize={job.file_bytes}",
        "--core=0",
        "--nofile=4096",
    ]
