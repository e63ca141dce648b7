"""What an action claims about itself, in the words of the policy."""

from __future__ import annotations

from autopack.actions.models import Action, Kind
from autopack.policy.facts import ActionFacts


def claimed_facts(action: Action, kind: Kind) -> ActionFacts:
    """Return the facts on which ACTION, of KIND, was judged when it was proposed."""
    cost = action.cost_estimate
    return ActionFacts(
        kind=action.kind,
        paths=action.target_paths,
        lines=cost.lines.high,
        risk=action.risk_score,
        tokens=cost.tokens.high,
        seconds=cost.seconds.high,
        reversible=kind.reversible,
        hosts=kind.hosts,
    )
