"""Several processes read faster than one: forked copies and this process take chunks of the files from one queue.

Only speed depends on it. Where forking is not safe (other threads, one processor, another operating system), or a copy
fails, everything is read by this process, with the same result: what is found in a file depends on that file alone,
and all take their chunks in the order of the paths.
"""

from __future__ import annotations

import gc
import os
import pickle
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

from autopack.gaps.sources.contents import Harvest

Paths = Sequence[tuple[str, str]]
Read = Callable[[Iterable[tuple[str, str]]], Harvest]
Progress = Callable[[int, int], None]
"""Is told how many files are read, of how many."""

FILES_PER_PROCESS = 100
"""Fewer files cost less to read than a further process costs to start: a hundredth of a second."""
MAX_PROCESSES = 16
_MAX_CHUNKS = 1_024
_TICKET = 4
"""Bytes of a chunk's number; all tickets fit into one page, the smallest pipe that Linux makes (pipe(7))."""
_CHILD_FAILED = 1


def silent(done: int, total: int) -> None:
    """Tell nobody."""


def read_in_parallel(paths: Paths, read: Read, *, jobs: int | None = None, progress: Progress = silent) -> Harvest:
    """Return what READ brings home from PATHS, with at most JOBS processes (default: one for each processor)."""
    size = max(16, -(-len(paths) // _MAX_CHUNKS))
    chunks = [paths[start : start + size] for start in range(0, len(paths), size)]
    queue = _filled_queue(len(chunks))
    mine: list[int] = []
    done: set[int] = set()
    with _without_collector():
        copies = [_start(chunks, queue, read) for _ in range(_copies(len(paths), jobs))]
        try:
            harvest = read(_taken(chunks, queue, mine, progress))
        finally:
            os.close(queue)
            answers = [_answer(process, pipe) for process, pipe in copies]
        for numbers, found in filter(None, answers):
            done.update(numbers)
            harvest.absorb(found)
        left = [number for number in range(len(chunks)) if number not in done.union(mine)]
        if left:
            harvest.absorb(read(path for number in left for path in chunks[number]))
    return harvest


def _copies(files: int, jobs: int | None) -> int:
    """Return how many further processes are safe (no other thread holds a lock) and worth it."""
    if sys.platform != "linux" or threading.active_count() != 1:
        return 0
    wanted = len(os.sched_getaffinity(0)) if jobs is None else jobs
    return max(0, min(wanted, MAX_PROCESSES, files // FILES_PER_PROCESS) - 1)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Switch the search for reference cycles off: syntax trees hold none, and the search walks over all of them."""
    active = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if active:
            gc.enable()


def _filled_queue(count: int) -> int:
    """Return the reading end of a pipe that holds the numbers of COUNT chunks and ends after them."""
    receiver, sender = os.pipe()
    os.write(sender, b"".join(number.to_bytes(_TICKET, "big") for number in range(count)))
    os.close(sender)
    return receiver


def _taken(chunks: Sequence[Paths], queue: int, numbers: list[int], progress: Progress) -> Iterator[tuple[str, str]]:
    """Yield the paths of one chunk after the other, as long as the QUEUE gives numbers; note them in NUMBERS."""
    size, total = len(chunks[0]) if chunks else 0, sum(map(len, chunks))
    while ticket := os.read(queue, _TICKET):
        numbers.append(int.from_bytes(ticket, "big"))
        # The numbers rise, whoever takes them: all chunks before this one are read or being read.
        progress(size * numbers[-1], total)
        yield from chunks[numbers[-1]]


def _start(chunks: Sequence[Paths], queue: int, read: Read) -> tuple[int, int]:
    """Fork a process that reads chunks; return its id and the end of the pipe that its answer comes from."""
    receiver, sender = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(receiver)
        _work(sender, chunks, queue, read)
    os.close(sender)
    return process, receiver


def _answer(process: int, pipe: int) -> tuple[list[int], Harvest] | None:
    """Return what PROCESS read (the numbers of its chunks and what is in them), None where it failed."""
    with os.fdopen(pipe, "rb") as answers:
        data = answers.read()
    _, status = os.waitpid(process, 0)
    if status != 0:
        return None
    # Written by a copy of this very process, so that unpickling it trusts nobody new.
    numbers, harvest = pickle.loads(data)
    return numbers, harvest


def _work(sender: int, chunks: Sequence[Paths], queue: int, read: Read) -> NoReturn:
    """Answer and end at once: nothing of the parent's (buffers, exit handlers) may run a second time."""
    try:
        numbers: list[int] = []
        harvest = read(_taken(chunks, queue, numbers, silent))
        with os.fdopen(sender, "wb") as answers:
            pickle.dump((numbers, harvest), answers, pickle.HIGHEST_PROTOCOL)
    except BaseException:  # noqa: BLE001  (whatever it is, the parent reads these files itself)
        os._exit(_CHILD_FAILED)
    os._exit(0)
