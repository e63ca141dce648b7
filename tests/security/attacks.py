"""Attacks on the host from inside a box. Standard library only; handed to the interpreter inside as text.

One argument: the JSON of `lab.Lab.target`. Prints JSON: name -> "refused: ...", or "done: <what was gained>". The host
judges by what it finds, not by these words; they say which door was open.
"""

# ruff: noqa: PTH101, PTH102, PTH104, PTH105, PTH106, PTH108, PTH110, PTH115, PTH118, PTH120, PTH123, PTH207, PTH211

from __future__ import annotations

import ctypes
import errno
import fcntl
import glob
import json
import mmap
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable

T = json.loads(sys.argv[1])
OUT, WT, GIT, HOME, SRC = T["outside"], T["worktree"], T["git"], T["home"], T["src"]
VICTIM, MARK = int(T["victim"]), T["mark"]
SECRET = f"{MARK}-secret"
LIBC = ctypes.CDLL(None, use_errno=True)
ATTACKS: dict[str, Callable[[], object]] = {}


def attack(function: Callable[[], object]) -> Callable[[], object]:
    ATTACKS[function.__name__] = function
    return function


def several(prefix: str, attacks: dict[str, Callable[[], object]]) -> None:
    ATTACKS.update({f"{prefix}_{name}": each for name, each in attacks.items()})


def write(path: str, flags: int = os.O_CREAT) -> None:
    descriptor = os.open(path, os.O_WRONLY | flags)
    os.write(descriptor, b"attacked\n")
    os.close(descriptor)


def read(path: str) -> str:
    with open(path, "rb") as handle:
        return handle.read(65_536).decode("utf-8", "replace")


def call(name: str, *arguments: object) -> int:
    """Make a system call by its name in the table of this machine."""
    converted = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    answer = LIBC.syscall(ctypes.c_long(T["calls"][name]), *converted)
    if answer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return int(answer)


def run(*command: str, cwd: str = WT) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=10, check=False)
    if done.returncode != 0:
        raise OSError(errno.EPERM, (done.stderr or done.stdout).strip()[:80])
    return done.stdout


# --- writing, linking and renaming outside ---------------------------------------------------------------------------

several(
    "write",
    {
        "absolute": lambda: write(f"{OUT}/file"),
        "append": lambda: write(f"{OUT}/file", os.O_APPEND),
        "create": lambda: write(f"{OUT}/planted"),
        "dot_dot": lambda: write(f"{SRC}/../../outside/file"),
        "tracked_link": lambda: write(f"{SRC}/link_out/file"),
        "proc_cwd": lambda: write("/proc/self/cwd/../outside/file"),
        "proc_root": lambda: write(f"/proc/self/root{OUT}/file"),
        "proc_1_root": lambda: write(f"/proc/1/root{OUT}/file"),
        "proc_victim_root": lambda: write(f"/proc/{VICTIM}/root{OUT}/file"),
        "proc_victim_cwd": lambda: write(f"/proc/{VICTIM}/cwd/file"),
        "truncate": lambda: os.truncate(f"{OUT}/file", 0),
        "worktree_root": lambda: write(f"{WT}/planted"),
        "worktree_file": lambda: write(f"{WT}/tests/test_a.py", os.O_TRUNC),
        "worktree_truncate": lambda: os.truncate(f"{WT}/tests/test_a.py", 0),
        "shell_start": lambda: write(f"{HOME}/.bashrc", os.O_CREAT | os.O_APPEND),
        "authorized_keys": lambda: write(f"{HOME}/.ssh/authorized_keys"),
        "cron": lambda: write(f"/etc/cron.d/{MARK}"),
        "profile": lambda: write(f"/etc/profile.d/{MARK}.sh"),
        "passwd": lambda: write("/etc/passwd", os.O_APPEND),
        "usr_bin": lambda: write(f"/usr/bin/{MARK}"),
        "usr_local": lambda: write(f"/usr/local/bin/{MARK}"),
        "var_tmp": lambda: write(f"/var/tmp/{MARK}"),
        "host_tmp": lambda: write(f"/tmp/{MARK}"),
        "host_shm": lambda: write(f"/dev/shm/{MARK}"),
        "host_run": lambda: write(f"/run/{MARK}"),
        "interpreter": lambda: write(os.path.join(os.path.dirname(os.__file__), f"{MARK}.py")),
    },
)
several(
    "change",
    {
        "unlink": lambda: os.unlink(f"{OUT}/file"),
        "rmdir": lambda: os.rmdir(f"{OUT}/empty"),
        "mkdir": lambda: os.mkdir(f"{OUT}/made"),
        "mkfifo": lambda: os.mkfifo(f"{OUT}/pipe"),
        "symlink": lambda: os.symlink("/etc", f"{OUT}/link"),
        "rename_in": lambda: os.rename(f"{OUT}/file", f"{SRC}/stolen"),
        "rename_out": lambda: os.rename(f"{SRC}/loot", f"{OUT}/file"),
        "hard_link_in": lambda: os.link(f"{OUT}/file", f"{SRC}/hard"),
        "hard_link_out": lambda: os.link(f"{SRC}/loot", f"{OUT}/hard"),
        "chmod": lambda: os.chmod(f"{OUT}/file", 0o777),
        "chown": lambda: os.chown(f"{OUT}/file", os.getuid(), os.getgid()),
        "utime": lambda: os.utime(f"{OUT}/file", (1, 1)),
        "xattr": lambda: os.setxattr(f"{OUT}/file", "user.attack", b"x"),
        "chmod_worktree": lambda: os.chmod(f"{WT}/tests/test_a.py", 0o777),
        "chmod_git": lambda: os.chmod(f"{GIT}/config", 0o666),
        "rmtree_outside": lambda: shutil.rmtree(OUT),
        "rmtree_worktree": lambda: shutil.rmtree(f"{WT}/tests"),
        "rename_root": lambda: os.rename(SRC, f"{WT}/moved"),
        "rename_worktree": lambda: os.rename(WT, f"{WT}-moved"),
    },
)


@attack
def write_through_a_new_link() -> None:
    os.symlink(OUT, f"{SRC}/new_link")
    write(f"{SRC}/new_link/file")


@attack
def write_unnamed_then_link() -> None:
    descriptor = os.open(OUT, os.O_TMPFILE | os.O_WRONLY)
    os.link(f"/proc/self/fd/{descriptor}", f"{OUT}/planted")


@attack
def write_reopened_descriptor() -> None:
    descriptor = os.open(f"{WT}/tests/test_a.py", os.O_RDONLY)
    write(f"/proc/self/fd/{descriptor}", 0)


@attack
def write_shared_mapping() -> None:
    descriptor = os.open(f"{WT}/tests/test_a.py", os.O_RDONLY)
    with mmap.mmap(descriptor, 4, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE) as mapping:
        mapping[0:4] = b"XXXX"


@attack
def chmod_through_descriptor() -> None:
    os.fchmod(os.open(f"{WT}/tests/test_a.py", os.O_RDONLY), 0o777)


@attack
def device_node() -> str:
    os.mknod(f"{SRC}/disk", 0o60666, os.makedev(8, 0))
    return "made"


@attack
def raw_disks() -> str:
    for device in ("/dev/sda", "/dev/vda", "/dev/nvme0n1", "/dev/mem", "/dev/kmem", "/dev/port"):
        if os.path.exists(device):
            os.close(os.open(device, os.O_WRONLY))
            return device
    raise OSError(errno.ENOENT, "no disk")


# --- protected and hidden files in what may be written ------------------------------------------------------------

KEPT = f"{SRC}/keep/deep/protected.txt"
several(
    "protected",
    {
        "write": lambda: write(KEPT),
        "truncate": lambda: os.truncate(KEPT, 0),
        "unlink": lambda: os.unlink(KEPT),
        "rename": lambda: os.rename(KEPT, f"{SRC}/taken"),
        "rename_parent": lambda: os.rename(f"{SRC}/keep/deep", f"{SRC}/keep/gone"),
        "rename_grandparent": lambda: os.rename(f"{SRC}/keep", f"{SRC}/gone"),
        "replace": lambda: os.replace(f"{SRC}/loot", KEPT),
        "exchange": lambda: call("renameat2", -100, f"{SRC}/keep".encode(), -100, f"{SRC}/other".encode(), 2),
        "chmod": lambda: os.chmod(KEPT, 0o777),
        "unmount": lambda: call("umount2", KEPT.encode(), 2),
        "link_then_write": lambda: (os.link(KEPT, f"{SRC}/again"), write(f"{SRC}/again")),
        "hidden_write": lambda: write(f"{SRC}/.env", 0),
        "hidden_unlink": lambda: os.unlink(f"{SRC}/.env"),
        "hidden_replace": lambda: os.replace(f"{SRC}/loot", f"{SRC}/.env"),
    },
)

# --- git ------------------------------------------------------------------------------------------------------------

several(
    "git",
    {
        "config": lambda: write(f"{GIT}/config", os.O_APPEND),
        "hook": lambda: write(f"{GIT}/hooks/pre-commit"),
        "branch": lambda: write(f"{GIT}/refs/heads/main"),
        "new_branch": lambda: write(f"{GIT}/refs/heads/attack"),
        "packed_refs": lambda: write(f"{GIT}/packed-refs"),
        "exclude": lambda: write(f"{GIT}/info/exclude"),
        "attributes": lambda: write(f"{GIT}/info/attributes"),
        "objects": lambda: shutil.rmtree(f"{GIT}/objects"),
        "worktree_head": lambda: write(glob.glob(f"{GIT}/worktrees/*/HEAD")[0]),
        "worktree_commondir": lambda: write(glob.glob(f"{GIT}/worktrees/*/commondir")[0]),
        "index_lock": lambda: write(glob.glob(f"{GIT}/worktrees/*")[0] + "/index.lock"),
        "pointer_write": lambda: write(f"{WT}/.git"),
        "pointer_replace": lambda: os.replace(f"{SRC}/loot", f"{WT}/.git"),
        "pointer_unlink": lambda: os.unlink(f"{WT}/.git"),
        "attributes_of_tree": lambda: write(f"{WT}/.gitattributes"),
        "modules_of_tree": lambda: write(f"{WT}/.gitmodules"),
        "commit": lambda: run("git", "commit", "--allow-empty", "-m", "attack"),
        "set_config": lambda: run("git", "config", "core.hooksPath", SRC),
        "set_fsmonitor": lambda: run("git", "config", "core.fsmonitor", f"{SRC}/x"),
        "stash": lambda: run("git", "stash", "--include-untracked"),
        "worktree_add": lambda: run("git", "worktree", "add", f"{SRC}/w"),
    },
)

# --- reading ----------------------------------------------------------------------------------------------------------

several(
    "read",
    {
        "outside": lambda: read(f"{OUT}/secret"),
        "ssh_key": lambda: read(f"{HOME}/.ssh/id_ed25519"),
        "aws": lambda: read(f"{HOME}/.aws/credentials"),
        "env_file": lambda: read(f"{WT}/.env"),
        "env_file_in_root": lambda: read(f"{SRC}/.env"),
        "env_file_by_link": lambda: read(f"{SRC}/env_link"),
        "env_file_by_proc": lambda: read(f"/proc/self/root{WT}/.env"),
        "git_config": lambda: read(f"{GIT}/config") if SECRET in read(f"{GIT}/config") else no(),
        "git_remote": lambda: run("git", "config", "remote.origin.url"),
        "named_glob": lambda: read(f"{WT}/tests/hidden.txt"),
        "hidden_folder": lambda: read(f"{WT}/.ssh/id_rsa"),
        "shadow": lambda: read("/etc/shadow"),
        "root_home": lambda: read(sorted(glob.glob("/root/.*rc"))[0]),
        "caller_home": lambda: os.listdir(HOME),
        "own_environment": lambda: json.dumps(dict(os.environ)) if SECRET in json.dumps(dict(os.environ)) else no(),
        "environ_of_1": lambda: read("/proc/1/environ") if SECRET in read("/proc/1/environ") else no(),
        "environ_of_victim": lambda: read(f"/proc/{VICTIM}/environ"),
        "cmdline_of_victim": lambda: read(f"/proc/{VICTIM}/cmdline"),
        "memory_of_victim": lambda: read(f"/proc/{VICTIM}/mem"),
        "descriptors_of_victim": lambda: os.listdir(f"/proc/{VICTIM}/fd"),
        "kernel_memory": lambda: os.open("/proc/kcore", os.O_RDONLY),
        "keys": lambda: read("/proc/keys") if read("/proc/keys") else no(),
        "fsmonitor_socket": lambda: os.open(f"{WT}/service.sock", os.O_RDONLY),
    },
)


def no() -> None:
    raise OSError(errno.ENOENT, "nothing there")


@attack
def read_every_environment() -> str:
    found = []
    for path in glob.glob("/proc/[0-9]*/environ"):
        try:
            found.append(read(path))
        except OSError:
            continue
    return "".join(found) if SECRET in "".join(found) else no()  # type: ignore[return-value]


@attack
def read_inherited_descriptors() -> str:
    found = [os.readlink(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd") if int(name) > 2]
    found = [each for each in found if not each.startswith("/proc/")]
    return " ".join(found) if found else no()  # type: ignore[return-value]


# --- sockets ----------------------------------------------------------------------------------------------------------


def stream(family: int, address: object, protocol: int = 0) -> None:
    with socket.socket(family, socket.SOCK_STREAM, protocol) as made:
        made.settimeout(0.5)
        made.connect(address)
        made.sendall(b"knock")


def datagram(family: int, address: object) -> None:
    with socket.socket(family, socket.SOCK_DGRAM) as made:
        made.sendto(b"knock", address)


several(
    "socket",
    {
        "tcp": lambda: stream(socket.AF_INET, ("127.0.0.1", T["tcp"])),
        "tcp6": lambda: stream(socket.AF_INET6, ("::1", T["tcp6"])),
        "mptcp": lambda: stream(socket.AF_INET, ("127.0.0.1", T["tcp"]), 262),
        "udp": lambda: datagram(socket.AF_INET, ("127.0.0.1", T["udp"])),
        "unix": lambda: stream(socket.AF_UNIX, f"{OUT}/stream.sock"),
        "unix_datagram": lambda: datagram(socket.AF_UNIX, f"{OUT}/datagram.sock"),
        "unix_in_worktree": lambda: stream(socket.AF_UNIX, f"{WT}/service.sock"),
        "unix_in_git": lambda: stream(socket.AF_UNIX, f"{GIT}/daemon.ipc"),
        "abstract": lambda: stream(socket.AF_UNIX, f"\0{MARK}"),
        "abstract_datagram": lambda: datagram(socket.AF_UNIX, f"\0{MARK}-datagram"),
        "metadata_service": lambda: stream(socket.AF_INET, ("169.254.169.254", 80)),
        "public": lambda: stream(socket.AF_INET, ("1.1.1.1", 443)),
        "name": lambda: socket.getaddrinfo("localhost.example.com", 80),
        "vsock": lambda: socket.socket(40, socket.SOCK_STREAM),
        "netlink": lambda: socket.socket(16, socket.SOCK_RAW),
        "packet": lambda: socket.socket(17, socket.SOCK_RAW),
        "icmp": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1),
        "crypto": lambda: socket.socket(38, socket.SOCK_SEQPACKET),
        "xdp": lambda: socket.socket(44, socket.SOCK_RAW),
        "can": lambda: socket.socket(29, socket.SOCK_RAW),
        "bluetooth": lambda: socket.socket(31, socket.SOCK_RAW),
        "docker": lambda: stream(socket.AF_UNIX, "/var/run/docker.sock"),
        "ssh_agent": lambda: (
            stream(socket.AF_UNIX, os.environ["SSH_AUTH_SOCK"]) if "SSH_AUTH_SOCK" in os.environ else no()
        ),
    },
)


@attack
def socket_pair_that_sends_elsewhere() -> None:
    one, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    one.sendto(b"knock", f"{OUT}/datagram.sock")


@attack
def socket_fast_open() -> None:
    with socket.socket() as made:
        made.sendto(b"knock", 0x20000000, ("127.0.0.1", T["tcp"]))


# --- processes --------------------------------------------------------------------------------------------------------


@attack
def signal_by_descriptor() -> None:
    signal.pidfd_send_signal(os.pidfd_open(VICTIM), signal.SIGTERM)


several(
    "victim",
    {
        "signal": lambda: os.kill(VICTIM, signal.SIGTERM),
        "stop_thread": lambda: call("tgkill", VICTIM, VICTIM, 19),
        "queue_signal": lambda: call("rt_sigqueueinfo", VICTIM, 15, ctypes.create_string_buffer(128)),
        "trace": lambda: call("ptrace", 16, VICTIM, 0, 0),
        "read_memory": lambda: call("process_vm_readv", VICTIM, 0, 0, 0, 0, 0),
        "write_memory": lambda: call("process_vm_writev", VICTIM, 0, 0, 0, 0, 0),
        "descriptor": lambda: call("pidfd_getfd", os.pidfd_open(VICTIM), 0, 0),
        "priority": lambda: os.setpriority(os.PRIO_PROCESS, VICTIM, 19),
        "limits": lambda: resource.prlimit(VICTIM, resource.RLIMIT_NOFILE, (3, 3)),
        "oom_score": lambda: write(f"/proc/{VICTIM}/oom_score_adj", 0),
        "namespace": lambda: call("setns", os.open(f"/proc/{VICTIM}/ns/mnt", os.O_RDONLY), 0),
    },
)


# --- the kernel -------------------------------------------------------------------------------------------------------


def is_dead(number: int) -> None:
    raise OSError(errno.EPERM, f"the child was ended by signal {number}")


def in_child(act: Callable[[], object]) -> None:
    """Do in a child what must not change this process."""
    child = os.fork()
    if child == 0:
        try:
            act()
        except OSError:
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code != 0:
        is_dead(-code)


several(
    "kernel",
    {
        "user_namespace": lambda: in_child(lambda: call("unshare", 0x10000000)),
        "mount_namespace": lambda: in_child(lambda: call("unshare", 0x00020000)),
        "net_namespace": lambda: in_child(lambda: call("unshare", 0x40000000)),
        "clone_user_namespace": lambda: in_child(lambda: call("clone", 0x10000000 | 17, 0, 0, 0, 0) or os._exit(0)),
        "clone3": lambda: call("clone3", 0, 0),
        "mount": lambda: call("mount", b"none", f"{SRC}".encode(), b"tmpfs", 0, 0),
        "bind_mount": lambda: call("mount", f"{SRC}".encode(), f"{WT}/tests".encode(), 0, 4096, 0),
        "remount_writable": lambda: call("mount", 0, WT.encode(), 0, 32 | 4096, 0),
        "new_mount_interface": lambda: call("open_tree", -100, WT.encode(), 1),
        "fsopen": lambda: call("fsopen", b"tmpfs", 0),
        "unmount_tmp": lambda: call("umount2", b"/tmp", 2),
        "pivot_root": lambda: call("pivot_root", b".", b"."),
        "chroot": lambda: in_child(lambda: os.chroot(SRC)),
        "bpf": lambda: call("bpf", 0, 0, 0),
        "perf": lambda: call("perf_event_open", 0, 0, -1, -1, 0),
        "userfaultfd": lambda: call("userfaultfd", 1),
        "io_uring": lambda: call("io_uring_setup", 1, ctypes.create_string_buffer(120)),
        "keyring": lambda: call("keyctl", 0, -3, 0),
        "add_key": lambda: call("add_key", b"user", b"attack", b"x", 1, -4),
        "kexec": lambda: call("kexec_load", 0, 0, 0, 0),
        "module": lambda: call("init_module", 0, 0, b""),
        "reboot": lambda: call("reboot", 1, 2, 3, 0),
        "swap": lambda: call("swapon", b"/nowhere", 0),
        "quota": lambda: call("quotactl", 0, b"/nowhere", 0, 0),
        "clock": lambda: call("settimeofday", 0, 0),
        "host_name": lambda: socket.sethostname(MARK[:30]),
        "log": lambda: call("syslog", 3, ctypes.create_string_buffer(4096), 4096),
        "fanotify": lambda: call("fanotify_init", 0, 0),
        "file_handle": lambda: call(
            "name_to_handle_at", -100, WT.encode(), ctypes.create_string_buffer(200), ctypes.create_string_buffer(8), 0
        ),
        "open_by_handle": lambda: call("open_by_handle_at", -100, ctypes.create_string_buffer(200), 0),
        "core_pattern": lambda: write("/proc/sys/kernel/core_pattern", 0),
        "drop_caches": lambda: os.open("/proc/sys/vm/drop_caches", os.O_WRONLY),
        "sysrq": lambda: os.open("/proc/sysrq-trigger", os.O_WRONLY),
        "modprobe_path": lambda: os.open("/proc/sys/kernel/modprobe", os.O_WRONLY),
        "sysfs": lambda: os.open("/sys/kernel/uevent_helper", os.O_WRONLY),
        "cgroup": lambda: os.mkdir(f"/sys/fs/cgroup/{MARK}"),
        "type_into_terminal": lambda: fcntl.ioctl(0, 0x5412, b"x"),
        "terminal": lambda: os.open("/dev/tty", os.O_RDWR),
        "capabilities": lambda: no_capabilities(),
        "become_root": lambda: run("su", "-c", "id", "root") if os.getuid() else run("setpriv", "--reuid", "1", "id"),
    },
)


def no_capabilities() -> str:
    status = dict(line.split(":\t", 1) for line in read("/proc/self/status").splitlines() if ":\t" in line)
    if int(status["CapEff"], 16) == 0 and status["NoNewPrivs"] == "1":
        return no()  # type: ignore[return-value]
    return f"CapEff {status['CapEff']} NoNewPrivs {status['NoNewPrivs']}"


@attack
def outlive_the_job() -> str:
    """Leave a daemon in a session of its own that writes for two seconds."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() != 0:
            os._exit(0)
        nothing = os.open(os.devnull, os.O_RDWR)
        for each in (0, 1, 2):
            os.dup2(nothing, each)
        end = time.monotonic() + 2
        while time.monotonic() < end:
            write(f"{SRC}/beat", os.O_CREAT | os.O_APPEND)
        os._exit(0)
    return "started"


def main() -> None:
    told = {}
    write(f"{SRC}/loot")
    for name in sys.argv[2:] or ATTACKS:
        act = ATTACKS[name]
        try:
            told[name] = f"done: {act()}"
        except (OSError, ValueError, IndexError, subprocess.SubprocessError) as fault:
            number = getattr(fault, "errno", None)
            told[name] = f"refused: {errno.errorcode.get(number or 0, fault)}"
        if not os.path.lexists(f"{SRC}/loot"):
            write(f"{SRC}/loot")
    print(json.dumps(told))


main()
