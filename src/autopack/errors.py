"""Every failure that a person can meet, with what to do next and the exit code.

    AutopackError
    ├── UsageError              2   the command, an id or the configuration is wrong
    │   └── ArtifactError       2   a stored document is missing, damaged or of another version
    ├── WaitingForApproval      3   people have to decide; the run can be resumed
    ├── DeniedByPolicy          4   the written intention forbids it
    ├── StaleError              5   base commit, policy, anchor or finding moved
    ├── LockHeld                6   a lock or lease belongs to someone who is alive
    ├── BudgetExhausted         7   a cap of the anchor is reached
    ├── UnsafeRepository        8   the repository is in a state that must not be built upon
    ├── EnvironmentFault       30   git, disk, permissions or a system package
    └── InternalError          31   a defect of Autopack

The table of exit codes is `EXIT_CODES`; `docs/reference/exit_codes.md` is generated from it.
"""

from __future__ import annotations

EXIT_OK = 0
EXIT_FINDINGS = 1
EXIT_USAGE = 2
EXIT_WAITING = 3
EXIT_DENIED = 4
EXIT_STALE = 5
EXIT_LOCKED = 6
EXIT_BUDGET = 7
EXIT_UNSAFE = 8
EXIT_ENVIRONMENT = 30
EXIT_INTERNAL = 31
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143

EXIT_CODES: dict[int, str] = {
    EXIT_OK: "done, or nothing to do (the JSON `outcome` tells which)",
    EXIT_FINDINGS: "findings at or above `--fail-on`",
    EXIT_USAGE: "usage or configuration",
    EXIT_WAITING: "waiting for approval (resumable)",
    EXIT_DENIED: "denied by policy",
    EXIT_STALE: "stale: base commit, policy, anchor or finding moved",
    EXIT_LOCKED: "a lock or lease is held",
    EXIT_BUDGET: "budget exhausted",
    EXIT_UNSAFE: "unsafe repository state",
    EXIT_ENVIRONMENT: "environment: git, disk, permissions, system package",
    EXIT_INTERNAL: "internal error",
    EXIT_INTERRUPTED: "interrupted (SIGINT)",
    EXIT_TERMINATED: "terminated (SIGTERM)",
}


class AutopackError(Exception):
    """A failure with a message (what and which) and a hint (what next, usually a command)."""

    exit_code = EXIT_INTERNAL

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(AutopackError):
    """The command line, an id or the configuration is wrong."""

    exit_code = EXIT_USAGE


class ArtifactError(UsageError):
    """A stored document is missing, damaged, too large or of another version."""


class WaitingForApproval(AutopackError):
    """People have to decide first; nothing was executed past this point."""

    exit_code = EXIT_WAITING


class DeniedByPolicy(AutopackError):
    """The written intention forbids it; no approval can change that."""

    exit_code = EXIT_DENIED


class StaleError(AutopackError):
    """What a decision was bound to has moved; the message says which."""

    exit_code = EXIT_STALE


class LockHeld(AutopackError):
    """A lock or lease is held by a live owner; the message names it."""

    exit_code = EXIT_LOCKED


class BudgetExhausted(AutopackError):
    """A cap of the anchor is reached; caps never rise by themselves."""

    exit_code = EXIT_BUDGET


class UnsafeRepository(AutopackError):
    """The repository is in a state on which nothing may be built."""

    exit_code = EXIT_UNSAFE


class EnvironmentFault(AutopackError):
    """Git, the disk, a permission or a system package stands in the way."""

    exit_code = EXIT_ENVIRONMENT


class InternalError(AutopackError):
    """A defect of Autopack itself."""
