"""The anchor as text: the commented file that `autopack init` writes, and what `autopack anchor show` prints."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from autopack.artifacts.model import Artifact
from autopack.intention_anchor.v2 import PIVOT_TYPES, InferredValue, IntentionAnchorV2

_HEADER = """\
# What you intend with this project and what Autopack may do here, written down once.
#
# Autopack reads this file and never changes it by itself: it may propose a revision, and you approve it.
# It takes effect with the commit that holds it. What is left out is not allowed.
#
#   autopack anchor check        is everything in here valid?
#   autopack anchor questions    what is still open?
#
# Paths are written as in .gitignore; a leading "/" is the root of the repository.
"""
_INFERRED_HEADER = """\
#
# Lines marked "inferred" were read off the repository. They only forbid, ask or check. Change them as you like, or
# confirm them all with: autopack anchor approve --inferred
"""

TITLES: Mapping[str, tuple[str, str]] = {
    "north_star": (
        "North star",
        "What should be true when this project goes well, how you would notice, and what you do not want.",
    ),
    "safety_risk": (
        "Safety and risk",
        "What must never happen, and what needs your approval. Entries: paths or kinds of action.",
    ),
    "evidence_verification": (
        "Evidence and verification",
        "What has to hold, and the commands that must succeed before a change is kept.",
    ),
    "scope_boundaries": (
        "Scope and boundaries",
        "Where Autopack may write, what it must not touch, and which hosts it may reach.",
    ),
    "budget_cost": (
        "Budget and cost",
        "Caps for one run. A cap that is not stated means: ask before spending.",
    ),
    "memory_continuity": (
        "Memory and continuity",
        "What is kept in the ledgers, and whether earlier entries may be looked up.",
    ),
    "governance_review": (
        "Governance and review",
        "Who decides. Everything asks you first, apart from the narrow rules here.",
    ),
    "parallelism_isolation": (
        "Parallelism and isolation",
        "Whether several runs may work at once, each in a worktree of its own.",
    ),
}

_TEMPLATES: Mapping[str, str] = {
    "north_star": """\
north_star:
  desired_outcomes:
    - A new user gets a first result within five minutes
  success_signals:
    - The guide is followed without a question
  non_goals:
    - Support for versions that are no longer maintained
""",
    "safety_risk": """\
safety_risk:
  never_allow:
    - "*.pem"
  requires_approval:
    - /src/
  risk_tolerance: low
""",
    "evidence_verification": """\
evidence_verification:
  required_checks:
    - name: tests
      argv: [make, test]
      timeout_seconds: 600
""",
    "scope_boundaries": """\
scope_boundaries:
  allowed_write_roots:
    - /docs/**
  protected_paths:
    - /LICENSE
""",
    "budget_cost": """\
budget_cost:
  max_actions: 10
  max_files: 20
  max_lines: 300
""",
    "memory_continuity": """\
memory_continuity:
  persist_to_sot: [build_history, debug_log]
  retrieval_enabled: false
""",
    "governance_review": """\
governance_review:
  default_policy: deny
  batch_policy: all_or_nothing
  auto_approve_rules:
    - rule_id: dead-links
      description: Links whose target was renamed in git
      kinds: [link_fix]
      paths: [/docs/**]
      max_lines: 20
""",
    "parallelism_isolation": """\
parallelism_isolation:
  allowed: false
""",
}

_ALWAYS_SHOWN: Mapping[str, tuple[str, ...]] = {
    "north_star": ("desired_outcomes",),
    "safety_risk": ("risk_tolerance",),
    "evidence_verification": ("required_checks",),
    "scope_boundaries": ("allowed_write_roots",),
    "budget_cost": ("max_actions", "max_files", "max_lines"),
    "memory_continuity": ("persist_to_sot",),
    "governance_review": ("default_policy", "batch_policy"),
    "parallelism_isolation": ("allowed",),
}
_NOTES: Mapping[tuple[str, str], str] = {
    ("safety_risk", "risk_tolerance"): "low, medium or high",
    ("budget_cost", "cost_escalation_policy"): "block, warn or request_approval",
    ("governance_review", "default_policy"): "deny or allow",
    (
        "governance_review",
        "batch_policy",
    ): "all_or_nothing: one waiting action stops the batch; independent: the rest goes on",
}
_NO_ROOTS = "nowhere yet: Autopack looks and proposes only"


def render_intention(
    anchor: IntentionAnchorV2, *, languages: Sequence[tuple[str, int]] = (), notes: Sequence[str] = ()
) -> str:
    """Return the YAML text of ANCHOR with a comment for each pivot; unstated pivots stand there commented out.

    Reading the text gives ANCHOR again, apart from `raw_input_digest`.
    """
    marks = {mark.pointer: mark for mark in anchor.metadata.inferred}
    head = [_HEADER, _INFERRED_HEADER if marks else "", *_remarks(languages, notes), "\n"]
    identity = [
        f"format_version: {anchor.format_version}\n",
        f"project_id: {scalar(anchor.project_id)}\n",
        f"created_at: {scalar(anchor.created_at)}\n",
        f"updated_at: {scalar(anchor.updated_at)}\n",
    ]
    sections = [
        f"\n{_heading(pivot)}{_section_or_template(pivot, getattr(anchor.pivot_intentions, pivot), marks)}"
        for pivot in PIVOT_TYPES
    ]
    return "".join([*head, *identity, "\npivot_intentions:\n", *sections, _metadata(anchor.metadata.inferred)])


def template(pivot: str) -> str:
    """Return the lines that stand for an unstated PIVOT: an example, commented out."""
    return "".join(f"  # {line}\n" for line in _TEMPLATES[pivot].splitlines())


def section(pivot: str, value: Artifact, marks: Mapping[str, InferredValue]) -> str:
    """Return the lines of a stated PIVOT: its headline fields and all that differ from their defaults."""
    document, default = value.document(), _default(value)
    lines = [f"  {pivot}:"]
    for name, field in document.items():
        if name in _ALWAYS_SHOWN[pivot] or field != default.get(name):
            lines += field_lines(pivot, name, field, marks)
    return "\n".join(lines) + "\n"


def scalar(value: object) -> str:
    """Return one plain value as YAML 1.2: bare where that reads back the same, else in double quotes."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, int):
        return str(value)
    text = str(value)
    if _BARE.fullmatch(text) and text.lower() not in _WORDS_WITH_A_MEANING:
        return text
    return '"' + "".join(_escaped(character) for character in text) + '"'


_BARE = re.compile(r"-{0,2}[A-Za-z/.][A-Za-z0-9_./@+*-]*( [A-Za-z0-9(][A-Za-z0-9_./@+*()'-]*)*")
_WORDS_WITH_A_MEANING = frozenset(
    {"null", "true", "false", "yes", "no", "on", "off", "y", "n", ".inf", "-.inf", ".nan"}
)
"""In YAML 1.1 or 1.2: other tools may read the file by the older version."""
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    code = ord(character)
    if 32 <= code < 127 or (character.isprintable() and code > 160):
        return character
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _remarks(languages: Sequence[tuple[str, int]], notes: Sequence[str]) -> list[str]:
    shown = ", ".join(f"{name} ({count} {'file' if count == 1 else 'files'})" for name, count in languages[:6])
    lines = [f"# Seen here: {shown}.\n"] if shown else []
    lines += [f"# {''.join(character if character.isprintable() else '?' for character in note)}\n" for note in notes]
    return ["#\n", *lines] if lines else []


def _heading(pivot: str) -> str:
    title, explanation = TITLES[pivot]
    number = PIVOT_TYPES.index(pivot) + 1
    return f"  # {number}. {title}. {explanation}\n"


def _section_or_template(pivot: str, value: Artifact | None, marks: Mapping[str, InferredValue]) -> str:
    return template(pivot) if value is None else section(pivot, value, marks)


def _default(value: Artifact) -> dict[str, Any]:
    return type(value)().document()


def field_lines(pivot: str, name: str, value: Any, marks: Mapping[str, InferredValue]) -> list[str]:
    """Return the lines of one field of PIVOT, indented by four; VALUE is plain JSON."""
    if not isinstance(value, list):
        return [f"    {name}: {scalar(value)}{_comment(_NOTES.get((pivot, name)))}"]
    if not value:
        return [f"    {name}: []{_comment(_NO_ROOTS if name == 'allowed_write_roots' else None)}"]
    lines = [f"    {name}:"]
    for index, entry in enumerate(value):
        mark = marks.get(f"/{pivot}/{name}/{index}")
        lines += entry_lines(entry, _comment(mark_comment(mark) if mark else None))
    return lines


def mark_comment(mark: InferredValue) -> str:
    """Return the comment that stands behind a value that was inferred."""
    source = "".join(character if character.isprintable() else "?" for character in mark.source)
    return f"{'confirmed' if mark.confirmed else 'inferred'}: {source}"


def _comment(text: str | None) -> str:
    return f"  # {text}" if text else ""


def entry_lines(entry: Any, comment: str) -> list[str]:
    """Return the lines of one entry of a list, indented by six, the first with COMMENT behind it."""
    if not isinstance(entry, dict):
        return [f"      - {scalar(entry)}{comment}"]
    lines = []
    for key, value in entry.items():
        if value is None or value == []:
            continue
        lines += _nested(key, value)
    first, *rest = lines
    return [f"      - {first}{comment}", *(f"        {line}" for line in rest)]


def _nested(key: str, value: Any) -> list[str]:
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return [f"{key}:", *(f"  - {_flow(item)}" for item in value)]
    return [f"{key}: {_flow(value)}"]


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    return scalar(value)


def _metadata(inferred: Sequence[InferredValue]) -> str:
    if not inferred:
        return ""
    lines = [
        "",
        "# Where the inferred lines come from. What you remove above counts as removed here too.",
        "metadata:",
        "  inferred:",
        *(f"    - {_flow(mark.document())}" for mark in inferred),
    ]
    return "\n".join(lines) + "\n"


def describe_intention(anchor: IntentionAnchorV2) -> str:
    """Return ANCHOR as text for a terminal: every pivot, what it states, and what is inferred or open."""
    marks = {mark.pointer: mark for mark in anchor.metadata.inferred}
    lines = [f"Intention of {anchor.project_id} ({anchor.anchor_id})"]
    for pivot in PIVOT_TYPES:
        value: Artifact | None = getattr(anchor.pivot_intentions, pivot)
        lines += ["", TITLES[pivot][0] + ("" if value else ": not stated")]
        if value is not None:
            lines += [line[2:] for line in section(pivot, value, marks).splitlines()[1:]]
    return "\n".join(lines) + "\n"
