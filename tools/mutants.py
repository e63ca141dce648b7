"""Try mutants of the modules that decide: `python tools/mutants.py [module …]`. Prints what survived its tests.

Each module is mutated by cosmic-ray in a copy of the repository and tried against the tests named beside it; a mutant
that no test notices is printed with its place. Exit code 1 where fewer than 90 % were killed.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FLOOR = 0.90

TESTS = {
    "policy/links.py": "tests/policy/test_links.py -k 'not commit'",
    "policy/paths.py": "tests/policy/test_paths.py",
    "policy/parallelism.py": "tests/parallelism/test_parallelism_policy_gate.py",
    "policy/engine.py": "tests/policy/test_decide.py",
    "policy/decide.py": "tests/policy/test_decide.py",
    "policy/compile.py": "tests/policy/test_compile.py tests/policy/test_decide.py",
    "planning/risk.py": "tests/planning/test_risk.py",
    "planning/costs.py": "tests/planning/test_costs.py",
    "planning/order.py": "tests/planning/test_order.py",
    "planning/selection.py": "tests/autonomy/test_plan_proposer_governance.py",
    "planning/checks.py": "tests/autonomy/test_plan_proposer_governance.py",
    "planning/plan_proposer.py": "tests/autonomy/test_plan_proposer_governance.py",
    "governance/gate.py": "tests/governance/test_gate.py",
    "governance/approvals.py": "tests/governance/test_approvals.py",
    "governance/canonical_text.py": "tests/governance/test_canonical_text.py",
}
"""Module below `src/autopack` -> what is run against each of its mutants (pytest arguments)."""

UNSEEN = ("core/ReplaceBinaryOperator_BitOr_.*",)
"""Operators that are left out: `|` stands almost only in annotations, which nothing evaluates."""


def main(arguments: list[str]) -> int:
    """Try the mutants of the modules named in ARGUMENTS (default: all) and return the exit code."""
    named = [name for name in arguments if not name.startswith("-")] or list(TESTS)
    total = killed = 0
    with tempfile.TemporaryDirectory(prefix="autopack-mutants-") as made:
        copy = Path(made) / "repo"
        for part in ("src", "tests", "docs/schemas", "examples"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        for name in named:
            survivors, count = _try_module(copy, name)
            total, killed = total + count, killed + count - len(survivors)
            print(f"{name}: {count - len(survivors)} of {count} killed", flush=True)
            for survivor in survivors:
                print(f"  survived: {survivor}", flush=True)
    print(f"{killed} of {total} mutants killed ({killed / max(total, 1):.0%})")
    return 0 if killed >= FLOOR * total else 1


def _try_module(copy: Path, name: str) -> tuple[list[str], int]:
    """Return the surviving mutants of one module and how many were tried."""
    session = copy / f"{name.replace('/', '-')}.sqlite"
    configuration = copy / "mutants.toml"
    configuration.write_text(
        "[cosmic-ray]\n"
        f'module-path = "src/autopack/{name}"\n'
        "timeout = 60.0\n"
        f'test-command = "{sys.executable} -m pytest -q -x -p no:cacheprovider {TESTS[name]}"\n'
        '[cosmic-ray.distributor]\nname = "local"\n'
        f"[cosmic-ray.filters.operators-filter]\nexclude-operators = {list(UNSEEN)!r}\n",
        encoding="utf-8",
    )
    environment = {**os.environ, "PYTHONPATH": str(copy / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    for step in (
        ["cosmic-ray", "init", str(configuration), str(session)],
        ["cr-filter-operators", str(session), str(configuration)],
        ["cosmic-ray", "exec", str(configuration), str(session)],
    ):
        subprocess.run([_tool(step[0]), *step[1:]], cwd=copy, env=environment, check=True)
    with sqlite3.connect(session) as results:
        rows = results.execute(
            "SELECT operator_name, start_pos_row, definition_name, test_outcome FROM work_results"
            " JOIN mutation_specs USING (job_id) WHERE worker_outcome = 'NORMAL' ORDER BY start_pos_row"
        ).fetchall()
    return [f"{name}:{row} in {where} ({operator})" for operator, row, where, how in rows if how == "SURVIVED"], len(
        rows
    )


def _tool(name: str) -> str:
    found = shutil.which(name, path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
    if found is None:
        raise SystemExit("cosmic-ray is not installed: pip install 'cosmic-ray>=8,<9'")
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
