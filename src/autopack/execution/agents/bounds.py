"""What the approval of a task covers, beyond the policy's own word on each path.

A person approved the task for the files that it names, within the granted roots. Files that always ask a person, or
that the owner made ask, are covered only where the task names them: the approval of one file is not that of another.
"""

from __future__ import annotations

from collections.abc import Collection

from autopack.actions.models import Action
from autopack.execution.caps import least
from autopack.policy.decide import Policy

_ASKS = frozenset({"any:never-auto", "any:requires-approval"})


def path_objection(action: Action, paths: Collection[str], policy: Policy) -> str:
    """Return which of PATHS an approval of ACTION does not cover, and why; empty where it covers all."""
    for path in sorted(set(paths) - set(action.target_paths)):
        if policy.sources is None or _ASKS & set(policy.sources.labels.of([path])):
            return f"the change touched {path}, which asks a person by its name, and the task does not name it"
    return ""


def size_objection(files: int, lines: int, policy: Policy) -> str:
    """Return why a change of FILES files and LINES lines is larger than what was approved, or an empty string."""
    budget = policy.anchor.budget_cost
    most = least(budget.max_lines, budget.max_lines_per_action)
    if most is not None and lines > most:
        return f"the change has {lines} lines, approved were at most {most}"
    if files > budget.max_files:
        return f"the change has {files} files, approved were at most {budget.max_files}"
    return ""
