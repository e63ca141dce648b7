"""The Cedar engine behind one door: what it is handed, and what counts as an answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import cedarpy

MOST_REMEMBERED = 10_000
"""Answers that one policy remembers; further ones are asked anew each time."""

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"


class PolicyDefect(Exception):
    """The engine or the shipped policy is not what it should be. `rule` is the `engine.*` that then blocks."""

    def __init__(self, rule: str, detail: str = "") -> None:
        super().__init__(detail or rule)
        self.rule = rule


@dataclass(frozen=True)
class Compiled:
    """Policy set and schema as the engine's own parsed handles."""

    policies: cedarpy.PolicySet
    schema: cedarpy.Schema
    answered: dict[tuple[str, str], Answers] = field(default_factory=dict, compare=False)
    """Clean answers by (attributes, context). Asking is a pure function of the two, and most actions of a plan differ
    in nothing that the policy sees: paths reach it as labels."""


@dataclass(frozen=True)
class Answer:
    """Allowed or not, and the ids of the policies that determined it, sorted (none: no policy applied)."""

    allowed: bool
    rules: tuple[str, ...]


@dataclass(frozen=True)
class Answers:
    """The answers to the two questions."""

    attempt: Answer
    auto_approve: Answer


def reference(entity_type: str, name: str) -> Json:
    """Return an entity as Cedar's JSON form of a value names it."""
    return {"__entity": {"type": entity_type, "id": name}}


def as_text(context: Mapping[str, Json]) -> str:
    """Return CONTEXT as `ask` takes it; the same for every action that is judged in the same circumstances."""
    return json.dumps(context, allow_nan=False)


def ask(compiled: Compiled, attributes: Mapping[str, Json], context: str) -> Answers | None:
    """Put both questions about one action to the engine. None when anything but a clean Allow or Deny comes back.

    Cedar skips a policy whose evaluation fails and says so only in the diagnostics, and cedarpy answers NoDecision
    instead of raising; neither is an answer.
    """
    import cedarpy

    resource = {"type": "Proposal", "id": "proposal"}
    told = json.dumps(attributes, allow_nan=False), context
    if told in compiled.answered:
        return compiled.answered[told]
    request = {"principal": {"type": "Proposer", "id": "proposer"}, "resource": resource, "context": told[1]}
    questions = [{**request, "action": {"type": "Action", "id": name}} for name in ("attempt", "auto_approve")]
    entities = f'[{{"uid": {json.dumps(resource)}, "attrs": {told[0]}, "parents": []}}]'
    try:
        results = cedarpy.is_authorized_batch(questions, compiled.policies, entities, compiled.schema)
    except BaseException as fault:
        # A panic of the engine is no Exception (PyO3 derives PanicException from BaseException).
        if type(fault).__name__ == "PanicException":
            return None
        raise
    clean = (cedarpy.Decision.Allow, cedarpy.Decision.Deny)
    if len(results) != 2 or any(each.diagnostics.errors or each.decision not in clean for each in results):
        return None
    attempt, auto_approve = (
        Answer(each.decision is cedarpy.Decision.Allow, tuple(sorted(each.diagnostics.reasons))) for each in results
    )
    answers = Answers(attempt, auto_approve)
    if len(compiled.answered) < MOST_REMEMBERED:
        compiled.answered[told] = answers
    return answers
