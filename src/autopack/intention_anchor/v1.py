"""The intention anchor, version 1: a short text and lists, kept readable beside version 2 and upgraded by proposal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BeforeValidator, StringConstraints

from autopack.artifacts.model import Artifact, Identifier, Sha256, Text, Timestamp
from autopack.artifacts.redaction import redact
from autopack.intention_anchor.questions import Question
from autopack.intention_anchor.v2 import (
    AnchorMetadata,
    EvidenceVerification,
    InferredValue,
    IntentionAnchorV2,
    NorthStar,
    PivotIntentions,
    pointer_order,
)

MAX_ANCHOR_CHARACTERS = 2_048


def _redacted(value: object) -> object:
    return redact(value) if isinstance(value, str) else value


AnchorText = Annotated[str, BeforeValidator(_redacted), StringConstraints(max_length=MAX_ANCHOR_CHARACTERS)]


class IntentionAnchorV1(Artifact):
    """What version 1 knew of a project: `intent_anchor` is the text that stands in `intent_anchor.txt`."""

    schema_version: Literal["v1"] = "v1"
    project_id: Identifier
    created_at: Timestamp
    raw_input_digest: Sha256
    intent_anchor: AnchorText
    intent_facts: tuple[Text, ...] = ()
    non_goals: tuple[Text, ...] = ()
    acceptance_criteria: tuple[Text, ...] = ()
    constraints: tuple[Text, ...] = ()
    toolchain_hypotheses: tuple[Text, ...] = ()
    open_questions: tuple[Text, ...] = ()


@dataclass(frozen=True)
class Upgrade:
    """A proposed anchor of version 2: what was carried over and from where, what has no place there, what is open."""

    proposed: IntentionAnchorV2
    left_out: tuple[str, ...]
    """Fields of version 1 that hold something and are not carried over."""
    questions: tuple[Question, ...]


_CARRIED: Mapping[str, tuple[str, str]] = {
    "intent_anchor": ("north_star", "desired_outcomes"),
    "acceptance_criteria": ("north_star", "success_signals"),
    "non_goals": ("north_star", "non_goals"),
    "constraints": ("evidence_verification", "hard_blocks"),
}
"""Field of version 1 -> the list of version 2 that means the same. Nothing else is guessed."""


def propose_upgrade(old: IntentionAnchorV1, *, updated_at: str) -> Upgrade:
    """Return the anchor of version 2 that says what OLD says and nothing more.

    Every carried entry is marked as inferred until a person confirms it. Nothing is granted: version 1 knew no write
    roots, rules, hosts or budgets.
    """
    fields: dict[tuple[str, str], tuple[str, ...]] = {}
    marks: list[InferredValue] = []
    for name, (pivot, field) in _CARRIED.items():
        entries = _entries(getattr(old, name))
        if entries:
            fields[pivot, field] = entries
            marks += [
                InferredValue(pointer=f"/{pivot}/{field}/{index}", source=f"version 1: {name}")
                for index in range(len(entries))
            ]
    star = NorthStar(**{field: entries for (pivot, field), entries in fields.items() if pivot == "north_star"})
    blocks = fields.get(("evidence_verification", "hard_blocks"))
    proposed = IntentionAnchorV2(
        project_id=old.project_id,
        created_at=old.created_at,
        updated_at=updated_at,
        raw_input_digest=old.raw_input_digest,
        pivot_intentions=PivotIntentions(
            north_star=star if star != NorthStar() else None,
            evidence_verification=EvidenceVerification(hard_blocks=blocks) if blocks else None,
        ),
        metadata=AnchorMetadata(inferred=tuple(sorted(marks, key=lambda mark: pointer_order(mark.pointer)))),
    )
    unused = ("intent_facts", "toolchain_hypotheses", "open_questions")
    left_out = tuple(name for name in unused if getattr(old, name))
    return Upgrade(proposed, left_out, proposed.validate_pivot_completeness())


def _entries(value: str | tuple[str, ...]) -> tuple[str, ...]:
    entries = (value,) if isinstance(value, str) else value
    return tuple(entry for entry in entries if entry.strip())
