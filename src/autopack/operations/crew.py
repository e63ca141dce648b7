"""Who carries actions out in a repository: Autopack's own kinds, and the agent that the base commit names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autopack.actions.kinds import agent_task
from autopack.actions.models import Kind
from autopack.actions.registry import all_kinds
from autopack.config import CONFIG_FILE, Settings
from autopack.execution.agents.brief import terms
from autopack.execution.agents.config import Hired, hired_agent
from autopack.git import Git
from autopack.intention_anchor.v2 import IntentionAnchorV2


@dataclass(frozen=True)
class Crew:
    """Who carries actions out in a repository: every kind, and the agent for the tasks among them, if there is one."""

    kinds: Mapping[str, Kind]
    hired: Hired | None


def crew_of(settings: Settings, anchor: IntentionAnchorV2, base_commit: str | None) -> Crew:
    """Return who carries actions out at BASE_COMMIT; the working copy has no say. Raises UsageError for agents'
    settings that do not parse."""
    written = Git(settings.workspace).show(base_commit, CONFIG_FILE) if base_commit else None
    hired = hired_agent(written) if written is not None else None
    kinds = dict(all_kinds())
    if hired is not None:
        kinds[agent_task.NAME] = agent_task.with_executor(terms(hired.description, anchor), hired.hosts)
    return Crew(kinds, hired)
