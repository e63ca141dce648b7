"""From run-local results to the ledgers, and to nothing else."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from autopack.artifacts.canonical import canonical_bytes
from autopack.artifacts.store import write_artifact
from autopack.config import Settings, load_settings
from autopack.errors import AutopackError, StaleError, UnsafeRepository, UsageError
from autopack.file_layout import RunFileLayout
from autopack.operations.tidying import apply_tidy, plan_tidy
from autopack.proofs.models import ChangedFile, CheckResult
from autopack.tidy.ledgers import recorded_ids
from autopack.tidy.results import gather
from repositories import MakeRepository, commit_all, git, write_files
from tidy.run_results import OID, PROJECT, write_decision, write_proof, write_run

RUN = "demo-20260102T030405Z"
HISTORY, DEBUG, DECISIONS = "docs/BUILD_HISTORY.md", "docs/DEBUG_LOG.md", "docs/ARCHITECTURE_DECISIONS.md"


@pytest.fixture
def settings(make_repository: MakeRepository) -> Settings:
    return load_settings(make_repository({HISTORY: "# Build history\n\n## BUILD-001: first\n\nText.\n"}), {})


def tree(folder: Path, *, leave_out: Iterable[str] = (".git", ".autonomous_runs")) -> dict[str, bytes]:
    """Return every file below FOLDER with its bytes."""
    files = (path for path in folder.rglob("*") if path.is_file())
    relative = {path.relative_to(folder).as_posix(): path for path in files}
    return {name: path.read_bytes() for name, path in relative.items() if name.split("/")[0] not in set(leave_out)}


@pytest.mark.parametrize("named", ["debug_log", DEBUG, f"/{DEBUG}"])
def test_only_ledgers_that_the_intention_names_are_written(settings: Settings, named: str) -> None:
    """`persist_to_sot` narrows tidy down: where it names one ledger, nothing is planned or written for another."""
    pivots = f"pivot_intentions: {{memory_continuity: {{persist_to_sot: [{named}]}}}}\n"
    instants = 'created_at: "2026-01-01T00:00:00Z"\nupdated_at: "2026-01-01T00:00:00Z"\n'
    intention = f"format_version: v2\nproject_id: {PROJECT}\n{instants}{pivots}"
    write_files(settings.workspace, {".autopack/intention.yaml": intention})
    commit_all(settings.workspace, "Write the intention down")
    write_run(settings.runs_root, RUN)
    write_proof(settings.runs_root, RUN, 1)
    before = tree(settings.workspace)
    assert [addition.ledger for addition in plan_tidy(settings).additions] == ["debug_log"]
    assert apply_tidy(settings, execute=True).total == 0
    assert tree(settings.workspace) == before


def test_a_run_is_told_in_three_ledgers(settings: Settings) -> None:
    """What was done goes to the build history, what failed to the debug log, what people decided to the decisions."""
    runs = settings.runs_root
    check = CheckResult(
        name="unit",
        argv=("true",),
        outcome="passed",
        exit_code=0,
        output_sha256=None,
        sandbox="isolated",
        tests_passed=3,
        tests_failed=0,
    )
    changed = ChangedFile(path="docs/a.md", change="modified", lines_added=1, lines_removed=2)
    write_run(runs, RUN)
    proof = write_proof(
        runs, RUN, 1, checks=(check,), files_changed=(changed,), gaps_closed=("doc_drift-0123456789ab",)
    )
    write_proof(runs, RUN, 2, outcome="undone", commit=None, reason="the required check 'unit' failed")
    write_proof(runs, RUN, 3, outcome="nothing_to_do", commit=None, reason="already so")
    write_decision(runs, RUN, "reject_once", "moves next week")
    apply_tidy(settings, execute=True)
    written = {name: (settings.workspace / name).read_text(encoding="utf-8") for name in (HISTORY, DEBUG, DECISIONS)}
    sha256 = gather(runs).runs[0].proofs[0].sha256
    marker = recorded_ids(written[HISTORY].encode())
    assert written[HISTORY] == (
        "# Build history\n\n## BUILD-001: first\n\nText.\n\n"
        f"<!-- autopack:entry {next(iter(marker))} -->\n"
        "## BUILD-002: link fix: action-000000000001\n\n"
        f"- Run {RUN}, action action-000000000001 (link\\_fix), allowed by policy:owner.docs\n".replace("\\_", "_")
        + "- Started 2026-01-02T03:04:05Z\n"
        f"- Commit {OID} on branch autopack/{RUN}\n"
        "- File docs/a.md: modified, +1 -2\n"
        "- Closes doc_drift-0123456789ab\n"
        "- Check unit passed (3 tests passed, 0 failed)\n"
        f"- Proof {proof.relative_to(runs).as_posix()}, sha256 {sha256}\n"
    )
    assert "DBG-001: Undone: link fix: action-000000000002" in written[DEBUG]
    assert "- Why: the required check 'unit' failed" in written[DEBUG]
    assert "DEC-001: Rejected: action-00000000000a" in written[DECISIONS]
    assert "- By pat via cli, 2026-01-02T04:05:06Z\n- Why: moves next week" in written[DECISIONS]


def test_a_failed_session_is_told_in_the_debug_log(settings: Settings) -> None:
    """A run that failed as a whole is an entry of its own."""
    from autopack.autonomy.session import AutopilotSessionV1

    session = AutopilotSessionV1(
        session_id="unsealed",
        project_id=PROJECT,
        run_id=RUN,
        enabled=True,
        outcome="failed",
        reason="the sandbox went away",
        anchor_id="anchor-1",
        gap_report_id="gap-report-1",
        plan_proposal_id=None,
        base_commit=None,
        branch=None,
        blocking_gaps=(),
        would_execute=(),
        waiting_for_approval=(),
        blocked=(),
        executed=(),
        gaps_closed=(),
        gaps_opened=(),
        next_command="autopack status",
    ).sealed()
    write_artifact(RunFileLayout(settings.runs_root, PROJECT, RUN).autopilot_session, session)
    apply_tidy(settings, execute=True)
    assert "- Why: the sandbox went away" in (settings.workspace / DEBUG).read_text(encoding="utf-8")


def test_only_ledgers_change_and_nothing_is_staged(settings: Settings) -> None:
    """The owner's other work, the index, the commits and the modes stay as they are; report and plan write nothing."""
    workspace = settings.workspace
    write_files(workspace, {"README.md": "# Unfinished\n", "new.txt": "x"})
    git(workspace, "add", "new.txt")
    (workspace / HISTORY).chmod(0o640)
    write_proof(settings.runs_root, RUN, 1)
    before, index, head = tree(workspace), git(workspace, "ls-files", "--stage"), git(workspace, "rev-parse", "HEAD")
    plan_tidy(settings)
    assert tree(workspace) == before
    apply_tidy(settings, execute=True)
    after = tree(workspace)
    assert {name for name in after if after[name] != before.get(name)} == {HISTORY}
    assert (git(workspace, "ls-files", "--stage"), git(workspace, "rev-parse", "HEAD")) == (index, head)
    assert (workspace / HISTORY).stat().st_mode & 0o777 == 0o640


def test_apply_refuses_without_execute(settings: Settings) -> None:
    """Without --execute not a byte is written, and the message says what to type."""
    write_proof(settings.runs_root, RUN, 1)
    before = tree(settings.workspace)
    with pytest.raises(UsageError) as refused:
        apply_tidy(settings, execute=False)
    assert refused.value.hint == "autopack tidy apply --execute"
    assert tree(settings.workspace) == before


def test_applying_again_changes_nothing(settings: Settings) -> None:
    """A second apply is a no-op, byte for byte; a later run adds only its own entries."""
    write_proof(settings.runs_root, RUN, 1)
    assert apply_tidy(settings, execute=True).total == 1
    once = tree(settings.workspace)
    assert apply_tidy(settings, execute=True).total == 0
    assert tree(settings.workspace) == once
    write_proof(settings.runs_root, "later", 2)
    assert apply_tidy(settings, execute=True).total == 1
    assert (settings.workspace / HISTORY).read_bytes().startswith(once[HISTORY])


def test_what_was_archived_is_not_told_again(settings: Settings) -> None:
    """An entry that was moved to docs/archive/ counts as recorded."""
    write_proof(settings.runs_root, RUN, 1)
    apply_tidy(settings, execute=True)
    told = (settings.workspace / HISTORY).read_bytes()
    write_files(settings.workspace, {"docs/archive/BUILD_HISTORY-2026.md": told, HISTORY: "# Build history\n"})
    assert plan_tidy(settings).total == 0


def test_the_same_results_give_the_same_bytes(settings: Settings, make_repository: MakeRepository) -> None:
    """Two clones with the same results plan the same, in whatever order the results were written."""
    other = load_settings(make_repository({HISTORY: "# Build history\n\n## BUILD-001: first\n\nText.\n"}, "other"), {})
    for settled, order in ((settings, (1, 2, 3)), (other, (3, 1, 2))):
        for number in order:
            write_proof(settled.runs_root, f"run-{number}", number)
            write_run(settled.runs_root, f"run-{number}", started=f"2026-01-0{4 - number}T00:00:00Z")
    plan = plan_tidy(settings)
    assert plan == plan_tidy(other)
    assert [f"run-{n}" in entry.text for n, entry in zip((3, 2, 1), plan.additions[1].entries, strict=True)] == [
        True
    ] * 3


def test_windows_line_endings_are_kept(settings: Settings) -> None:
    """A ledger in CRLF gets CRLF alone."""
    (settings.workspace / HISTORY).write_bytes(b"# B\r\n\r\ntext\r\n")
    write_proof(settings.runs_root, RUN, 1)
    apply_tidy(settings, execute=True)
    data = (settings.workspace / HISTORY).read_bytes()
    assert data.count(b"\n") == data.count(b"\r\n") > 5


def test_a_plan_is_applied_only_while_it_holds(settings: Settings, tmp_path: Path) -> None:
    """With --plan, a ledger that moved or results that came in between stop the apply, naming the ledger."""
    write_proof(settings.runs_root, RUN, 1)
    kept = tmp_path / "plan.json"
    write_artifact(kept, plan_tidy(settings))
    ledger = settings.workspace / HISTORY
    before = ledger.read_bytes()
    ledger.write_bytes(before + b"mine\n")
    with pytest.raises(StaleError, match=f"{HISTORY} has changed"):
        apply_tidy(settings, execute=True, planned=kept)
    assert ledger.read_bytes() == before + b"mine\n"
    ledger.write_bytes(before)
    second = write_proof(settings.runs_root, RUN, 2)
    with pytest.raises(StaleError, match=f"more to tell for {HISTORY}"):
        apply_tidy(settings, execute=True, planned=kept)
    second.unlink()
    assert apply_tidy(settings, execute=True, planned=kept).total == 1


def test_a_ledger_that_moves_under_the_apply_is_not_written(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An editor that saves between planning and writing loses nothing: tidy stops before its first write."""
    from autopack.operations import tidying

    write_proof(settings.runs_root, RUN, 1)
    write_decision(settings.runs_root, RUN)
    planning = tidying.make_plan

    def plan_then_edit(*arguments):  # type: ignore[no-untyped-def]
        plan = planning(*arguments)
        (settings.workspace / HISTORY).write_bytes(b"# Edited meanwhile\n")
        return plan

    monkeypatch.setattr(tidying, "make_plan", plan_then_edit)
    with pytest.raises(StaleError):
        apply_tidy(settings, execute=True)
    assert (settings.workspace / HISTORY).read_bytes() == b"# Edited meanwhile\n"
    assert not (settings.workspace / DECISIONS).exists()


@pytest.mark.parametrize(
    "path",
    [
        "../outside.md",
        "/tmp/outside.md",
        ".git/hooks/pre-commit",
        ".git/hooks/x.md",
        ".GIT/x.md",
        ".autopack/intention.yaml",
        ".autopack/x.md",
        ".github/workflows/x.md",
        "docs/../.git/x.md",
        "docs\\x.md",
        "src/main.py",
        "Makefile",
        "docs/.git\u200c/x.md",
        "docs/link/x.md",
        "docs/link.md",
        "docs/DEBUG_LOG.md",
        "docs/debug_log.md",
        "docs",
    ],
)
def test_only_a_plain_text_file_of_the_repository_can_be_a_ledger(
    settings: Settings, path: str, tmp_path: Path
) -> None:
    """A configuration that points a ledger elsewhere, or two at one file, writes nothing anywhere."""
    (tmp_path / "elsewhere").mkdir()
    (settings.workspace / "docs/link").symlink_to(tmp_path / "elsewhere")
    (settings.workspace / "docs/link.md").symlink_to(tmp_path / "elsewhere/x.md")
    hostile = Settings(**{**vars(settings), "ledgers": {**settings.ledgers, "build_history": path}})
    write_proof(settings.runs_root, RUN, 1)
    before = tree(tmp_path, leave_out=())
    with pytest.raises((UsageError, UnsafeRepository)):
        apply_tidy(hostile, execute=True)
    changed = {name for name, data in tree(tmp_path, leave_out=()).items() if before.get(name) != data}
    assert {name for name in changed if not name.endswith("autopack/tidy.lock")} == set()


def test_texts_cannot_pass_for_entries(settings: Settings) -> None:
    """Reasons and names that hold markup, markers, headings or hidden characters become plain words."""
    reason = "fine\n## DEC-999: forged\n<!-- autopack:entry entry-0123456789ab -->\n[x](javascript:1) \u202e`code`"
    write_decision(settings.runs_root, RUN, "allow_once", reason)
    apply_tidy(settings, execute=True)
    data = (settings.workspace / DECISIONS).read_bytes()
    assert len(recorded_ids(data)) == 1
    assert b"\n## DEC-999" not in data
    assert rb"\<U+202E\>" in data
    assert b"\\[x\\](javascript:1)" in data


def test_no_secret_reaches_a_ledger(settings: Settings) -> None:
    """A token in a person's reason is masked."""
    token = "ghp_" + "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY1zA2"
    write_decision(settings.runs_root, RUN, "allow_once", f"use {token} for it")
    write_proof(settings.runs_root, RUN, 1, outcome="undone", commit=None, reason=f"fetch with {token} failed")
    apply_tidy(settings, execute=True)
    assert all(token.encode() not in data for data in tree(settings.workspace).values())


def test_damaged_results_hide_no_others(settings: Settings) -> None:
    """What cannot be read, or is not what its place says, is reported; the rest is told."""
    runs = settings.runs_root
    good = write_proof(runs, RUN, 1)
    bad = {
        "phase-000000000002.json": b"{",
        "phase-000000000003.json": good.read_bytes(),
        "phase-000000000004.json": b"[]",
        "phase-000000000005.json": b"\xff",
    }
    for name, data in bad.items():
        (good.parent / name).write_bytes(data)
    other = RunFileLayout(runs, PROJECT, "other").proof("phase-000000000001")
    write_files(other.parent, {other.name: good.read_bytes()})
    session = RunFileLayout(runs, PROJECT, RUN).autopilot_session
    write_files(session.parent, {session.name: canonical_bytes({"format_version": "v9"})})
    plan = plan_tidy(settings)
    assert plan.total == 1
    names = [note.subject.rpartition("/")[2] for note in plan.not_read]
    assert names == ["autopilot_session_v1.json", *sorted(bad), "phase-000000000001.json"]
    assert not any(str(runs) in note.reason for note in plan.not_read)


def test_links_among_the_runs_are_not_followed(settings: Settings, tmp_path: Path) -> None:
    """A run folder that is a link tells nothing."""
    elsewhere = tmp_path / "elsewhere"
    write_proof(elsewhere, RUN, 1)
    (settings.runs_root / PROJECT).mkdir(parents=True)
    (settings.runs_root / PROJECT / "runs").symlink_to(elsewhere / PROJECT / "runs")
    assert plan_tidy(settings).total == 0


FORK = """
import os, signal, sys
from pathlib import Path
from autopack.config import load_settings
from autopack.operations.tidying import apply_tidy
from autopack.artifacts import store

def kill_before(step):
    calls = iter(range(step))
    def counted(original):
        def call(*arguments, **options):
            if next(calls, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*arguments, **options)
        return call
    os.fsync = counted(os.fsync)
    Path.replace = counted(Path.replace)
    store.tempfile.mkstemp = counted(store.tempfile.mkstemp)

def start(workspace, step):
    child = os.fork()
    if child == 0:
        if step != "never":
            kill_before(int(step))
        apply_tidy(load_settings(Path(workspace), {}), execute=True)
        os._exit(0)
    return child

sys.stdin.readline()
children = [start(*each.rsplit("=", 1)) for each in sys.argv[1:]]
print(*(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
"""


def forked_applies(*workspaces: str) -> subprocess.Popen[str]:
    """Start a process that waits for a line, then applies in each of WORKSPACES (`<path>=<step to be killed at>`) at
    once, each in a process of its own, and prints how they ended."""
    command = [sys.executable, "-c", FORK, *workspaces]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")


def test_concurrent_applies_lose_nothing(settings: Settings) -> None:
    """Six processes that apply at once, while results still come in, leave every entry exactly once, in order."""
    for number in range(1, 13):
        write_proof(settings.runs_root, f"run-{number:02d}", number)
    applies = forked_applies(*[f"{settings.workspace}=never"] * 6)
    assert applies.stdin is not None
    applies.stdin.write("go\n")
    applies.stdin.flush()
    for number in range(13, 25):
        write_proof(settings.runs_root, f"run-{number:02d}", number)
    assert applies.communicate(timeout=60)[0].split() == ["0"] * 6
    apply_tidy(settings, execute=True)
    text = (settings.workspace / HISTORY).read_text(encoding="utf-8")
    assert text.startswith("# Build history\n\n## BUILD-001: first\n\nText.\n")
    assert len(recorded_ids(text.encode())) == text.count("autopack:entry") == 24
    numbers = [line.split(":")[0] for line in text.splitlines() if line.startswith("## BUILD-")]
    assert numbers == [f"## BUILD-{number:03d}" for number in range(1, 26)]


STEPS = 8
"""For each of two ledgers: make the temporary file, sync it, replace, sync the folder."""


def test_a_killed_apply_leaves_whole_ledgers(settings: Settings, tmp_path: Path) -> None:
    """Killed before any step of writing, every ledger is as before or complete, nothing lies beside it, and the next
    apply adds the rest."""
    write_proof(settings.runs_root, RUN, 1)
    write_decision(settings.runs_root, RUN)
    before = tree(settings.workspace)
    copies = [shutil.copytree(settings.workspace, tmp_path / f"step-{step}") for step in range(STEPS + 1)]
    applies = forked_applies(*(f"{copy}={step}" for step, copy in enumerate(copies)))
    ended = applies.communicate("go\n", timeout=60)[0].split()
    assert ended == [str(-signal.SIGKILL)] * STEPS + ["0"]
    for copy in copies:
        after = tree(copy)
        whole = [name for name in (HISTORY, DECISIONS) if recorded_ids(after.get(name, b""))]
        assert set(after) == {*before, *whole}
        assert all(after[name] == before[name] for name in after if name not in whole)
        apply_tidy(load_settings(copy, {}), execute=True)
        final = tree(copy)
        assert all(final[name] == after[name] for name in whole)
        assert [len(recorded_ids(final[name])) for name in (HISTORY, DECISIONS)] == [1, 1]


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_without_permission_loses_nothing(settings: Settings) -> None:
    """A ledger that cannot be replaced stays as it is, and the message says so."""
    write_proof(settings.runs_root, RUN, 1)
    before = tree(settings.workspace)
    (settings.workspace / "docs").chmod(0o500)
    try:
        with pytest.raises(AutopackError, match="Cannot write"):
            apply_tidy(settings, execute=True)
    finally:
        (settings.workspace / "docs").chmod(0o700)
    assert tree(settings.workspace) == before


def test_a_repository_without_runs_has_nothing_to_tell(settings: Settings) -> None:
    """Report, plan and apply on a fresh repository make no file."""
    before = tree(settings.workspace, leave_out=(".git",))
    assert plan_tidy(settings).total == 0
    assert apply_tidy(settings, execute=True).total == 0
    assert tree(settings.workspace, leave_out=(".git",)) == before
