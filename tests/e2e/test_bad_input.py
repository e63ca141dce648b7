"""What is broken from outside is answered with a clear sentence and the right exit code, and nothing is lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from autopack.cli.main import main
from repositories import commit_all, git, write_files
from sample_projects import make_sample

RUN = Path(".autonomous_runs/sample/runs/r1/r1")
CHAIN = {
    "intention": RUN / "intention/intention_anchor_v2.json",
    "report": RUN / "gaps/gap_report_v1.json",
    "plan": RUN / "plans/plan_proposal_v1.json",
}
"""The artifacts that every run has and that `verify` recomputes."""

READERS = (["verify"], ["status"], ["approvals", "list"], ["tidy", "plan"], ["autopilot", "resume", "r1"])


def _edited(**changes: object) -> Callable[[bytes], bytes]:
    return lambda data: json.dumps({**json.loads(data), **changes}).encode()


def _other_id(data: bytes) -> bytes:
    document = json.loads(data)
    name = next(key for key in ("plan_proposal_id", "gap_report_id", "project_id") if key in document)
    return json.dumps({**document, name: document[name][:-4] + "0000"}).encode()


WAYS: dict[str, Callable[[bytes], bytes]] = {
    "cut short": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "not an object": lambda data: b"[]",
    "not text": lambda data: b"\xff\xfe\x00",
    "another version": _edited(format_version="v9"),
    "an unknown key": _edited(surprise=1),
    "a wrong id": _other_id,
    "50 MB": lambda data: b"[" + b" " * 50_000_000 + b"]",
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one run that waits, made once."""

    def make(files: dict[str, str], name: str = "repo") -> Path:
        folder = tmp_path_factory.mktemp("made") / name
        folder.mkdir()
        git(folder, "init", "--quiet")
        write_files(folder, files)
        commit_all(folder, "first")
        return folder

    repository = make_sample(make)
    assert main(["autopilot", "-C", str(repository), "--enable", "--run-id", "r1"]) == 3
    return repository


@pytest.fixture
def repository(finished: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may damage."""
    return shutil.copytree(finished, tmp_path / "copy", symlinks=True)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("artifact", CHAIN)
def test_a_damaged_artifact_never_verifies(
    repository: Path, artifact: str, way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`verify` names a broken link (exit 8), one document comes out, and the damaged file stays for inspection."""
    path = repository / CHAIN[artifact]
    damaged = WAYS[way](path.read_bytes())
    path.write_bytes(damaged)
    capsys.readouterr()
    assert main(["verify", "-C", str(repository), "--format", "json"]) == 8
    said = capsys.readouterr()
    document = json.loads(said.out)
    assert document["outcome"] == "broken"
    broken = next(link for link in document["links"] if not link["holds"])
    assert broken["detail"] and len(broken["detail"]) < 2_000
    assert path.read_bytes() == damaged


@pytest.mark.parametrize("artifact", CHAIN)
def test_no_command_stumbles_over_a_damaged_artifact(
    repository: Path, artifact: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each command either does not need it or says which file it is: never an internal error, never two documents."""
    path = repository / CHAIN[artifact]
    path.write_bytes(WAYS["cut short"](path.read_bytes()))
    for command in READERS:
        capsys.readouterr()
        code = main([*command, "-C", str(repository), "--format", "json"])
        said = capsys.readouterr()
        assert code in {0, 2, 3, 8}, (command, said.err)
        assert said.out.count("\n") == (0 if code == 2 else 1), command
        if code == 2:
            assert path.name in said.err and "  next: " in said.err, command


@pytest.mark.parametrize("artifact", ["report", "plan"])
def test_a_run_is_not_resumed_from_an_edited_artifact(
    repository: Path, artifact: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A plan or report whose content is not what its id says is refused before anything runs."""
    path = repository / CHAIN[artifact]
    path.write_bytes(WAYS["a wrong id"](path.read_bytes()))
    before = git(repository, "for-each-ref")
    assert main(["autopilot", "resume", "r1", "-C", str(repository)]) == 2
    assert "but the content has" in capsys.readouterr().err
    assert git(repository, "for-each-ref") == before


def test_a_git_that_is_absent_or_too_old_is_named(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every command ends with exit 30 and says which git it needs; the one that is there is named."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    for command in (["scan"], ["status"], ["propose"], ["autopilot", "--enable"], ["approvals", "list"], ["verify"]):
        assert main([*command, "-C", str(finished)]) == 30
        assert capsys.readouterr().err == "autopack: git is not installed.\n  next: Install git 2.25 or newer.\n"
    fake = folder / "git"
    fake.write_text("#!/bin/sh\necho git version 2.20.1\n", encoding="utf-8")
    fake.chmod(0o755)
    assert main(["scan", "-C", str(finished)]) == 30
    assert "git 2.20.1 is too old" in capsys.readouterr().err


def test_a_repository_that_is_gone_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing folder, a file and a folder without a repository are each exit 2 with what to do."""
    (tmp_path / "file").touch()
    (tmp_path / "plain").mkdir()
    for name in ("missing", "file", "plain"):
        assert main(["scan", "-C", str(tmp_path / name)]) == 2
        said = capsys.readouterr()
        assert name in said.err and "  next: " in said.err
        assert said.out == ""


@pytest.mark.skipif(os.geteuid() == 0 or os.name != "posix", reason="nothing is unreadable to root")
def test_an_unreadable_repository_is_named(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that may not be entered is an environment fault."""
    repository.chmod(0)
    try:
        assert main(["scan", "-C", str(repository)]) in {2, 30}
        assert str(repository) in capsys.readouterr().err
    finally:
        repository.chmod(0o755)


def test_a_full_disk_stops_a_run_and_loses_nothing(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 30 and a sentence about the disk; the checkout and the branches are as they were."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        monkeypatch.setenv("AUTONOMOUS_RUNS_DIR", str(disk / "runs"))
        before = (git(finished, "status", "--porcelain"), git(finished, "for-each-ref"))
        assert main(["autopilot", "--enable", "-C", str(finished), "--run-id", "full"]) == 30
        said = capsys.readouterr()
        assert "internal error" not in said.err and "Traceback" not in said.err
        assert "space" in said.err or "full" in said.err
        assert said.out == ""
        assert (git(finished, "status", "--porcelain"), git(finished, "for-each-ref")) == before
    finally:
        subprocess.run(["umount", str(disk)], check=True)
