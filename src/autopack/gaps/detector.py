"""What a detector is: rules, an extractor over one file's bytes, and a pure join over the whole snapshot."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from autopack.artifacts.model import Confidence, Risk
from autopack.gaps.models import Evidence, GapType
from autopack.gaps.remedies import Remedy
from autopack.gaps.state import Snapshot


@dataclass(frozen=True)
class Rule:
    """One way to see a gap. `name` is the part after the slash of `<gap_type>/<name>`, and its anchor in the
    catalogue."""

    name: str
    risk: Risk
    confidence: Confidence
    blocks_autopilot: bool
    signal: str
    """What is observed, one sentence."""
    why: str
    """Why it matters, one sentence for the maintainer."""
    fix: str
    """How to fix it by hand, one sentence."""
    may_block: bool = False
    """A finding of this rule may block although the rule does not."""


@dataclass(frozen=True)
class Finding:
    """One observation of a rule. `key` tells findings of one rule apart and survives line shifts; the gap's id comes
    from it."""

    rule: str
    title: str
    key: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    remedy: Remedy | None = None
    risk: Risk | None = None
    """Overrides the rule's risk when this case is worse or milder."""
    confidence: Confidence | None = None
    """Overrides the rule's confidence when fewer people would agree in this case."""
    blocks_autopilot: bool | None = None
    """Overrides the rule's answer when this case is worse or milder."""


@dataclass(frozen=True)
class Detector:
    """A gap type's rules and the code that finds them. No input or output anywhere in it.

    `extract(path, data)` sees one file and returns a fact (any value without functions) or None; the fact depends on
    nothing but its arguments. `retain(path)` asks that the bytes of a file be kept in `Snapshot.texts` when
    `extract` returned a fact.
    `sought(paths)` says, from the paths alone, which names are to be looked for in every file (`Snapshot.mentions`).
    `history_candidates(snapshot)` names paths whose past (deleted, renamed) the detector wants to know.
    `detect(snapshot)` joins facts into findings; any order, since the scanner sorts.
    """

    gap_type: GapType
    rules: tuple[Rule, ...]
    detect: Callable[[Snapshot], Iterable[Finding]]
    extract: Callable[[str, bytes], object | None] | None = None
    retain: Callable[[str], bool] = field(default=lambda path: False)
    sought: Callable[[Iterable[str]], frozenset[str]] = field(default=lambda paths: frozenset())
    history_candidates: Callable[[Snapshot], frozenset[str]] | None = None

    def rule(self, name: str) -> Rule:
        """Return the rule called NAME; KeyError if there is none."""
        return {rule.name: rule for rule in self.rules}[name]
