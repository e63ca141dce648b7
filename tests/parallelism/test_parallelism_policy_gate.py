"""Several runs at once are refused unless the written intention allows it, field by field."""

from __future__ import annotations

import pytest

from autopack.errors import EXIT_DENIED, DeniedByPolicy
from autopack.intention_anchor.v2 import IntentionAnchorV2, ParallelismIsolation, PivotIntentions
from autopack.policy.parallelism import check_parallelism


def _anchor(stated: ParallelismIsolation | None) -> IntentionAnchorV2:
    return IntentionAnchorV2(
        project_id="sample",
        created_at="2026-01-02T03:04:05Z",
        updated_at="2026-01-02T03:04:05Z",
        raw_input_digest="0" * 64,
        pivot_intentions=PivotIntentions(parallelism_isolation=stated),
    )


ALLOWED = ParallelismIsolation(allowed=True, isolation_model="four_layer", max_concurrent_runs=2)


@pytest.mark.parametrize(
    ("stated", "workers", "field"),
    [
        (None, 1, "allowed"),
        (ParallelismIsolation(), 1, "allowed"),
        (ALLOWED.model_copy(update={"allowed": False}), 1, "allowed"),
        (ALLOWED.model_copy(update={"isolation_model": "none"}), 2, "isolation_model"),
        (ALLOWED, 3, "max_concurrent_runs"),
        (ALLOWED.model_copy(update={"max_concurrent_runs": 1}), 2, "max_concurrent_runs"),
    ],
)
def test_parallel_runs_are_refused_naming_the_field(
    stated: ParallelismIsolation | None, workers: int, field: str
) -> None:
    """The refusal names the field of `parallelism_isolation` that stands in the way, with exit code 4."""
    with pytest.raises(DeniedByPolicy, match=rf"parallelism_isolation\.{field} is") as refused:
        check_parallelism(_anchor(stated), runs=3, workers=workers)
    assert refused.value.exit_code == EXIT_DENIED
    assert refused.value.hint


def test_parallel_runs_pass_when_all_fields_allow_them() -> None:
    """With the four-layer model allowed, as many workers as stated, or fewer, may work on any number of runs."""
    for workers in (1, 2):
        check_parallelism(_anchor(ALLOWED), runs=5, workers=workers)
