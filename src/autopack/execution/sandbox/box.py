"""What every sandbox takes and gives back, whatever its tier."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from autopack.execution.egress import Connection
from autopack.policy.facts import SandboxTier

MAX_OUTPUT_BYTES = 4 * 1024 * 1024
"""Output beyond this is read and thrown away; what is kept says so."""

HIDDEN = (
    *(".env", ".env.*", ".netrc", "_netrc", ".npmrc", ".pypirc", ".htpasswd", ".git-credentials"),
    *(".ssh", ".aws", ".azure", ".gnupg", ".kube", "kubeconfig", "credentials.json", "service-account*.json"),
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "*.kdbx", "*.tfstate*"),
)
"""Names below a job's folder that it does not see unless it says otherwise. Narrower than the policy's list of
secrets: a test suite needs its `*.pem` and its `secrets.py`, and those are in git for anybody to read."""


@dataclass(frozen=True)
class Job:
    """One command to run in a box.

    `folder` (absolute) is what it sees; `readable` are further folders that it sees (tool chains,
    the git folder). Limits are in seconds and bytes. Names without a field here are not passed on: the environment is
    built anew.
    """

    argv: tuple[str, ...]
    folder: Path
    start: Path | None = None
    """Where it starts, in `folder`. None: at `folder`."""
    write: tuple[Path, ...] | None = None
    """Folders and files below `folder` that it may write. None: all of `folder`."""
    readable: tuple[Path, ...] = ()
    hidden: tuple[str, ...] = HIDDEN
    """Globs: one without `/` is matched against names at any depth, one with `/` against paths from `folder`."""
    protected: tuple[Path, ...] = ()
    """What stays as it is although it lies in something writable. Every `.git` there is protected anyway."""
    disposable: bool = False
    """The folder is a throw-away copy, so nothing in it has to be protected from the job."""
    network: tuple[str, ...] = ()
    """`host` (port 443) or `host:port`; everything else is refused, and without an entry there is no network."""
    private_network: tuple[str, ...] = ()
    """The same for hosts whose names may lead to private addresses: the owner's own mirrors."""
    doors: tuple[tuple[int, Path], ...] = ()
    """Port on 127.0.0.1 inside -> Unix socket of the host that it leads to."""
    variables: tuple[tuple[str, str], ...] = ()
    """Added to the environment."""
    timeout_seconds: int = 600
    memory_bytes: int = 4 * 1024**3
    processes: int = 512
    file_bytes: int = 1024**3
    on_connection: Callable[[Connection], None] | None = field(default=None, compare=False)
    """Called (from another thread) with every decision about a connection."""
    on_output: Callable[[bytes], None] | None = field(default=None, compare=False)
    """Called with output as it comes, uncapped."""


@dataclass(frozen=True)
class JobResult:
    """How a job ended. `output` is stdout and stderr, interleaved, capped."""

    outcome: Literal["ended", "timed_out", "not_started"]
    exit_code: int | None
    output: bytes
    detail: str = ""


@dataclass(frozen=True)
class Launch:
    """A job made ready to start: what to execute, with exactly which environment and descriptors."""

    argv: tuple[str, ...]
    environment: dict[str, str]
    folder: Path
    pass_fds: tuple[int, ...] = ()
    ask_first_seconds: float = 0.0
    """To end it, send SIGTERM and wait this long before the process group is killed: it ends its descendants."""


class Sandbox(Protocol):
    """Something that runs a job and can say honestly how much it confines it."""

    @property
    def tier(self) -> SandboxTier:
        """The tier that it has if it stands the proof of `canaries.prove`."""
        ...

    def run(self, job: Job) -> JobResult:
        """Run JOB to its end or its time-out; never raises for what the command does."""
        ...

    def ready(self, job: Job) -> AbstractContextManager[Launch]:
        """Yield JOB ready to start, for callers that talk with it over its standard streams.

        What the job needs on the host (proxy, descriptors) lives as long as the context. Raises UnsafeRepository where
        the folder is in a state that the box cannot hold.
        """
        ...
