"""Every object of the repository, read and compared with its name: `git fsck`, for as long as was allowed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from autopack.errors import EnvironmentFault
from autopack.git import Git

_OPTIONS = ("--full", "--no-dangling", "--no-reflogs", "--no-progress")
"""Reflogs name what `git gc` was allowed to delete."""
_FORMAT = re.compile(r"(?:error|warning) in (?:blob|tree|commit|tag) [0-9a-f]{40,64}: \w+: ")
"""How an old version of git, or another program, wrote an object that is whole: `zeroPaddedFilemode`, `badEmail`."""
_DAMAGE = re.compile(r"missing |broken link |error: |fatal: |error in \w+ [0-9a-f]{40,64}: broken links")
_OID = re.compile(r"\b[0-9a-f]{40}(?:[0-9a-f]{24})?\b")
_FORMAT_FAULTS = 1
"""Bit of the exit code that says no more than `_FORMAT` does (fsck.c, ERROR_OBJECT)."""


@dataclass(frozen=True)
class Integrity:
    """What the check says: (subject, what is wrong), and (subject, reason) where it came to no end."""

    broken: tuple[tuple[str, str], ...] = ()
    unchecked: tuple[tuple[str, str], ...] = ()


def check_objects(git: Git, *, seconds: float) -> Integrity:
    """Have git read every object, for at most SECONDS. Writes nothing and fetches nothing."""
    try:
        answer = git.run("fsck", *_OPTIONS, check=False, timeout=seconds)
    except EnvironmentFault:
        return Integrity(unchecked=(("objects", f"git fsck did not end within {seconds:g} seconds"),))
    if answer.code < 0:
        return Integrity(unchecked=(("objects", f"git fsck was killed by signal {-answer.code}"),))
    lines = sorted({*answer.text.splitlines(), *answer.stderr.splitlines()})
    damage = [line for line in lines if _DAMAGE.match(line) and not _FORMAT.match(line)]
    if damage:
        return Integrity(broken=(("objects", _in_words(damage)),))
    if answer.code & ~_FORMAT_FAULTS:
        return Integrity(broken=(("objects", f"git fsck fails with exit code {answer.code}"),))
    return Integrity()


def _in_words(damage: list[str]) -> str:
    """Return DAMAGE by the names of objects; the rest of what git says may hold the path of this machine."""
    oids = sorted({oid for line in damage for oid in _OID.findall(line)})
    if not oids:
        return "git fsck finds damage that is no object's"
    noun = "object is" if len(oids) == 1 else "objects are"
    return f"{len(oids)} {noun} missing, damaged, or part of what names such a one; the first is {oids[0]}"
