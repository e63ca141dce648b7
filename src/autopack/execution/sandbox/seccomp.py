"""A filter of system calls, as bytes of classic BPF, built with the standard library alone (x86_64, aarch64).

A deny-list of kernel surface that no build or test needs (namespaces, mounts, io_uring, bpf, keys, tracing, clocks,
modules), an allow-list of socket families. Numbers: `asm/unistd_64.h` and `asm-generic/unistd.h` of Linux 6.1;
instruction format: `linux/filter.h` and seccomp(2).
"""

from __future__ import annotations

import errno
import platform
import struct
from functools import lru_cache

UNIX, INET, INET6 = 1, 2, 10

_MACHINES = {"x86_64": 0, "aarch64": 1}
_ARCHITECTURE = (0xC000003E, 0xC00000B7)
_DENIED = {
    "io_uring": ((425, 425), (426, 426), (427, 427)),
    "bpf, perf_event_open, userfaultfd": ((321, 280), (298, 241), (323, 282)),
    "add_key, request_key, keyctl": ((248, 217), (249, 218), (250, 219)),
    "ptrace, process_vm_readv, process_vm_writev, kcmp": ((101, 117), (310, 270), (311, 271), (312, 272)),
    "pidfd_getfd, process_madvise": ((438, 438), (440, 440)),
    "mount, umount2, pivot_root, chroot": ((165, 40), (166, 39), (155, 41), (161, 51)),
    "open_tree, move_mount, fsopen, fsconfig": ((428, 428), (429, 429), (430, 430), (431, 431)),
    "fsmount, fspick, mount_setattr": ((432, 432), (433, 433), (442, 442)),
    "unshare, setns": ((272, 97), (308, 268)),
    "name_to_handle_at, open_by_handle_at, fanotify_init": ((303, 264), (304, 265), (300, 262)),
    "kexec_load, kexec_file_load, reboot": ((246, 104), (320, 294), (169, 142)),
    "init_module, finit_module, delete_module": ((175, 105), (313, 273), (176, 106)),
    "swapon, swapoff, acct, quotactl, quotactl_fd": ((167, 224), (168, 225), (163, 89), (179, 60), (443, 443)),
    "settimeofday, clock_settime, adjtimex, clock_adjtime": ((164, 170), (227, 112), (159, 171), (305, 266)),
    "syslog, lookup_dcookie, vhangup, nfsservctl": ((103, 116), (212, 18), (153, 58), (180, 42)),
    "mbind, move_pages, migrate_pages": ((237, 235), (279, 239), (256, 238)),
}
_DENIED_X86 = (172, 173, 154, 134, 136, 139)
"""iopl, ioperm, modify_ldt, uselib, ustat, sysfs."""
_TRUNCATE = (76, 45)
_CLONE, _CLONE3, _IOCTL, _SOCKET, _SOCKETPAIR = (56, 220), (435, 435), (16, 29), (41, 198), (53, 199)
_PRLIMIT, _SETPRIORITY = (302, 261), (141, 140)
_NEW_NAMESPACE = 0x7E020000
"""CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}."""
_TERMINAL_REQUESTS = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX type into the terminal of whoever started the job."""
_X32 = 0x40000000
_SOCK_TYPE, _SOCK_DGRAM = 0xF, 2

_LOAD, _AND, _IF_EQUAL, _IF_AT_LEAST, _IF_ANY_BIT, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000

Instruction = tuple[int, int, int, int]
"""Code, jump if true, jump if false, operand."""


@lru_cache(maxsize=4)
def program(families: tuple[int, ...], machine: str = "", *, shared_host: bool = False) -> bytes:
    """Return the filter that lets sockets of FAMILIES be made, for MACHINE (default: this one).

    SHARED_HOST: the job shares the host's network and file tree (no namespaces of its own). Then pairs of datagram
    sockets are refused, because one of a pair can send to any socket of the host; so is truncate(2), which Landlock did
    not know before its third version, and so are limits and priorities of other processes. Raises KeyError for a
    machine without a table.
    """
    column = _MACHINES[machine or platform.machine()]
    code = [_load(4), (_IF_EQUAL, 1, 0, _ARCHITECTURE[column]), _answer(_KILL), _load(0)]
    if column == 0:
        code += [(_IF_AT_LEAST, 0, 1, _X32), _refuse(errno.ENOSYS)]
    denied = [numbers[column] for group in _DENIED.values() for numbers in group]
    denied += _DENIED_X86 if column == 0 else ()
    denied += [_TRUNCATE[column]] if shared_host else []
    for number in denied:
        code += _when(number, [_refuse(errno.EPERM)])
    code += _when(_CLONE3[column], [_refuse(errno.ENOSYS)])  # its flags are behind a pointer; libc falls back to clone
    code += _when(_CLONE[column], _unless_any_bit(_NEW_NAMESPACE))
    code += _when(_IOCTL[column], _unless_one_of(1, _TERMINAL_REQUESTS))
    code += _when(_SOCKET[column], _only(0, families, errno.EAFNOSUPPORT))
    if shared_host:
        code += _when(_SOCKETPAIR[column], _no_datagrams())
        code += _when(_PRLIMIT[column], _only(0, (0,), errno.EPERM))
        code += _when(_SETPRIORITY[column], _only(1, (0,), errno.EPERM))
    code.append(_answer(_ALLOW))
    return b"".join(struct.pack("HBBI", *instruction) for instruction in code)


def _load(offset: int) -> Instruction:
    return (_LOAD, 0, 0, offset)


def _argument(number: int) -> Instruction:
    return _load(16 + 8 * number)


def _answer(value: int) -> Instruction:
    return (_RETURN, 0, 0, value)


def _refuse(error: int) -> Instruction:
    return _answer(_ERROR | error)


def _when(number: int, body: list[Instruction]) -> list[Instruction]:
    """Return BODY, which ends in an answer, for the system call NUMBER alone."""
    return [(_IF_EQUAL, 0, len(body), number), *body]


def _unless_any_bit(bits: int) -> list[Instruction]:
    return [_argument(0), (_IF_ANY_BIT, 0, 1, bits), _refuse(errno.EPERM), _answer(_ALLOW)]


def _unless_one_of(argument: int, values: tuple[int, ...]) -> list[Instruction]:
    last = len(values) - 1
    tests: list[Instruction] = [
        (_IF_EQUAL, last - position, 0 if position < last else 1, value) for position, value in enumerate(values)
    ]
    return [_argument(argument), *tests, _refuse(errno.EPERM), _answer(_ALLOW)]


def _only(argument: int, values: tuple[int, ...], error: int) -> list[Instruction]:
    tests: list[Instruction] = [(_IF_EQUAL, len(values) - position, 0, value) for position, value in enumerate(values)]
    return [_argument(argument), *tests, _refuse(error), _answer(_ALLOW)]


def _no_datagrams() -> list[Instruction]:
    return [
        _argument(1),
        (_AND, 0, 0, _SOCK_TYPE),
        (_IF_EQUAL, 0, 1, _SOCK_DGRAM),
        _refuse(errno.EPERM),
        _answer(_ALLOW),
    ]
