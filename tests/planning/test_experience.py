"""What later plans learn from the repository and from earlier runs: estimates widen, risks rise, and never fall."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopack.actions.models import Draft
from autopack.actions.registry import all_kinds
from autopack.config import load_settings
from autopack.operations.experience import experience_for
from autopack.planning.costs import estimate
from autopack.planning.experience import Experience, Overrun, overruns, undone_before
from autopack.planning.plan_proposer import propose
from autopack.policy.decide import Policy
from autopack.policy.facts import Circumstances
from autopack.store.database import open_database
from autopack.store.history import PhaseActual, phases_of, record_phase
from plans import anchor, edit, gap, report
from repositories import MakeRepository, git

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
AMOUNTS = st.integers(0, 10**6)


def a_phase(**changes: object) -> PhaseActual:
    stated: dict[str, object] = {
        "run_id": "r1",
        "action_id": "action-000000000001",
        "kind": "link_fix",
        "paths": ("docs/a.md",),
        "outcome": "committed",
        "estimated_lines": 2,
        "estimated_seconds": 5,
        "estimated_tokens": 0,
        "lines": 2,
        "seconds": 1,
        "tokens": 0,
    }
    return PhaseActual(**{**stated, **changes})  # type: ignore[arg-type]


def test_phases_are_kept_by_project_and_the_last_attempt_counts(tmp_path: Path) -> None:
    """A phase is read back as it was stored, of its project only, and a repeated one replaces the first."""
    with open_database(tmp_path / "autopack.db") as database:
        record_phase(database, "p", a_phase(outcome="undone", lines=9), NOW)
        record_phase(database, "p", a_phase(), NOW)
        record_phase(database, "q", a_phase(run_id="r2"), NOW)
        assert phases_of(database, "p") == (a_phase(),)
        assert phases_of(database, "other") == ()


def test_an_overrun_is_the_worst_of_its_kind() -> None:
    """Of several phases the largest error counts, for each resource by itself; what kept its estimate has none."""
    phases = [a_phase(seconds=9, tokens=7), a_phase(seconds=6, lines=5), a_phase(kind="file_move")]
    assert overruns(phases) == {"link_fix": Overrun(lines=3, seconds=4, tokens=7)}
    assert overruns([a_phase(estimated_seconds=None, seconds=10**6)]) == {}


def test_the_next_estimate_is_widened_by_the_measured_error() -> None:
    """The upper end moves up by the error and the lower end stays; what is unknown stays unknown."""
    draft = Draft("link_fix", "x", (), (edit("docs/a.md"),), lines=2)
    kind, agent = all_kinds()["link_fix"], all_kinds()["agent_task"]
    plain, wide = estimate(draft, kind), estimate(draft, kind, Overrun(lines=3, seconds=4, tokens=7))
    assert (wide.lines.high, wide.seconds.high, wide.tokens.high) == (5, 9, 7)
    assert (wide.lines.low, wide.seconds.low, wide.tokens.low) == (plain.lines.low, plain.seconds.low, 0)
    unknown = estimate(Draft("agent_task", "x", (), lines=None), agent, Overrun(1, 1, 1))
    assert (unknown.lines.high, unknown.tokens.high) == (None, None)


@given(st.lists(st.tuples(AMOUNTS, AMOUNTS, AMOUNTS)), st.tuples(AMOUNTS, AMOUNTS, AMOUNTS))
def test_a_further_phase_never_narrows_an_estimate(
    before: list[tuple[int, int, int]], further: tuple[int, int, int]
) -> None:
    """Whatever is measured next, no upper end falls."""
    phases = [a_phase(lines=lines, seconds=seconds, tokens=tokens) for lines, seconds, tokens in before]
    one = overruns(phases).get("link_fix", Overrun())
    more = a_phase(lines=further[0], seconds=further[1], tokens=further[2])
    two = overruns([*phases, more]).get("link_fix", Overrun())
    assert all(getattr(two, name) >= getattr(one, name) for name in ("lines", "seconds", "tokens"))


def test_an_action_that_was_undone_before_is_riskier() -> None:
    """The same action has a higher score, with the factor `history`, where one like it was undone on that path."""
    found = gap("x", kind="link_fix", operations=[edit("docs/a.md")], paths=["docs/a.md"])
    policy = Policy.build(anchor(), kinds=tuple(all_kinds()))

    def scored(experience: Experience) -> dict[str, int]:
        plan = propose(
            anchor(),
            report([found]),
            policy=policy,
            kinds=all_kinds(),
            circumstances=Circumstances(),
            experience=experience,
        )
        return {factor.name: factor.points for factor in plan.actions[0].risk_factors}

    others = [a_phase(), a_phase(kind="x"), a_phase(outcome="unfinished"), a_phase(outcome="")]
    undone = undone_before([a_phase(outcome="undone"), a_phase(outcome="undone"), *others])
    assert undone == {("link_fix", "docs/a.md"): 2}
    assert "history" not in scored(Experience())
    assert scored(Experience(undone=undone))["history"] == 20
    assert "history" not in scored(Experience(undone={("link_fix", "docs/b.md"): 2}))


FILES = {
    "src/pkg/__init__.py": "",
    "src/pkg/core.py": "X = 1\n",
    "src/pkg/alone.py": "Y = 1\n",
    "src/pkg/user.py": "from . import core\n",
    "src/pkg/other.py": "import os, pkg.core as c  # pkg.alone\n",
    "src/pkg/deep/third.py": "from ..core import X\nfrom .. import user\n",
    "tool/named.sh": "echo\n",
    "tests/test_core.py": "from pkg.core import X\n",
    "tests/test_tool.py": 'RUN = "tool/named.sh"\n',
    "docs/alone.md": "alone\n",
}


@pytest.mark.parametrize(
    ("path", "importers", "tested"),
    [
        ("src/pkg/core.py", 4, True),
        ("src/pkg/user.py", 1, False),
        ("src/pkg/alone.py", 0, False),
        ("tool/named.sh", 0, True),
        ("tests/test_core.py", 0, True),
    ],
)
def test_importers_and_tests_are_found_in_the_base_commit(
    make_repository: MakeRepository, path: str, importers: int, tested: bool
) -> None:
    """Plain, relative and renamed imports count once a file; a test knows what it imports or names."""
    repo = make_repository(FILES)
    head = git(repo, "rev-parse", "HEAD").strip()
    (repo / "src/pkg/later.py").write_text("import pkg.alone\n")
    found = report([gap("x", paths=[path])])
    based = found.model_copy(update={"metadata": found.metadata.model_copy(update={"base_commit": head})})
    known = experience_for(load_settings(repo, {}), based)
    assert known.importers.get(path, 0) == importers
    assert (path in known.tested) is tested


def test_a_report_without_program_text_asks_git_nothing(make_repository: MakeRepository) -> None:
    """Documents need no import graph, and looking makes no database."""
    repo = make_repository(FILES)
    settings = load_settings(repo, {})
    assert experience_for(settings, report([gap("x", paths=["docs/alone.md"])])) == Experience()
    assert not settings.runs_root.exists()
