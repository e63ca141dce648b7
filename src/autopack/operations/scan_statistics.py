"""What a scan costs: seconds, files and findings of each detector, and findings of each rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from autopack.clock import Clock
from autopack.gaps.detector import Detector, Finding
from autopack.gaps.state import Snapshot

Answer = TypeVar("Answer")


@dataclass
class ScanStatistics:
    """Seconds that each detector takes, counted while `timed` detectors work; they have to work in this process."""

    clock: Clock
    reading: Counter[str] = field(default_factory=Counter)
    """Seconds (as millionths, so that they add up exactly) in `extract`."""
    judging: Counter[str] = field(default_factory=Counter)
    """The same in `history_candidates` and `detect`."""
    facts: Counter[str] = field(default_factory=Counter)
    """How many files had something to note."""
    rules: Counter[str] = field(default_factory=Counter)
    """Findings by `<gap_type>/<rule>`, before suppressions and the baseline."""

    def timed(self, detectors: Sequence[Detector]) -> tuple[Detector, ...]:
        """Return DETECTORS that do the same and are timed."""
        return tuple(map(self._timed, detectors))

    def _timed(self, detector: Detector) -> Detector:
        name, extract, candidates = detector.gap_type, detector.extract, detector.history_candidates

        def timed_extract(path: str, data: bytes) -> object | None:
            fact = self._measured(self.reading, name, lambda: extract(path, data) if extract else None)
            self.facts[name] += fact is not None
            return fact

        def timed_detect(snapshot: Snapshot) -> Iterable[Finding]:
            found = self._measured(self.judging, name, lambda: tuple(detector.detect(snapshot)))
            self.rules.update(f"{name}/{finding.rule}" for finding in found)
            return found

        def timed_candidates(snapshot: Snapshot) -> frozenset[str]:
            return self._measured(self.judging, name, lambda: candidates(snapshot) if candidates else frozenset())

        return replace(
            detector,
            detect=timed_detect,
            extract=None if extract is None else timed_extract,
            history_candidates=None if candidates is None else timed_candidates,
        )

    def _measured(self, account: Counter[str], name: str, work: Callable[[], Answer]) -> Answer:
        start = self.clock.monotonic()
        try:
            return work()
        finally:
            account[name] += round((self.clock.monotonic() - start) * 1_000_000)

    def lines(self, seconds: float) -> tuple[str, ...]:
        """Return what the SECONDS went into, the dearest detector first, and the findings of each rule."""
        total = self.reading + self.judging
        names = sorted(self.reading.keys() | self.judging.keys(), key=lambda name: (-total[name], name))
        lines = [f"{'detector':24} {'reading':>9} {'judging':>9} {'files':>7}"]
        for name in names:
            reading, judging = self.reading[name] / 1_000_000, self.judging[name] / 1_000_000
            lines.append(f"{name:24} {reading:8.3f}s {judging:8.3f}s {self.facts[name]:7}")
        rest = max(0.0, seconds - sum(total.values()) / 1_000_000)
        lines.append(f"{'git, files, report':24} {rest:8.3f}s")
        return (*lines, *(f"{rule_id:50} {count:6}" for rule_id, count in sorted(self.rules.items())))
