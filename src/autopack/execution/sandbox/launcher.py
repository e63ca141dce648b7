"""Runs on the host, before a job of the tier `confined`: starts the command under Landlock and seccomp, waits for it,
and ends whatever it left behind. Standard library only; started as a file.

    launcher.py NAME=VALUE... -- COMMAND...

NAME is `read`, `list`, `write` or `devices` (a path, may be repeated), `filter` (hex), or a limit of the module
`resource` without `RLIMIT_`.
Landlock: `linux/landlock.h`, landlock(7). The command has no process namespace, so this process is the reaper of its
descendants (PR_SET_CHILD_SUBREAPER, prctl(2)): a daemon ends with the job. SIGTERM ends them all.
"""

# ruff: noqa: PTH123, SIM105
# What is imported here is most of the time that this process adds to every job, so it is little.

from __future__ import annotations

import ctypes
import os
import resource
import signal
import stat
import struct
import sys

TYPE_CHECKING = False  # the module typing would cost 8 ms
if TYPE_CHECKING:
    from typing import NoReturn

    Order = dict[str, list[str]]

FAILED = 126
"""Exit code when the command could not be confined; nothing was run then."""

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_MAKE_CHARACTER_DEVICE, _MAKE_SOCKET, _MAKE_FIFO, _MAKE_BLOCK_DEVICE = 1 << 6, 1 << 9, 1 << 10, 1 << 11
_FIRST_RIGHTS = (1 << 13) - 1
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_NO_WRITE = _MAKE_CHARACTER_DEVICE | _MAKE_BLOCK_DEVICE | _MAKE_SOCKET | _MAKE_FIFO | _IOCTL_DEV
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_SET_PDEATHSIG, _CAPBSET_DROP, _SET_CHILD_SUBREAPER, _SET_NO_NEW_PRIVS = 1, 24, 36, 38
_CAPABILITY_VERSION = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


class _Stopped(Exception):
    """SIGTERM came: the job has to end now."""


def main(arguments: list[str]) -> int:
    """Run the command of ARGUMENTS and return its exit code (128 + signal if one ended it)."""
    end = arguments.index("--")
    order, command = _ordered(arguments[:end]), arguments[end + 1 :]
    _prctl(_SET_CHILD_SUBREAPER, 1)
    _prctl(_SET_PDEATHSIG, signal.SIGTERM)
    signal.signal(signal.SIGTERM, _stop)
    child = 0
    try:
        child = os.fork()
        if child == 0:
            _become(order, command)
        _, status = os.waitpid(child, 0)
    except _Stopped:
        status = signal.SIGTERM
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _end_descendants()
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _ordered(pairs: list[str]) -> Order:
    order: Order = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        order.setdefault(name, []).append(value)
    return order


def _stop(number: int, frame: object) -> NoReturn:
    raise _Stopped


def _become(order: Order, command: list[str]) -> NoReturn:
    """Confine this process and turn it into COMMAND; on any failure end it, so that nothing runs unconfined."""
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.setsid()
        _prctl(_SET_PDEATHSIG, signal.SIGKILL)
        _limit(order)
        _drop_capabilities()
        _prctl(_SET_NO_NEW_PRIVS, 1)
        _landlock(order)
        _filter(bytes.fromhex(order["filter"][0]))
    except BaseException as fault:  # noqa: BLE001  (whatever it is, the command must not run unconfined)
        print(f"autopack: the tier confined cannot start here: {fault}", file=sys.stderr, flush=True)
        os._exit(FAILED)
    try:
        os.execvp(command[0], command)
    except OSError as fault:
        print(f"{command[0]}: {fault.strerror}", file=sys.stderr, flush=True)
    os._exit(127)


def _limit(order: Order) -> None:
    for name in ("AS", "FSIZE", "NOFILE", "CORE", "NPROC"):
        value, which = int(order[name][0]), getattr(resource, f"RLIMIT_{name}")
        _, hard = resource.getrlimit(which)
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (allowed, allowed))


def _drop_capabilities() -> None:
    """Leave nothing of root's power but being the owner of root's files."""
    for capability in range(64):
        _libc.prctl(_CAPBSET_DROP, capability, 0, 0, 0)
    header = struct.pack("=Ii", _CAPABILITY_VERSION, 0)
    if _libc.capset(ctypes.c_char_p(header), ctypes.c_char_p(bytes(24))) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def _landlock(order: Order) -> None:
    version = int(_libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(1)))
    if version < 1:
        raise OSError("this kernel has no Landlock, or it is switched off")
    handled = _FIRST_RIGHTS
    for since, right in ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL_DEV)):
        handled |= right if version >= since else 0
    network, scoped = 3 if version >= 4 else 0, 3 if version >= 6 else 0
    size = 8 if version < 4 else 16 if version < 6 else 24
    attributes = struct.pack("=QQQ", handled, network, scoped)[:size]
    ruleset = _call(_CREATE_RULESET, ctypes.c_char_p(attributes), ctypes.c_size_t(size), ctypes.c_uint(0))
    grants = {"read": _READ, "list": _READ_DIR, "write": handled & ~_NO_WRITE, "devices": _READ_FILE | _WRITE_FILE}
    for name, rights in grants.items():
        for path in order.get(name, ()):
            _grant(ruleset, path, rights & handled)
    _call(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint(0))
    os.close(ruleset)


def _grant(ruleset: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= _ON_FILES
        rule = struct.pack("=Qi", rights, descriptor)
        _call(_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(1), ctypes.c_char_p(rule), ctypes.c_uint(0))
    finally:
        os.close(descriptor)


def _filter(program: bytes) -> None:
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer))
    _call(_SECCOMP[os.uname().machine], ctypes.c_uint(1), ctypes.c_uint(0), ctypes.c_char_p(header))


def _call(number: int, *arguments: object) -> int:
    answer = int(_libc.syscall(ctypes.c_long(number), *arguments))
    if answer < 0:
        raise OSError(ctypes.get_errno(), f"system call {number}: {os.strerror(ctypes.get_errno())}")
    return answer


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def _end_descendants() -> None:
    """Kill until nobody is left; who loses a parent becomes a child of this process."""
    while True:
        for child in _children():
            try:
                os.kill(child, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _children() -> list[int]:
    listed = f"/proc/self/task/{os.getpid()}/children"
    with open(listed, encoding="ascii") as handle:
        return [int(word) for word in handle.read().split()]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
