"""A machine without Landlock, for tests of what happens where no sandbox stands."""

from __future__ import annotations

from pathlib import Path

_OLD_KERNEL = """
import ctypes, struct
NO_SUCH_CALL, LANDLOCK_CREATE_RULESET = 0x00050000 | 38, 444
program = [(0x20, 0, 0, 0), (0x15, 0, 1, LANDLOCK_CREATE_RULESET), (6, 0, 0, NO_SUCH_CALL), (6, 0, 0, 0x7FFF0000)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))
header = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(program), ctypes.addressof(code)))
libc = ctypes.CDLL(None)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, header, 0, 0) == 0
"""


def without_landlock(folder: Path) -> dict[str, str]:
    """Return variables under which a Python program, and whatever it starts, meets a kernel that has no Landlock."""
    (folder / "sitecustomize.py").write_text(_OLD_KERNEL)
    return {"PYTHONPATH": str(folder)}
