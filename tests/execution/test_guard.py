"""A supervised job is run once, whoever is killed, and bounded whatever happens."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from autopack.artifacts.redaction import register_secret_values
from autopack.execution import guard
from autopack.execution.guard import Supervised, run_supervised
from autopack.execution.receipts import find_receipt
from autopack.execution.sandbox.box import Job
from autopack.execution.sandbox.unconfined import Unconfined
from autopack.execution.scratch import recorded_scratch

BOX = Unconfined("a test of the supervisor, not of the sandbox")


def _run(folder: Path, script: str, *, timeout: int = 30, orphan_seconds: float = 30.0) -> Supervised:
    def prepare(scratch: Path) -> Job:
        return Job(("sh", "-c", script), scratch, timeout_seconds=timeout)

    return run_supervised(folder, BOX, prepare, orphan_seconds=orphan_seconds)


def _worker(folder: Path, script: str, *, orphan_seconds: float = 30.0) -> int:
    """Start a worker as a process of its own and return its id."""
    child = os.fork()
    if child == 0:
        try:
            _run(folder, script, orphan_seconds=orphan_seconds)
        finally:
            os._exit(0)
    return child


def _until(condition: object, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def _starts(folder: Path) -> list[int]:
    noted = folder / "starts"
    return [int(line) for line in noted.read_text().split()] if noted.exists() else []


def _kill(process: int) -> None:
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)


def _is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] not in {"Z", "X"}
    except OSError:
        return False


def _scratch(folder: Path) -> Path:
    """Return the scratch folder of the job that works in FOLDER now."""
    scratch = recorded_scratch(folder / "scratch")
    assert scratch is not None
    assert scratch.is_dir()
    return scratch


def test_a_job_is_run_and_its_receipt_is_found_again(tmp_path: Path) -> None:
    """Asking a second time gives the same answer without running anything."""
    first = _run(tmp_path / "job", "echo done; exit 3")
    again = _run(tmp_path / "job", "echo done; exit 3")
    assert (first.receipt.outcome, first.receipt.exit_code, first.output, first.adopted) == (
        "ended",
        3,
        b"done\n",
        False,
    )
    assert (again.receipt, again.output, again.adopted) == (first.receipt, first.output, True)
    assert len(_starts(tmp_path / "job")) == 1


def test_a_killed_workers_job_is_adopted_and_not_run_again(tmp_path: Path) -> None:
    """The job goes on after kill -9 of the worker; the next worker waits for it and gets its result."""
    folder, effect = tmp_path / "job", tmp_path / "effect"
    script = f"echo once >> {effect}; sleep 0.5; echo over"
    worker = _worker(folder, script)
    _until(effect.exists)
    _kill(worker)
    done = _run(folder, script)
    assert (done.output, done.adopted, effect.read_text()) == (b"over\n", True, "once\n")
    assert len(_starts(folder)) == 1


def test_a_worker_killed_after_the_effect_and_before_it_knew_does_not_repeat_it(tmp_path: Path) -> None:
    """The receipt is there although the worker that ordered the job never read it."""
    folder, effect = tmp_path / "job", tmp_path / "effect"
    worker = _worker(folder, f"echo once >> {effect}; sleep 0.2")
    _until(effect.exists)
    _kill(worker)
    _until(lambda: find_receipt(folder) is not None)
    assert _run(folder, f"echo twice >> {effect}").adopted
    assert effect.read_text() == "once\n"


def test_a_killed_supervisors_job_is_ended_before_it_runs_again(tmp_path: Path) -> None:
    """What a killed supervisor left running is killed and its scratch folder removed; only then it starts anew."""
    folder, pid = tmp_path / "job", tmp_path / "pid"
    worker = _worker(folder, f"echo $$ > {pid}.new; mv {pid}.new {pid}; exec sleep 60")
    _until(pid.exists)
    os.kill(_starts(folder)[0], signal.SIGKILL)
    os.waitpid(worker, 0)
    left = int(pid.read_text())
    assert _is_running(left)
    scratch = _scratch(folder)
    done = _run(folder, "echo again")
    assert (done.output, done.adopted, len(_starts(folder))) == (b"again\n", False, 2)
    _until(lambda: not _is_running(left))
    assert not scratch.exists()
    assert not (folder / "scratch").exists()


def test_a_supervisor_that_dies_under_its_worker_is_no_success(tmp_path: Path) -> None:
    """A job whose supervisor vanished counts as not run."""
    done = _run(tmp_path / "job", "kill -9 $PPID; sleep 60")
    assert (done.receipt.outcome, done.receipt.exit_code) == ("not_started", None)
    assert "without a receipt" in done.receipt.detail
    guard.clear_remains(tmp_path / "job")


def test_abandoned_work_is_bounded(tmp_path: Path) -> None:
    """Nobody waits: after the orphan limit the whole process group is ended and nothing is left."""
    folder, pid = tmp_path / "job", tmp_path / "pid"
    worker = _worker(folder, f"sleep 61 & echo $! > {pid}.new; mv {pid}.new {pid}; wait", orphan_seconds=0.3)
    _until(pid.exists)
    scratch = _scratch(folder)
    _kill(worker)
    _until(lambda: not _is_running(int(pid.read_text())))
    _until(lambda: not _is_running(_starts(folder)[0]))
    assert find_receipt(folder) is None
    assert not scratch.exists()


def test_work_whose_folder_was_removed_is_ended(tmp_path: Path) -> None:
    """Whoever deletes the run deletes the only place for its receipt: its job does not go on to its time-out."""
    folder, pid = tmp_path / "job", tmp_path / "pid"
    worker = _worker(folder, f"sleep 61 & echo $! > {pid}.new; mv {pid}.new {pid}; wait")
    _until(pid.exists)
    supervisor, scratch = _starts(folder)[0], _scratch(folder)
    _kill(worker)
    shutil.rmtree(folder)
    _until(lambda: not _is_running(int(pid.read_text())))
    _until(lambda: not _is_running(supervisor))
    assert not scratch.exists()


def test_work_that_is_awaited_is_not_abandoned(tmp_path: Path) -> None:
    """As long as a worker waits the orphan limit does not count."""
    assert _run(tmp_path / "job", "sleep 1; echo whole", orphan_seconds=0.2).output == b"whole\n"


def test_a_time_out_ends_the_whole_group_and_leaves_a_receipt(tmp_path: Path) -> None:
    """A job that does not end is ended with its children, and that is its result."""
    pid = tmp_path / "pid"
    done = _run(tmp_path / "job", f"sleep 62 & echo $! > {pid}; wait", timeout=1)
    assert done.receipt.outcome == "timed_out"
    assert not _is_running(int(pid.read_text()))
    assert _run(tmp_path / "job", "echo no").adopted


def test_output_is_redacted_before_it_reaches_the_disk(tmp_path: Path) -> None:
    """A registered secret is in no file of the job's folder."""
    register_secret_values(["hunter2-hunter2"])
    try:
        done = _run(tmp_path / "job", "echo hunter2-hunter2")
    finally:
        register_secret_values([])
    assert b"hunter2" not in b"".join(path.read_bytes() for path in (tmp_path / "job").iterdir())
    assert done.output == b"[REDACTED]\n"


def test_a_changed_output_is_not_vouched_for(tmp_path: Path) -> None:
    """Where the kept output is not the one that the receipt names, the job runs again."""
    _run(tmp_path / "job", "echo true")
    (tmp_path / "job" / "output.log").write_bytes(b"forged\n")
    assert _run(tmp_path / "job", "echo true").output == b"true\n"
    assert len(_starts(tmp_path / "job")) == 2


def test_a_job_that_could_not_start_is_tried_again(tmp_path: Path) -> None:
    """A missing sandbox or program leaves no lasting receipt."""
    missing = run_supervised(tmp_path / "job", BOX, lambda scratch: Job(("/no/such/program",), scratch))
    assert missing.receipt.outcome == "not_started"
    assert _run(tmp_path / "job", "echo now").output == b"now\n"


def test_a_failing_preparation_leaves_nothing(tmp_path: Path) -> None:
    """An error while the scratch folder is filled reaches the caller, and lock and folder are free."""
    made: list[Path] = []

    def prepare(scratch: Path) -> Job:
        made.append(scratch)
        (scratch / "half").write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        run_supervised(tmp_path / "job", BOX, prepare)
    assert [scratch.exists() for scratch in made] == [False]
    assert _run(tmp_path / "job", "echo fine").output == b"fine\n"


def test_the_job_inherits_neither_locks_nor_open_files(tmp_path: Path) -> None:
    """A command sees only its standard streams, and cannot keep the lock of its supervisor."""
    with (tmp_path / "open").open("w") as handle:
        os.set_inheritable(handle.fileno(), True)
        done = _run(tmp_path / "job", "ls -l /proc/$$/fd")
    assert str(tmp_path).encode() not in done.output


def test_ctrl_c_ends_the_job_at_once(tmp_path: Path) -> None:
    """A person who interrupts the worker leaves nothing running."""
    folder, pid = tmp_path / "job", tmp_path / "pid"
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            _run(folder, f"echo $$ > {pid}.new; mv {pid}.new {pid}; exec sleep 63")
        finally:
            os._exit(0)
    _until(pid.exists)
    os.kill(child, signal.SIGINT)
    os.waitpid(child, 0)
    assert not _is_running(int(pid.read_text()))
    assert find_receipt(folder) is None
