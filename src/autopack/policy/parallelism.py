"""Whether several runs may work at once. Refused unless the written intention says so, field by field."""

from __future__ import annotations

from autopack.errors import DeniedByPolicy
from autopack.intention_anchor.v2 import IntentionAnchorV2


def check_parallelism(anchor: IntentionAnchorV2, runs: int, workers: int) -> None:
    """Return only if ANCHOR lets RUNS runs be worked on by WORKERS processes at a time.

    Raises DeniedByPolicy naming the first field of `parallelism_isolation` that stands in the way. Judged also for
    one run or one worker: supervising is a way of working that a person has to have allowed.
    """
    stated = anchor.parallelism_isolation
    field, found, needed = "", "", ""
    if not stated.allowed:
        field, found, needed = "allowed", "false", "true"
    elif stated.isolation_model != "four_layer":
        field, found, needed = "isolation_model", stated.isolation_model, "four_layer"
    elif workers > stated.max_concurrent_runs:
        field, found, needed = "max_concurrent_runs", str(stated.max_concurrent_runs), f"at least {workers}"
    if field:
        raise DeniedByPolicy(
            f"Parallel runs are refused: parallelism_isolation.{field} is {found}; {runs} runs by {workers} workers"
            f" need {needed}.",
            hint="Ask for less, or have the owner change .autopack/intention.yaml and approve it.",
        )
