"""What was measured is asked about, unless the policy blocks by now."""

from __future__ import annotations

import pytest

from autopack.artifacts.model import Approval
from autopack.governance.measured import Measured
from autopack.policy.facts import Verdict

MEASURED = Measured("f" * 64, ("second.worse",), ("text",))


@pytest.mark.parametrize(
    ("claimed", "counts"),
    [
        ("auto_approved", ("requires_approval", ("second.worse",))),
        ("requires_approval", ("requires_approval", ("second.worse",))),
        ("blocked", ("blocked", ("on.the-claim",))),
    ],
)
def test_the_worse_of_claim_and_measurement_counts(claimed: Approval, counts: tuple[str, tuple[str, ...]]) -> None:
    """A person is asked for the reasons of the measurement; what is blocked stays blocked for its own reasons."""
    verdict = MEASURED.verdict(Verdict(claimed, ("on.the-claim",), "a" * 64))
    assert (verdict.outcome, verdict.rules) == counts
    assert verdict.policy_digest == "a" * 64
