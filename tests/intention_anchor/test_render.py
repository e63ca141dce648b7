"""The commented file that a person edits."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot

from autopack.intention_anchor.plain_yaml import read_plain_yaml
from autopack.intention_anchor.render import TITLES, describe_intention, render_intention, scalar, template
from autopack.intention_anchor.v2 import (
    PIVOT_TYPES,
    AutoApproveRule,
    GovernanceReview,
    Inferred,
    IntentionAnchorV2,
    NorthStar,
    PivotIntentions,
    RequiredCheck,
    RuleExample,
    SafetyRisk,
    create_from_inputs,
)
from autopack.intention_anchor.written import read_intention

NOW = "2026-01-02T03:04:05Z"

INFERRED = (
    Inferred("scope_boundaries", "protected_paths", "/LICENSE", "legal text"),
    Inferred(
        "evidence_verification", "required_checks", RequiredCheck(name="tests", argv=("make", "test")), "Makefile"
    ),
)


def read_back(anchor: IntentionAnchorV2) -> IntentionAnchorV2:
    """Return ANCHOR after it was written and read, with its own digest, which the text's differs from."""
    again = read_intention(render_intention(anchor, languages=[("C#", 2)], notes=["a: 'b'\n- c"]).encode())
    return again.model_copy(update={"raw_input_digest": anchor.raw_input_digest})


def test_unanswered_pivots_stand_there_commented_out_and_inferred_lines_are_marked() -> None:
    """The file of `init --no-input` explains itself."""
    anchor = create_from_inputs(project_id="demo", created_at=NOW, inferred=INFERRED)
    text = render_intention(anchor, languages=[("Python", 1), ("Go", 3)])
    assert text[: text.index("  # 5.")] == snapshot(
        """\
# What you intend with this project and what Autopack may do here, written down once.
#
# Autopack reads this file and never changes it by itself: it may propose a revision, and you approve it.
# It takes effect with the commit that holds it. What is left out is not allowed.
#
#   autopack anchor check        is everything in here valid?
#   autopack anchor questions    what is still open?
#
# Paths are written as in .gitignore; a leading "/" is the root of the repository.
#
# Lines marked "inferred" were read off the repository. They only forbid, ask or check. Change them as you like, or
# confirm them all with: autopack anchor approve --inferred
#
# Seen here: Python (1 file), Go (3 files).

format_version: v2
project_id: demo
created_at: "2026-01-02T03:04:05Z"
updated_at: "2026-01-02T03:04:05Z"

pivot_intentions:

  # 1. North star. What should be true when this project goes well, how you would notice, and what you do not want.
  # north_star:
  #   desired_outcomes:
  #     - A new user gets a first result within five minutes
  #   success_signals:
  #     - The guide is followed without a question
  #   non_goals:
  #     - Support for versions that are no longer maintained

  # 2. Safety and risk. What must never happen, and what needs your approval. Entries: paths or kinds of action.
  # safety_risk:
  #   never_allow:
  #     - "*.pem"
  #   requires_approval:
  #     - /src/
  #   risk_tolerance: low

  # 3. Evidence and verification. What has to hold, and the commands that must succeed before a change is kept.
  evidence_verification:
    required_checks:
      - name: tests  # inferred: Makefile
        argv: [make, test]
        timeout_seconds: 600

  # 4. Scope and boundaries. Where Autopack may write, what it must not touch, and which hosts it may reach.
  scope_boundaries:
    allowed_write_roots: []  # nowhere yet: Autopack looks and proposes only
    protected_paths:
      - /LICENSE  # inferred: legal text

"""
    )
    assert read_back(anchor) == anchor


@pytest.mark.parametrize("pivot", PIVOT_TYPES)
def test_each_example_is_valid_once_its_comment_signs_are_gone(pivot: str) -> None:
    """What a person uncomments works at once, and states its pivot."""
    lines = [line.replace("# ", "", 1) for line in template(pivot).splitlines()]
    anchor = read_intention("\n".join(["project_id: demo", "pivot_intentions:", *lines]).encode())
    assert getattr(anchor.pivot_intentions, pivot) is not None
    assert pivot not in [question.pivot for question in anchor.validate_pivot_completeness()]


texts = st.text(max_size=30) | st.sampled_from(
    [
        "yes",
        "null",
        "1",
        "1.5",
        "2026-01-02",
        "- a",
        "a: b",
        "a #b",
        "*x",
        "&a",
        "!t",
        "%d",
        "'",
        '"',
        "\u2028",
        "a\n",
        "~",
    ]
)
patterns = st.sampled_from(["*.pem", "/docs/**", "a b.md", "[ab]/*", "@scope", "{x}", "'q'", "file_delete"])
rules = st.builds(
    AutoApproveRule,
    rule_id=st.just("rule-1"),
    description=texts,
    kinds=st.just(("link_fix", "encoding_fix")),
    paths=st.just(("/docs/**", "/a, b/**")),
    max_lines=st.integers(0, 50),
    max_risk=st.none() | st.integers(0, 100),
    examples=st.just(()) | st.builds(lambda: (RuleExample(expect="deny", kind="file_delete", paths=("a, b",)),)),
)
pivots = st.builds(
    PivotIntentions,
    north_star=st.none() | st.builds(NorthStar, desired_outcomes=st.lists(texts, max_size=3).map(tuple)),
    safety_risk=st.none() | st.builds(SafetyRisk, never_allow=st.lists(patterns, max_size=2).map(tuple)),
    governance_review=st.none()
    | st.builds(GovernanceReview, auto_approve_rules=st.lists(rules, max_size=2).map(tuple)),
)


@settings(deadline=None, max_examples=60)
@given(pivots)
def test_what_is_written_reads_back_the_same(explicit: PivotIntentions) -> None:
    """Whatever people say, with every odd character, survives the file."""
    anchor = create_from_inputs(project_id="demo", created_at=NOW, explicit=explicit, inferred=INFERRED)
    assert read_back(anchor) == anchor


@settings(deadline=None, max_examples=200)
@given(texts | st.integers(-(10**9), 10**9) | st.booleans() | st.none())
def test_a_plain_value_reads_back_the_same(value: object) -> None:
    """In a block and in a flow list."""
    text = f"a: {scalar(value)}\nb: [{scalar(value)}, {scalar(value)}]\n"
    assert read_plain_yaml(text.encode(), name="file").value == {"a": value, "b": [value, value]}


def test_show_names_every_pivot() -> None:
    """What is not stated is said, not left out."""
    anchor = create_from_inputs(project_id="demo", created_at=NOW, inferred=INFERRED)
    text = describe_intention(anchor)
    assert all(title in text for title, _ in TITLES.values())
    assert "Budget and cost: not stated" in text
    assert "- /LICENSE  # inferred: legal text" in text
