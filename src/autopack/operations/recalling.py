"""Asking the ledgers of a repository on behalf of a run."""

from __future__ import annotations

from collections.abc import Mapping

from autopack.clock import Clock
from autopack.config import Settings
from autopack.file_layout import RunFileLayout
from autopack.gaps.models import GapReportV1
from autopack.git import Git
from autopack.intention_anchor.v2 import IntentionAnchorV2
from autopack.memory.recall import Recalled, recall, words_of


def recall_for_report(
    settings: Settings,
    anchor: IntentionAnchorV2,
    layout: RunFileLayout,
    report: GapReportV1,
    clock: Clock,
    *,
    already_spent: int = 0,
) -> tuple[Recalled, ...]:
    """Return what the ledgers of the report's base commit say about its gaps, within the caps of ANCHOR.

    The base commit is asked, not the working copy, so that the same plan comes of the same commit. ALREADY_SPENT are
    tokens that the run spent on other things. Every decision is recorded in the run's budget log.
    """
    ledgers = committed_ledgers(settings, report.metadata.base_commit)
    return recall(words_of(report), ledgers, anchor, layout, clock, already_spent=already_spent)


def committed_ledgers(settings: Settings, commit: str | None) -> Mapping[str, bytes]:
    """Return the configured ledgers as COMMIT holds them, path -> bytes."""
    if commit is None:
        return {}
    git = Git(settings.workspace)
    found = {path: git.show(commit, path) for path in sorted(set(settings.ledgers.values()))}
    return {path: data for path, data in found.items() if data is not None}
