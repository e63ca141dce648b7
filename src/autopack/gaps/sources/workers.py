"""Two processes read faster than one: a forked copy and this process take chunks of the files from one queue.

Only speed depends on it. Where forking is not safe (other threads, one processor, another operating system), or the
copy fails, everything is read by this process, with the same result: what is found in a file depends on that file
alone, and both take their chunks in the order of the paths.
"""

from __future__ import annotations

import os
import pickle
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NoReturn

from autopack.gaps.sources.contents import Harvest

Paths = Sequence[tuple[str, str]]
Read = Callable[[Iterable[tuple[str, str]]], Harvest]

MIN_FILES = 600
"""Below that a second process costs more than it saves."""
_MAX_CHUNKS = 1_024
_TICKET = 4
"""Bytes of a chunk's number; all tickets fit into one page, the smallest pipe that Linux makes (pipe(7))."""
_CHILD_FAILED = 1


def read_in_parallel(paths: Paths, read: Read) -> Harvest:
    """Return what READ brings home from PATHS, with the help of a second process where that is safe."""
    if len(paths) < MIN_FILES or not _may_fork():
        return read(paths)
    size = max(16, -(-len(paths) // _MAX_CHUNKS))
    chunks = [paths[start : start + size] for start in range(0, len(paths), size)]
    queue = _filled_queue(len(chunks))
    process, pipe = _start(chunks, queue, read)
    mine: list[int] = []
    try:
        with os.fdopen(pipe, "rb") as answers:
            harvest = read(_taken(chunks, queue, mine))
            answer = answers.read()
    finally:
        os.close(queue)
        _, status = os.waitpid(process, 0)
    if status == 0:
        # Written by a copy of this very process, so that unpickling it trusts nobody new.
        harvest.absorb(pickle.loads(answer))
    else:
        harvest.absorb(read(path for number, chunk in enumerate(chunks) if number not in {*mine} for path in chunk))
    return harvest


def _may_fork() -> bool:
    """Tell whether a fork is safe (no other thread holds a lock) and worth it."""
    return sys.platform == "linux" and threading.active_count() == 1 and len(os.sched_getaffinity(0)) > 1


def _filled_queue(count: int) -> int:
    """Return the reading end of a pipe that holds the numbers of COUNT chunks and ends after them."""
    receiver, sender = os.pipe()
    os.write(sender, b"".join(number.to_bytes(_TICKET, "big") for number in range(count)))
    os.close(sender)
    return receiver


def _taken(chunks: Sequence[Paths], queue: int, numbers: list[int]) -> Iterator[tuple[str, str]]:
    """Yield the paths of one chunk after the other, as long as the QUEUE gives numbers; note them in NUMBERS."""
    while ticket := os.read(queue, _TICKET):
        numbers.append(int.from_bytes(ticket, "big"))
        yield from chunks[numbers[-1]]


def _start(chunks: Sequence[Paths], queue: int, read: Read) -> tuple[int, int]:
    """Fork a process that reads chunks; return its id and the end of the pipe that its answer comes from."""
    receiver, sender = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(receiver)
        _work(sender, _taken(chunks, queue, []), read)
    os.close(sender)
    return process, receiver


def _work(sender: int, paths: Iterable[tuple[str, str]], read: Read) -> NoReturn:
    """Answer and end at once: nothing of the parent's (buffers, exit handlers) may run a second time."""
    try:
        with os.fdopen(sender, "wb") as answers:
            pickle.dump(read(paths), answers, pickle.HIGHEST_PROTOCOL)
    except BaseException:  # noqa: BLE001  (whatever it is, the parent reads these files itself)
        os._exit(_CHILD_FAILED)
    os._exit(0)
