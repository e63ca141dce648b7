"""Changes to the text keep every other line and comment."""

from __future__ import annotations

import difflib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot

from autopack.errors import UsageError
from autopack.intention_anchor.edits import with_changes, with_confirmed_marks
from autopack.intention_anchor.render import render_intention
from autopack.intention_anchor.v2 import Inferred, create_from_inputs
from autopack.intention_anchor.written import read_intention

NOW = "2026-01-02T03:04:05Z"

TEXT = """\
# top comment
project_id: demo   # the name
created_at: "2026-01-01T00:00:00Z"
updated_at: "2026-01-01T00:00:00Z"  # by hand

pivot_intentions:
    # my own heading
    safety_risk:
        never_allow:
        # keys
        - "*.pem"   # never, ever
        - '*.key'
        # end of list
        risk_tolerance: low  # careful

    # about scope
    scope_boundaries:
        allowed_write_roots: [/docs/**]  # docs only
        protected_paths:
            - /LICENSE   # legal


    # about budgets
    budget_cost: {max_lines: 10, max_files: 2}
# tail comment
"""


def changed_lines(before: str, changes: dict[str, dict[str, Any]]) -> str:
    """Return the lines that CHANGES takes out and puts in."""
    after = with_changes(before.encode(), changes, updated_at=NOW).decode()
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm=""))[2:]
    return "\n".join(line for line in lines if not line.startswith("@@") and "updated_at" not in line)


def test_one_value_changes_one_line() -> None:
    """The comment behind it stays."""
    assert changed_lines(TEXT, {"safety_risk": {"risk_tolerance": "medium"}}) == snapshot(
        """\
-        risk_tolerance: low  # careful
+        risk_tolerance: medium  # careful\
"""
    )


def test_a_new_entry_is_one_new_line() -> None:
    """Entries that stay keep their spelling and their comments."""
    assert changed_lines(TEXT, {"safety_risk": {"never_allow": ["*.pem", "*.key", "/secrets/"]}}) == snapshot(
        "+        - /secrets/"
    )


def test_a_removed_entry_takes_the_comment_above_it_along() -> None:
    """And nothing else."""
    assert changed_lines(TEXT, {"safety_risk": {"never_allow": ["*.key"]}}) == snapshot(
        """\
-        # keys
-        - "*.pem"   # never, ever\
"""
    )


def test_a_new_field_and_a_removed_field() -> None:
    """A field that was not there comes last in its pivot; one without a value is taken out."""
    changes: dict[str, dict[str, Any]] = {
        "safety_risk": {"risk_tolerance": None},
        "scope_boundaries": {"network_allowlist": ["example.org"], "protected_paths": []},
    }
    assert changed_lines(TEXT, changes) == snapshot(
        """\
-        risk_tolerance: low  # careful
-        protected_paths:
-            - /LICENSE   # legal
+        protected_paths: []
+        network_allowlist:
+          - example.org\
"""
    )


def test_a_pivot_in_braces_is_written_out() -> None:
    """What stood on one line becomes a block with all its values."""
    assert changed_lines(TEXT, {"budget_cost": {"max_lines": 20}}) == snapshot(
        """\
-    budget_cost: {max_lines: 10, max_files: 2}
+    budget_cost:
+      max_actions: 20
+      max_files: 2
+      max_lines: 20\
"""
    )


def test_a_new_pivot_takes_the_place_of_its_commented_example() -> None:
    """In the file that `init` wrote."""
    before = render_intention(create_from_inputs(project_id="demo", created_at=NOW))
    assert changed_lines(before, {"parallelism_isolation": {"allowed": False}}) == snapshot(
        """\
-  # parallelism_isolation:
-  #   allowed: false
+  parallelism_isolation:
+    allowed: false\
"""
    )


@pytest.mark.parametrize(
    "text",
    [
        "project_id: demo\n",
        "project_id: demo\npivot_intentions:\n",
        "project_id: demo\npivot_intentions: {}\n",
        "project_id: demo\npivot_intentions: {budget_cost: {max_lines: 3}}\nmetadata: {}\n",
        "pivot_intentions:\n    budget_cost:\nproject_id: demo\n# end",
        "project_id: demo\npivot_intentions:\n  safety_risk:\n    risk_tolerance: low",
        "\ufeffproject_id: demo\r\npivot_intentions:\r\n  north_star:\r\n    non_goals: []\r\n",
    ],
)
def test_any_valid_spelling_can_be_revised(text: str) -> None:
    """Also short, empty, in braces, without a last line feed, or saved on Windows."""
    after = with_changes(text.encode(), {"north_star": {"desired_outcomes": ["calm"]}}, updated_at=NOW)
    anchor = read_intention(after)
    assert anchor.pivot_intentions.north_star is not None
    assert anchor.pivot_intentions.north_star.desired_outcomes == ("calm",)
    assert anchor.updated_at == NOW
    assert (b"\r\n" in after) == ("\r\n" in text)
    assert b"\n" not in after.replace(b"\r\n", b"") or "\r\n" not in text


def test_a_revision_to_an_invalid_intention_is_refused() -> None:
    """Before anything is proposed."""
    with pytest.raises(UsageError):
        with_changes(TEXT.encode(), {"scope_boundaries": {"allowed_write_roots": ["docs"]}}, updated_at=NOW)
    with pytest.raises(UsageError):
        with_changes(TEXT.encode(), {"scope_boundaries": {"no_such_field": 1}}, updated_at=NOW)


lists = st.lists(st.sampled_from(["/a/", "*.pem", "/LICENSE", "*.key", "x y"]), max_size=3, unique=True)


@settings(deadline=None, max_examples=60)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "safety_risk": st.fixed_dictionaries(
                {},
                optional={
                    "never_allow": st.none() | lists,
                    "requires_approval": lists,
                    "risk_tolerance": st.sampled_from(["low", "high"]),
                },
            ),
            "scope_boundaries": st.fixed_dictionaries({}, optional={"protected_paths": lists}),
            "budget_cost": st.fixed_dictionaries({"max_lines": st.integers(1, 99)}),
            "memory_continuity": st.fixed_dictionaries({}, optional={"persist_to_sot": st.just(["debug_log"])}),
        },
    )
)
def test_changes_do_what_they_say_and_keep_comments(changes: dict[str, dict[str, Any]]) -> None:
    """The result reads as the merge of both, and no comment outside what was replaced is lost."""
    after = with_changes(TEXT.encode(), changes, updated_at=NOW)
    anchor, before = read_intention(after), read_intention(TEXT.encode())
    for pivot, fields in changes.items():
        for name, value in fields.items():
            got = getattr(getattr(anchor.pivot_intentions, pivot), name)
            assert got == (() if value is None else tuple(value) if isinstance(value, list) else value)
    assert anchor.governance_review == before.governance_review
    for comment in ("# top comment", "# the name", "# by hand", "# my own heading", "# about scope", "# docs only"):
        assert comment in after.decode()
    assert after.decode().endswith("# tail comment\n")


def test_confirming_marks_changes_marks_alone() -> None:
    """Every inferred value becomes confirmed, in the list and in the comment behind it."""
    entries = [
        Inferred("scope_boundaries", "protected_paths", "/LICENSE", "legal text"),
        Inferred("safety_risk", "requires_approval", "/docs/", "CODEOWNERS"),
    ]
    before = render_intention(create_from_inputs(project_id="demo", created_at=NOW, inferred=entries)).encode()
    after = with_confirmed_marks(before, updated_at=NOW)
    lines = list(difflib.unified_diff(before.decode().splitlines(), after.decode().splitlines(), n=0, lineterm=""))[2:]
    assert "\n".join(line for line in lines if not line.startswith("@@")) == snapshot(
        """\
-      - /docs/  # inferred: CODEOWNERS
+      - /docs/  # confirmed: CODEOWNERS
-      - /LICENSE  # inferred: legal text
+      - /LICENSE  # confirmed: legal text
-    - {pointer: /safety_risk/requires_approval/0, value: /docs/, source: CODEOWNERS, confirmed: false}
-    - {pointer: /scope_boundaries/protected_paths/0, value: /LICENSE, source: legal text, confirmed: false}
+    - {pointer: /safety_risk/requires_approval/0, value: /docs/, source: CODEOWNERS, confirmed: true}
+    - {pointer: /scope_boundaries/protected_paths/0, value: /LICENSE, source: legal text, confirmed: true}\
"""
    )
    assert read_intention(after).unconfirmed == ()
    assert with_confirmed_marks(b"project_id: demo\n", updated_at=NOW) == b"project_id: demo\n"
