"""A bar on stderr for scans that take long enough to wonder, on terminals only."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from autopack.clock import SystemClock
from autopack.gaps.sources.workers import Progress, silent

if TYPE_CHECKING:
    from rich.progress import TaskID

PATIENCE = 1.0
"""Seconds before a bar appears: most scans are over by then."""


@contextmanager
def scan_progress() -> Iterator[Progress]:
    """Yield what a scan reports its progress to; the bar is gone afterwards."""
    if not sys.stderr.isatty():
        yield silent
        return
    from rich.progress import Progress as Bars

    from autopack.cli.output import console

    clock = SystemClock()
    start = clock.monotonic()
    with_bar: list[tuple[Bars, TaskID]] = []

    def show(done: int, total: int) -> None:
        if not with_bar:
            if clock.monotonic() - start < PATIENCE:
                return
            bars = Bars(console=console(stderr=True), transient=True)
            bars.start()
            with_bar.append((bars, bars.add_task("reading files", total=total)))
        bars, task = with_bar[0]
        bars.update(task, completed=done)

    try:
        yield show
    finally:
        for bars, _ in with_bar:
            bars.stop()
