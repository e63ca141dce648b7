"""The use-cases of the sandbox: say what this machine has and what would help, and run any command in it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from autopack.config import Settings
from autopack.errors import EnvironmentFault, UsageError
from autopack.execution.egress import Connection, destinations
from autopack.execution.sandbox.box import HIDDEN, Job, JobResult
from autopack.execution.sandbox.canaries import Proof
from autopack.execution.sandbox.detect import NO_BUBBLEWRAP, NOT_LINUX, examine, find_sandbox
from autopack.git import Git
from autopack.policy.facts import SandboxTier

MEANING: dict[SandboxTier, str] = {
    "isolated": "Actions that a rule of the owner's covers may be auto-approved; agents and checks run in the box.",
    "confined": "Only kinds that Autopack carries out itself, and that reach no host, may be auto-approved; checks run"
    " without network.",
    "none": "Nothing is auto-approved (rule never.no-sandbox); `autopack sandbox run` refuses.",
}
"""Tier -> what it means for approval."""

_INSTALLERS = {
    "apt-get": "sudo apt-get install {}",
    "dnf": "sudo dnf install {}",
    "pacman": "sudo pacman -S {}",
    "zypper": "sudo zypper install {}",
    "apk": "sudo apk add {}",
}
_SWITCHES = (
    ("kernel/apparmor_restrict_unprivileged_userns", "1", "kernel.apparmor_restrict_unprivileged_userns=0"),
    ("kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
    ("user/max_user_namespaces", "0", "user.max_user_namespaces=15000"),
)
"""Below /proc/sys: what refuses namespaces to ordinary users, and the setting that lets them."""
_CONTAINER_SIGNS = ("/.dockerenv", "/run/.containerenv")


@dataclass(frozen=True)
class Help:
    """Something that stands in the way of a stronger sandbox, and the command that helps."""

    missing: str
    command: str


@dataclass(frozen=True)
class Diagnosis:
    """What this machine has: the proven tier, how every candidate did, and what would help."""

    tier: SandboxTier
    meaning: str
    proofs: tuple[Proof, ...]
    helps: tuple[Help, ...]


def diagnose() -> Diagnosis:
    """Let the canaries try every candidate, the strongest first, and say what it comes to. Needs no repository."""
    found = examine()
    tier = found.sandbox.tier
    return Diagnosis(tier, MEANING[tier], found.proofs, tuple(_helps(found.proofs)))


def run_boxed(
    settings: Settings,
    argv: tuple[str, ...],
    *,
    start: Path,
    write: tuple[Path, ...] = (),
    network: tuple[str, ...] = (),
    private_network: tuple[str, ...] = (),
    hidden: tuple[str, ...] = (),
    timeout_seconds: int = 600,
    on_connection: Callable[[Connection], None] | None = None,
    on_output: Callable[[bytes], None] | None = None,
) -> JobResult:
    """Run ARGV from START in the strongest sandbox of this machine; only WRITE (below the workspace) can be written.

    Raises UsageError for a path outside the workspace or a host that is none, EnvironmentFault where no sandbox stood
    its proof or the command could not be started.
    """
    workspace = settings.workspace.resolve()
    sandbox = find_sandbox()
    if sandbox.tier == "none":
        raise EnvironmentFault("No sandbox stands its proof on this machine.", hint="autopack doctor")
    if (network or private_network) and sandbox.tier != "isolated":
        raise EnvironmentFault(
            f"The sandbox of this machine (tier {sandbox.tier}) has no network.", hint="autopack doctor"
        )
    destinations(network + private_network)
    for path in write:
        if not path.is_relative_to(workspace):
            raise UsageError(f"{path} is not in the workspace {workspace}.", hint="Only its own files can be granted.")
    result = sandbox.run(
        Job(
            argv,
            workspace,
            start=start.resolve() if start.resolve().is_relative_to(workspace) else workspace,
            write=write,
            readable=(Git(settings.workspace).common_dir(),),
            hidden=(*HIDDEN, *hidden),
            network=network,
            private_network=private_network,
            timeout_seconds=timeout_seconds,
            on_connection=on_connection,
            on_output=on_output,
        )
    )
    if result.outcome == "not_started":
        raise EnvironmentFault(f"The command was not started: {result.detail}", hint="autopack doctor")
    return result


def _helps(proofs: tuple[Proof, ...]) -> Iterator[Help]:
    """Yield what would give this machine a stronger tier, for each candidate that did not stand."""
    failed = {proof.tier: proof.objection for proof in proofs if proof.objection}
    if NOT_LINUX in failed.values():
        yield from _elsewhere()
        return
    objection = failed.get("isolated", "")
    if objection == NO_BUBBLEWRAP:
        yield Help("bubblewrap", _install("bubblewrap"))
    elif "Unknown option" in objection:
        yield Help("bubblewrap 0.8 or newer", _install("bubblewrap"))
    elif objection:
        yield from _namespaces()
    if "confined" in failed:
        yield Help("Landlock (Linux 5.13 or newer, switched on)", "add landlock to lsm= on the kernel's command line")
    if shutil.which("prlimit", path="/usr/bin:/bin") is None:
        yield Help("limits on memory and processes (prlimit)", _install("util-linux"))
    if os.getuid() == 0:
        yield Help("an ordinary user: root's files are safer from what root did not start", "run autopack as yourself")


def _namespaces() -> Iterator[Help]:
    """Yield what refuses namespaces here, as far as it can be read off the kernel's switches."""
    for switch, refusing, setting in _SWITCHES:
        path = Path("/proc/sys") / switch
        if path.exists() and path.read_text(encoding="ascii").strip() == refusing:
            yield Help(f"namespaces for ordinary users (/proc/sys/{switch} is {refusing})", f"sudo sysctl -w {setting}")
    if any(Path(sign).exists() for sign in _CONTAINER_SIGNS):
        yield Help(
            "namespaces inside this container",
            "start it with --security-opt seccomp=unconfined --security-opt systempaths=unconfined, if the container"
            " is not what protects you",
        )


def _elsewhere() -> Iterator[Help]:
    if sys.platform == "darwin":
        yield Help("a proven sandbox (a seatbelt profile is drafted and untested)", "run autopack in a Linux container")
    else:
        yield Help("a sandbox", "wsl --install, and run autopack there")


def _install(package: str) -> str:
    found = next((line for tool, line in _INSTALLERS.items() if shutil.which(tool)), "install the package {}")
    return found.format(package)
