"""A repository with one finding that only an agent answers, an agent, and one run in which a person approves."""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autopack.artifacts.events import read_events
from autopack.artifacts.store import read_artifact
from autopack.autonomy.session import AutopilotSessionV1
from autopack.config import load_settings
from autopack.file_layout import RunFileLayout
from autopack.operations.approvals import decide_approvals, list_approvals
from autopack.operations.runs import resume_run, start_run, verify
from autopack.proofs.models import PhasePredicate, PhaseProofV1
from autopack.proofs.verify import Link
from autopack.store.budgets import budgets_of
from autopack.store.database import open_database
from repositories import commit_all, git, write_files

RUN = "errand-20260101T000000Z"
GUIDE = "# Guide\n\nSee [the manual](manual.md) for more.\n"
MENDED = "# Guide\n\nSee the manual for more.\n"
INTENTION = """\
format_version: v2
project_id: sample
created_at: "2026-01-02T03:04:05Z"
updated_at: "2026-01-02T03:04:05Z"
pivot_intentions:
  safety_risk: {requires_approval: [agent_task, /docs/api/**], never_allow: [/docs/contracts/**]}
  scope_boundaries:
    allowed_write_roots: [/docs/**, /notes/**, /Makefile]
    protected_paths: [/docs/legal/**]
    network_allowlist: [HOSTS]
  budget_cost: {BUDGET}
  evidence_verification:
    required_checks: [{name: guide, argv: [grep, -q, "^# Guide", docs/guide.md], timeout_seconds: 60}]
  governance_review: {default_policy: deny}
"""


@dataclass
class Errand:
    """One repository below `folder`, whose agent is `settings_text` (TOML); `tools` is read by it as a tool folder."""

    folder: Path
    files: Mapping[str, str] = field(default_factory=dict)
    hosts: str = ""
    token_cap: int | None = 100_000
    caps: Mapping[str, int] = field(default_factory=dict)
    """Further keys of `budget_cost`."""
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.repo = self.folder / "repo"
        self.tools = self.folder / "tools"
        (self.tools / "bin").mkdir(parents=True)

    def install(self, name: str, program: str) -> None:
        """Put PROGRAM (Python) into the tool folder as the command NAME."""
        path = self.tools / "bin" / name
        path.write_text(f"#!/usr/bin/env python3\n{program}", encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)

    def commit(self, config: str) -> str:
        """Make the repository, with CONFIG as its settings; return the commit."""
        caps = {"max_lines": 40, "max_files": 5, "token_cap_global": self.token_cap, **self.caps}
        budget = json.dumps({name: cap for name, cap in caps.items() if cap is not None})[1:-1]
        intention = INTENTION.replace("HOSTS", self.hosts).replace("BUDGET", budget)
        self.repo.mkdir()
        git(self.repo, "init", "--quiet")
        write_files(
            self.repo,
            {
                "README.md": "# Sample\n",
                "docs/guide.md": GUIDE,
                "docs/legal/licence.md": "# Licence\n",
                "docs/contracts/one.md": "# Contract\n",
                "docs/api/index.md": "# Interface\n",
                "Makefile": "all:\n\ttrue\n",
                ".autopack/intention.yaml": intention,
                ".autopack/config.toml": config,
                **self.files,
            },
        )
        return commit_all(self.repo, "first")

    def variables(self, **more: str) -> dict[str, str]:
        """Return the environment of the person who runs Autopack."""
        return {"AUTOPACK_AGENT_FOLDERS": str(self.tools), **self.environment, **more}

    def asks(self) -> AutopilotSessionV1:
        """Start the run, which waits for a person."""
        self.settings = load_settings(self.repo, {**os.environ, **self.variables()})
        return start_run(self.settings, run_id=RUN, project_id=None, enabled=True, progress=lambda message: None)

    def approves(self) -> None:
        """Approve what waits."""
        waiting = [one for one in list_approvals(self.settings, run_id=RUN) if one.status == "waiting"]
        decide_approvals(self.settings, waiting, "allow_once")

    def goes_on(self) -> AutopilotSessionV1:
        """Resume the run."""
        return resume_run(self.settings, RUN, progress=lambda message: None)

    def done(self) -> PhasePredicate:
        """Ask, approve and go on; return what the proof says of the one task."""
        self.asks()
        self.approves()
        self.goes_on()
        (path,) = self.layout.proofs.glob("*.json")
        return read_artifact(path, PhaseProofV1).predicate

    def links(self) -> tuple[Link, ...]:
        """Return the chain of the run, recomputed."""
        return verify(self.settings, RUN)[1]

    @property
    def layout(self) -> RunFileLayout:
        return RunFileLayout(self.settings.runs_root, "sample", RUN)

    def tokens_spent(self) -> int:
        """Return the tokens that the run counts as spent."""
        with open_database(self.layout.database) as database:
            return {each.resource: each.spent for each in budgets_of(database, RUN)}.get("tokens", 0)

    def processes(self) -> list[int]:
        """Return the processes of this machine, in whatever session or namespace, that run something of `tools`."""
        found = []
        for command in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):  # gone meanwhile
                if os.fsencode(self.tools) in command.read_bytes():
                    found.append(int(command.parent.name))
        return found

    def events(self, name: str) -> list[dict[str, object]]:
        """Return the details of the run's events called NAME."""
        return [dict(each.details) for each in read_events(self.layout.event_log).events if each.event == name]

    def log(self) -> str:
        """Return what the agent said."""
        (path,) = self.layout.logs.glob("agent-*.log")
        return path.read_text(encoding="utf-8")


def cli(name: str, *arguments: str, **settings: object) -> str:
    """Return settings with the command line NAME as the agent; SETTINGS are further keys."""
    lines = [f"[agents.{name}]", f"argv = {json.dumps([name, *arguments])}"]
    return "\n".join([*lines, *(f"{key} = {json.dumps(value)}" for key, value in settings.items())]) + "\n"
