"""Try mutants of the modules that decide: `python tools/mutants.py [--sample N] [--seed S] [module …]`.

Each module is changed in one place at a time, in a copy of the repository, and tried against the tests named beside it.
cosmic-ray says which changes there are and makes them; a change that no test notices is printed with its place. With
`--sample N`, a module that has more than N mutants is judged by N of them, drawn at random from the seed, and the
output says so. `--again FILE` tries only what survived by an earlier output, after more tests were written. Exit code
1 where fewer than 90 % were killed.

The tests of one mutant run in a fork of a process that has already imported what the mutant cannot change, which is
most of the time that they would take.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import json
import os
import random
import shlex
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import hypothesis
import pytest

try:
    from cosmic_ray.commands import init as list_mutants
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator
    from cosmic_ray.work_db import WorkDB
except ImportError:
    raise SystemExit("cosmic-ray is not installed: pip install 'cosmic-ray>=8,<9'") from None

ROOT = Path(__file__).resolve().parents[1]
FLOOR = 0.90

_TELEGRAM = "tests/channels/test_telegram_messages.py tests/channels/test_telegram_channel.py"
_CHANNEL = "tests/channels/test_channel_settings.py tests/channels/test_telegram_messages.py"
_MESSAGES = "tests/channels/test_webhook_messages.py tests/channels/test_webhook_and_outbox.py"

TESTS = {
    "policy/compile.py": "tests/policy/test_compile.py tests/policy/test_decide.py",
    "policy/decide.py": "tests/policy/test_decide.py",
    "policy/engine.py": "tests/policy/test_decide.py",
    "policy/explain.py": "tests/policy/test_explain.py",
    "policy/facts.py": "tests/policy/test_decide.py tests/policy/test_compile.py",
    "policy/links.py": "tests/policy/test_links.py -k 'not commit'",
    "policy/parallelism.py": "tests/parallelism/test_parallelism_policy_gate.py",
    "policy/paths.py": "tests/policy/test_paths.py",
    "policy/self_test.py": "tests/policy/test_self_test.py tests/policy/test_policy_oracle.py",
    "planning/checks.py": "tests/planning/test_checks.py",
    "planning/costs.py": "tests/planning/test_costs.py tests/planning/test_experience.py",
    "planning/experience.py": "tests/planning/test_experience.py tests/planning/test_costs.py",
    "planning/models.py": "tests/autonomy/test_plan_proposer_governance.py tests/schemas",
    "planning/order.py": "tests/planning/test_order.py",
    "planning/plan_proposer.py": "tests/autonomy/test_plan_proposer_governance.py",
    "planning/risk.py": "tests/planning/test_risk.py",
    "planning/selection.py": "tests/planning/test_selection.py",
    "governance/approvals.py": "tests/governance/test_approvals.py tests/governance/test_adversarial_approvals.py",
    "governance/approvers.py": "tests/governance/test_approvers.py tests/governance/test_adversarial_approvals.py",
    "governance/canonical_text.py": "tests/governance/test_canonical_text.py",
    "governance/decisions.py": "tests/governance/test_approvals.py tests/governance/test_adversarial_approvals.py",
    "governance/gate.py": "tests/governance/test_gate.py",
    "governance/measured.py": "tests/governance/test_measured.py tests/autonomy/test_second_verdict.py",
    "governance/models.py": "tests/governance/test_models.py tests/governance/test_gate.py",
    "governance/signatures.py": "tests/governance/test_signatures.py tests/governance/test_adversarial_approvals.py",
    "governance/standing_grants.py": "tests/governance/test_standing_grants.py",
    "governance/channels/channel.py": _CHANNEL,
    "governance/channels/cli.py": "tests/governance/test_adversarial_approvals.py",
    "governance/channels/delivery.py": "tests/channels/test_delivery.py tests/channels/test_webhook_and_outbox.py",
    "governance/channels/github.py": "tests/channels/test_github_answers.py tests/channels/test_github_channel.py",
    "governance/channels/https.py": _MESSAGES,
    "governance/channels/intake.py": "tests/channels/test_intake.py tests/channels/test_webhook_and_outbox.py",
    "governance/channels/receiver.py": _MESSAGES,
    "governance/channels/settings.py": "tests/channels/test_channel_settings.py",
    "governance/channels/signed_messages.py": "tests/channels/test_signed_messages.py",
    "governance/channels/telegram.py": _TELEGRAM,
    "governance/channels/webhook.py": _MESSAGES,
    "store/approvals.py": "tests/store/test_stored_approvals.py tests/governance/test_adversarial_approvals.py",
}
"""Module below `src/autopack` -> what is run against each of its mutants (pytest arguments)."""

ALWAYS = ("tests/architecture/test_values.py",)
"""What is run against every mutant besides."""

UNSEEN = "core/ReplaceBinaryOperator_BitOr_"
"""Operators that are left out: `|` stands almost only in annotations, which nothing evaluates."""

PATIENCE = (30.0, 10.0)
"""Seconds that a mutant's tests may take: so many, and so many times what they take without it."""


@dataclass(frozen=True)
class Mutant:
    """One change of one module: its OCCURRENCE-th place where OPERATOR applies."""

    operator: str
    occurrence: int
    row: int
    column: int
    where: str

    def __str__(self) -> str:
        return f"{self.row}:{self.column} in {self.where or 'the module'} ({self.operator.removeprefix('core/')})"


def main(arguments: list[str]) -> int:
    """Try the mutants of the modules named in ARGUMENTS (default: all) and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", metavar="module", help="such as policy/paths.py (default: all)")
    parser.add_argument("--sample", type=int, metavar="N", help="at most so many mutants of a module")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="what a sample is drawn from (default: 1)")
    parser.add_argument("--list", action="store_true", help="only say how many mutants there are")
    parser.add_argument("--again", type=Path, metavar="FILE", help="only what survived by this earlier output")
    options = parser.parse_args(arguments)
    before = None if options.again is None else options.again.read_text(encoding="utf-8")
    total = killed = 0
    with tempfile.TemporaryDirectory(prefix="autopack-mutants-") as made:
        copy = Path(made) / "repo"
        for part in ("src", "tests", "docs", "examples", "tools"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        for part in ("pyproject.toml", "README.md", "Makefile"):
            shutil.copy(ROOT / part, copy)
        for name in options.modules or TESTS:
            mutants = _mutants(copy / "src/autopack" / name)
            tried = _sample(mutants, options.sample, options.seed)
            if before is not None:
                tried = tuple(each for each in mutants if f"survived: {name}:{each}\n" in before)
            if options.list:
                print(f"{name}: {len(mutants)} mutants")
                continue
            survivors = _try_module(copy, name, tried)
            total, killed = total + len(tried), killed + len(tried) - len(survivors)
            chosen = f"a sample of {len(tried)} of {len(mutants)}, seed {options.seed}"
            if before is not None:
                chosen = f"what survived before, of {len(mutants)}"
            elif len(tried) == len(mutants):
                chosen = "every mutant"
            print(f"{name}: {len(tried) - len(survivors)} of {len(tried)} killed, {chosen}", flush=True)
    print(f"{killed} of {total} mutants killed ({killed / max(total, 1):.1%})")
    return 0 if killed >= FLOOR * total else 1


def _mutants(module: Path) -> tuple[Mutant, ...]:
    with tempfile.TemporaryDirectory() as made, contextlib.closing(WorkDB(f"{made}/work", WorkDB.Mode.create)) as work:
        list_mutants([module], work, {})
        found = [item.mutations[0] for item in work.work_items]
    source = module.read_text(encoding="utf-8")
    return tuple(
        sorted(
            (
                Mutant(each.operator_name, each.occurrence, *each.start_pos, each.definition_name or "")
                for each in found
                if not each.operator_name.startswith(UNSEEN)
                and _can_be_made(source, each.operator_name, each.occurrence)
            ),
            key=lambda mutant: (mutant.row, mutant.column, mutant.operator, mutant.occurrence),
        )
    )


def _can_be_made(source: str, operator: str, occurrence: int) -> bool:
    """Tell whether cosmic-ray makes what it lists: it fails for dotted names among the exceptions of an `except`."""
    if operator != "core/ExceptionReplacer":
        return True
    try:
        mutate_code(source, get_operator(operator)(), occurrence)
    except AttributeError:
        return False
    return True


def _sample(mutants: tuple[Mutant, ...], size: int | None, seed: int) -> tuple[Mutant, ...]:
    if size is None or size >= len(mutants):
        return mutants
    chosen = sorted(random.Random(seed).sample(range(len(mutants)), size))
    return tuple(mutants[index] for index in chosen)


def _try_module(copy: Path, name: str, mutants: tuple[Mutant, ...]) -> list[Mutant]:
    """Return those of MUTANTS that survive. Runs in a fork, so that what is preloaded for one module stays there."""
    answer = copy / "survivors.json"

    def work() -> int:
        answer.write_text(json.dumps([mutants.index(each) for each in _survivors(copy, name, mutants)]))
        return 0

    if _in_fork(work, None, quiet=False) != 0:
        raise SystemExit(f"{name}: could not be tried")
    return [mutants[index] for index in json.loads(answer.read_text())]


def _survivors(copy: Path, name: str, mutants: tuple[Mutant, ...]) -> list[Mutant]:
    os.chdir(copy)
    sys.path[:0] = [str(copy / "src"), str(copy / "tests")]
    os.environ["PYTHONPATH"] = str(copy / "src")
    # The same examples for every mutant, none carried over from one to the next, and no time for shorter ones.
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile("mutants", derandomize=True, database=None, phases=phases)
    hypothesis.settings.load_profile("mutants")
    # Once to fill the caches of compiled files and to see what is imported, once more for the time.
    _preload(copy, name)
    started = time.monotonic()
    _tests_pass(copy, name)
    taken = time.monotonic() - started
    gc.freeze()
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.dont_write_bytecode = True
    module = copy / "src/autopack" / name
    original = module.read_text(encoding="utf-8")
    survivors = []
    kills: Counter[str] = Counter()
    near: dict[str, list[str]] = {}
    killer = copy.parent / "killer"
    for mutant in mutants:
        changed = mutate_code(original, get_operator(mutant.operator)(), mutant.occurrence)
        if changed is None:
            raise SystemExit(f"{name}: {mutant} cannot be made")
        for compiled in module.parent.glob(f"__pycache__/{module.stem}.*"):
            compiled.unlink()
        module.write_text(changed, encoding="utf-8")
        order = [*reversed(near.get(mutant.where, [])), *(test for test, _ in kills.most_common())]
        killer.unlink(missing_ok=True)
        if _in_fork(partial(_run_tests, copy, name, order), PATIENCE[0] + PATIENCE[1] * taken) != 0:
            if killer.exists():
                kills[killer.read_text()] += 1
                near.setdefault(mutant.where, []).append(killer.read_text())
        else:
            survivors.append(mutant)
            print(f"  survived: {name}:{mutant}", flush=True)
            print(f"    {_changed_line(original, changed)}", flush=True)
    module.write_text(original, encoding="utf-8")
    return survivors


class _LikeliestFirst:
    """A pytest plugin: what killed a mutant of the same function, or any, runs first. Notes what fails in a file."""

    def __init__(self, killers: Sequence[str], noted: Path) -> None:
        self._rank = {test: rank for rank, test in reversed(list(enumerate(killers)))}
        self._noted = noted

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items.sort(key=lambda item: self._rank.get(item.nodeid, len(self._rank)))

    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        if call.excinfo is not None and not call.excinfo.errisinstance(pytest.skip.Exception):
            # One failure is enough; nobody reads the report that pytest would now make of it.
            self._noted.write_text(item.nodeid)
            os._exit(1)


def _run_tests(copy: Path, name: str, killers: Sequence[str] = ()) -> int:
    options = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", f"--basetemp={copy.parent / 'tmp'}"]
    # Plugins that are preloaded cannot be rewritten for better messages, which nobody reads here.
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    plugin = _LikeliestFirst(killers, copy.parent / "killer")
    return int(pytest.main([*options, *shlex.split(TESTS[name]), *ALWAYS], plugins=[plugin]))


def _tests_pass(copy: Path, name: str, then: Callable[[], None] = lambda: None) -> None:
    """Run the tests of NAME on the unchanged module, and THEN something beside them. Ends all where they fail."""

    def both() -> int:
        code = _run_tests(copy, name)
        then()
        return code

    if _in_fork(both, None) != 0:
        raise SystemExit(f"{name}: its tests fail without any mutant: pytest {TESTS[name]}")


def _preload(copy: Path, name: str) -> None:
    """Import what the tests of NAME import and no mutant of it can change: what is not of this repository, and the
    modules that it imports itself."""
    listed = copy.parent / "modules.json"
    module = "autopack." + name.removesuffix(".py").replace("/", ".")

    def foreign() -> None:
        places = {key: getattr(value, "__file__", None) or "" for key, value in sys.modules.items()}
        own = ("autopack", "conftest", "__main__", "test_")
        names = [key for key, at in places.items() if not key.startswith(own) and not at.startswith(str(copy))]
        listed.write_text(json.dumps(names))

    def below() -> int:
        importlib.import_module(module)
        listed.write_text(json.dumps([key for key in sys.modules if key.startswith("autopack") and key != module]))
        return 0

    def load() -> None:
        for each in json.loads(listed.read_text()):
            with contextlib.suppress(Exception), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                importlib.import_module(each)

    _tests_pass(copy, name, foreign)
    load()
    if _in_fork(below, None) != 0:
        raise SystemExit(f"{name}: cannot be imported")
    load()


def _in_fork(work: Callable[[], int], seconds: float | None, *, quiet: bool = True) -> int:
    """Return what WORK returned in a child process, or -1 after more than SECONDS. Nothing goes on running."""
    child = os.fork()
    if child == 0:
        code = 70
        try:
            if quiet:
                os.setsid()
                nothing = os.open(os.devnull, os.O_RDWR)
                for stream in range(3):
                    os.dup2(nothing, stream)
            code = work()
        except SystemExit as error:
            print(error, file=sys.stderr)
        except Exception:
            traceback.print_exc()
            raise
        finally:
            sys.stdout.flush()
            os._exit(code)
    ends = None if seconds is None else time.monotonic() + seconds
    while True:
        ended, status = os.waitpid(child, 0 if ends is None else os.WNOHANG)
        if ended or (ends is not None and time.monotonic() > ends):
            break
        time.sleep(0.01)
    if quiet:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
    if not ended:
        os.waitpid(child, 0)
        return -1
    return os.waitstatus_to_exitcode(status)


def _changed_line(original: str, changed: str) -> str:
    pairs = zip(original.splitlines(), changed.splitlines(), strict=False)
    return next((after.strip() for before, after in pairs if before != after), "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
