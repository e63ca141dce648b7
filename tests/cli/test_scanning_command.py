"""`autopack scan` as a person meets it: the table, the exit codes, and what is said when it cannot be done."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from autopack.cli import quick_scan
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


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--format", "text"],
        ["--format=ndjson", "--all"],
        ["--format", "sarif", "--no-cache", "--fail-on", "high"],
        ["--fail-on=critical", "--stats"],
        ["--blockers", "--format", "junit"],
        ["--blockers", "--write"],
        ["--write", "--format", "github"],
        ["--all", "--all", "--format", "markdown"],
        ["--all", "--no-cache", "-C", "/nowhere/at/all"],
        ["--format", "xml"],
        ["--format", "json", "--format", "text"],
        ["--fail-on", ""],
        ["--fail-on"],
        ["--fail-on", "--all"],
        ["--no-write"],
        ["--jobs", "2"],
        ["-Call"],
        ["extra"],
        ["--", "--all"],
    ],
    ids=" ".join,
)
def test_a_plain_command_line_is_understood_as_the_whole_parser_does(
    make_repository: MakeRepository,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
) -> None:
    """What the quick door does is to the byte what the library for command lines would have had done."""
    repository = make_repository({"a.txt": CONFLICT, "README.md": "# Sample\n\n[gone](gone.md)\n"})
    monkeypatch.chdir(repository)

    def answer() -> tuple[int, str, list[str]]:
        code, streams = main(["scan", *arguments]), capsys.readouterr()
        return code, streams.out, sorted(re.sub(r" *\d+\.\d+", " 0.0", streams.err).splitlines())

    quickly = answer()
    shutil.rmtree(repository / ".autonomous_runs", ignore_errors=True)
    monkeypatch.setattr(quick_scan, "_parsed", lambda arguments: None)
    assert answer() == quickly


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


@pytest.mark.parametrize("format", ["json", "sarif"])
def test_json_and_sarif_are_one_document_on_stdout(
    make_repository: MakeRepository, capsys: pytest.CaptureFixture[str], format: str
) -> None:
    """Prose goes to stderr, whatever was found or not."""
    for name, files in {"faulty": {"a.txt": CONFLICT}, "clean": {"a.txt": "a\n"}}.items():
        assert main(["scan", "-C", str(make_repository(files, name=name)), "--format", format]) == 0
        json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("format", ["text", "json", "ndjson", "sarif", "junit", "github", "markdown"])
def test_every_format_gives_the_same_bytes_for_the_same_state(
    make_repository: MakeRepository, capsys: pytest.CaptureFixture[str], format: str
) -> None:
    """Two scans of one state print the same, and so does a copy elsewhere: no absolute path is in any of them."""
    files = {"a.txt": CONFLICT, "README.md": "# A\n\n[x](gone.md)\n", "load.py": "def a(p):\n    return open(p)\n"}
    repositories = [make_repository(files, name=name) for name in ("one", "two")]
    printed = []
    for repository in (*repositories, repositories[0]):
        assert main(["scan", "-C", str(repository), "--format", format, "--project-id", "same"]) == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1] == printed[2]


def test_a_setting_that_names_no_rule_is_refused(
    make_repository: MakeRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    """A misspelt rule would silence nothing without a word; a glob that is none is named, too."""
    repository = make_repository()
    for written, said in {
        '[rules."doc_drift/brokn-link"]\nseverity = "off"\nreason = "r"\n': "Did you mean 'doc_drift/broken-link'?",
        '[scan]\nignore = [{glob = "a[", reason = "r"}]\n': "is not a pattern",
        '[scan]\nignore = [{glob = "!a", reason = "r"}]\n': "is not a pattern that can match",
    }.items():
        write_files(repository, {".autopack/config.toml": written})
        assert main(["scan", "-C", str(repository)]) == 2, written
        assert said in capsys.readouterr().err


def test_an_uncommitted_suppression_hides_nothing_from_a_plan(
    make_repository: MakeRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the screen it counts at once; in a report that is kept, and for what blocks, only once it is committed."""
    repository = make_repository({"README.md": "# A\n\n[x](gone.md)\n", "a.txt": CONFLICT})
    off = ("doc_drift/broken-link", "git_state_corruption/conflict-markers")
    settings = "".join(f'[rules."{rule}"]\nseverity = "off"\nreason = "r"\n' for rule in off)
    write_files(repository, {".autopack/config.toml": settings})

    def totals(*options: str) -> tuple[int, int]:
        assert main(["scan", "-C", str(repository), *options]) == 0
        report = json.loads(capsys.readouterr().out)
        return report["summary"]["total"], report["metadata"]["suppressed"]

    assert totals() == (1, 1)
    assert totals("--write") == (2, 0)
    git(repository, "add", ".autopack")
    assert totals("--write") == (2, 0)
    git(repository, "commit", "-q", "-m", "settings")
    assert totals() == totals("--write") == (0, 2)
    (repository / ".autopack/config.toml").unlink()
    assert totals() == totals("--write") == (2, 0)
