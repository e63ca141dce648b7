"""sot_duplicate: truth in two places is found; copies that have a reason are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopack.gaps.detectors.sot_duplicate import DETECTOR
from autopack.gaps.models import Gap
from gap_reports import report_of, seen
from remedies import after_remedy
from repositories import MakeRepository, commit_all

LEDGER = "# Build history\n\n## BUILD-001: first\n\nThe first.\n"
WORDS = "\n".join(
    f"Sentence {number} tells of the harbour wall, the tide and boat number {number * 7}." for number in range(60)
)


def gaps_of(workspace: Path) -> tuple[Gap, ...]:
    return report_of(workspace, DETECTOR).gaps


def seen_in(workspace: Path) -> list[str]:
    return seen(gaps_of(workspace))


def test_an_identical_ledger_in_two_places_is_found(make_repository: MakeRepository) -> None:
    """The same ledger in the root and in docs/ is a medium gap that stops nobody."""
    (gap,) = gaps_of(make_repository({"docs/BUILD_HISTORY.md": LEDGER, "BUILD_HISTORY.md": LEDGER}))
    assert (
        gap.title
        == "The ledger docs/BUILD_HISTORY.md exists twice: docs/BUILD_HISTORY.md and BUILD_HISTORY.md are identical"
    )
    assert (gap.risk_classification, gap.blocks_autopilot) == ("medium", False)


def test_a_diverged_ledger_blocks(make_repository: MakeRepository) -> None:
    """Two versions of a ledger are a high gap that blocks the autopilot, wherever both are."""
    files = {"archive/DEBUG_LOG.md": LEDGER, "DEBUG_LOG.md": f"{LEDGER}\n## BUILD-002: more\n"}
    (gap,) = gaps_of(make_repository(files))
    assert (gap.risk_classification, gap.blocks_autopilot) == ("high", True)
    assert [evidence.path for evidence in gap.evidence] == ["DEBUG_LOG.md", "archive/DEBUG_LOG.md"]


def test_configured_ledgers_are_the_ones_compared(make_repository: MakeRepository) -> None:
    """`.autopack/config.toml` says which files are ledgers."""
    configuration = '[ledgers]\nbuild_history = "docs/HISTORY.md"\n'
    files = {
        ".autopack/config.toml": configuration,
        "docs/HISTORY.md": LEDGER,
        "HISTORY.md": LEDGER,
        "BUILD_HISTORY.md": "x\n",
    }
    assert seen_in(make_repository(files)) == ["ledger-in-two-places docs/HISTORY.md"]


def test_pointers_parts_and_other_places_are_no_gap(make_repository: MakeRepository) -> None:
    """A page that points to the ledger, a rotated part and a package's own ledger are no second truth."""
    files = {
        "docs/BUILD_HISTORY.md": LEDGER,
        "BUILD_HISTORY.md": "# Moved\n\nSee [docs/BUILD_HISTORY.md](docs/BUILD_HISTORY.md).\n",
        "docs/archive/BUILD_HISTORY-2025.md": LEDGER,
        "packages/a/docs/BUILD_HISTORY.md": LEDGER,
    }
    assert seen_in(make_repository(files)) == []


def test_an_entry_id_taken_twice_is_found(make_repository: MakeRepository) -> None:
    """An id is unique within a ledger and across ledgers; every entry that carries it is named."""
    files = {
        "docs/BUILD_HISTORY.md": "# B\n\n## BUILD-001: a\n\n## BUILD-002: b\n\n## BUILD-001: c\n",
        "docs/DEBUG_LOG.md": "# D\n\n## [BUILD-002] d\n",
    }
    first, second = gaps_of(make_repository(files))
    assert [(evidence.path, evidence.line) for evidence in first.evidence] == [
        ("docs/BUILD_HISTORY.md", 3),
        ("docs/BUILD_HISTORY.md", 7),
    ]
    assert second.title == "2 entries are called BUILD-002 (docs/BUILD_HISTORY.md, docs/DEBUG_LOG.md)"


def test_mentions_continuations_and_code_are_no_second_entry(make_repository: MakeRepository) -> None:
    """Tables, sub-headings, continued entries, examples in code and ids without number are no gap."""
    text = (
        "# B\n\n| id |\n|---|\n| BUILD-001 |\n\n## BUILD-001: a\n\n### BUILD-001 details\n\nsee BUILD-001\n\n"
        "## BUILD-001 (continued)\n\n```\n## BUILD-001: example\n```\n\n## Notes\n\n## Notes\n"
    )
    assert seen_in(make_repository({"docs/BUILD_HISTORY.md": text})) == []


def test_identical_and_nearly_identical_documents_are_found(make_repository: MakeRepository) -> None:
    """Two documents of 200 words with the same or nearly the same text are one gap for each pair."""
    files = {
        "docs/windows.md": WORDS,
        "guide/on-windows.md": WORDS,
        "docs/other.md": WORDS[::-1],
        "docs/almost.md": WORDS[::-1].replace("llaw", "yauq", 1) + "\nOne more line.\n",
    }
    titles = [gap.title for gap in gaps_of(make_repository(files))]
    assert titles[0].startswith("docs/almost.md and docs/other.md are 9")
    assert titles[1:] == ["docs/windows.md and guide/on-windows.md are identical"]


def test_what_is_identical_and_what_is_the_same_word_for_word(make_repository: MakeRepository) -> None:
    """Ends of lines and empty lines are blanks; quotation marks and letter case are not; bytes are bytes."""
    text = "\n\n".join(f"line {number}: {word} is 'there'" for number, word in enumerate(WORDS.split()))
    files = {"docs/a.md": text, "docs/b.md": text.replace("\n\n", "\r\n")}
    (gap,) = gaps_of(make_repository(files))
    assert gap.title == "docs/a.md and docs/b.md are the same word for word"
    (gap,) = gaps_of(make_repository({**files, "docs/b.md": text}, name="bytes"))
    assert gap.title == "docs/a.md and docs/b.md are identical"
    for number, other in enumerate((text.replace("'", '"', 2), text.replace("there", "There", 1))):
        (gap,) = gaps_of(make_repository({**files, "docs/b.md": other}, name=str(number)))
        assert gap.title == "docs/a.md and docs/b.md are nearly the same"


def test_pages_that_wait_for_a_translator_are_unsure(make_repository: MakeRepository) -> None:
    """Where most of the pages with the word of their names are translated: `page.korean.md` beside `page.md`; where
    most are the same, it is the word for a copy."""
    names = [f"docs/{name}" for name in ("ant", "bee", "cat", "dog", "eel", "fox")]
    files = {f"{name}.md": shuffled(number) for number, name in enumerate(names)}
    files |= {f"{name}.korean.md": shuffled(10 + number) for number, name in enumerate(names)}
    files |= {f"{name}.old.md": shuffled(20 + number) for number, name in enumerate(names)}
    for name in names[:2]:
        files[f"{name}.korean.md"] = files[f"{name}.md"]
    for name in names[2:]:
        files[f"{name}.old.md"] = files[f"{name}.md"]
    files["README.md"] = "[a](docs/ant.md) [c](docs/cat.md)\n"
    repository = make_repository(files)
    commit_all(repository)
    told = {gap.title.split(" and ")[0]: (gap.confidence, gap.remedy is None) for gap in gaps_of(repository)}
    assert told == {
        "docs/ant.korean.md": ("low", True),
        "docs/bee.korean.md": ("low", True),
        "docs/cat.md": ("medium", False),
        "docs/dog.md": ("medium", True),
        "docs/eel.md": ("medium", True),
        "docs/fox.md": ("medium", True),
    }


def test_a_copied_tree_is_told_once_and_softly(make_repository: MakeRepository) -> None:
    """From three documents on that two folders share by their paths; two of them are each their own."""
    names = ("a.md", "b.md", "deep/c.md")
    files = {f"{top}/{name}": shuffled(number) for number, name in enumerate(names) for top in ("docs-next", "docs")}
    files["docs/b.md"] += "\nOne more line.\n"
    repository = make_repository({**files, "docs/other.md": shuffled(9), "guide/else.md": shuffled(9)})
    told = {gap.title: (gap.confidence, len(gap.evidence)) for gap in gaps_of(repository)}
    assert told == {
        "3 documents are in docs/ and, nearly or wholly the same, in docs-next/: a.md, deep/c.md, b.md": ("low", 6),
        "docs/other.md and guide/else.md are identical": ("medium", 2),
    }
    (repository / "docs/a.md").unlink()
    assert len(gaps_of(repository)) == 3


def test_what_was_left_behind_by_a_move_is_told(make_repository: MakeRepository) -> None:
    """A folder in the other, with the same documents, is no tree beside it."""
    names = ("a", "b", "x", "y")  # Some of them before, some behind the name of the folder.
    files = {f"{top}/{name}.md": shuffled(number) for number, name in enumerate(names) for top in ("docs", "docs/dev")}
    (gap,) = gaps_of(make_repository(files))
    assert (gap.confidence, gap.title) == (
        "medium",
        "4 documents are in docs/ and, nearly or wholly the same, in docs/dev/: a.md, b.md, x.md, …",
    )


def test_copies_with_a_reason_are_no_gap(make_repository: MakeRepository) -> None:
    """Translations, versions, series, fixtures, templates, READMEs, licences, agents' files and short texts are no
    gap."""
    pairs = [
        ("docs/en/guide.md", "docs/de/guide.md"),
        ("manual.md", "manual.zh-CN.md"),
        ("versioned_docs/version-1.0/a.md", "pages/a.md"),
        ("docs/latest/f.md", "docs/guide/f-more.md"),
        ("docs/latest/g.md", "docs/stable/g-more.md"),
        ("docs/2.1/h.md", "docs/2.1/h-more.md"),
        ("reports/annual-2020.md", "reports/annual-2021.md"),
        ("doc/release/1.20.2-notes.rst", "doc/all/1.20.2-changelog.rst"),
        ("tests/fixtures/b.md", "src/b.md"),
        ("templates/c.md", "src/c.md"),
        ("packages/a/README.md", "packages/b/README.md"),
        ("packages/a/LICENSE.md", "packages/b/LICENSE.md"),
        ("AGENTS.md", "CLAUDE.md"),
        ("vendor/d.md", "src/d.md"),
        ("archive/e.md", "src/e.md"),
        ("README.md", "docs/index.md"),
    ]
    files = {path: f"# {number}\n\n{shuffled(number)}" for number, pair in enumerate(pairs) for path in pair}
    assert seen_in(make_repository({**files, "short/one.md": "few words\n", "short/two.md": "few words\n"})) == []


def test_two_documents_of_the_newest_version_are_found(make_repository: MakeRepository) -> None:
    """In the folder of the version that is worked on, two copies are as wrong as anywhere."""
    files = {"docs/latest/variables.md": WORDS, "docs/latest/old_playbooks.md": WORDS}
    assert [gap.title for gap in gaps_of(make_repository(files))] == [
        "docs/latest/old_playbooks.md and docs/latest/variables.md are identical"
    ]


def test_a_copy_that_says_it_is_generated_is_no_gap(make_repository: MakeRepository) -> None:
    """Whoever corrects the source corrects the copy."""
    head = "<!-- DO NOT EDIT. This file is generated from src/. -->\n\n"
    assert seen_in(make_repository({"src/a.md": WORDS, "print/b.md": head + WORDS})) == []
    end = "\n[[Back to Model list]](../README.md) [[Back to README]](../README.md)\n"
    assert seen_in(make_repository({"docs/V1One.md": WORDS + end, "docs/V1Two.md": WORDS + end}, name="client")) == []


def test_a_copy_with_another_head_is_unsure(make_repository: MakeRepository) -> None:
    """A program puts a document into a site under a head of its own; whoever drifts apart in the body is two."""
    files = {"USERS.md": f"# Users\n\n{WORDS}", "www/users.md": f"---\ntitle: Users\n---\n\n{WORDS}\n"}
    (gap,) = gaps_of(make_repository(files))
    assert gap.confidence == "low"
    drifted = {**files, "www/users.md": files["www/users.md"] + "One more line of it.\n"}
    (gap,) = gaps_of(make_repository(drifted, name="drifted"))
    assert gap.confidence != "low"


def shuffled(number: int) -> str:
    """Return a text of its own for every NUMBER."""
    return WORDS.replace("harbour", f"harbour{number} of place{number}").replace(
        "boat", f"boat{number} or ship{number}"
    )


def test_long_and_odd_documents_do_no_harm(make_repository: MakeRepository) -> None:
    """One long line, no words and bytes that are no text are compared in a moment."""
    files = {"a.md": b"x " * 200_000, "b.md": b"x " * 200_001, "c.md": bytes(range(256)) * 900, "d.md": b"\n" * 100_000}
    gaps = gaps_of(make_repository(files))
    assert [gap.rule_id for gap in gaps] in ([], ["sot_duplicate/near-identical-documents"])


# --- versions-differ ------------------------------------------------------------------------------------------------

PYPROJECT = '[project]\nname = "sea-wall"\nversion = "1.4.0"\n'
NPM = '{\n  "name": "wall",\n  "version": "1.4.0"\n}\n'
CARGO = '[package]\nname = "wall"\nversion = "1.4.0"\n'


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"pyproject.toml": PYPROJECT, "src/sea_wall/__init__.py": '"""Doc."""\n\n__version__ = "1.3.9"\n'},
            "versions-differ src/sea_wall/__init__.py:3",
        ),
        (
            {"pyproject.toml": PYPROJECT, "sea_wall/__about__.py": "__version__: str = '2.0'\n"},
            "versions-differ sea_wall/__about__.py:1",
        ),
        (
            {"setup.cfg": "[metadata]\nname = wall\nversion = 1.4\n", "wall/version.py": "__version__ = '1.3'\n"},
            "versions-differ wall/version.py:1",
        ),
        ({"pyproject.toml": PYPROJECT, "README.md": "# Wall\n\n**Version:** 1.3.9\n"}, "versions-differ README.md:3"),
        ({"pyproject.toml": PYPROJECT, "README.rst": ":Version: 1.3.9 (ebb)\n"}, "versions-differ README.rst:1"),
        (
            {"package.json": NPM, "README.md": "![v](https://img.shields.io/badge/version-1.3.9-blue)\n"},
            "versions-differ README.md:1",
        ),
        (
            {"wall/__init__.py": "__version__ = '1.4'\n", "README.md": "Current version: 1.3.0\n"},
            "versions-differ README.md:1",
        ),
        (
            {"web/package.json": NPM, "web/package-lock.json": NPM.replace("1.4.0", "1.3.9")},
            "versions-differ web/package-lock.json:3",
        ),
        (
            {
                "crates/wall/Cargo.toml": CARGO,
                "Cargo.lock": '[[package]]\nname = "wall"\nversion = "1.3.9"\ndependencies = []\n',
            },
            "versions-differ Cargo.lock:3",
        ),
        (
            {
                "pyproject.toml": PYPROJECT,
                "uv.lock": '[[package]]\nname = "sea-wall"\nversion = "1.3.9"\nsource = { editable = "." }\n',
            },
            "versions-differ uv.lock:3",
        ),
    ],
)
def test_another_version_than_the_manifest_states_is_found(
    make_repository: MakeRepository, files: dict[str, str], expected: str
) -> None:
    """A module, README or lock file that states another version is one gap, with both places as evidence."""
    (gap,) = gaps_of(make_repository(files))
    assert seen([gap]) == [expected]
    assert len(gap.evidence) == 2


@pytest.mark.parametrize(
    "files",
    [
        # the same, written in another way
        {"pyproject.toml": PYPROJECT, "src/sea_wall/__init__.py": "__version__ = 'v1.4'\n"},
        {"pyproject.toml": PYPROJECT, "src/sea_wall/__init__.py": "__version__ = '1.4.0.dev3'\n"},
        {"pyproject.toml": PYPROJECT, "README.md": "Version: 1.4\n"},
        # not released yet, or a placeholder
        {"pyproject.toml": PYPROJECT.replace("1.4.0", "1.5.0.dev0"), "README.md": "Version: 1.4.0\n"},
        {"package.json": NPM.replace("1.4.0", "0.0.0"), "README.md": "Version: 1.4.0\n"},
        # another project's, or of no known project
        {"pyproject.toml": PYPROJECT, "src/tide/__init__.py": "__version__ = '0.2'\n"},
        {"pyproject.toml": PYPROJECT, "src/sea_wall/vendored/sea_wall/__init__.py": "__version__ = '0.2'\n"},
        {"pyproject.toml": PYPROJECT, "docs/README.md": "Version: 0.2\n"},
        {"package.json": NPM, "tool/_version.py": '__version__ = "0.2.0"\n'},
        {"package.json": NPM, "package-lock.json": '{"name": "other", "version": "0.2"}\n'},
        {"pyproject.toml": PYPROJECT, "package.json": NPM.replace("1.4.0", "0.2.0"), "README.md": "Version: 1.4.0\n"},
        {
            "Cargo.toml": CARGO,
            "Cargo.lock": '[[package]]\nname = "wall"\nversion = "0.9.0"\nsource = "registry+x"\n',
        },
        {
            "crates/wall/Cargo.toml": CARGO,
            "fuzz/Cargo.lock": '[[package]]\nname = "wall"\nversion = "0.9.0"\ndependencies = []\n',
        },
        # computed
        {"pyproject.toml": PYPROJECT, "src/sea_wall/__init__.py": "__version__ = version('sea-wall')\n"},
        {"pyproject.toml": PYPROJECT, "src/sea_wall/__init__.py": "__version__ = '0.1'\n__version__ = '0.2'\n"},
        {"setup.cfg": "[metadata]\nname = wall\nversion = attr: wall.v\n", "wall/version.py": "__version__ = '1'\n"},
        # not the project's version
        {"pyproject.toml": PYPROJECT, "README.md": "Python version: 3.9.1\n\nAPI version 2.0 is supported.\n"},
        {"pyproject.toml": PYPROJECT, "README.md": "## Version 1.3.9\n\n## Version 1.3.8\n"},
        # samples
        {"tests/data/pyproject.toml": PYPROJECT, "tests/data/README.md": "Version: 1.3.9\n"},
        {"examples/web/package.json": NPM, "examples/web/package-lock.json": NPM.replace("1.4.0", "1.3.9")},
    ],
)
def test_versions_that_may_well_differ_are_no_gap(make_repository: MakeRepository, files: dict[str, str]) -> None:
    """Spellings, pre-releases, placeholders, other projects, computed versions, histories and samples are left
    alone."""
    assert seen_in(make_repository(files)) == []


def test_the_copy_of_a_ledger_becomes_a_pointer(make_repository: MakeRepository) -> None:
    """The configured ledger stays; the copy points to it, and the pointer is no ledger."""
    repository = make_repository({"docs/BUILD_HISTORY.md": LEDGER, "archive/BUILD_HISTORY.md": LEDGER})
    (gap,) = gaps_of(repository)
    assert after_remedy(repository, gap) == {
        "archive/BUILD_HISTORY.md": "This document is kept in [docs/BUILD_HISTORY.md](../docs/BUILD_HISTORY.md).\n"
    }


def test_the_document_that_others_link_to_is_kept(make_repository: MakeRepository) -> None:
    """Of two identical documents the one that is linked stays, whichever comes first."""
    repository = make_repository({"README.rst": "`t <guide/tide.md>`_\n", "a.md": WORDS, "guide/tide.md": WORDS})
    (gap,) = gaps_of(repository)
    assert after_remedy(repository, gap) == {"a.md": "This document is kept in [guide/tide.md](guide/tide.md).\n"}


@pytest.mark.parametrize(
    "others",
    [
        {},
        {"README.md": "[a](a.md), [b](b/tide.md)\n"},
        {"README.md": "[a](a.md)\n", "mkdocs.yml": "docs_dir: b\n"},
        {"README.md": "[a](a.md)\n", "a.md": f"---\nx: y\n---\n{WORDS}", "b/tide.md": f"---\nx: y\n---\n{WORDS}"},
    ],
    ids=["nobody links", "both are linked", "a site's page", "front matter"],
)
def test_where_it_is_not_certain_which_to_keep_there_is_no_remedy(
    make_repository: MakeRepository, others: dict[str, str]
) -> None:
    """Nobody is asked to lose a page that a site or a reader may need."""
    (gap,) = gaps_of(make_repository({"a.md": WORDS, "b/tide.md": WORDS, **others}))
    assert gap.remedy is None


def test_a_copy_of_a_ledger_whose_headings_are_linked_has_no_remedy(make_repository: MakeRepository) -> None:
    """A pointer has no headings: links to them would break."""
    linking = {"a.md": "[x](BUILD_HISTORY.md#build-001-first)\n"}
    (gap,) = gaps_of(make_repository({"docs/BUILD_HISTORY.md": LEDGER, "BUILD_HISTORY.md": LEDGER, **linking}))
    assert gap.remedy is None


def test_a_lock_below_another_lock_is_left_over(make_repository: MakeRepository) -> None:
    """A workspace is locked in one place; where that is seen, it is said."""
    manifest, lock = '{"name": "wall", "version": "1.4.0"}\n', '{\n  "name": "wall",\n  "version": "1.3.9"\n}\n'
    files = {"web/wall/package.json": manifest, "web/wall/package-lock.json": lock}
    (plain,) = gaps_of(make_repository(files, name="plain"))
    (below,) = gaps_of(make_repository({**files, "yarn.lock": ""}, name="below"))
    said = "web/wall/package-lock.json states version 1.3.9 of wall, web/wall/package.json 1.4.0"
    left_over = "yarn.lock is there too: where that locks a workspace, this one is left over"
    assert (plain.title, below.title) == (said, f"{said}; {left_over}")
