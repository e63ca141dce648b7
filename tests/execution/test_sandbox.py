"""Code of the repository runs in a box whose tier was proven, with a clean environment, under limits."""

import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from autopack.execution.sandbox.box import MAX_OUTPUT_BYTES, Job, JobResult, Launch, Sandbox
from autopack.execution.sandbox.bubblewrap import Bubblewrap
from autopack.execution.sandbox.canaries import CANARIES, Proof, prove
from autopack.execution.sandbox.confined import Confined
from autopack.execution.sandbox.detect import examine, find_sandbox
from autopack.execution.sandbox.unconfined import Unconfined
from autopack.policy.facts import SandboxTier

BOXES = [box for box in (Bubblewrap(), Confined()) if prove(box).stands] + [Unconfined("a test")]


@dataclass(frozen=True)
class Boaster:
    """Claims a tier and confines nothing."""

    tier: SandboxTier

    def run(self, job: Job) -> JobResult:
        return Unconfined("").run(job)

    def ready(self, job: Job) -> AbstractContextManager[Launch]:
        return Unconfined("").ready(job)


@pytest.fixture(params=BOXES, ids=lambda box: box.tier)
def box(request: pytest.FixtureRequest) -> Sandbox:
    return request.param


@pytest.fixture
def looked_for_anew() -> Iterator[None]:
    """The sandbox is looked for again, and what was found is forgotten afterwards."""
    examine.cache_clear()
    yield
    examine.cache_clear()


def test_the_unconfined_box_fails_the_proof() -> None:
    """Every canary notices a box that confines nothing, so a broken sandbox cannot pass for a good one."""
    proof = prove(Unconfined("a test"))
    asks_for_root = {"kernel_settings"} if os.getuid() != 0 else set()
    assert (proof.tier, proof.fault) == ("none", "")
    assert set(CANARIES) - set(proof.open_doors) <= {*asks_for_root, "new_namespaces"}


@pytest.mark.parametrize("tier", ["isolated", "confined"])
def test_a_box_that_claims_more_than_it_keeps_does_not_stand(tier: SandboxTier) -> None:
    """A box whose doors are open has not the tier that it claims, and the doors are named in words."""
    proof = prove(Boaster(tier))
    assert not proof.stands
    assert "writing a file outside the granted folders" in proof.objection
    assert "connecting to a TCP port of this machine" in proof.objection


@pytest.mark.usefixtures("looked_for_anew")
def test_the_tier_is_lower_where_bubblewrap_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without bubblewrap the tier is not isolated, and the reason is said in words."""
    monkeypatch.setenv("PATH", "/nonexistent")
    found = examine()
    assert found.proofs[0] == Proof("isolated", (), "bubblewrap (the command bwrap) is not installed")
    assert found.sandbox.tier in {"confined", "none"}


@pytest.mark.usefixtures("looked_for_anew")
def test_a_bubblewrap_that_cannot_start_is_no_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where namespaces are refused, what bubblewrap says about it is the reason, and the tier is lower."""
    refusing = tmp_path / "bwrap"
    refusing.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    refusing.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = examine()
    assert found.proofs[0].fault == "it cannot start here: bwrap: setting up uid map: Permission denied"
    assert found.sandbox.tier in {"confined", "none"}


@pytest.mark.usefixtures("looked_for_anew")
def test_a_bubblewrap_that_only_pretends_is_no_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of that name that simply runs the command is noticed by what gets out."""
    pretending = tmp_path / "bwrap"
    pretending.write_text(
        '#!/bin/sh\nwhile [ "$1" != python3 ] && [ "${1##*/}" != python3 ]; do shift; done\nexec "$@"\n'
    )
    pretending.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = examine()
    assert "write_outside" in found.proofs[0].broken
    assert found.sandbox.tier in {"confined", "none"}


@pytest.mark.usefixtures("looked_for_anew")
def test_the_tier_is_what_the_attempts_say_and_the_rest_is_named() -> None:
    """The sandbox in use is the first that stood, and every stronger one has an objection in words."""
    found = examine()
    stronger = found.proofs[:-1] if found.sandbox.tier != "none" else found.proofs
    assert all(proof.objection for proof in stronger)
    assert found.sandbox.tier == "none" or found.proofs[-1].stands


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


@pytest.mark.parametrize("standing", BOXES[:-1], ids=lambda box: box.tier)
@pytest.mark.parametrize("end", ["ended", "timed_out"])
def test_nothing_of_a_job_lives_on(standing: Sandbox, end: str, tmp_path: Path) -> None:
    """A daemon that left the job's session is gone when the result is there, however the job ended."""
    daemon = "setsid sh -c 'setsid sh -c \"while :; do echo x >> beat; done\" &' > /dev/null 2>&1 &"
    wait = "while [ ! -s beat ]; do :; done;" + (" sleep 60" if end == "timed_out" else "")
    result = standing.run(Job(("sh", "-c", f"{daemon} {wait}"), tmp_path, timeout_seconds=3))
    size = (tmp_path / "beat").stat().st_size
    assert result.outcome == end
    time.sleep(0.2)
    assert (tmp_path / "beat").stat().st_size == size


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
    """Inside the box, writing, linking and renaming outside the job's folder all fail, and in the stronger one changing
    modes, too, for which Landlock has no right."""
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
    assert (outside / "file").stat().st_mode & 0o777 != 0o777 or find_sandbox().tier == "confined"
    assert not (Path.home() / "planted").exists()
