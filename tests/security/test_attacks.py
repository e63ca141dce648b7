"""A hostile job changes nothing on the host, reaches nobody and learns no secret, whoever runs it."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from autopack.execution.sandbox.box import HIDDEN, Job, Sandbox
from autopack.execution.sandbox.bubblewrap import Bubblewrap
from autopack.execution.sandbox.canaries import prove
from autopack.execution.sandbox.confined import Confined
from autopack.execution.sandbox.survey import postflight
from autopack.execution.sandbox.unconfined import Unconfined
from security.lab import MARK, NOBODY, Lab, as_user, attack_source, is_still, made_lab

USERS = (0, NOBODY) if os.getuid() == 0 else (os.getuid(),)
"""Root can be an ordinary user too; an ordinary user cannot be root."""

HARMLESS = {
    "isolated": {
        "write_host_tmp",  # a /tmp of the job's own, gone with it
        "write_host_shm",  # likewise
        "socket_udp",  # sent in a network without anybody
        "outlive_the_job",  # started, and ended with the job
    },
    "confined": {
        "outlive_the_job",
        # the list of processes, by number and name, and of the user's keys, without their values: see_processes
        *("read_cmdline_of_victim", "read_descriptors_of_victim", "read_keys"),
        "read_env_file_in_root",  # what an attack above wrote there itself
        # Landlock has no right for modes, owners and times, wherever the file lies: chmod_outside
        *("change_chmod", "change_chown", "change_utime", "change_xattr", "change_chmod_worktree", "change_chmod_git"),
        "chmod_through_descriptor",
        # what stands in a writable folder: write_protected, rename_protected
        *(f"protected_{act}" for act in ("write", "truncate", "unlink", "rename", "rename_parent", "replace", "chmod")),
        *(f"protected_{act}" for act in ("rename_grandparent", "exchange", "link_then_write")),
        *(f"protected_hidden_{act}" for act in ("write", "unlink", "replace")),
    },
}


@dataclass(frozen=True)
class Fought:
    """What an attacker told, and what the host found."""

    told: dict[str, str]
    output: str
    changed: dict[str, object]
    knocks: set[str]
    is_still: bool
    left_behind: tuple[str, ...]

    @property
    def done(self) -> set[str]:
        return {name for name, answer in self.told.items() if answer.startswith("done")}


def fight(box: Sandbox, user: int) -> Fought:
    """Run every attack in BOX as USER and look at the host before and after."""
    isolated = box.tier == "isolated"
    with made_lab(user=user, secrets_in_roots=isolated) as lab:
        before = lab.state()
        result, beat = as_user(user, lambda: (box.run(job(lab, isolated=isolated)), size(lab.source / "beat")))
        after, knocks, quiet = lab.state(), lab.knocks(), is_still(lab.source)
        quiet = quiet and beat == size(lab.source / "beat")
        left = tuple(str(danger) for danger in postflight(lab.worktree, (lab.source,)))
    output = result.output.decode("utf-8", "replace")
    assert (result.outcome, result.exit_code) == ("ended", 0), (result.detail, output[-2_000:])
    changed = {name: after.get(name) for name in {*before, *after} if before.get(name) != after.get(name)}
    return Fought(json.loads(output.splitlines()[-1]), output, changed, knocks, quiet, left)


def job(lab: Lab, *, isolated: bool) -> Job:
    return Job(
        ("python3", "-I", "-S", "-c", attack_source(), lab.target()),
        lab.worktree,
        write=(lab.source,),
        readable=(lab.git,),
        hidden=(*HIDDEN, "tests/hidden.txt"),
        protected=(lab.source / "keep/deep/protected.txt",) if isolated else (),
        timeout_seconds=60,
    )


@pytest.fixture(autouse=True)
def _secret_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPLOY_TOKEN", f"{MARK}-secret-caller")


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def machine_has_namespaces(user: int) -> bool:
    """Tell whether bubblewrap works here for USER at all, whatever Autopack makes of it."""
    plain = ("bwrap", "--unshare-all", "--unshare-user", "--disable-userns", "--ro-bind", "/", "/", "true")
    return bool(shutil.which("bwrap")) and as_user(user, lambda: subprocess.run(plain, check=False).returncode) == 0


def machine_has_landlock() -> bool:
    """Tell whether the kernel knows Landlock and has it switched on."""
    return ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), ctypes.c_uint(1)) >= 1


def assert_lower(box: Sandbox, user: int) -> None:
    """Where the machine cannot do it, the box does not pass for one that holds: it fails its proof, in words."""
    proof = as_user(user, lambda: prove(box))
    assert proof.fault.startswith("it cannot start here: ")


@pytest.mark.parametrize("user", USERS)
def test_the_isolated_box_holds_against_every_attack(user: int) -> None:
    """No file, mode or time of the host changes, nobody is reached, no secret is told, nothing goes on afterwards."""
    box = Bubblewrap(shutil.which("bwrap") or "bwrap-is-not-installed")
    if not machine_has_namespaces(user):
        assert_lower(box, user)
        return
    fought = fight(box, user)
    assert len(fought.told) >= 70
    assert fought.changed == {}
    assert fought.knocks == set()
    assert f"{MARK}-secret" not in fought.output
    assert fought.is_still
    assert fought.done == HARMLESS["isolated"]


@pytest.mark.parametrize("user", USERS)
def test_the_confined_box_holds_what_it_promises_and_the_rest_is_listed(user: int) -> None:
    """What Landlock has no right for is open and named; contents, connections and secrets of the host are not."""
    box = Confined()
    if not machine_has_landlock():
        assert_lower(box, user)
        return
    fought = fight(box, user)
    assert fought.knocks == set()
    assert f"{MARK}-secret" not in fought.output
    assert fought.is_still
    assert fought.done - HARMLESS["confined"] == set()
    assert set(fought.changed) <= {"outside/file", "worktree/tests/test_a.py", "repo/.git/config"}


def test_the_suite_notices_what_an_open_box_lets_out() -> None:
    """Without a box the same attacks reach services, tell secrets and change the host: the judge is not blind.

    Only attacks on the laboratory itself are made.
    """
    with made_lab(user=os.getuid(), secrets_in_roots=True) as lab:
        before = lab.state()
        only = ("write_absolute", "read_outside", "socket_tcp", "socket_abstract", "victim_priority", "git_hook")
        result = Unconfined("a test").run(replace(job(lab, isolated=True), argv=(*job(lab, isolated=True).argv, *only)))
        after = lab.state()
        changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
        assert changed >= {"outside/file", "repo/.git/hooks/pre-commit", "victim"}
        assert lab.knocks() == {"tcp", "abstract"}
    assert f"{MARK}-secret-outside" in result.output.decode()
