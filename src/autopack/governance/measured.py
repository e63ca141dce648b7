"""What an action turned out to do when it was carried out and undone: shown to a person before it is tried again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autopack.policy.facts import Verdict


@dataclass(frozen=True)
class Measured:
    """One measured change that was worse than its claim. `text` shows both verdicts and the diff, line by line."""

    digest: str
    rules: tuple[str, ...]
    text: tuple[str, ...]

    def verdict(self, asked_now: Verdict) -> Verdict:
        """Return the verdict that counts: of what was claimed (ASKED_NOW) and what was measured, the worse."""
        if asked_now.outcome == "blocked":
            return asked_now
        return Verdict("requires_approval", self.rules, asked_now.policy_digest)


NOTHING_MEASURED: Mapping[str, Measured] = {}
"""Action id -> what was measured; nothing for a run that has just begun."""
