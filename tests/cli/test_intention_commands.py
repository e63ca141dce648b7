"""`autopack init` and `autopack anchor` as a person or a program uses them."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from autopack.cli import main as front_door
from autopack.config import load_settings
from autopack.errors import EXIT_OK, EXIT_STALE, EXIT_USAGE
from autopack.intention_anchor.written import read_intention
from autopack.store.database import open_database
from autopack.store.runs import Run as StoredRun
from autopack.store.runs import create_run, move_run
from repositories import MakeRepository, commit_all, git

FILE = ".autopack/intention.yaml"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def repository(make_repository: MakeRepository, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository that is the current folder."""
    folder = make_repository({"LICENSE": "MIT\n", "Makefile": "test:\n", "docs/a.md": "# A\n", "src/a.py": ""})
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def autopack(repository: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Return a function `(*arguments, typed="") -> (exit code, stdout, stderr)`."""

    def run(*arguments: str, typed: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed.encode()), encoding="utf-8"))
        code = front_door.main(list(arguments))
        sys.stdout.flush()
        return (code, *capfd.readouterr())

    return run


def test_init_without_input_writes_a_valid_open_intention(autopack: Run, repository: Path) -> None:
    """One JSON document on stdout, prose on stderr, and the next command named."""
    code, out, err = autopack("init", "--no-input")
    assert code == EXIT_OK
    document = json.loads(out)
    assert (document["outcome"], document["path"]) == ("written", FILE)
    assert len(document["open_questions"]) == 7
    assert "autopack anchor questions" in err and "git add .autopack/intention.yaml" in err
    assert read_intention((repository / FILE).read_bytes()).anchor_id == document["anchor_id"]
    assert autopack("anchor", "check")[0] == EXIT_OK


def test_a_rule_that_cannot_stand_is_not_valid(autopack: Run, repository: Path) -> None:
    """`anchor check` says of a misspelt kind what every judgement by this intention would say."""
    autopack("init", "--no-input")
    rule = "[{rule_id: a, description: b, kinds: [link_fx], paths: [/docs/**], max_lines: 5}]"
    path = repository / FILE
    text = path.read_text(encoding="utf-8")
    assert "pivot_intentions:\n" in text
    review = f"pivot_intentions:\n  governance_review: {{default_policy: deny, auto_approve_rules: {rule}}}\n"
    path.write_text(text.replace("pivot_intentions:\n", review), encoding="utf-8")
    code, _, err = autopack("anchor", "check")
    assert (code, "there is no kind of action 'link_fx'" in err) == (EXIT_USAGE, True)


def test_init_never_overwrites(autopack: Run, repository: Path) -> None:
    """In no mode; it does not even ask."""
    autopack("init", "--no-input")
    before = (repository / FILE).read_bytes()
    for arguments in (("--no-input",), (), ("--answers", "-")):
        code, out, err = autopack("init", *arguments, typed="{}\n")
        assert (code, out) == (EXIT_USAGE, "")
        assert "exists already" in err and "next: See it: autopack anchor show" in err
        assert "1 of 8" not in err
    assert (repository / FILE).read_bytes() == before


def test_init_asks_at_most_eight_questions_with_their_defaults(autopack: Run, repository: Path) -> None:
    """A wrong answer is explained and asked again; what was answered is stated."""
    typed = "Nothing breaks\n\n\ndocs\nmany\n120\nnone\nlink_fix\n\n"
    code, out, err = autopack("init", "--format", "text", typed=typed)
    assert (code, out) == (EXIT_OK, "")
    assert [f"{number} of 8" in err for number in range(1, 10)] == [True] * 8 + [False]
    assert "[make test] > " in err and "Expected a number of lines, found 'many'." in err
    anchor = read_intention((repository / FILE).read_bytes())
    assert anchor.pivot_intentions.model_dump(mode="json", exclude_defaults=True) == snapshot(
        {
            "north_star": {"desired_outcomes": ["Nothing breaks"]},
            "safety_risk": {},
            "evidence_verification": {"required_checks": [{"name": "tests", "argv": ["make", "test"]}]},
            "scope_boundaries": {"allowed_write_roots": ["/docs/**"], "protected_paths": ["/LICENSE"]},
            "budget_cost": {"max_lines": 120},
            "memory_continuity": {},
            "governance_review": {
                "auto_approve_rules": [
                    {
                        "rule_id": "small-changes",
                        "description": "Small changes that go ahead without asking",
                        "kinds": ["link_fix"],
                        "paths": ["/docs/**"],
                        "max_lines": 20,
                    }
                ]
            },
            "parallelism_isolation": {},
        }
    )
    assert anchor.validate_pivot_completeness() == ()


def test_init_whose_input_ends_writes_nothing(autopack: Run, repository: Path) -> None:
    """A pipe that closes is no consent."""
    code, out, err = autopack("init", typed="Nothing breaks\n")
    assert (code, out) == (EXIT_USAGE, "")
    assert "--no-input" in err
    assert not (repository / ".autopack").exists()


def test_init_takes_answers_from_a_file_or_standard_input(autopack: Run, repository: Path, tmp_path: Path) -> None:
    """YAML or JSON; nothing is asked."""
    answers = tmp_path / "answers.yaml"
    answers.write_text("project_id: shop\nnorth_star: {desired_outcomes: [calm]}\n", encoding="utf-8")
    code, out, err = autopack("init", "--answers", str(answers))
    assert (code, json.loads(out)["project_id"]) == (EXIT_OK, "shop")
    assert "1 of 8" not in err
    (repository / FILE).unlink()
    code, out, _ = autopack("init", "--answers", "-", "--project-id", "own", typed='{"safety_risk": {}}')
    assert (code, json.loads(out)["project_id"]) == (EXIT_OK, "own")


@pytest.mark.parametrize(
    ("answers", "said"),
    [("north: {}\n", "did you mean 'north_star'?"), ("a: &a [*a]\n", "alias"), (None, "is not there")],
)
def test_wrong_answers_write_nothing(autopack: Run, repository: Path, answers: str | None, said: str) -> None:
    """Exit 2 and the place."""
    path = repository.parent / "answers.yaml"
    if answers is not None:
        path.write_text(answers, encoding="utf-8")
    code, out, err = autopack("init", "--answers", str(path))
    assert (code, out) == (EXIT_USAGE, "")
    assert said in err
    assert not (repository / ".autopack").exists()


def test_anchor_commands_without_an_intention_name_init(autopack: Run) -> None:
    """Exit 2, except for the questions, which are all open."""
    for arguments in (("show",), ("check",), ("approve", "--inferred"), ("revise", "--set", "budget_cost.max_lines=1")):
        code, out, err = autopack("anchor", *arguments)
        assert (code, out) == (EXIT_USAGE, "")
        assert "next: Write one with: autopack init" in err
    code, out, _ = autopack("anchor", "questions")
    assert (code, len(json.loads(out)["questions"])) == (EXIT_OK, 7)


def test_check_names_every_mistake(autopack: Run, repository: Path) -> None:
    """Exit 2, the place, and no traceback."""
    (repository / ".autopack").mkdir()
    (repository / FILE).write_text("project_id: x\npivot_intentions:\n  safety: {}\n", encoding="utf-8")
    code, out, err = autopack("anchor", "check")
    assert (code, out) == (EXIT_USAGE, "")
    assert err == snapshot(
        """\
autopack: .autopack/intention.yaml: pivot_intentions.safety (line 3): unknown key; did you mean 'safety_risk'?
  next: Correct the file, then: autopack anchor check
"""
    )


def test_show_says_whether_it_is_in_effect(autopack: Run, repository: Path) -> None:
    """It takes effect with a commit."""
    autopack("init", "--no-input")
    code, out, err = autopack("anchor", "show", "--format", "text")
    assert code == EXIT_OK
    assert "North star: not stated" in out and "Not in effect yet" in err
    commit_all(repository)
    code, out, err = autopack("anchor", "show")
    assert (json.loads(out)["source"], "In effect" in err) == ("commit", True)


def test_a_revision_is_shown_as_a_diff_and_approved_by_name(autopack: Run, repository: Path) -> None:
    """Nothing changes before; afterwards the diff is what changed."""
    autopack("init", "--no-input")
    commit_all(repository)
    code, diff, err = autopack(
        "anchor", "revise", "--set", "parallelism_isolation.allowed=false", "--reason", "say it", "--format", "text"
    )
    assert code == EXIT_OK
    assert git(repository, "status", "--porcelain") == ""
    assert "+  parallelism_isolation:\n+    allowed: false\n" in diff
    name = err.split("Proposed ")[1].split(";")[0]
    code, approved, _ = autopack("anchor", "approve", name, "--format", "text")
    assert (code, approved) == (EXIT_OK, diff)
    changed = [line for line in git(repository, "diff", "--no-color").splitlines() if line[:1] in "+-"]
    assert changed[2:] == [line for line in diff.splitlines() if line[:1] in "+-"][2:]


def test_approving_a_stale_revision_ends_with_its_own_code(autopack: Run, repository: Path) -> None:
    """Exit 5, saying what moved."""
    autopack("init", "--no-input")
    _, out, _ = autopack("anchor", "revise", "--set", "budget_cost.max_lines=9")
    name = json.loads(out)["revision_id"]
    with (repository / FILE).open("a", encoding="utf-8") as handle:
        handle.write("# mine\n")
    code, out, err = autopack("anchor", "approve", name)
    assert (code, out) == (EXIT_STALE, "")
    assert f"{FILE} has changed since {name} was proposed" in err


@pytest.mark.parametrize(
    "arguments",
    [(), ("--set", "budget_cost.max_lines=9", "--answers", "x"), ("--set", "budget_cost.max_lines=0"), ("--set", "a")],
)
def test_a_revision_that_is_not_clear_is_refused(autopack: Run, arguments: tuple[str, ...]) -> None:
    """Exit 2; nothing is proposed."""
    autopack("init", "--no-input")
    code, out, _ = autopack("anchor", "revise", *arguments)
    assert (code, out) == (EXIT_USAGE, "")
    assert not Path(".autonomous_runs").exists()


def test_inferred_values_are_confirmed_by_a_person_alone(autopack: Run) -> None:
    """Until then `check` counts them; a second time there is nothing to do."""
    autopack("init", "--no-input")
    assert "Inferred and not confirmed: 2" in autopack("anchor", "check")[2]
    assert json.loads(autopack("anchor", "approve", "--inferred")[1])["outcome"] == "confirmed"
    assert json.loads(autopack("anchor", "check")[1])["unconfirmed"] == []
    assert json.loads(autopack("anchor", "approve", "--inferred")[1]) == {"outcome": "nothing to do", "diff": ""}


def test_outside_a_repository_there_is_a_clear_answer(autopack: Run, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Exit 2 and the option that helps."""
    code, out, err = autopack("init", "--no-input", "--workspace", str(tmp_path_factory.mktemp("empty")))
    assert (code, out) == (EXIT_USAGE, "")
    assert "--workspace DIR" in err


def test_an_intention_that_was_deleted_is_told_with_the_way_back(autopack: Run, repository: Path) -> None:
    """Gone from the working copy, then from the commit: `anchor check` and `status` say what is in effect, and the
    command that they name brings it back."""
    autopack("init", "--no-input")
    commit_all(repository, "Intention")
    assert autopack("autopilot", "--run-id", "r1")[0] == EXIT_OK
    (repository / FILE).unlink()
    code, _, err = autopack("anchor", "check")
    assert (code, f"next: git restore {FILE}" in err) == (EXIT_OK, True)
    assert "In effect: it stands in the last commit." not in err
    _, out, _ = autopack("status", "--format", "json")
    said = json.loads(out)
    assert f"{FILE} is deleted from the working copy; anchor-" in said["intention"]["change"]
    assert said["next_command"] == f"git restore {FILE}"
    commit_all(repository, "Away with it")
    code, _, err = autopack("anchor", "check")
    assert (code, f"{FILE} was deleted in the commit " in err) == (EXIT_USAGE, True)
    _, out, _ = autopack("status", "--format", "json")
    back = json.loads(out)["next_command"].split()
    assert back[:2] == ["git", "restore"]
    git(repository, *back[1:])
    assert (autopack("anchor", "check")[0], (repository / FILE).exists()) == (EXIT_OK, True)


def test_an_intention_that_took_the_place_of_another_is_told_while_a_run_waits(autopack: Run, repository: Path) -> None:
    """An open run that went by another intention is named with both; once it is closed nobody speaks of it."""
    autopack("init", "--no-input")
    commit_all(repository, "Intention")
    before = json.loads(autopack("anchor", "show", "--format", "json")[1])["anchor_id"]
    run = StoredRun(
        "r1", "sample", git(repository, "rev-parse", "HEAD").strip(), "autopack/r1", before, "g", "p", "waiting"
    )
    runs_root = load_settings(repository).runs_root
    with open_database(runs_root / "autopack.db") as database:
        create_run(database, run, datetime(2026, 1, 2, tzinfo=UTC))
    assert json.loads(autopack("status", "--format", "json")[1])["intention"]["change"] == ""
    text = (repository / FILE).read_text(encoding="utf-8")
    (repository / FILE).write_text(text.replace("project_id: ", "project_id: other-"), encoding="utf-8")
    commit_all(repository, "Another intention")
    change = json.loads(autopack("status", "--format", "json")[1])["intention"]["change"]
    assert change.startswith(f"The run r1 went by another intention, {before}; now anchor-")
    assert json.loads(autopack("anchor", "check", "--format", "json")[1])["change"] == change
    with open_database(runs_root / "autopack.db") as database:
        move_run(database, "r1", "stopped", datetime(2026, 1, 3, tzinfo=UTC))
    assert json.loads(autopack("status", "--format", "json")[1])["intention"]["change"] == ""
