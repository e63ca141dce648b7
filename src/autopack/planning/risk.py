"""The risk of an action: a sum of named factors, each with its points, at most 100.

| factor | points |
|---|---|
| `kind` | the kind's own base (link_fix 5 … file_delete 25, agent_task 45; advice 0) |
| `paths` | 1: 0 · up to 5: 2 · up to 10: 5 · up to 20: 10 · up to 50: 15 · more: 20 |
| `lines` | 0: 0 · up to 10: 1 · up to 50: 4 · up to 200: 10 · up to 1000: 20 · more, or unknown: 30 |
| `deletions` | 5 for each file that goes away, at most 20 |
| `moves` | 2 for each file that moves, at most 10 |
| `guarded-neighbourhood` | 10 for each path that is, or lies beside, one that a person decides on, at most 20 |
| `irreversible` | 40 |
| `gap-risk` | of the worst gap: info 0 · low 1 · medium 3 · high 6 · critical 10 |
| `confidence` | of the least certain gap: high 0 · medium 5 · low 15 |
| `code` | 5 when program text changes |
| `untested-code` | 5 for each file of program text that no tracked test imports or mentions, at most 10 |
| `importers` | files that import a touched one: 0: 0 · up to 2: 1 · up to 10: 4 · up to 50: 8 · more: 12 |
| `history` | 10 for each time such an action on such a path was undone before, at most 30 |
| `unchecked-code` | 10 more when the anchor names no required check that could notice |

Every factor only adds, and none falls when its fact gets worse, so the score is monotone.

| score | classification | `risk_tolerance` that lets an owner's rule approve it |
|---|---|---|
| 0 | info | low |
| 1 to 25 | low | low |
| 26 to 50 | medium | medium |
| 51 to 75 | high | none: a person decides |
| 76 to 100 | critical | none: a person decides |
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from autopack.actions.models import RiskFactor
from autopack.artifacts.model import RISKS, Confidence, Risk

_UNKNOWN_LINES = 30
_PATH_STEPS = ((1, 0), (5, 2), (10, 5), (20, 10), (50, 15))
_MANY_PATHS = 20
_LINE_STEPS = ((0, 0), (10, 1), (50, 4), (200, 10), (1_000, 20))
_MANY_LINES = 30
_IMPORTER_STEPS = ((0, 0), (2, 1), (10, 4), (50, 8))
_MANY_IMPORTERS = 12
_GAP_RISK: dict[Risk, int] = {"critical": 10, "high": 6, "medium": 3, "low": 1, "info": 0}
_CONFIDENCE: dict[Confidence, int] = {"high": 0, "medium": 5, "low": 15}
_THRESHOLDS: tuple[tuple[int, Risk], ...] = ((0, "info"), (25, "low"), (50, "medium"), (75, "high"), (100, "critical"))

_CODE_SUFFIXES = frozenset(
    (
        *(".py", ".pyi", ".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".vue", ".svelte", ".go", ".rs", ".zig", ".nim"),
        *(".java", ".kt", ".kts", ".scala", ".c", ".h", ".cc", ".cpp", ".cxx", ".hpp", ".cs", ".fs", ".vb", ".swift"),
        *(".m", ".mm", ".rb", ".php", ".pl", ".pm", ".lua", ".r", ".jl", ".ex", ".exs", ".erl", ".hs", ".ml", ".clj"),
        *(".dart", ".sh", ".bash", ".zsh", ".fish", ".ps1", ".bat", ".cmd", ".sql", ".tf", ".nix"),
    )
)


Reason = tuple[str, int, str]
"""Name, points, detail."""


@dataclass(frozen=True)
class RiskFacts:
    """What the score depends on."""

    kind_base: int
    paths: int
    lines: int | None
    deletions: int = 0
    moves: int = 0
    guarded: int = 0
    """Paths on a protective list, or in a folder that one names."""
    irreversible: bool = False
    gap_risk: Risk = "info"
    confidence: Confidence = "high"
    code_files: int = 0
    untested: int = 0
    """Files of program text that no test knows, as far as was looked."""
    importers: int = 0
    undone_before: int = 0
    checks: int = 1
    """Required checks of the anchor."""


@dataclass(frozen=True)
class Assessment:
    """A score from 0 to 100, its class, and what it is the sum of: name, points and detail, the largest first."""

    score: int
    classification: Risk
    reasons: tuple[Reason, ...]

    @property
    def factors(self) -> tuple[RiskFactor, ...]:
        """The reasons as they stand in a plan; made on demand, because most candidates never get there."""
        return tuple(RiskFactor(name=name, points=points, detail=detail) for name, points, detail in self.reasons)


def assess(facts: RiskFacts) -> Assessment:
    """Return the risk of an action with FACTS; the tables are in the documentation of this module."""
    named = (
        ("kind", facts.kind_base, "the kind's own base"),
        ("paths", _step(facts.paths, _PATH_STEPS, _MANY_PATHS), f"{facts.paths} paths"),
        ("lines", _line_points(facts.lines), "lines unknown" if facts.lines is None else f"{facts.lines} lines"),
        ("deletions", min(5 * facts.deletions, 20), f"{facts.deletions} files deleted"),
        ("moves", min(2 * facts.moves, 10), f"{facts.moves} files moved"),
        ("guarded-neighbourhood", min(10 * facts.guarded, 20), f"{facts.guarded} paths in guarded places"),
        ("irreversible", 40 if facts.irreversible else 0, "cannot be undone"),
        ("gap-risk", _GAP_RISK[facts.gap_risk], f"answers a gap of risk {facts.gap_risk}"),
        ("confidence", _CONFIDENCE[facts.confidence], f"found with {facts.confidence} confidence"),
        ("code", 5 if facts.code_files else 0, f"{facts.code_files} files of program text"),
        ("untested-code", min(5 * facts.untested, 10), f"{facts.untested} files of program text without a test"),
        ("importers", _step(facts.importers, _IMPORTER_STEPS, _MANY_IMPORTERS), f"{facts.importers} files import them"),
        ("history", min(10 * facts.undone_before, 30), f"undone {facts.undone_before} times before"),
        ("unchecked-code", 10 if facts.code_files and not facts.checks else 0, "no required check could notice"),
    )
    return total(reason for reason in named if reason[1])


def total(reasons: Iterable[Reason]) -> Assessment:
    """Return the assessment of REASONS: the sum of their points, capped at 100."""
    ordered = tuple(sorted(reasons, key=lambda reason: (-reason[1], reason[0])))
    score = min(sum(points for _, points, _ in ordered), 100)
    return Assessment(score, classify(score), ordered)


def classify(score: int) -> Risk:
    """Return the class of SCORE (0 to 100)."""
    return next(risk for most, risk in _THRESHOLDS if score <= most)


def worst(risks: Iterable[Risk]) -> Risk:
    """Return the worst of RISKS; info for none."""
    return min(risks, key=RISKS.index, default="info")


def is_code(path: str) -> bool:
    """Tell whether PATH looks like program text, by its suffix."""
    return PurePosixPath(path).suffix.lower() in _CODE_SUFFIXES


def _step(value: int, steps: tuple[tuple[int, int], ...], beyond: int) -> int:
    return next((points for most, points in steps if value <= most), beyond)


def _line_points(lines: int | None) -> int:
    return _UNKNOWN_LINES if lines is None else _step(lines, _LINE_STEPS, _MANY_LINES)
