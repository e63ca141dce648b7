"""`autopack scan` as a person meets it: the table, the exit codes, and what is said when it cannot be done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autopack.cli.main import main
from repositories import MakeRepository, git, write_files

CONFLICT = "<<<<<<< HEAD\nours\n=======\ntheirs\n>>>>>>> topic\n"


def test_gaps_are_shown_by_type_with_place_reason_and_remedy(
    make_repository: MakeRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table names the worst first, where it is, why it matters and how to fix it."""
    repository = make_repository({"a.txt": CONFLICT, "README.md": "# Sample\n\n[gone](gone.md)\n"})
    (repository / "gone.md").write_text("x", encoding="utf-8")
    git(repository, "add", "gone.md")
    (repository / "gone.md").unlink()
    assert main(["scan", "--workspace", str(repository), "--format", "text"]) == 0
    printed = capsys.readouterr().out
    first, _, rest = printed.partition("doc drift")
    assert first == (
        "git state corruption (1)\n"
        "\n"
        "  high: Unresolved conflict in a.txt  blocks the autopilot\n"
        "    --> a.txt:1:1\n"
        "    1 | <<<<<<< HEAD\n"
        "      | ^^^^^^^\n"
        "  why: Both sides of an unresolved conflict are in the file; whatever reads it gets neither.\n"
        "  fix: Open the file, keep what is meant of the two sides, and delete the marker lines.\n"
        "  git_state_corruption/conflict-markers\n"
        "\n"
    )
    assert "    --> README.md:3:8\n" in rest
    assert rest.endswith("2 gaps (1 high, 1 low) in 2 files; 1 blocks the autopilot\n")


def test_a_clean_repository_is_said_to_be_clean(
    make_repository: MakeRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    """No gap is one quiet line and exit 0."""
    assert main(["scan", "--workspace", str(make_repository()), "--format", "text", "--fail-on", "info"]) == 0
    assert capsys.readouterr().out == "0 gaps in 1 file\n"


@pytest.mark.parametrize(("risk", "code"), [("critical", 0), ("high", 1), ("info", 1)])
def test_fail_on_sets_the_exit_code(
    make_repository: MakeRepository, capsys: pytest.CaptureFixture[str], risk: str, code: int
) -> None:
    """`--fail-on` exits 1 for a gap of that risk or worse, and prints the report all the same."""
    repository = make_repository({"a.txt": CONFLICT})
    assert main(["scan", "-C", str(repository), "--fail-on", risk]) == code
    assert json.loads(capsys.readouterr().out)["summary"]["by_risk"]["high"] == 1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--fail-on", "huge"], 2, "no risk 'huge'"),
        (["--run-id", "../x"], 2, "run id '../x'"),
        (["--project-id", "con"], 2, "device name"),
        (["--since", "nowhere"], 2, "no commit 'nowhere'"),
        (["--format", "xml"], 2, "xml"),
        (["--nonsense"], 2, "--nonsense"),
    ],
)
def test_a_wrong_argument_is_explained(
    make_repository: MakeRepository, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    """A mistake on the command line exits 2, names what is wrong, and prints nothing on stdout."""
    assert main(["scan", "-C", str(make_repository()), *arguments]) == code
    streams = capsys.readouterr()
    assert streams.out == ""
    assert said in streams.err


def test_places_that_cannot_be_scanned_are_explained(
    make_repository: MakeRepository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No folder, no repository, a bare one, a damaged one and an invalid intention each have their message and code."""
    (tmp_path / "plain").mkdir()
    git(tmp_path, "init", "-q", "--bare", "bare.git")
    damaged = make_repository(name="damaged")
    (damaged / ".git" / "HEAD").write_text("nonsense\n", encoding="utf-8")
    write_files(make_repository(name="unwise"), {".autopack/intention.yaml": "north_star: [\n"})
    expected = {
        "missing": (2, "is not a folder"),
        "plain": (2, "not inside a git repository"),
        "bare.git": (8, "bare repository"),
        "damaged": (8, "is damaged"),
        "unwise": (2, "intention.yaml"),
    }
    for name, (code, said) in expected.items():
        assert (main(["scan", "-C", str(tmp_path / name)]), name) == (code, name)
        streams = capsys.readouterr()
        assert streams.out == ""
        assert said in streams.err, streams.err
