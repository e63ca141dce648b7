"""Where everything of a run lives. Names paths, validates ids, creates nothing.

.autonomous_runs/<project>/runs/<family>/<run_id>/{intention,gaps,plans,proofs,autonomy,approvals,ci,logs,supervised}
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from autopack.errors import UsageError

RUNS_FOLDER = ".autonomous_runs"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z")
_TIMESTAMP_TAIL = re.compile(r"(?P<family>.+?)[-_.](?:\d{8}[-_T]?\d{6}Z?|\d{10,14})\Z")
_WINDOWS_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", *(f"com{n}" for n in range(1, 10)), *(f"lpt{n}" for n in range(1, 10))]
)
_RESERVED_PROJECTS = re.compile(r"(?i)(worktrees|workplaces)\Z|autopack\.db")
"""What else lies in the runs folder, beside the folders of the projects (and the journals of the database)."""


def validate_id(value: str, what: str) -> str:
    """Return VALUE if it can name a folder on every file system; raise UsageError otherwise.

    Windows device names are refused with any extension (`con`, `NUL.txt`), as Windows itself treats them.
    """
    if not _ID.match(value) or ".." in value or value.endswith("."):
        raise UsageError(
            f"{what} {value!r} is not usable as a name.",
            hint="Use letters, digits, '.', '_' and '-'; start with a letter or digit; no '..', no trailing dot.",
        )
    if value.split(".", 1)[0].lower() in _WINDOWS_DEVICES:
        raise UsageError(f"{what} {value!r} is a device name on Windows.", hint="Choose another name.")
    return value


def family_of(run_id: str) -> str:
    """Return RUN_ID without its trailing timestamp: runs of one purpose share a family."""
    match = _TIMESTAMP_TAIL.match(run_id)
    family = match["family"].rstrip(".") if match else ""
    return family if family and family.split(".", 1)[0].lower() not in _WINDOWS_DEVICES else run_id


def revisions_folder(runs_root: Path, project_id: str) -> Path:
    """Return where proposed revisions of a project's intention wait for a person; they belong to no run."""
    return runs_root / validate_id(project_id, "project id") / "revisions"


@dataclass(frozen=True)
class RunFileLayout:
    """Paths of one run below `runs_root` (an absolute `.autonomous_runs` folder)."""

    runs_root: Path
    project_id: str
    run_id: str

    def __post_init__(self) -> None:
        validate_id(self.project_id, "project id")
        validate_id(self.run_id, "run id")
        if _RESERVED_PROJECTS.match(self.project_id):
            raise UsageError(f"project id {self.project_id!r} is taken by Autopack itself.", hint="Choose another.")

    @property
    def family(self) -> str:
        return family_of(self.run_id)

    @property
    def run_folder(self) -> Path:
        return self.runs_root / self.project_id / "runs" / self.family / self.run_id

    @property
    def intention_anchor_v1(self) -> Path:
        return self.run_folder / "intention" / "intent_v1.json"

    @property
    def intention_anchor_text(self) -> Path:
        return self.run_folder / "intention" / "intent_anchor.txt"

    @property
    def intention_anchor_v2(self) -> Path:
        return self.run_folder / "intention" / "intention_anchor_v2.json"

    @property
    def gap_report(self) -> Path:
        return self.run_folder / "gaps" / "gap_report_v1.json"

    @property
    def gap_report_after(self) -> Path:
        return self.run_folder / "gaps" / "gap_report_after_v1.json"

    @property
    def plan_proposal(self) -> Path:
        return self.run_folder / "plans" / "plan_proposal_v1.json"

    @property
    def autopilot_session(self) -> Path:
        return self.run_folder / "autonomy" / "autopilot_session_v1.json"

    @property
    def proofs(self) -> Path:
        return self.run_folder / "proofs"

    def proof(self, phase_id: str) -> Path:
        return self.proofs / f"{validate_id(phase_id, 'phase id')}.json"

    def approval_request(self, action_id: str) -> Path:
        return self.run_folder / "approvals" / f"{validate_id(action_id, 'action id')}.json"

    @property
    def logs(self) -> Path:
        return self.run_folder / "logs"

    @property
    def budget_log(self) -> Path:
        return self.logs / "budget.ndjson"

    @property
    def event_log(self) -> Path:
        return self.logs / "events.ndjson"

    def check_output(self, phase_id: str, check: str) -> Path:
        return self.run_folder / "ci" / validate_id(phase_id, "phase id") / f"{validate_id(check, 'check')}.log"

    def supervised(self, phase_id: str, job: str) -> Path:
        """Return the folder of one supervised job: its lock, its receipt and its output."""
        return self.run_folder / "supervised" / validate_id(phase_id, "phase id") / validate_id(job, "job")

    @property
    def worktree(self) -> Path:
        return self.runs_root / "worktrees" / self.run_id

    @property
    def workplace_record(self) -> Path:
        """The file that names the copy on which an agent of this run works now, or worked when the run was killed."""
        return self.runs_root / "workplaces" / self.run_id

    @property
    def database(self) -> Path:
        return self.runs_root / "autopack.db"
