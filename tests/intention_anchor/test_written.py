"""The written intention: what it means, and how each mistake is named."""

from __future__ import annotations

import contextlib
import hashlib

import pytest
from inline_snapshot import snapshot

from autopack.errors import UsageError
from autopack.intention_anchor.v2 import IntentionAnchorV2
from autopack.intention_anchor.written import read_answers, read_intention


def refusal(text: str) -> str:
    """Return the message with which the intention TEXT is refused."""
    with pytest.raises(UsageError) as caught:
        read_intention(text.encode())
    assert caught.value.hint
    return str(caught.value)


def test_the_smallest_intention_is_a_project_id() -> None:
    """Everything else has a default that grants nothing; the digest is that of the bytes."""
    data = b"project_id: demo\n"
    anchor = read_intention(data)
    assert (
        anchor.document()
        == IntentionAnchorV2.from_document(
            {
                "project_id": "demo",
                "created_at": "1970-01-01T00:00:00Z",
                "updated_at": "1970-01-01T00:00:00Z",
                "raw_input_digest": hashlib.sha256(data).hexdigest(),
                "pivot_intentions": {},
            }
        ).document()
    )
    assert anchor.scope_boundaries.allowed_write_roots == ()


def test_what_is_left_empty_is_not_stated() -> None:
    """An emptied list or pivot reads like one that is not there."""
    text = (
        "project_id: demo\npivot_intentions:\n  north_star:\n  safety_risk:\n    never_allow:\nmetadata:\n  inferred:\n"
    )
    anchor = read_intention(text.encode())
    assert anchor.pivot_intentions.north_star is None
    assert anchor.safety_risk.never_allow == ()
    assert (
        read_intention(b"project_id: demo\npivot_intentions:\n  # nothing yet\n").pivot_intentions.safety_risk is None
    )


def test_unquoted_times_are_read() -> None:
    """A person need not know that YAML has dates."""
    anchor = read_intention(b"project_id: demo\ncreated_at: 2026-01-02T03:04:05Z\n")
    assert anchor.created_at == "2026-01-02T03:04:05Z"


def test_every_mistake_is_named_with_its_place_in_the_order_of_the_file() -> None:
    """Unknown keys, wrong types and wrong values say where, what was expected and what was found."""
    text = """\
format_version: v3
project_id: demo
created_at: yesterday
budget: 1
pivot_intentions:
  scope_boundarys: {}
"""
    assert refusal(text) == snapshot(
        """\
.autopack/intention.yaml: format_version (line 1): expected 'v2', found 'v3'
  created_at (line 3): expected a time such as 2026-01-31T08:00:00Z, found 'yesterday'
  budget (line 4): unknown key; known keys: created_at, format_version, metadata, pivot_intentions, project_id, updated_at
  pivot_intentions.scope_boundarys (line 6): unknown key; did you mean 'scope_boundaries'?\
"""  # noqa: E501
    )


def test_mistakes_inside_pivots_are_named_with_their_place() -> None:
    """The place leads to the very entry."""
    text = """\
project_id: demo
pivot_intentions:
  evidence_verification:
    required_checks:
      - name: ''
        argv: []
  scope_boundaries:
    allowed_write_roots: [docs]
    network_allowlist: 5
  parallelism_isolation:
    allowed: yes
"""
    assert refusal(text) == snapshot(
        """\
.autopack/intention.yaml: pivot_intentions.evidence_verification.required_checks[0].name (line 5): expected text that matches ^[a-z][a-z0-9_-]{0,63}$, found ''
  pivot_intentions.evidence_verification.required_checks[0].argv (line 6): expected at least one entry, found a list
  pivot_intentions.scope_boundaries.allowed_write_roots[0] (line 8): a pattern that grants something starts with '/' (the repository's root); found 'docs'
  pivot_intentions.scope_boundaries.network_allowlist (line 9): expected a list, found 5
  pivot_intentions.parallelism_isolation.allowed (line 11): expected true or false, found 'yes'\
"""  # noqa: E501
    )


def test_many_mistakes_are_counted() -> None:
    """Five are shown, the rest is a number."""
    assert refusal("".join(f"k{n}: 1\n" for n in range(9))).endswith("and 5 more")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("- a\n", "expected keys and values, found a list"),
        ("just words\n", "expected keys and values, found 'just words'"),
        ("project_id: ../up\n", "project_id (line 1)"),
        ("format_version: v2\n", "project_id (line 1): expected a value, found nothing"),
        ("project_id: a\nraw_input_digest: 0\n", "computed from the file"),
    ],
)
def test_a_document_of_another_shape_is_refused(text: str, said: str) -> None:
    """Each shape has its own message."""
    assert said in refusal(text)


@pytest.mark.parametrize("cut", range(1, 100, 7))
def test_a_truncated_file_is_read_or_refused_but_never_crashes(cut: int) -> None:
    """A file that was cut short gives a valid anchor or a message."""
    text = "project_id: demo\npivot_intentions:\n  safety_risk: {never_allow: ['*.pem'], risk_tolerance: low}\n"
    with contextlib.suppress(UsageError):
        assert read_intention(text[:cut].encode()).project_id


def test_a_secret_in_a_wrong_value_is_not_repeated() -> None:
    """An error message is no place for a token."""
    token = "ghp_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"
    assert token not in refusal(f"project_id: demo\npivot_intentions: {token}\n")


MARKED = """\
project_id: demo
pivot_intentions:
  scope_boundaries:
    protected_paths: [{paths}]
metadata:
  inferred:
    - {{pointer: /scope_boundaries/protected_paths/0, value: /LICENSE, source: legal text}}
"""


def test_an_inferred_mark_follows_its_value() -> None:
    """A line put above an inferred one does not take over its mark, nor does it make the other one silently yours."""
    anchor = read_intention(MARKED.format(paths="/mine/, /LICENSE").encode())
    assert [(mark.pointer, mark.value) for mark in anchor.unconfirmed] == [
        ("/scope_boundaries/protected_paths/1", "/LICENSE")
    ]


def test_an_inferred_mark_goes_with_its_value() -> None:
    """A removed line needs no second edit."""
    assert read_intention(MARKED.format(paths="/mine/").encode()).metadata.inferred == ()
    assert read_intention(MARKED.format(paths="").encode()).metadata.inferred == ()


def test_answers_are_pivots_in_yaml_or_json() -> None:
    """Both spellings, with or without the outer key, mean the same; tabs are fine in JSON."""
    yaml = read_answers(b"north_star:\n  desired_outcomes: [calm]\n", name="a")
    json = read_answers(b'{\n\t"pivot_intentions": {"north_star": {"desired_outcomes": ["calm"]}}\n}', name="a")
    assert yaml.pivots == json.pivots
    assert yaml.project_id is None
    assert read_answers(b"project_id: demo\n", name="a").project_id == "demo"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"north_star": {}, "north_star": {}}', "stands twice"),
        ("pivot_intentions: {}\nnorth_star: {}\n", "unknown key 'north_star' beside pivot_intentions"),
        ("north: {}\n", "north (line 1): unknown key; did you mean 'north_star'?"),
        ("pivot_intentions:\n  scope_boundaries: {allowed_write_roots: [x]}\n", "allowed_write_roots[0] (line 2)"),
        ("project_id: 7\n", "project_id: expected a name, found 7"),
    ],
)
def test_wrong_answers_are_refused(text: str, said: str) -> None:
    """As strictly as the intention itself."""
    with pytest.raises(UsageError, match="answers") as caught:
        read_answers(text.encode(), name="answers")
    assert said in str(caught.value)
