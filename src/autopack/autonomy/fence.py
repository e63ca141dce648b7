"""The right of one process to write the results of a run, looked at again before every write.

A process can sleep for hours (a suspended machine, a stopped container) and wake up after a person has broken its lock
and another process has gone on with the run. It may then still commit, write proofs and move the run's state: each of
these asks here first.
"""

from __future__ import annotations

from dataclasses import dataclass

from autopack.errors import StaleError
from autopack.store.database import Database
from autopack.store.runs import require_fence
from autopack.worktrees.lock import Lock


@dataclass(frozen=True)
class Fence:
    """The lock of a run and the token with which it was taken over."""

    database: Database
    run_id: str
    token: int
    lock: Lock

    def check(self) -> None:
        """Raise StaleError unless this process still is the one that works on the run; a heartbeat otherwise."""
        if not self.lock.still_held():
            raise StaleError(
                f"The lock of run {self.run_id} was broken while this process was at work.",
                hint="Nothing more is written here; look at the run with `autopack status`.",
            )
        require_fence(self.database, self.run_id, self.token)
        self.lock.beat()

    def beat(self) -> None:
        """Show others that this process still makes progress."""
        self.lock.beat()
