"""What every command shares: where it looks, and how it says that it cannot."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from autopack.cli.main import main
from autopack.execution.sandbox.detect import sandbox_tier
from repositories import MakeRepository, commit_all, git
from sample_projects import make_sample

needs_sandbox = pytest.mark.skipif(sandbox_tier() == "none", reason="nothing is auto-approved without a sandbox")


@pytest.mark.parametrize(
    "command",
    [
        ["scan", "--format", "json"],
        ["status", "--format", "json"],
        ["approvals", "list", "--format", "json"],
        ["tidy", "plan", "--format", "json"],
    ],
    ids=" ".join,
)
def test_a_workspace_named_before_the_command_is_heeded(
    command: list[str],
    make_repository: MakeRepository,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`autopack -C DIR scan` looks at DIR like `autopack scan -C DIR`, from a folder that is no repository."""
    repository = make_repository()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert main(["-C", str(repository), *command]) == 0
    before = capsys.readouterr().out
    assert main([*command, "-C", str(repository)]) == 0
    assert capsys.readouterr().out == before
    assert main(command) == 2


def test_of_two_workspaces_the_one_after_the_command_counts(
    make_repository: MakeRepository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The nearer `-C` wins, and a wrong one before it does no harm."""
    repository = make_repository({"README.md": "# Sample\n"})
    assert main(["-C", str(tmp_path), "scan", "-C", str(repository)]) == 0
    assert json.loads(capsys.readouterr().out)["metadata"]["files_in_scope"] == 1


def test_a_workspace_named_before_a_subcommand_of_the_autopilot_is_heeded(
    make_repository: MakeRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`autopack autopilot -C DIR resume` looks for runs in DIR."""
    repository = make_repository()
    monkeypatch.chdir(tmp_path)
    assert main(["autopilot", "-C", str(repository), "resume"]) == 2
    assert "There are no runs yet" in capsys.readouterr().err


def test_one_gap_is_said_in_the_singular(make_repository: MakeRepository, capsys: pytest.CaptureFixture[str]) -> None:
    """A single gap `blocks`, two `block`."""
    repository = make_repository({"a.txt": "<<<<<<< HEAD\nours\n=======\ntheirs\n>>>>>>> topic\n"})
    assert main(["status", "-C", str(repository), "--format", "text"]) == 0
    assert "1 (1 high); 1 blocks the autopilot" in capsys.readouterr().out


def test_inside_the_git_folder_the_way_out_is_named(
    make_repository: MakeRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    """Inside `.git`, and in a bare repository, Autopack says that there are no files and where to go."""
    repository = make_repository()
    assert main(["scan", "-C", str(repository / ".git")]) == 8
    said = capsys.readouterr().err
    assert "has no working tree" in said and "  next: " in said
    git(repository, "clone", "--quiet", "--bare", ".", "bare.git")
    assert main(["scan", "-C", str(repository / "bare.git")]) == 8
    assert "  next: " in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="shells close streams this way on POSIX systems")
def test_closed_and_full_outputs_are_no_internal_error(make_repository: MakeRepository) -> None:
    """With its output closed a command works in silence; on a full device it says so and exits 30."""
    scan = f"'{sys.executable}' -m autopack scan -C '{make_repository()}'"
    closed = subprocess.run(["sh", "-c", f"{scan} >&-"], capture_output=True, text=True, check=False)
    assert (closed.returncode, closed.stdout) == (0, "")
    assert "internal error" not in closed.stderr
    if Path("/dev/full").exists():
        full = subprocess.run(["sh", "-c", f"{scan} >/dev/full"], capture_output=True, text=True, check=False)
        assert full.returncode == 30
        assert "No space left on device" in full.stderr


def test_an_interrupted_command_says_so(
    make_repository: MakeRepository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C within a command ends it with exit 130 and a word, never a traceback."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("autopack.operations.status.overview", interrupt)
    assert main(["status", "-C", str(make_repository())]) == 130
    assert capsys.readouterr().err.strip() == "Interrupted."


def test_the_next_command_follows_the_state(
    make_repository: MakeRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    """A fresh intention is to be looked at, and what is inferred in a committed one to be confirmed."""
    repository = make_repository({"README.md": "# Sample\n", "LICENSE": "MIT\n"})

    def next_command() -> str:
        capsys.readouterr()
        assert main(["status", "-C", str(repository), "--format", "json"]) == 0
        return str(json.loads(capsys.readouterr().out)["next_command"])

    assert next_command() == "autopack init"
    assert main(["init", "--no-input", "-C", str(repository)]) == 0
    assert next_command() == "autopack anchor show"
    git(repository, "add", ".autopack")
    git(repository, "commit", "--quiet", "-m", "Write the intention down")
    assert next_command() == "autopack anchor approve --inferred"


def test_a_run_that_went_stale_is_not_what_comes_next(
    make_repository: MakeRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    """After another commit `resume` could only fail, so a new run is named, and the old plan is not shown."""
    repository = make_sample(make_repository)

    def status() -> dict[str, object]:
        capsys.readouterr()
        assert main(["status", "-C", str(repository), "--format", "json"]) == 0
        return dict(json.loads(capsys.readouterr().out))

    assert main(["autopilot", "--enable", "-C", str(repository)]) == 3
    waiting = status()
    assert waiting["plan"] is not None
    (repository / "new.md").write_text("# New\n", encoding="utf-8")
    commit_all(repository, "Go on")
    moved = status()
    assert (moved["plan"], moved["next_command"]) == (None, "autopack autopilot --enable")


@needs_sandbox
def test_the_next_command_of_gc_removes_what_was_shown(
    make_repository: MakeRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names the limits that the plan was made with; with others there may be nothing to remove."""
    repository = make_sample(make_repository, batch_policy="independent")
    assert main(["autopilot", "--enable", "-C", str(repository)]) == 3
    capsys.readouterr()
    assert main(["gc", "--keep-days", "0", "-C", str(repository), "--format", "text"]) == 0
    assert "next: autopack gc --keep-days 0 --execute" in capsys.readouterr().out


@pytest.mark.parametrize(("signal", "code"), [(KeyboardInterrupt(), 130), (SystemExit(143), 143)])
def test_a_signal_while_a_class_is_made_ends_the_command_as_ever(
    make_repository: MakeRepository, monkeypatch: pytest.MonkeyPatch, signal: BaseException, code: int
) -> None:
    """Python 3.11 raises a RuntimeError from what the signal raised."""

    def interrupt(*_: object, **__: object) -> None:
        raise RuntimeError("Error calling __set_name__") from signal

    monkeypatch.setattr("autopack.operations.scanning.assess_workspace", interrupt)
    try:
        assert main(["scan", "-C", str(make_repository())]) == code
    except SystemExit as end:
        assert end.code == code
