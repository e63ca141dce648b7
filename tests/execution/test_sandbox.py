"""Code of the repository runs in a box whose tier was proven, with a clean environment, under limits."""

import shutil
import time
from pathlib import Path

import pytest

from autopack.execution.sandbox.box import MAX_OUTPUT_BYTES, Job, Sandbox
from autopack.execution.sandbox.bubblewrap import Bubblewrap
from autopack.execution.sandbox.detect import find_sandbox, prove
from autopack.execution.sandbox.unconfined import Unconfined

BOXES = [Unconfined("a test"), *([Bubblewrap()] if shutil.which("bwrap") else [])]


@pytest.fixture(params=BOXES, ids=lambda box: box.tier)
def box(request: pytest.FixtureRequest) -> Sandbox:
    return request.param


def test_the_unconfined_box_fails_the_proof() -> None:
    """The canaries notice a box that confines nothing, so a broken sandbox cannot pass for a good one."""
    assert prove(Unconfined("a test")) == (
        "bubblewrap leaves open: write outside, read outside, network, processes of the host"
    )


def test_the_tier_is_none_where_bubblewrap_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without bubblewrap the tier is none, and the reason is said in words."""
    find_sandbox.cache_clear()
    monkeypatch.setenv("PATH", "/nonexistent")
    try:
        assert find_sandbox() == Unconfined("bubblewrap (the command bwrap) is not installed")
    finally:
        find_sandbox.cache_clear()


@pytest.mark.skipif(
    not shutil.which("bwrap"), reason="bubblewrap is not installed here; the test above shows the lower tier"
)
def test_bubblewrap_stands_the_proof_where_the_kernel_lets_it() -> None:
    """Where bubblewrap starts at all, no canary gets out; where it cannot, the reason is given and the tier is none."""
    find_sandbox.cache_clear()
    found = find_sandbox()
    assert isinstance(found, Bubblewrap) or (isinstance(found, Unconfined) and "cannot start" in found.why)


def test_secrets_of_the_caller_do_not_enter(box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is not on the allow-list is absent inside, also from the environment of process 1."""
    monkeypatch.setenv("DEPLOY_TOKEN", "tkn-canary-0123456789")
    job = Job(("sh", "-c", "env; tr '\\0' '\\n' < /proc/1/environ 2>/dev/null; true"), tmp_path)
    result = box.run(job)
    assert result.exit_code == 0
    assert b"PATH=" in result.output
    assert b"tkn-canary" not in result.output


def test_a_job_that_hangs_is_killed_with_its_children(box: Sandbox, tmp_path: Path) -> None:
    """At the time-out the whole group dies, and what it had said is kept."""
    started = time.monotonic()
    result = box.run(Job(("sh", "-c", "echo early; sleep 60 & sleep 60"), tmp_path, timeout_seconds=1))
    assert (result.outcome, result.output) == ("timed_out", b"early\n")
    assert time.monotonic() - started < 20


def test_endless_output_is_cut(box: Sandbox, tmp_path: Path) -> None:
    """A job that prints without end fills neither memory nor disk."""
    result = box.run(Job(("sh", "-c", "yes | head -c 9000000"), tmp_path, timeout_seconds=60))
    assert result.outcome == "ended"
    assert MAX_OUTPUT_BYTES <= len(result.output) < MAX_OUTPUT_BYTES + 100
    assert result.output.endswith(b"[autopack: output cut here]\n")


def test_a_command_that_does_not_exist_is_said_to_be_missing(box: Sandbox, tmp_path: Path) -> None:
    """A missing program is a result that names it, not a crash."""
    result = box.run(Job(("no-such-program-here",), tmp_path))
    assert result.outcome == "not_started" or result.exit_code not in (0, None)
    assert "no-such-program-here" in result.detail + result.output.decode()


@pytest.mark.skipif(isinstance(find_sandbox(), Unconfined), reason="no sandbox stands the proof on this machine")
def test_nothing_outside_the_folder_changes(tmp_path: Path) -> None:
    """Inside the box, writing, linking, renaming and changing modes outside the job's folder all fail."""
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (outside / "file").write_text("untouched")
    attempts = "; ".join(
        [
            f"echo x > {outside}/file",
            f"ln {outside}/file {folder}/hard",
            f"chmod 777 {outside}/file",
            f"mv {outside}/file {folder}/stolen",
            f"rm -rf {outside}",
            f"ln -s {outside} out; echo x > out/file",
            "echo x > /etc/passwd",
            "echo core > /proc/sys/kernel/core_pattern",
            f"echo x > {Path.home()}/planted",
        ]
    )
    find_sandbox().run(Job(("sh", "-c", attempts), folder))
    assert (outside / "file").read_text() == "untouched"
    assert (outside / "file").stat().st_mode & 0o777 != 0o777
    assert not (Path.home() / "planted").exists()
