"""A host to attack: files, secrets, git, services and a process, and what can be seen of the attacks afterwards."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pickle
import platform
import shutil
import socket
import stat
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from repositories import GIT_ENVIRONMENT

NOBODY = 65_534
MARK = f"autopack-attack-{os.getpid()}"
T = TypeVar("T")

# fmt: off
_CALLS = {  # x86_64, aarch64
    "renameat2": (316, 276), "umount2": (166, 39), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "pidfd_getfd": (438, 438),
    "setns": (308, 268), "unshare": (272, 97), "clone": (56, 220), "clone3": (435, 435), "mount": (165, 40),
    "open_tree": (428, 428), "fsopen": (430, 430), "pivot_root": (155, 41), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425), "keyctl": (250, 219),
    "add_key": (248, 217), "kexec_load": (246, 104), "init_module": (175, 105), "reboot": (169, 142),
    "swapon": (167, 224), "quotactl": (179, 60), "settimeofday": (164, 170), "syslog": (103, 116),
    "fanotify_init": (300, 262), "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
}
# fmt: on
_HOST_FILES = ("/etc/passwd", "/etc/shadow", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname")
_PLANTED = ("/tmp", "/dev/shm", "/var/tmp", "/run", "/usr/bin", "/usr/local/bin", "/etc/cron.d", "/sys/fs/cgroup")


def secret(place: str) -> str:
    """Return the secret that lies in PLACE: whatever a job prints must not hold it."""
    return f"{MARK}-secret-{place}"


@dataclass
class Lab:
    """A host. `knocks` names the services that somebody reached."""

    root: Path
    victim: subprocess.Popen[bytes]
    services: dict[str, socket.socket] = field(default_factory=dict)

    @property
    def worktree(self) -> Path:
        return self.root / "worktree"

    @property
    def source(self) -> Path:
        return self.worktree / "src"

    @property
    def git(self) -> Path:
        return self.root / "repo" / ".git"

    def target(self) -> str:
        """Return what an attacker may know: where everything is."""
        column = {"x86_64": 0, "aarch64": 1}[platform.machine()]
        return json.dumps(
            {
                "outside": str(self.root / "outside"),
                "worktree": str(self.worktree),
                "git": str(self.git),
                "home": str(self.root / "home"),
                "src": str(self.source),
                "victim": self.victim.pid,
                "mark": MARK,
                "calls": {name: numbers[column] for name, numbers in _CALLS.items()},
                **{name: self.services[name].getsockname()[1] for name in ("tcp", "tcp6", "udp")},
            }
        )

    def knocks(self) -> set[str]:
        """Return the services that were reached, by a connection or a datagram."""
        return {name for name, service in self.services.items() if _was_reached(service)}

    def state(self) -> dict[str, object]:
        """Return everything about the host that no job may change: all but what it may write."""
        files = {str(path.relative_to(self.root)): _fingerprint(path) for path in _walk(self.root, self.source)}
        host = {path: _digest(Path(path)) for path in _HOST_FILES if os.access(path, os.R_OK)}
        planted = [str(each) for folder in _PLANTED for each in Path(folder).glob(f"{MARK}*")]
        status = Path(f"/proc/{self.victim.pid}/status").read_text("utf-8")
        victim = {
            "alive": self.victim.poll() is None,
            # Not whether it sleeps or runs just now, which is the machine's affair.
            "stopped": next(line for line in status.splitlines() if line.startswith("State"))[7:8] in {"T", "t"},
            "priority": os.getpriority(os.PRIO_PROCESS, self.victim.pid),
            "limits": Path(f"/proc/{self.victim.pid}/limits").read_text("utf-8"),
            "oom": Path(f"/proc/{self.victim.pid}/oom_score_adj").read_text("utf-8"),
        }
        return {**files, **host, "planted": planted, "host name": socket.gethostname(), "victim": victim}


@contextmanager
def made_lab(*, user: int, secrets_in_roots: bool) -> Iterator[Lab]:
    """Yield a host that belongs to USER; with SECRETS_IN_ROOTS a `.env` lies in the folder that jobs may write."""
    with ExitStack() as stack:
        root = Path(tempfile.mkdtemp(prefix=f"{MARK}-lab-", dir="/var/lib" if os.access("/var/lib", os.W_OK) else None))
        root = root.resolve()
        stack.callback(shutil.rmtree, root, ignore_errors=True)
        _furnish(root, secrets_in_roots=secrets_in_roots)
        lab = Lab(root, stack.enter_context(_victim(user)))
        _serve(lab, stack)
        if user != os.getuid():
            for path in (root, *_walk(root, None)):
                os.chown(path, user, user, follow_symlinks=False)
        yield lab


def _furnish(root: Path, *, secrets_in_roots: bool) -> None:
    texts = {
        "outside/file": "untouched\n",
        "outside/secret": secret("outside"),
        "home/.ssh/id_ed25519": secret("ssh"),
        "home/.aws/credentials": secret("aws"),
        "home/.bashrc": "",
        "repo/README.md": "# Sample\n",
        "repo/src/a.py": "A = 1\n",
        "repo/src/keep/deep/protected.txt": "protected\n",
        "repo/src/other/b.py": "B = 1\n",
        "repo/tests/test_a.py": "import a\n",
        "repo/tests/hidden.txt": secret("named-glob"),
    }
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "outside/empty").mkdir()
    (root / "repo/src/link_out").symlink_to(root / "outside")
    (root / "repo/src/env_link").symlink_to("../.env")
    git = ("git", "-c", "init.defaultBranch=main", "-c", "user.name=x", "-c", "user.email=x@test.invalid")
    for command in (
        ("init", "-q"),
        ("add", "-A"),
        ("commit", "-qm", "first"),
        ("worktree", "add", "-q", "../worktree"),
    ):
        environment = {**os.environ, **GIT_ENVIRONMENT}
        subprocess.run([*git, *command], cwd=root / "repo", env=environment, check=True, capture_output=True)
    with (root / "repo/.git/config").open("a", encoding="utf-8") as config:
        config.write(f'[http "https://code.example"]\n\textraheader = Authorization: {secret("git-config")}\n')
        config.write(f'[remote "origin"]\n\turl = https://user:{secret("git-remote")}@code.example/repo\n')
    (root / "worktree/.env").write_text(secret("env"))
    (root / "worktree/.ssh").mkdir()
    (root / "worktree/.ssh/id_rsa").write_text(secret("hidden-folder"))
    if secrets_in_roots:
        (root / "worktree/src/.env").write_text(secret("env-in-root"))


def _serve(lab: Lab, stack: ExitStack) -> None:
    outside = lab.root / "outside"
    addresses: dict[str, tuple[int, int, object]] = {
        "tcp": (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
        "tcp6": (socket.AF_INET6, socket.SOCK_STREAM, ("::1", 0)),
        "udp": (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
        "unix": (socket.AF_UNIX, socket.SOCK_STREAM, str(outside / "stream.sock")),
        "unix datagram": (socket.AF_UNIX, socket.SOCK_DGRAM, str(outside / "datagram.sock")),
        "unix in worktree": (socket.AF_UNIX, socket.SOCK_STREAM, str(lab.worktree / "service.sock")),
        "unix in git": (socket.AF_UNIX, socket.SOCK_STREAM, str(lab.git / "daemon.ipc")),
        "abstract": (socket.AF_UNIX, socket.SOCK_STREAM, f"\0{MARK}"),
        "abstract datagram": (socket.AF_UNIX, socket.SOCK_DGRAM, f"\0{MARK}-datagram"),
    }
    for name, (family, kind, address) in addresses.items():
        service = stack.enter_context(socket.socket(family, kind))
        service.bind(address)
        if kind == socket.SOCK_STREAM:
            service.listen()
        service.setblocking(False)
        lab.services[name] = service


@contextmanager
def _victim(user: int) -> Iterator[subprocess.Popen[bytes]]:
    """Yield a process of USER with secrets, whose number is too high for a process inside a box of its own."""
    while True:
        victim = subprocess.Popen(
            ["sleep", "600"],
            env={"VICTIM": secret("victim"), "PATH": "/usr/bin:/bin"},
            **({"user": user, "group": user, "extra_groups": []} if user != os.getuid() else {}),  # type: ignore[call-overload]
        )
        if victim.pid > 400:
            break
        victim.kill()
        victim.wait()
    try:
        yield victim
    finally:
        victim.kill()
        victim.wait()


def as_user(user: int, act: Callable[[], T]) -> T:
    """Return what ACT returns in a process of USER (needs root for another user than one's own)."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        code = 1
        with contextlib.suppress(BaseException):
            os.close(reader)
            if user != os.getuid():
                os.setgroups([])
                os.setresgid(user, user, user)
                os.setresuid(user, user, user)
            with os.fdopen(writer, "wb") as handle:
                pickle.dump(_outcome(act), handle)
            code = 0
        os._exit(code)
    os.close(writer)
    with os.fdopen(reader, "rb") as handle:
        data = handle.read()
    os.waitpid(child, 0)
    assert data, "the process of the other user said nothing"
    value, fault = pickle.loads(data)
    assert fault is None, fault
    return value  # type: ignore[no-any-return]


def _outcome(act: Callable[[], object]) -> tuple[object, str | None]:
    try:
        return act(), None
    except BaseException:  # noqa: BLE001  (told to the parent, which fails the test)
        import traceback

        return None, traceback.format_exc()


def _walk(root: Path, left_out: Path | None) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        folders[:] = [name for name in folders if here / name != left_out]
        yield from (here / name for name in (*folders, *files))


def _fingerprint(path: Path) -> tuple[object, ...]:
    status = path.lstat()
    plain = stat.S_ISREG(status.st_mode)
    attributes = os.listxattr(path, follow_symlinks=False)
    content = _digest(path) if plain else str(path.readlink()) if path.is_symlink() else ""
    return (status.st_mode, status.st_uid, status.st_gid, status.st_nlink, status.st_mtime_ns, content, *attributes)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _was_reached(service: socket.socket) -> bool:
    try:
        if service.type == socket.SOCK_STREAM:
            service.accept()[0].close()
        else:
            service.recv(64)
    except OSError:
        return False
    return True


def is_still(folder: Path) -> bool:
    """Tell whether nothing is written below FOLDER any more."""
    before = {path: path.lstat().st_size for path in _walk(folder, None)}
    time.sleep(0.15)
    return before == {path: path.lstat().st_size for path in _walk(folder, None)}


def attack_source() -> str:
    return Path(__file__).with_name("attacks.py").read_text(encoding="utf-8")
