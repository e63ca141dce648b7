"""root_clutter: leftovers and loose reports in the root, and committed output, are found; what belongs there, or is
named, is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopack.gaps.detectors.root_clutter import DETECTOR
from autopack.gaps.models import Gap
from gap_reports import report_of, seen
from remedies import after_remedy
from repositories import MakeRepository, commit_all, git, write_files


def gaps_of(workspace: Path) -> tuple[Gap, ...]:
    return report_of(workspace, DETECTOR).gaps


def seen_in(workspace: Path) -> list[str]:
    return seen(gaps_of(workspace))


LEFTOVERS = (
    *("debug.log", "nohup.out", "core.1234", "heap.hprof", "setup.py~", "conf.yml.bak", "x.py.orig", "x.py.rej"),
    *(".#notes", "#draft#", "tmp_check.py", "scratch.py", "untitled.txt", "Copy of plan.txt", "notes (1).txt"),
    *("backup.tar.gz", "export.zip", "dev.sqlite3", "app.db", "Screenshot 2026-01-02.png", "test_output.txt"),
    *(".DS_Store", ".coverage", "a", "=1.0"),
)


def test_leftovers_in_the_root_are_found(make_repository: MakeRepository) -> None:
    """Logs, dumps, backups, archives, databases, screenshots and accidents are found, committed or not."""
    repository = make_repository({"README.md": "# T\n", **dict.fromkeys(LEFTOVERS[::2], "x\n")})
    write_files(repository, dict.fromkeys(LEFTOVERS[1::2], "x\n"))
    assert seen_in(repository) == [f"scratch-file {name}" for name in sorted(LEFTOVERS)]


def test_what_belongs_in_a_root_is_no_gap(make_repository: MakeRepository) -> None:
    """Community files, manifests, dotfiles, ignored files and files in folders are no clutter."""
    names = [
        *("LICENSE", "NOTICE", "CHANGELOG.md", "RELEASE_NOTES.md", "SECURITY.md", "CODE_OF_CONDUCT.md", "ROADMAP.md"),
        *("AGENTS.md", "CLAUDE.md", "UPGRADING_NOTES.md", "KNOWN_ISSUES_STATUS.md", "pyproject.toml", "Makefile"),
        *("incident_response_plan.md",),
        *(".editorconfig", "logo.png", "main.py", "template.yml", "temperature.py", "SUMMARY.md", "TODO.md", "x.md"),
        *("logs/debug.log", "tests/data.db", "docs/PLAN.md", "requirements.txt", "results.py", "ignored.log"),
    ]
    assert seen_in(make_repository({**dict.fromkeys(names, "x\n"), ".gitignore": "*.log\n!logs/\n!logs/*.log\n"})) == []


def test_what_somebody_names_is_no_gap(make_repository: MakeRepository) -> None:
    """A name in a manifest, a CI file, code or a root document claims the file; `.gitignore` and leftovers do not."""
    repository = make_repository(
        {
            "README.md": "The sample data are in `sample.db`; read [the plan](PLAN.md).\n",
            "sample.db": "x",
            "PLAN.md": "# Plan\n",
            ".github/workflows/ci.yml": "run: cat expected_output.txt TEST_REPORT.md\n",
            "expected_output.txt": "x\n",
            "TEST_REPORT.md": "x\n",
            "src/load.py": 'open("fixture.zip")\n',
            "fixture.zip": "x",
            ".gitignore": "/nothing\n",
            ".npmignore": "build.log\n",
            "build.log": "OTHER_NOTES.md\n",
            "OTHER_NOTES.md": "see [mine](MORE_NOTES.md)\n",
            "MORE_NOTES.md": "x\n",
        }
    )
    assert sorted(seen_in(repository)) == [
        "scratch-file build.log",
        "unlinked-report MORE_NOTES.md",
        "unlinked-report OTHER_NOTES.md",
    ]


def test_a_short_name_that_is_executable_is_a_command(make_repository: MakeRepository) -> None:
    """A file of one letter is an accident of a shell, unless it can be run: no redirection makes it so."""
    repository = make_repository({"x": "#!/usr/bin/env python3\n", "y": "output\n"})
    (repository / "x").chmod(0o755)
    commit_all(repository)
    assert seen_in(repository) == ["scratch-file y"]


def test_a_document_with_a_title_behind_tmp_may_be_kept(make_repository: MakeRepository) -> None:
    """It is told with low confidence; a document that is called so and no more is a leftover."""
    names = ("tmp.md", "tmp-1.md", "tmp-logging.txt", "tmp_fix_summary.md", "temp-notes.md")
    repository = make_repository(dict.fromkeys(("TMP-LOGGING.md", *names), "x\n"))
    sure = {gap.evidence[0].path: gap.confidence for gap in gaps_of(repository)}
    assert sure == {"TMP-LOGGING.md": "low"} | dict.fromkeys(names, "high")


def test_a_shown_screenshot_is_no_gap(make_repository: MakeRepository) -> None:
    """An image that any document shows is no leftover."""
    files = {"screenshot.png": "x", "docs/a.md": "![s](../screenshot.png)\n"}
    assert seen_in(make_repository(files)) == []


@pytest.mark.parametrize(("home", "moves"), [("docs/a.md", True), ("src/a.md", True), ("doc/a.md", False)])
def test_a_report_moves_only_where_documents_live(make_repository: MakeRepository, home: str, moves: bool) -> None:
    """Where documents have another folder, a person says where the report goes."""
    (gap,) = gaps_of(make_repository({"SURVEY_NOTES.md": "# Notes\n", home: "# A\n", "README.md": "# T\n"}))
    assert (gap.remedy is not None) == moves


def test_a_committed_backup_of_a_living_file_is_deleted(make_repository: MakeRepository) -> None:
    """A backup whose original is there can go, since git keeps it; one without original, or changed, cannot."""
    repository = make_repository(
        {"app.py": "x\n", "app.py.bak": "1\n2\n", "lost.py~": "x\n", "b.cfg": "", "b.cfg.orig": "x\n"}
    )
    write_files(repository, {"b.cfg.orig": "changed\n", "app.py~": "untracked\n"})
    gaps = {gap.evidence[0].path: gap for gap in gaps_of(repository)}
    assert sorted(path for path, gap in gaps.items() if path and gap.remedy) == ["app.py.bak"]
    assert gaps["app.py.bak"].remedy is not None
    assert gaps["app.py.bak"].remedy.lines == 2
    assert after_remedy(repository, gaps["app.py.bak"]) == {"app.py.bak": None}


def test_a_loose_report_moves_to_docs_with_its_links(make_repository: MakeRepository) -> None:
    """The report moves, links in it and to it are kept alive, and nothing else changes."""
    report = "# Notes\n\n[data](data/x.json) [self](#notes) [web](https://x.example) ![i](./img.png) [d](docs/a.md#a)\n"
    repository = make_repository(
        {
            "README.md": "# T\n",
            "SURVEY_NOTES.md": report,
            "data/x.json": "{}",
            "img.png": "x",
            "docs/a.md": "# A\n\n[n](../SURVEY_NOTES.md#notes)\n",
        }
    )
    (gap,) = gaps_of(repository)
    assert gap.remedy is not None
    assert (gap.rule_id, gap.remedy.kind, gap.remedy.lines) == ("root_clutter/unlinked-report", "file_move", 10)
    moved = (
        report.replace("data/x.json", "../data/x.json").replace("./img.png", "../img.png").replace("docs/a.md", "a.md")
    )
    assert after_remedy(repository, gap) == {
        "SURVEY_NOTES.md": None,
        "docs/SURVEY_NOTES.md": moved,
        "docs/a.md": "# A\n\n[n](SURVEY_NOTES.md#notes)\n",
    }


def test_a_report_stays_where_the_destination_is_not_free(make_repository: MakeRepository) -> None:
    """No move onto a file (in any letter case), below an ignored or site-governed docs/, or of uncommitted work."""
    for number, files in enumerate(
        (
            {"docs/survey_notes.md": "x\n"},
            {".gitignore": "/docs/\n"},
            {"docs/conf.py": "", "docs/index.rst": "x\n"},
            {"docs": "a file\n"},
        )
    ):
        repository = make_repository({"SURVEY_NOTES.md": "x\n", **files}, name=f"repo{number}")
        assert [gap.remedy for gap in gaps_of(repository)] == [None], files
    repository = make_repository({"SURVEY_NOTES.md": "x\n"}, name="changed")
    write_files(repository, {"SURVEY_NOTES.md": "y\n", "PLAN.md": "untracked\n"})
    assert [gap.remedy for gap in gaps_of(repository)] == [None, None]


def test_a_moved_report_leaves_no_gap(make_repository: MakeRepository) -> None:
    """Once the remedy is committed, the same scan finds nothing."""
    repository = make_repository({"README.md": "# T\n", "FIX_REPORT.md": "[a](README.md)\n"})
    (gap,) = gaps_of(repository)
    for path, text in after_remedy(repository, gap).items():
        if text is None:
            (repository / path).unlink()
        else:
            write_files(repository, {path: text})
    commit_all(repository)
    assert seen_in(repository) == []


# --- committed-output -----------------------------------------------------------------------------------------------

CODE = {"src/pkg/__init__.py": "", "src/pkg/core.py": "x = 1\n", "lib/Main.java": "", "lib/fast.c": ""}
OUTPUT = {
    "__pycache__/": ["src/pkg/__pycache__/core.cpython-311.pyc", "tests/__pycache__/t.cpython-311.pyc"],
    "*.pyc": ["src/pkg/core.pyc"],
    "*.class": ["lib/Main$Inner.class", "lib/Main.class"],
    "*.o": ["lib/fast.o"],
    "*.egg-info/": ["src/pkg.egg-info/PKG-INFO", "src/pkg.egg-info/SOURCES.txt"],
    ".pytest_cache/": [".pytest_cache/CACHEDIR.TAG", ".pytest_cache/v/cache/lastfailed"],
    "htmlcov/": ["htmlcov/index.html"],
    ".venv/": [".venv/bin/activate", ".venv/pyvenv.cfg"],
    ".DS_Store": ["docs/.DS_Store", "tests/.DS_Store"],
    ".coverage": ["src/.coverage"],
}


@pytest.mark.parametrize("rule", OUTPUT)
def test_committed_output_is_found_once_for_each_rule(make_repository: MakeRepository, rule: str) -> None:
    """Everything that one line of `.gitignore` would keep out is one gap, with every place as evidence."""
    (gap,) = gaps_of(make_repository({**CODE, **dict.fromkeys(OUTPUT[rule], "x\n")}))
    assert gap.rule_id == "root_clutter/committed-output"
    assert [evidence.path for evidence in gap.evidence] == OUTPUT[rule]
    assert gap.title.endswith(f"committed ({rule})")
    assert gap.remedy is None, "there is no .gitignore to add to"


@pytest.mark.parametrize(
    "names",
    [
        ["src/pkg/other.pyc", "lib/Other.class", "lib/other.o"],
        ["bootstrap.egg-info/PKG-INFO", "bootstrap.egg-info/entry_points.txt"],
        ["tests/fixtures/__pycache__/a.pyc", "tests/data/.DS_Store", "testdata/pkg.egg-info/SOURCES.txt"],
        ["env/settings.py", "venv/readme.md"],
        ["dist/index.js", "build/Makefile", "out/page.html", "target/list.txt", "coverage/index.md"],
        ["vendor/pkg/__pycache__/a.pyc", "templates/app/__pycache__/a.pyc"],
    ],
)
def test_output_that_may_be_meant_is_no_gap(make_repository: MakeRepository, names: list[str]) -> None:
    """Binaries without their source, metadata written by hand, fixtures, and folders that only may be output."""
    assert seen_in(make_repository({**CODE, **dict.fromkeys(names, "x\n")})) == []


def test_output_that_is_not_committed_is_no_gap(make_repository: MakeRepository) -> None:
    """Untracked output is for `git status` to show, and ignored output is as it should be."""
    repository = make_repository({**CODE, ".gitignore": "*.o\n"})
    write_files(repository, {"lib/fast.o": "x", "src/pkg/__pycache__/core.cpython-311.pyc": "x"})
    assert seen_in(repository) == []


def test_committed_output_is_untracked_and_ignored(make_repository: MakeRepository) -> None:
    """The remedy removes the files and adds one line to `.gitignore`; afterwards there is no gap, and new output is
    ignored."""
    files = dict.fromkeys(OUTPUT["__pycache__/"], "a\nb\n")
    repository = make_repository({**CODE, **files, ".gitignore": "*.log\n/tmp/\n"})
    (gap,) = gaps_of(repository)
    assert gap.remedy is not None
    assert (gap.remedy.kind, gap.remedy.lines) == ("file_delete", 5)
    changes = after_remedy(repository, gap)
    assert changes == {**dict.fromkeys(files), ".gitignore": "*.log\n/tmp/\n__pycache__/\n"}
    for path, text in changes.items():
        if text is None:
            (repository / path).unlink()
        else:
            write_files(repository, {path: text})
    assert git(repository, "add", "--all", "--dry-run").count("remove") == 2
    commit_all(repository)
    write_files(repository, files)
    assert seen_in(repository) == []
    assert git(repository, "status", "--porcelain") == ""


def test_output_that_git_would_ignore_is_only_removed(make_repository: MakeRepository) -> None:
    """Where the repository ignores it already, `.gitignore` stays as it is."""
    repository = make_repository({**CODE, ".gitignore": "*.class\n"})
    write_files(repository, {"lib/Main.class": "x"})
    git(repository, "add", "--force", "lib/Main.class")
    git(repository, "commit", "--quiet", "--message", "by force")
    (gap,) = gaps_of(repository)
    assert after_remedy(repository, gap) == {"lib/Main.class": None}


@pytest.mark.parametrize(
    "ignored", ["", "no newline at the end", "*.log\r\n", "*.log\n\n"], ids=["empty", "unfinished", "crlf", "blank"]
)
def test_output_stays_where_the_ignore_file_is_not_plain(make_repository: MakeRepository, ignored: str) -> None:
    """No edit of an empty, unfinished or CRLF `.gitignore`, or below a blank line; and none of uncommitted work."""
    repository = make_repository({**CODE, "src/pkg/core.pyc": "x", ".gitignore": ignored})
    assert [gap.remedy for gap in gaps_of(repository)] == [None]


def test_changed_output_stays(make_repository: MakeRepository) -> None:
    """What is changed or staged is somebody's work in progress."""
    repository = make_repository({**CODE, "src/pkg/core.pyc": "x", ".gitignore": "*.log\n"})
    assert [gap.remedy is None for gap in gaps_of(repository)] == [False]
    write_files(repository, {"src/pkg/core.pyc": "y"})
    assert [gap.remedy is None for gap in gaps_of(repository)] == [True]
