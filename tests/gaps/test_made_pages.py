"""Pages that builds write, and documents that builds put together, are told of with low confidence or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopack.gaps.detectors.doc_drift import DETECTOR
from autopack.gaps.made_pages import MadePages, find_names, may_build
from gap_reports import report_of
from repositories import MakeRepository, commit_all, git

MADE = "; what builds the documents may make it"


def told(workspace: Path) -> dict[str, str]:
    """Return the confidence of each finding by its title."""
    return {gap.title: gap.confidence for gap in report_of(workspace, DETECTOR).gaps}


@pytest.mark.parametrize(
    ("path", "builds"),
    [
        ("doc/manual/meson.build", True),
        ("src/Makefile", True),
        ("CMakeLists.txt", True),
        ("nix/manual.nix", True),
        ("docs/tools/generate.py", True),
        ("Documentation/list.sh", True),
        ("src/generate.py", False),
        ("docs/list.txt", False),
        ("docs/guide.md", False),
        ("docs/build", False),
    ],
)
def test_what_builds_documents_is_known_by_name_and_place(path: str, builds: bool) -> None:
    """Descriptions of builds anywhere, and programs beside documents."""
    assert may_build(path) is builds
    assert bool(find_names(path, b"'cli-build'")) is builds


def test_names_of_pages_are_found_in_quotes_and_by_their_suffix() -> None:
    """A word in quotes is the name of many a thing; one of several parts is not."""
    data = b"pages = ['cli-build', \"a\", 'manual', `short-1`, 'docs/cli-start'] # cat in/index.md > all-pages.rst\n"
    assert find_names("Makefile", data) == ("all-pages.rst", "cli-build", "cli-start", "index.md")
    assert find_names("Makefile", b"\xff\xfe.md 'caf\xc3\xa9-au-lait' .md") == ()
    assert find_names("Makefile", b"'cli-build' " * 30_000) == ()


@pytest.mark.parametrize(
    ("page", "is_written"),
    [
        ("docs/cli-build.md", True),
        ("cli-build-all.md", True),
        ("docs/reference_manual_functions.md", True),
        ("docs/cli-builder.md", False),
        ("docs/cli.md", False),
        ("docs/index.md", False),
        ("docs/reference.md", False),
    ],
)
def test_a_page_is_written_by_what_names_it_or_its_beginning(page: str, is_written: bool) -> None:
    """What all pages are called, and a part of a word, says nothing."""
    made = MadePages({"docs/Makefile": ("cli-build", "index.md", "reference", "reference_manual")})
    assert made.may_write(page, frozenset({"there_now"})) is is_written


def test_a_page_that_is_there_writes_none(make_repository: MakeRepository) -> None:
    """A list of pages names them, and so do settings; what a project in code is called is no beginning of a page."""
    files = {
        "website/list.js": "module.exports = ['getting-started', 'other_page']\n",
        "website/site.config.js": "x = 'listed-page'\n",
        "CMakeLists.txt": 'project("json-parser")\n',
        "docs/getting-started.md": "# G\n",
        "docs/a.md": "[a](getting-started-windows.md)\n",
        "docs/b.md": "[b](json-parser-usage.md)\n",
        "docs/c.md": "[c](listed-page.md)\n",
        "docs/d.md": "[d](other_page_two.md)\n",
    }
    found = told(make_repository(files))
    assert {title.split(" ")[0]: sure for title, sure in found.items()} == {
        "docs/a.md": "high",
        "docs/b.md": "high",
        "docs/c.md": "high",
        "docs/d.md": "low",
    }


def test_readmes_are_not_doubted(make_repository: MakeRepository) -> None:
    """The host shows them; templates of READMEs say nothing of other pages."""
    files = {
        "docs/meson.build": "pages = ['cli-build']\n",
        "README.md": "[a](docs/cli-build.md)\n",
        "charts/app/README.md.gotmpl": "# A\n",
        "charts/app/notes.md": "[b](UPGRADING.md)\n",
    }
    assert set(told(make_repository(files)).values()) == {"high"}


def test_links_to_pages_that_a_build_may_write_are_unsure(make_repository: MakeRepository) -> None:
    """One that no build names stays dead."""
    files = {"meson.build": "pages = ['cli-build']\n", "docs/guide.md": "[a](cli-build.md)\n\n[b](other-page.md)\n"}
    assert told(make_repository(files)) == {
        f"docs/guide.md links to cli-build.md, which is not there{MADE}": "low",
        "docs/guide.md links to other-page.md, which is not there": "high",
    }


def test_a_page_that_was_there_once_is_gone(make_repository: MakeRepository) -> None:
    """Whoever removed it forgot the link, and the build."""
    files = {"docs/meson.build": "pages = ['cli-build']\n", "docs/guide.md": "[a](cli-build.md)\n"}
    repository = make_repository({**files, "docs/cli-build.md": "# B\n"})
    commit_all(repository)
    git(repository, "rm", "-q", "docs/cli-build.md")
    commit_all(repository, "second")
    assert told(repository) == {"docs/guide.md links to cli-build.md, which is not there": "high"}


def test_what_a_page_is_made_from_stands_for_it(make_repository: MakeRepository) -> None:
    """Beside it other pages may be made."""
    text = "[a](types/index.md) [b](types/local.md) [c](sorts/local.md)\n"
    repository = make_repository({"docs/a.md": text, "docs/types/index.md.in": "@list@\n", "docs/sorts/b.md": "# B\n"})
    assert told(repository) == {
        f"docs/a.md links to types/local.md, which is not there{MADE}": "low",
        "docs/a.md links to sorts/local.md, which is not there": "high",
    }


@pytest.mark.parametrize(
    ("build", "document", "confidence"),
    [
        ("docs/Makefile", "docs/prefix.md", "low"),
        ("docs/tools/Makefile", "docs/tools/deep/prefix.md", "low"),
        ("Makefile", "docs/prefix.md", "high"),
        ("Makefile", "prefix.md", "high"),
        ("other/Makefile", "docs/prefix.md", "high"),
        ("docs/Makefile", "docs/README.md", "high"),
    ],
)
def test_a_document_that_a_build_names_may_be_a_part(
    make_repository: MakeRepository, build: str, document: str, confidence: str
) -> None:
    """Its headings may come with the other parts, except where the host shows it as it is."""
    name = document.rpartition("/")[2]
    repository = make_repository({build: f"all:\n\tcat {name} rest > all.md\n", document: "# P\n\n[a](#heap-of-all)\n"})
    assert list(told(repository).values()) == [confidence]


def test_pictures_that_a_build_copies_are_unsure(make_repository: MakeRepository) -> None:
    """By their names or by a pattern that says more than `*.png`."""
    names = ("mesh_left-one.png", "the-logo.svg", "other-mesh.png", "icon.png")
    files = {
        "Makefile": "html:\n\tcp ../tests/mesh_*-o*.png ../the-logo.svg build/\n\tcp *.png icon.png build/\n",
        "docs/guide.rst": "".join(f".. image:: {name}\n\n" for name in names),
    }
    found = told(make_repository(files))
    assert [found.get(f"docs/guide.rst links to {name}, which is not there{MADE}") for name in names[:2]] == ["low"] * 2
    assert [found.get(f"docs/guide.rst links to {name}, which is not there") for name in names[2:]] == ["high"] * 2


def test_a_document_in_a_program_is_read_there(make_repository: MakeRepository) -> None:
    """C takes it in as it stands; the program puts the headings around it."""
    files = {"src/store.md": "See [a](#heap-of-all) and [b](gone.md).\n", "src/store.cc": '#include "store.md"\n'}
    assert list(told(make_repository(files))) == ["src/store.md links to gone.md, which is not there"]


LINK = "[a](never-was.md)\n"


@pytest.mark.parametrize(
    ("files", "document", "link"),
    [
        ({"docs/antora.yml": ""}, "docs/page.md", LINK),
        ({"docs/_index.md": "# D\n"}, "docs/deep/page.md", LINK),
        ({"docs/.vitepress/config.ts": ""}, "docs/page.md", "![a](never-was.png)\n"),
        ({"mkdocs.yml": "site_name: A\nplugins:\n  - gen-files\n"}, "docs/page.md", LINK),
        ({"doc/meson.build": "'other-page.md'\n"}, "doc/deep/page.md", "[a](../never-was.md)\n"),
        ({"docs/tools/generate_pages.py": "write('made.md')\n"}, "docs/page.md", LINK),
    ],
)
def test_what_was_never_among_built_documents_may_come_with_the_build(
    make_repository: MakeRepository, files: dict[str, str], document: str, link: str
) -> None:
    """By a generator with rules of its own, or a program among the documents."""
    assert list(told(make_repository({**files, document: link})).values()) == ["low"]


@pytest.mark.parametrize(
    ("files", "document", "link"),
    [
        ({}, "docs/page.md", LINK),
        ({"docs/conf.py": "", "docs/index.md": "# D\n", "docs/Makefile": "html:\n"}, "docs/page.md", LINK),
        ({"mkdocs.yml": "site_name: A\n", "docs/other.md": "# O\n"}, "docs/page.md", LINK),
        ({"docs/book.toml": ""}, "docs/src/page.md", LINK),
        ({"docs/tools/hello.py": "write('made.md')\n"}, "docs/page.md", LINK),
        ({"docs/examples/make_request.py": "write('made.md')\n"}, "docs/page.md", LINK),
        ({"docs/CMakeLists.txt": "doxygen_add_docs(docs page.md)\n"}, "docs/page.md", LINK),
        ({".readthedocs.yaml": "", "docs/source/conf.py": ""}, "docs/page.md", LINK),
        ({"docs/antora.yml": ""}, "docs/README.md", LINK),
        ({"docs/antora.yml": ""}, "docs/page.md", "[a](../src/never-was.py)\n"),
        ({"guide/antora.yml": ""}, "guide/page.md", LINK),
        ({"docs/antora.yml": "", "docs/never-wass.md": "# N\n"}, "docs/page.md", LINK),
    ],
)
def test_what_is_plainly_missing_stays_dead(
    make_repository: MakeRepository, files: dict[str, str], document: str, link: str
) -> None:
    """Pages of the files that are there, what the host shows, what lies outside, and what is nearly here."""
    found = told(make_repository({**files, document: link}))
    assert found
    assert set(found.values()) <= {"high", "medium"}
