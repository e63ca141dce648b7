"""root_clutter: leftovers and loose reports in the root are found; what belongs there, or is named, is not."""

from __future__ import annotations

from pathlib import Path

from autopack.gaps.detectors.root_clutter import DETECTOR
from autopack.gaps.models import Gap
from gap_reports import report_of, seen
from remedies import after_remedy
from repositories import MakeRepository, commit_all, write_files


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


def test_a_shown_screenshot_is_no_gap(make_repository: MakeRepository) -> None:
    """An image that any document shows is no leftover."""
    files = {"screenshot.png": "x", "docs/a.md": "![s](../screenshot.png)\n"}
    assert seen_in(make_repository(files)) == []


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
    assert (gap.rule_id, gap.remedy.kind, gap.remedy.lines) == ("root_clutter/unlinked-report", "file_move", 4)
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
