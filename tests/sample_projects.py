"""A small project with one gap that is auto-approved and one that asks, for tests of whole runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from repositories import MakeRepository, commit_all, git, write_files

INTENTION = """\
format_version: v2
project_id: sample
created_at: "2026-01-01T00:00:00Z"
updated_at: "2026-01-01T00:00:00Z"
pivot_intentions:
  north_star: {{desired_outcomes: [documentation that leads somewhere]}}
  safety_risk: {{risk_tolerance: medium}}
  evidence_verification:
    required_checks: [{{name: check, argv: {check}, timeout_seconds: {timeout}}}]
  scope_boundaries: {{allowed_write_roots: [/*.md, "/docs/**", "/data/**"]}}
  budget_cost: {{token_cap_global: 0, time_cap_seconds: 600, max_lines: {max_lines}}}
  governance_review:
    batch_policy: {batch_policy}
    auto_approve_rules:
      - {{rule_id: links, description: moved links, kinds: [link_fix], paths: [/*.md, "/docs/**"], max_lines: 10}}
  parallelism_isolation: {{allowed: {parallel}, isolation_model: four_layer, max_concurrent_runs: 3}}
"""


def make_sample(
    make_repository: MakeRepository,
    *,
    name: str = "repo",
    batch_policy: str = "all_or_nothing",
    max_lines: int = 100,
    check: str = "[test, -e, README.md]",
    timeout: int = 60,
    parallel: bool = True,
    links: int = 1,
    files: Mapping[str, str | bytes] | None = None,
) -> Path:
    """Make the project: LINKS documents whose link target moved (auto-approved), a byte-order mark in JSON (asks)."""
    pages = {f"docs/page{number}.md": f"[guide {number}](a.md)\n" for number in range(1, links)}
    repo = make_repository(
        {"README.md": "[guide](docs/a.md)\n", "docs/a.md": "# Guide\n" + "text\n" * 20, **pages}, name=name
    )
    git(repo, "mv", "docs/a.md", "docs/b.md")
    written = INTENTION.format(
        batch_policy=batch_policy, max_lines=max_lines, check=check, timeout=timeout, parallel=str(parallel).lower()
    )
    write_files(repo, {".autopack/intention.yaml": written, "data/x.json": b'\xef\xbb\xbf{"a": 1}\n', **(files or {})})
    commit_all(repo, "Move the guide")
    return repo
