"""doc_drift: what documents say and the tree does not hold is found; what renderers know better is not."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autopack.gaps import links_of_one_cause, vanished_paths
from autopack.gaps.detectors.doc_drift import DETECTOR, history_candidates
from autopack.gaps.models import Gap
from autopack.gaps.snapshot import take_snapshot
from gap_reports import report_of, seen
from remedies import after_remedy
from repositories import MakeRepository, commit_all, git, write_files

MADE = "; what builds the documents may make it"


def gaps_of(workspace: Path) -> tuple[Gap, ...]:
    return report_of(workspace, DETECTOR).gaps


def seen_in(workspace: Path) -> list[str]:
    return seen(gaps_of(workspace))


# --- broken-link ----------------------------------------------------------------------------------------------------


def test_links_and_images_to_nowhere_are_found(make_repository: MakeRepository) -> None:
    """Inline, reference, HTML and image targets that do not exist are gaps, each at its line."""
    text = (
        "# Title\n\nSee [guide](docs/guide.md) and ![plan](img/plan.png).\n\n[ref][1]\n\n"
        '<img src="img/logo.svg">\n\n[space](<docs/two words.md>)\n\n[1]: docs/ref.md\n'
    )
    repository = make_repository({"README.md": text, "docs/here.md": "# Here\n"})
    places = [place.line for gap in gaps_of(repository) for place in gap.evidence]
    assert sorted(line for line in places if line) == [3, 3, 7, 9, 11]


def test_evidence_is_the_line_to_the_byte(make_repository: MakeRepository) -> None:
    """The excerpt's digest is that of the exact line, and the preview shows it."""
    line = "Grüße: [weg](docs/weg.md)"
    gap = gaps_of(make_repository({"README.md": f"# T\r\n\r\n{line}\r\n"}))[0]
    assert gap.evidence[0].excerpt_sha256 == hashlib.sha256(line.encode()).hexdigest()
    assert (gap.evidence[0].line, gap.evidence[0].preview) == (3, line)


def test_the_same_dead_target_twice_is_one_gap(make_repository: MakeRepository) -> None:
    """One target written twice in a document is one gap with two places, and its id survives a shift of lines."""
    repository = make_repository({"README.md": "[a](gone.md)\n\n[b](gone.md)\n"})
    (first,) = gaps_of(repository)
    assert [evidence.line for evidence in first.evidence] == [1, 3]
    write_files(repository, {"README.md": "new first line\n\n[a](gone.md)\n\n[b](gone.md)\n"})
    assert gaps_of(repository)[0].gap_id == first.gap_id


def test_links_into_a_folder_that_is_not_there_are_one_gap(make_repository: MakeRepository) -> None:
    """From three paths on, each in its place; two are each their own."""
    links = ["old/a.md", "old/b.md", "old/deep/c.md", "old/d.md"]
    text = "\n\n".join(f"[x]({link})" for link in [*links, "new/e.md", "new/f.md"])
    repository = make_repository({"README.md": text + "\n", "docs/here.md": "# Here\n"})
    gaps = gaps_of(repository)
    assert [gap.title for gap in gaps if len(gap.evidence) > 1] == [
        "README.md links to 4 paths in old/, which is not there: a.md, b.md, deep/c.md, …"
    ]
    assert sorted(len(gap.evidence) for gap in gaps) == [1, 1, 4]
    assert [one.line for gap in gaps for one in gap.evidence if len(gap.evidence) == 4] == [1, 3, 5, 7]
    write_files(repository, {"README.md": "first\n\n" + text.replace("[x](old/d.md)", "")})
    assert {gap.gap_id for gap in gaps_of(repository)} == {gap.gap_id for gap in gaps}, "the id is the cause's"


def test_a_folder_that_moved_is_one_gap_with_one_remedy(make_repository: MakeRepository) -> None:
    """From three files of one document on, linked to or named; two, or under other names, are each their own."""
    long = "a text of its own that is long enough to be known again"
    files = {f"old/{name}.md": f"# {name}, {long}\n" for name in ("ant", "bee", "cat", "dog", "eel")}
    links = "".join(f"[x]({path})\n" for path in files)
    names = "".join(f"See `{path}`.\n" for path in [*files][:3])
    repository = make_repository({**files, "README.md": links, "NAMES.md": names, "TWO.md": "[x](old/ant.md)\n" * 2})
    commit_all(repository)
    git(repository, "mv", "old", "new")
    git(repository, "mv", "new/eel.md", "new/ant-eater.md")
    commit_all(repository, "second")
    told = {gap.title: (len(gap.evidence), after_remedy(repository, gap)) for gap in gaps_of(repository)}
    assert told == {
        "README.md links to 4 files in old/, which are in new/ now: ant.md, bee.md, cat.md, …": (
            4,
            {"README.md": links.replace("old/", "new/").replace("new/eel", "old/eel")},
        ),
        "README.md links to old/eel.md, which is not there": (
            1,
            {"README.md": links.replace("old/eel.md", "new/ant-eater.md")},
        ),
        "NAMES.md names 3 files in old/, which are in new/ now: ant.md, bee.md, cat.md": (
            3,
            {"NAMES.md": names.replace("old/", "new/")},
        ),
        "TWO.md links to old/ant.md, which is not there": (2, {"TWO.md": "[x](new/ant.md)\n" * 2}),
    }


def test_a_reference_between_parentheses_is_made_one(make_repository: MakeRepository) -> None:
    """`[text](1)` where `[1]: …` is defined means `[text][1]`; three of them are one finding."""
    text = "Add [a](1) and ([b](two)) and [c](3).\n\n[1]: https://one.example\n[two]: https://two.example\n"
    repository = make_repository({"README.md": text})
    commit_all(repository)
    told = {gap.title: gap for gap in gaps_of(repository)}
    first = told["README.md links to 1, which is not there; the reference [1] seems to be meant"]
    assert after_remedy(repository, first) == {"README.md": text.replace("(1)", "[1]")}
    assert told["README.md links to 3, which is not there"].remedy is None
    write_files(repository, {"README.md": text + "[3]: https://three.example\n"})
    commit_all(repository, "second")
    (gap,) = gaps_of(repository)
    assert gap.title == "README.md links to 3 references between parentheses instead of brackets: 1, two, 3"
    mended = text.replace("(1)", "[1]").replace("(two)", "[two]").replace("(3)", "[3]")
    assert after_remedy(repository, gap) == {"README.md": f"{mended}[3]: https://three.example\n"}


def test_a_heading_of_its_own_page_gets_its_sign(make_repository: MakeRepository) -> None:
    """What names no file, and is the id of a heading here, is meant as that; what differs in anything is not."""
    text = '# Install it\n\n<a href="install-it">up</a> [x](Install-it) [y](install)\n'
    repository = make_repository({"README.md": text})
    commit_all(repository)
    told = {gap.title: gap for gap in gaps_of(repository)}
    assert set(told) == {
        "README.md links to install-it, which is not there; the heading #install-it seems to be meant",
        "README.md links to Install-it, which is not there",
        "README.md links to install, which is not there",
    }
    (gap,) = [gap for gap in told.values() if gap.remedy]
    assert after_remedy(repository, gap) == {"README.md": text.replace('"install-it"', '"#install-it"')}


def test_addresses_written_as_headings_are_one_gap(make_repository: MakeRepository) -> None:
    """`#https://…` is an address with a stray sign, as a host without its scheme is one."""
    text = "[a](#https://project.example/a) [b](#http://project.example/b) [c](project-name.com/c)\n"
    repository = make_repository({"README.md": text})
    commit_all(repository)
    told = {gap.title: after_remedy(repository, gap) for gap in gaps_of(repository)}
    assert told == {
        "README.md links to the heading #https://project.example/a, which README.md does not have;"
        " https://project.example/a seems to be meant": {"README.md": text.replace("#https", "https")},
        "README.md links to the heading #http://project.example/b, which README.md does not have;"
        " http://project.example/b seems to be meant": {"README.md": text.replace("#http:", "http:")},
        "README.md links to project-name.com/c, which is not there; https://project-name.com/c seems to be meant": {
            "README.md": text.replace("project-name", "https://project-name")
        },
    }
    more = text.replace("\n", " [d](#https://project.example/d)\n")
    write_files(repository, {"README.md": more})
    commit_all(repository, "second")
    told = {gap.title: after_remedy(repository, gap) for gap in gaps_of(repository)}
    assert told == {
        "README.md links to 3 URLs as if they were headings:"
        " #https://project.example/a, #http://project.example/b, #https://project.example/d": {
            "README.md": more.replace("(#", "(")
        },
        "README.md links to project-name.com/c, which is not there; https://project-name.com/c seems to be meant": {
            "README.md": more.replace("project-name", "https://project-name")
        },
    }


def test_a_copy_of_a_document_tells_nothing_new(make_repository: MakeRepository) -> None:
    """What is dead in both is told of one; what is dead in the copy alone is told of that."""
    text = "# Page\n\n[a](gone.md) [b](herb.md)\n"
    repository = make_repository({"docs/page.md": text, "docs/herb.md": "# Herb\n", "other/page.md": text})
    told = {gap.title: gap.confidence for gap in gaps_of(repository)}
    assert told == {
        "docs/page.md links to gone.md, which is not there": "high",
        "other/page.md links to gone.md, which is not there": "low",
        "other/page.md links to herb.md, which is not there; docs/herb.md is the one file of that name": "high",
    }


def test_a_link_within_a_target_is_meant(make_repository: MakeRepository) -> None:
    """`[text]([shown](address))` is what some editors paste; so are quotes."""
    text = '[a]([shown](https://project.example/a)) <a href="[x](https://project.example/b)">b</a>\n'
    quoted = '[c]("https://project.example/c")\n'
    repository = make_repository({"README.md": text, "docs/quoted.md": quoted})
    commit_all(repository)
    mended = {
        gap.title.rpartition("; ")[2]: next(iter(after_remedy(repository, gap).values())) for gap in gaps_of(repository)
    }
    assert mended == {
        "https://project.example/c seems to be meant": quoted.replace('"', ""),
        "https://project.example/a seems to be meant": text.replace(
            "[shown](https://project.example/a)", "https://project.example/a"
        ),
        "https://project.example/b seems to be meant": text.replace(
            "[x](https://project.example/b)", "https://project.example/b"
        ),
    }


def test_the_name_of_a_module_is_no_address(make_repository: MakeRepository) -> None:
    """`tool.io` where there is `tool/io.py` is looked up by Sphinx; where no site is built it is dead, and no host."""
    files = {"tool/io.py": "", "tool/net/__init__.py": "", "README.md": "[a](tool.io) [b](tool.net) [c](other.io)\n"}
    repository = make_repository({**files, "docs/index.md": "[a](tool.io) [b](tool.net) [c](other.io)\n"})
    commit_all(repository)
    assert sorted(gap.title for gap in gaps_of(repository) if "seems to be meant" not in gap.title) == [
        "README.md links to tool.io, which is not there",
        "README.md links to tool.net, which is not there",
        "docs/index.md links to tool.io, which is not there",
        "docs/index.md links to tool.net, which is not there",
    ]
    write_files(repository, {"docs/conf.py": "extensions = ['myst_parser']\n"})
    assert not any("tool" in gap.title for gap in gaps_of(repository) if "docs/" in gap.title)


def test_parts_of_one_page_have_each_others_headings(make_repository: MakeRepository) -> None:
    """Where a page takes in several, a heading of another part is on it; one that no part has is not."""
    files = {
        "docs/pages/index.md": "{!pages/install.md!}\n{!pages/use.md!}\n",
        "docs/pages/install.md": "# Install\n\n[a](#use) [b](#gone)\n",
        "docs/pages/use.md": "# Use\n\n[a](#install)\n",
        "docs/pages/other.md": "# Other\n\n[a](#install)\n",
    }
    assert seen_in(make_repository(files)) == [
        "broken-heading-link docs/pages/install.md:3",
        "broken-heading-link docs/pages/other.md:3",
    ]


def test_pages_in_the_navigation_of_mkdocs_may_be_made(make_repository: MakeRepository) -> None:
    """A plug-in writes what the navigation names and the tree lacks; what it does not name is dead."""
    pages = ("one", "two", "three", "four", "guide/five")
    nav = "".join(f"- {page}.md\n" for page in (*pages, "guide/coverage"))
    files = {f"docs/{page}.md": f"# {page}\n" for page in pages}
    files["docs/guide/six.md"] = "[a](coverage.md) [b](lost.md)\n"
    repository = make_repository({**files, "mkdocs.yml": f"site_name: A\nnav:\n{nav}"})
    assert [gap.title for gap in gaps_of(repository)] == ["docs/guide/six.md links to lost.md, which is not there"]


def test_sections_of_a_site_are_known_by_their_index(make_repository: MakeRepository) -> None:
    """`_index.md` is Hugo's, wherever its settings are: addresses of the site, and of others beside it, are its own."""
    links = "[a](/docs/grafana/latest/a/) [b](../../other/page/) [c](../picture.svg) [d](gone.svg)\n"
    files = {"_index.md": "# S\n", "deep/page.md": links, "deep/picture.svg": "x"}
    repository = make_repository({f"docs/sources/{path}": text for path, text in files.items()})
    assert [gap.title for gap in gaps_of(repository)] == [
        f"docs/sources/deep/page.md links to gone.svg, which is not there{MADE}"
    ]


def test_an_address_of_some_site_is_no_path_from_the_root(make_repository: MakeRepository) -> None:
    """What names a file, or stands beside others, is a path; what has no extension, in a folder that is not there, may
    be anything."""
    links = "[a](/docs/loki/latest/) [b](/docs/gone.md) [c](/docs/lost) [d](/docs/loki/gone.md)\n"
    repository = make_repository({"README.md": links, "docs/a.md": "# A\n"})
    assert [len(gap.evidence) for gap in gaps_of(repository)] == [3]
    assert gaps_of(repository)[0].title.endswith("/docs/gone.md, /docs/lost, /docs/loki/gone.md")


def test_paths_written_from_the_root_are_told_as_that(make_repository: MakeRepository) -> None:
    """No file moved there: the document is read from another folder than it was written for."""
    files = {f"src/tool/{name}.py": "" for name in "abc"}
    text = "".join(f"[x]({path})\n" for path in files)
    repository = make_repository({**files, "src/pages/api.md": text})
    commit_all(repository)
    (gap,) = gaps_of(repository)
    assert gap.title == "src/pages/api.md links to 3 files in src/tool/ as if it stood in the root: a.py, b.py, c.py"
    assert after_remedy(repository, gap) == {"src/pages/api.md": text.replace("src/tool", "../tool")}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("docs/_redirects.yml", "# moved\nold/page: new/page\n"),
        ("docs/redirects.json", '{\n  "/old/page.md": "/new/page"\n}\n'),
    ],
)
def test_a_page_that_is_redirected_is_alive(make_repository: MakeRepository, name: str, text: str) -> None:
    """On the site a reader is led on; a page that nothing redirects is gone."""
    files = {"docs/conf.py": "", "docs/index.md": "# I\n", "docs/a.md": "[x](old/page.md) [y](old/other.md)\n"}
    assert [gap.title for gap in gaps_of(make_repository({**files, name: text}))] == [
        "docs/a.md links to old/other.md, which is not there"
    ]


@pytest.mark.parametrize(
    ("directive", "is_told"), [("note", True), ("code-block", True), ("include", False), ("autoclass", False)]
)
def test_directives_of_myst_that_bring_headings_are_parts(
    make_repository: MakeRepository, directive: str, is_told: bool
) -> None:
    """A note has none, so that a heading that the page lacks is missing; what a directive takes in may have any."""
    page = f"# Page\n\n[a](#gone-by-now)\n\n```{{{directive}}} other\nText.\n```\n"
    assert bool(seen_in(make_repository({"page.md": page}))) == is_told


def test_pages_of_a_translation_fall_back_to_the_original(make_repository: MakeRepository) -> None:
    """Named without suffix too, where a site is made of them; what no language has is dead."""
    pages = ("one", "two", "three", "four", "five")
    toc = "".join(f"- local: {page}\n" for page in pages)
    files = {f"docs/{language}/{page}.md": f"# {page}\n" for page in pages for language in ("en", "de")}
    files |= {f"docs/{language}/_toctree.yml": toc for language in ("en", "de")}
    files["docs/de/one.md"] = "[a](./guide/only) [b](./lost)\n"
    files["docs/en/guide/only.md"] = "# Only\n"
    files["docs/de/guide/other.md"] = "# Other\n"
    assert [gap.title for gap in gaps_of(make_repository(files))] == [
        f"docs/de/one.md links to ./lost, which is not there{MADE}"
    ]


def test_labels_are_known_where_the_settings_lie_beside_the_pages(make_repository: MakeRepository) -> None:
    """`sphinx-build -c sphinx .`: the settings are in a folder of their own."""
    files = {"docs/a/label.md": "(far-label)=\n# A\n", "docs/b/page.md": "# B\n\n[x](#far-label) [y](#no-label)\n"}
    repository = make_repository({**files, "docs/sphinx/conf.py": "", "other/page.md": "# O\n\n[x](#far-label)\n"})
    assert sorted(gap.title.split(",")[0] for gap in gaps_of(repository)) == [
        "docs/b/page.md links to the heading #no-label",
        "other/page.md links to the heading #far-label",
    ]


def test_front_matter_is_no_heading(make_repository: MakeRepository) -> None:
    """The line above its end is not underlined by it; a line above one further down is."""
    page = "---\ntitle: About it\n---\n\nUnderlined\n---\n"
    text = "[a](page.md#title-about-it) [b](page.md#underlined)\n"
    assert [gap.title for gap in gaps_of(make_repository({"README.md": text, "page.md": page}))] == [
        "README.md links to the heading #title-about-it, which page.md does not have"
    ]


def test_what_is_nearly_named_is_mentioned(make_repository: MakeRepository) -> None:
    """A person may have meant it: one letter of a name beside, or the words of one heading; nothing is changed."""
    page = "# Page\n\n## Architecture documentation\n\n## One setup\n\n## Other setup\n"
    text = "[a](none-is-undefined) [b](page.md#architecture) [c](page.md#setup) [d](none-is-nothing)\n"
    files = {"none-as-undefined/a.txt": "x", "none-os-nothing/a.txt": "x", "none-as-nothing/a.txt": "x"}
    gaps = gaps_of(make_repository({"README.md": text, "page.md": page, **files}))
    assert sorted(gap.title for gap in gaps) == [
        "README.md links to none-is-nothing, which is not there",
        "README.md links to none-is-undefined, which is not there; none-as-undefined is one letter off",
        "README.md links to the heading #architecture, which page.md does not have;"
        " #architecture-documentation is the one heading with these words",
        "README.md links to the heading #setup, which page.md does not have",
    ]
    assert not any(gap.remedy for gap in gaps)


def test_a_file_in_other_letters_is_named_where_it_lacks_the_heading(make_repository: MakeRepository) -> None:
    """Git renamed nothing."""
    files = {"rfcs/a.md": "[x](../protocol.md#gone-by-now)\n", "PROTOCOL.md": "# P\n"}
    assert [gap.title for gap in gaps_of(make_repository(files))] == [
        "rfcs/a.md links to ../protocol.md#gone-by-now, which is not there; PROTOCOL.md is, in other letters"
    ]


def test_a_heading_of_that_very_name_is_named_before_one_with_its_words(make_repository: MakeRepository) -> None:
    """Another document has it, and this one has a longer one."""
    files = {"rfc.md": "[x](#type-widening)\n\n## Add type widening\n", "PROTOCOL.md": "# P\n\n## Type widening\n"}
    assert [gap.title for gap in gaps_of(make_repository(files))] == [
        "rfc.md links to the heading #type-widening, which rfc.md does not have;"
        " PROTOCOL.md is the one document that does"
    ]


def test_gitbook_writes_id_before_a_number(make_repository: MakeRepository) -> None:
    """Nobody else does."""
    text = "# P\n\n## 4.2. Deploy it\n\n[x](#id-4.2.-deploy-it) [y](#id-4.3.-deploy-it) [z](#id-deploy-it)\n"
    for name, dead in ((".gitbook.yaml", 2), ("other.yaml", 3)):
        gaps = gaps_of(make_repository({name: "root: .\n", "page.md": text}, name=name))
        assert sum(gap.title.count("#") for gap in gaps) == dead


def test_what_was_put_into_an_archive_is_named_and_not_linked(make_repository: MakeRepository) -> None:
    """Whether a living document wants to lead there is for people to say; one of the archive does."""
    page = "# A page that is long enough to be known again by git\n"
    repository = make_repository({"tags.md": page, "guide.md": "[x](tags.md)\n", "archive/old.md": "[x](../tags.md)\n"})
    commit_all(repository)
    git(repository, "mv", "tags.md", "archive/tags.md")
    commit_all(repository, "second")
    assert [(gap.title, gap.remedy) for gap in gaps_of(repository)] == [
        ("guide.md links to tags.md, which is not there; git says that it became archive/tags.md", None)
    ]


def test_a_heading_without_text_is_near_to_none(make_repository: MakeRepository) -> None:
    """It has no id that a link could name."""
    gaps = gaps_of(make_repository({"a.md": "# A\n\n###\n\n[x](#test-plan) [y](#alpha---beta)\n"}))
    assert [gap.remedy for gap in gaps] == [None, None]
    assert sorted(gap.title for gap in gaps) == [
        "a.md links to the heading #alpha---beta, which a.md does not have",
        "a.md links to the heading #test-plan, which a.md does not have",
    ]


def test_words_that_two_headings_have_are_those_of_none(make_repository: MakeRepository) -> None:
    """GitHub writes the words of `Goals/Pain` as one; a longer word is no word of these."""
    for number, headings in enumerate(("## Goals/Pain\n\n## Non-goals\n", "## Goalsetting guide\n")):
        files = {"a.md": "[x](b.md#goals)\n", "b.md": f"# B\n\n{headings}"}
        assert [gap.title for gap in gaps_of(make_repository(files, name=str(number)))] == [
            "a.md links to the heading #goals, which b.md does not have"
        ]


def test_a_sign_in_the_name_of_a_file_is_written_otherwise(make_repository: MakeRepository) -> None:
    """What stands behind `#` is a heading to whoever follows the link; the remedy names the file."""
    files = {"docs/a.md": "# A\n\n[x](_title-#issue.md) [y](other-#issue.md)\n", "docs/_title-#issue.md": "# T\n"}
    repository = make_repository(files)
    found = {gap.title: gap for gap in gaps_of(repository)}
    title = "docs/a.md links to _title-#issue.md, which is not there; # begins a heading, and in a path it is %23"
    assert sorted(found) == [title, "docs/a.md links to other-#issue.md, which is not there"]
    mended = after_remedy(repository, found[title])
    assert mended == {"docs/a.md": "# A\n\n[x](_title-%23issue.md) [y](other-#issue.md)\n"}
    write_files(repository, mended)
    assert len(gaps_of(repository)) == 1


def test_maven_makes_pages_of_a_module(make_repository: MakeRepository) -> None:
    """Reports are built beside them; a document that is nowhere is nowhere, and `site.xml` elsewhere is another's."""
    text = "[a](./apidocs/index.html) [b](../plexus/) [c](gone.md)\n"
    files = {f"{place}/{name}": "x" for place, name in (("one/src/site", "site.xml"), ("two", "site.xml"))}
    repository = make_repository({**files, "one/src/site/markdown/index.md": text, "two/index.md": text})
    assert sorted({(gap.evidence[0].path, gap.title.split(", ")[0]) for gap in gaps_of(repository)}) == [
        ("one/src/site/markdown/index.md", "one/src/site/markdown/index.md links to gone.md"),
        ("two/index.md", "two/index.md links to 3 paths that are not there: ./apidocs/index.html"),
    ]


def test_what_a_folder_is_nearly_called_is_said(make_repository: MakeRepository) -> None:
    """One letter, or hyphens and underscores, of the first folder that is not there; two that fit are none."""
    files = {
        "samples/hello_synchronization/README.md": "# S\n",
        "samples/hello_wide_world/README.md": "# W\n",
        "samples/a-b_c/README.md": "# One\n",
        "samples/a_b-c/README.md": "# Other\n",
    }
    folders = ("hello-synchronization", "hello-wide-world", "a_b_c")
    text = "".join(f"[x](samples/{folder}/README.md)\n" for folder in folders) + "[x](samples/hello-wide-world/x.md)\n"
    assert sorted(gap.title for gap in gaps_of(make_repository({**files, "README.md": text}))) == [
        "README.md links to samples/a_b_c/README.md, which is not there",
        "README.md links to samples/hello-synchronization/README.md, which is not there;"
        " samples/hello_synchronization/README.md is one letter off",
        "README.md links to samples/hello-wide-world/README.md, which is not there;"
        " samples/hello_wide_world/README.md has other hyphens or underscores",
        "README.md links to samples/hello-wide-world/x.md, which is not there",
    ]


def test_several_missing_files_of_one_document_are_one_gap(make_repository: MakeRepository) -> None:
    """From three on, in folders that are there; one of which there is more to say is told by itself."""
    links = "".join(f"[x](docs/{name}.md)\n" for name in ("ant", "bee", "cat", "04-intro", "wildebest"))
    files = {"docs/05-intro.md": "# Intro\n", "docs/wildebeest.md": "# W\n"}
    repository = make_repository({**files, "README.md": links, "TWO.md": "[x](docs/ant.md) [y](docs/b.md)\n"})
    assert sorted(gap.title for gap in gaps_of(repository)) == [
        "README.md links to 3 paths that are not there: docs/ant.md, docs/bee.md, docs/cat.md",
        "README.md links to docs/04-intro.md, which is not there; docs/05-intro.md has another number",
        "README.md links to docs/wildebest.md, which is not there; docs/wildebeest.md is one letter off",
        "TWO.md links to docs/ant.md, which is not there",
        "TWO.md links to docs/b.md, which is not there",
    ]
    before = {gap.gap_id for gap in gaps_of(repository)}
    write_files(repository, {"README.md": links + "[y](docs/dog.md)\n"})
    assert {gap.gap_id for gap in gaps_of(repository)} == before, "the id is the document's"


def test_nothing_is_nearly_where_the_reader_is(make_repository: MakeRepository) -> None:
    """A link to the heading that it stands below was meant for another place."""
    link, chapter, workspace, tools = "[a](#{})\n", "## 3. Required it\n", "## The workspace\n", "## All tools\n"
    files = {
        "above.md": link.format("required-it") + chapter,
        "below.md": chapter + link.format("required-it"),
        "near-above.md": link.format("the-workspaces") + workspace,
        "near-below.md": workspace + link.format("the-workspaces"),
        "spelling.md": tools + link.format("all_tools"),
    }
    repository = make_repository(files)
    commit_all(repository)
    mended = {gap.evidence[0].path: gap.remedy is not None for gap in gaps_of(repository)}
    assert mended == {
        "above.md": True,
        "below.md": False,
        "near-above.md": True,
        "near-below.md": False,
        "spelling.md": True,
    }


def test_several_headings_that_are_spelt_otherwise_are_one_gap(make_repository: MakeRepository) -> None:
    """From three links of one document to one page on; one remedy mends them all."""
    headings = "## One thing\n\n## Two things\n\n## Three more things\n"
    text = f"[a](#-one-thing-) [b](#two_things) [c](#three-more-things-1)\n\n{headings}"
    repository = make_repository({"README.md": text})
    commit_all(repository)
    (gap,) = gaps_of(repository)
    told = "README.md links to 3 headings that it spells otherwise: #-one-thing-, #two_things, #three-more-things-1"
    assert gap.title == told
    mended = text.replace("-one-thing-", "one-thing").replace("two_things", "two-things").replace("things-1", "things")
    assert after_remedy(repository, gap) == {"README.md": mended}


@pytest.mark.parametrize("key", ["eleventyNavigation:\n  key: Page", "permalink: /a/b/"])
def test_a_document_that_says_where_it_is_shown_is_a_page(make_repository: MakeRepository, key: str) -> None:
    """Its links go by the address there; without the front matter, or with another, they are dead."""
    links = "[a](../other) [b](../casts/b.cast)\n"
    page = f"---\ntitle: Page\n{key}\n---\n\n{links}"
    files = {"docs/other.md": "# Other\n", "docs/casts/b.cast": "x", "README.md": "# R\n"}
    assert seen_in(make_repository({**files, "docs/page.md": page}, name="shown")) == []
    plain = make_repository({**files, "docs/page.md": f"---\ntitle: Page\n---\n\n{links}"}, name="plain")
    assert len(seen_in(plain)) == 2


def test_the_document_that_has_the_heading_is_mentioned(make_repository: MakeRepository) -> None:
    """Sections move to other pages; a heading of one word, or of several pages, tells nothing."""
    files = {
        "README.md": "[a](docs/a.md#how-to-begin) [b](docs/a.md#setup)\n",
        "GUIDE.md": "[c](docs/a.md#see-also)\n",
        "docs/a.md": "# A\n",
        "docs/b.md": "# B\n\n## How to begin\n\n## Setup\n\n## See also\n",
        "docs/c.md": "# C\n\n## See also\n",
    }
    titles = sorted(gap.title for gap in gaps_of(make_repository(files)))
    assert titles == [
        "GUIDE.md links to the heading #see-also, which docs/a.md does not have",
        "README.md links to the heading #how-to-begin, which docs/a.md does not have;"
        " docs/b.md is the one document that does",
        "README.md links to the heading #setup, which docs/a.md does not have",
    ]


def test_a_heading_of_the_document_of_that_name_is_meant(make_repository: MakeRepository) -> None:
    """`README.md#use-it` in a folder with a README of its own: where the one that has the heading lies is said in the
    target; a document of another name is mentioned only."""
    text = "[a](README.md#use-it-well) [b](./README.md#use-it-well)\n"
    files = {"db/README.md": "# Db\n", "db/GUIDE.md": text, "README.md": "# Tool\n\n## Use it well\n"}
    repository = make_repository(files)
    commit_all(repository)
    mended = [after_remedy(repository, gap)["db/GUIDE.md"] for gap in gaps_of(repository)]
    assert sorted(one or "" for one in mended) == [
        text.replace("(README.md", "(../README.md"),
        text.replace("(./README.md", "(../README.md"),
    ]
    assert all(gap.title.endswith("; README.md does") for gap in gaps_of(repository))


def test_what_moved_there_and_back_is_two_gaps(make_repository: MakeRepository) -> None:
    """The id of a cause says from where to where."""
    long = "a text of its own that is long enough to be known again"
    first, second = ("ant", "bee", "cat"), ("dog", "eel", "fox")
    files = {f"{name}.md": f"# {name}, {long}\n" for name in first}
    files |= {f"docs/{name}.md": f"# {name}, {long}\n" for name in second}
    repository = make_repository({**files, "README.md": "".join(f"[x]({path})\n" for path in files)})
    commit_all(repository)
    git(repository, "mv", *(f"{name}.md" for name in first), "docs")
    git(repository, "mv", *(f"docs/{name}.md" for name in second), ".")
    commit_all(repository, "second")
    assert sorted((gap.title, len(gap.evidence)) for gap in gaps_of(repository)) == [
        ("README.md links to 3 files in docs/, which are in the root now: dog.md, eel.md, fox.md", 3),
        ("README.md links to 3 files in the root, which are in docs/ now: ant.md, bee.md, cat.md", 3),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[a](install)\n\n```bash\n# install\n```\n", "which is not there"),
        ("[a](mylab)\n\n```\n[mylab]: https://one.example\n```\n", "which is not there"),
        ("![a](logo@2x.png)\n", "which is not there"),
        ("[a]((https://one.example)/foo)\n", ""),
        ("[a](#python-3)\n\n## Python\n", "does not have"),
    ],
)
def test_what_is_not_certain_is_not_mended(make_repository: MakeRepository, text: str, said: str) -> None:
    """Code holds no headings and no definitions; a picture for dense screens is no address; a version is a name."""
    repository = make_repository({"README.md": text})
    commit_all(repository)
    (gap,) = gaps_of(repository)
    assert gap.remedy is None
    assert gap.title.endswith(said)


def test_a_renamed_file_whose_name_is_no_target_gets_no_remedy(make_repository: MakeRepository) -> None:
    """`c#.md` in a link would be a heading of `c`."""
    text = "# C\n\n" + "A line of the guide.\n" * 20
    repository = make_repository({"README.md": "[a](csharp.md)\n", "csharp.md": text})
    git(repository, "mv", "csharp.md", "c#.md")
    commit_all(repository)
    (gap,) = gaps_of(repository)
    assert gap.remedy is None


def test_a_line_at_the_top_of_a_page_is_no_front_matter(make_repository: MakeRepository) -> None:
    """What it underlines nothing and begins with no key, the page's headings are behind it."""
    page = "---\n\n# Title\n\n## Install\n\n---\n\n[a](#title) [b](#install)\n"
    assert seen_in(make_repository({"page.md": page})) == []


def test_front_matter_ends_where_it_ends(make_repository: MakeRepository) -> None:
    """A line of the text says nothing of where the page is shown."""
    note = "---\ntitle: x\n---\n\npermalink: is a key of Jekyll\n"
    assert len(seen_in(make_repository({"notes/jekyll.md": note, "notes/a.md": "[a](lost) [b](gone.md)\n"}))) == 2


def test_a_copy_tells_nothing_new_however_much_it_holds(make_repository: MakeRepository) -> None:
    """What is told at once of a document is told of its copy softly."""
    text = "[a](gone.md) [b](lost.md) [c](left.md)\n"
    gaps = gaps_of(make_repository({"a/README.md": text, "b/README.md": text, "here.md": "# H\n"}))
    assert [(gap.evidence[0].path, gap.confidence) for gap in gaps] == [("a/README.md", "high"), ("b/README.md", "low")]


def test_a_deep_target_on_a_site_asks_git_little(make_repository: MakeRepository) -> None:
    """Where a site may take a file from is looked for below folders that are there."""
    target = "/".join("a" * 100)
    tree = make_repository({"mkdocs.yml": "site_name: A\n", "docs/index.md": f"[x]({target}/f.png)\n"})
    snapshot = take_snapshot(tree, (DETECTOR,))
    assert len(history_candidates(snapshot)) < 10


def test_what_a_site_serves_from_an_ignored_folder_is_alive(make_repository: MakeRepository) -> None:
    """`public/` and `static/` are served beside the pages; what git ignores in them is built."""
    files = {
        "docs/.vitepress/config.js": "",
        "docs/page.md": "[a](./made.v1.js) [b](./lost.v1.js)\n",
        ".gitignore": "docs/public/*.v1.js\n!docs/public/lost.v1.js\n",
    }
    assert [gap.title for gap in gaps_of(make_repository(files))] == [
        f"docs/page.md links to ./lost.v1.js, which is not there{MADE}"
    ]


def test_what_has_a_remedy_of_its_own_is_no_part_of_a_cause(make_repository: MakeRepository) -> None:
    """A renamed file is retargeted one by one, whatever else its folder lost."""
    long = "a text of its own that is long enough to be known again"
    files = {f"old/{name}.md": f"# {name}, {long}\n" for name in "abcd"}
    repository = make_repository({**files, "README.md": "".join(f"[x]({path})\n" for path in files)})
    commit_all(repository)
    git(repository, "mv", "old/a.md", "here.md")
    git(repository, "rm", "-q", "old/b.md", "old/c.md", "old/d.md")
    commit_all(repository, "second")
    gaps = gaps_of(repository)
    assert sorted((gap.remedy is not None, len(gap.evidence)) for gap in gaps) == [(False, 3), (True, 1)]


@pytest.mark.parametrize(
    ("target", "meant"),
    [
        ("someone@project.example", "mailto:someone@project.example"),
        ("first.last+list@mail.project.example", "mailto:first.last+list@mail.project.example"),
        ("www.project.example/docs/a.html", "https://www.project.example/docs/a.html"),
        ("www.project.example", "https://www.project.example"),
        ("11ty.dev", "https://11ty.dev"),
        ("some.one@project.example?subject=Hello", "mailto:some.one@project.example?subject=Hello"),
        ("sub.project-name.com/a/b#c", "https://sub.project-name.com/a/b#c"),
    ],
)
def test_an_address_without_its_scheme_gets_it(make_repository: MakeRepository, target: str, meant: str) -> None:
    """What can only be an e-mail address or a host is meant as one."""
    repository = make_repository({"README.md": f"Ask [us]({target}).\n"})
    commit_all(repository)
    (gap,) = gaps_of(repository)
    assert gap.title.endswith(f"; {meant} seems to be meant")
    assert after_remedy(repository, gap) == {"README.md": f"Ask [us]({meant}).\n"}


@pytest.mark.parametrize("target", ["www.md", "docs/www.project.example", "docs/a@2x.png", "host.example"])
def test_what_may_be_a_file_is_no_address(make_repository: MakeRepository, target: str) -> None:
    """Names of files hold an at sign or a dot as well."""
    repository = make_repository({"README.md": f"Ask [us]({target}).\n"})
    commit_all(repository)
    (gap,) = gaps_of(repository)
    assert "seems to be meant" not in gap.title
    assert gap.remedy is None


def test_a_path_from_the_root_is_made_one_from_the_document(make_repository: MakeRepository) -> None:
    """Whoever writes the whole path of a file means that file; a bare name may mean another."""
    text = "[a](tools/check.sh) [b](LICENSE) [c](./tools/check.sh)\n"
    repository = make_repository({"docs/page.md": text, "tools/check.sh": "x", "LICENSE": "x"})
    commit_all(repository)
    mended = [after_remedy(repository, gap) for gap in gaps_of(repository) if gap.remedy]
    assert mended == [{"docs/page.md": text.replace("(tools", "(../tools")}]


def test_the_one_file_of_the_name_is_mentioned(make_repository: MakeRepository) -> None:
    """A person may have meant it; nothing is changed on that ground, and of several, or of a name that all have,
    nothing is said."""
    files = {"a/only.png": "x", "a/two.png": "x", "b/two.png": "x", "a/README.md": "x"}
    text = "![x](only.png) ![y](two.png) [z](c/README.md)\n"
    repository = make_repository({"docs/page.md": text, **files})
    commit_all(repository)
    gaps = gaps_of(repository)
    assert sorted(gap.title for gap in gaps) == [
        "docs/page.md links to c/README.md, which is not there",
        "docs/page.md links to only.png, which is not there; a/only.png is the one file of that name",
        "docs/page.md links to two.png, which is not there",
    ]
    assert not any(gap.remedy for gap in gaps)


@pytest.mark.parametrize("name", ["notes/1.0.0.markdown", "notes/v2.1.md", "docs/0.9.x.md"])
def test_notes_of_a_version_are_of_their_day(make_repository: MakeRepository, name: str) -> None:
    """A document called by a version tells what that release was like."""
    assert seen_in(make_repository({name: "[a](gone.md)\n", "docs/2-install.md": "[a](gone.md)\n"})) == [
        "broken-link docs/2-install.md:1"
    ]


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("[a]((https://project.example/a))\n", "[a](https://project.example/a)\n"),
        ("[a]: (#Title)\n\n# Title\n\n[a]\n", "[a]: #Title\n\n# Title\n\n[a]\n"),
        ("[a]((docs/here.md#here))\n", "[a](docs/here.md#here)\n"),
        ("[a]((docs/gone.md))\n", None),
        ("[a]((#gone))\n", None),
    ],
)
def test_parentheses_around_a_target_are_a_part_of_it(
    make_repository: MakeRepository, text: str, after: str | None
) -> None:
    """So renderers read them; what stands between them is meant where it leads somewhere."""
    repository = make_repository({"README.md": text, "docs/here.md": "# Here\n"})
    commit_all(repository)
    (gap,) = gaps_of(repository)
    assert gap.title.endswith("; the parentheses are taken for a part of it")
    assert (after_remedy(repository, gap) if gap.remedy else None) == ({"README.md": after} if after else None)


def test_a_target_on_the_next_line_is_one(make_repository: MakeRepository) -> None:
    """Of a link and of a definition alike; the label of a definition that nothing uses leads nowhere."""
    text = "[a](\n  docs/gone.md) and [b].\n\n[b]:\ndocs/lost.md\n[unused]:\n  docs/left.md\n\n[c]:\n\ndocs/text.md\n"
    assert seen_in(make_repository({"README.md": text, "docs/here.md": "# Here\n"})) == [
        "broken-link README.md:2",
        "broken-link README.md:5",
    ]


def test_what_people_wrote_into_a_generated_document_is_judged(make_repository: MakeRepository) -> None:
    """The rest is mended where it is generated from."""
    by_hand = "<!-- BEGIN CUSTOM CONTENT -->\n[b](gone2.md)\n<!-- END CUSTOM CONTENT -->\n"
    text = f"<!-- Automatically generated, DO NOT EDIT -->\n[a](gone1.md)\n{by_hand}[c](gone3.md)\n{by_hand}"
    (gap,) = gaps_of(make_repository({"README.md": text}))
    assert gap.title.startswith("README.md links to gone2.md")
    assert [one.line for one in gap.evidence] == [4, 8]


@pytest.mark.parametrize("name", ["announcement-guidelines", "release-notes-process", "changelog_how-to"])
def test_how_to_write_a_chronicle_is_no_chronicle(make_repository: MakeRepository, name: str) -> None:
    """A guide to announcements says how things are now; announcements do not."""
    chronicle = name.partition("-")[0].partition("_")[0]
    files = {f"docs/{name}.md": "[a](gone.md)\n", f"docs/{chronicle}.md": "[a](gone.md)\n"}
    files["docs/migration-guide.md"] = "[a](gone.md)\n"
    if name.startswith("release"):
        files["docs/release-notes-1.2.md"] = files.pop("docs/release.md")
    assert seen_in(make_repository(files)) == [f"broken-link docs/{name}.md:1"]


LOOKS_LIKE_A_DEAD_LINK = [
    "[a](https://example.org/gone.md) [b](//host/x.md) [c](mailto:a@b.example)",
    "`[a](gone.md)`",
    "```\n[a](gone.md)\n```",
    "~~~md\n[a](gone.md)\n~~~",
    "    [a](gone.md)",
    "- item\n\n  ```\n  [a](gone.md)\n  ```",
    "<!-- [a](gone.md) -->",
    "[a](two words.md)",
    r"\[a](gone.md)",
    "[a]({{ base }}/gone.md) [b](<%= url %>) [c](${ROOT}/x.md) [d]({% link x.md %})",
    "[a](../../issues) [b](../../issues/new) [c](../../wiki/Home) [d](../../releases)",
    "[a](../outside.md)",
    "[a](path/to/file.md) [b](url) [c](...) [d](your-file.md) [e](DOCS_URL)",
    "[^1]: foo.bar is a footnote",
    "[a](src/code.py#L12) [b](src/code.py:12) [c](src/) [d](src) [e](.) [f](./README.md?raw=true)",
    "[a](docs/page) [b](docs/page.html) [c](docs/)",
    "[a](docs/with%20blank.md) [b](docs/with&#32;blank.md)",
    "[a](vendor/lib/readme.md) [b](build/out.html) [c](dist/report.txt)",
    '<a :href="author.url">x</a> <img v-bind:src="logo.png"> <a [href]="page.url">y</a>',
    "[a](gone.md",
]


def test_what_only_looks_like_a_dead_link_is_no_gap(make_repository: MakeRepository) -> None:
    """Absolute, escaped, templated, placeholder, host-relative, ignored, vendored and coded targets are no gap."""
    documents = {f"case{number}.md": f"# Title\n\n{text}\n" for number, text in enumerate(LOOKS_LIKE_A_DEAD_LINK)}
    repository = make_repository(
        {
            **documents,
            "README.md": "# Sample\n",
            ".gitignore": "/build/\n/dist/\n",
            "src/code.py": "x = 1\n",
            "docs/page.md": "# Page\n",
            "docs/index.md": "# Index\n",
            "docs/with blank.md": "# Blank\n",
            "vendor/lib/readme.md": "# Lib\n",
        }
    )
    assert seen_in(repository) == []


OF_THE_PAST_OR_OF_ANOTHER_PLACE = [
    "archive/old.md",
    "docs/archive/plan.md",
    "tests/fixtures/sample.md",
    "tests/data/page.md",
    ".github/PULL_REQUEST_TEMPLATE.md",
    "templates/project/README.md",
    "{{cookiecutter.name}}/README.md",
    "versioned_docs/version-1.0/intro.md",
    "docs/v1.2/intro.md",
    "vendor/lib/README.md",
    "CHANGELOG.md",
    "docs/release-notes/v3.md",
    "blog/2024-01-02-hello.md",
    "docs/3.5-announcement.md",
    "release notes/v0.19.0.md",
    "guides/4_2_release_notes.md",
    "RDOC_MAIN.md",
]


def test_documents_of_the_past_or_of_another_place_are_not_judged(make_repository: MakeRepository) -> None:
    """Archives, fixtures, templates, versioned, vendored and chronicle documents keep their links."""
    assert seen_in(make_repository(dict.fromkeys(OF_THE_PAST_OR_OF_ANOTHER_PLACE, "[a](gone.md)\n"))) == []


@pytest.mark.parametrize(
    "configuration",
    [
        "mkdocs.yml",
        "mkdocs-common.yml",
        "mkdocs.insiders.yml",
        "docusaurus.config.js",
        ".vitepress/config.ts",
        "conf.py",
        "hugo.toml",
        "_config.yml",
        "book.toml",
        "astro.config.mjs",
    ],
)
def test_a_site_generator_resolves_its_own_links(make_repository: MakeRepository, configuration: str) -> None:
    """Where a site generator is configured, rooted, suffixless and built targets are its own affair; a missing source
    file is still a gap."""
    text = "[a](/img/x.png) [b](../guide/) [c](other) [d](api.html) [e](logo.png)\n"
    files = {
        f"site/{configuration}": "",
        "site/index.md": "# Home\n",
        "site/docs/page.md": text,
        "site/static/logo.png": b"\x89PNG",
    }
    repository = make_repository(files)
    assert seen_in(repository) == []
    write_files(repository, {"site/docs/page.md": text + "\n[f](really-gone.md)\n"})
    assert seen_in(repository) == ["broken-link site/docs/page.md:3"]


def test_a_book_serves_readmes_and_stands_beside_others(make_repository: MakeRepository) -> None:
    """mdBook makes a folder's README its index, and links out of its pages lead to books published beside it."""
    text = "[a](index.md) [b](part/index.md) [c](../../reference/macros.md#hygiene)\n"
    files = {
        "doc/book.toml": "[book]\n",
        "doc/src/README.md": "# Home\n",
        "doc/src/part/README.md": "# Part\n",
        "doc/src/page.md": text,
        "doc/README.md": "[d](guide/index.md)\n",
    }
    repository = make_repository(files)
    assert seen_in(repository) == ["broken-link doc/README.md:1"]
    write_files(repository, {"doc/src/page.md": text + "\n[e](other/index.md) [f](gone.md)\n"})
    assert seen_in(repository)[1:] == ["broken-link doc/src/page.md:3", "broken-link doc/src/page.md:3"]


@pytest.mark.parametrize("configuration", ["book.toml", "mkdocs.yml", "hugo.toml"])
def test_an_address_without_its_scheme_is_no_page_of_a_site(
    make_repository: MakeRepository, configuration: str
) -> None:
    """A browser looks for it below the page; what is no host, and a folder that is called like one, may be a page."""
    alive = "[a](k8s.io/api/) [b](com/org/) [c](v1.0/notes/)\n"
    dead = "[d](github.com/owner/name) [e](www.example.org/doc/x.html) [f](play.rust-lang.org/)\n"
    files = {configuration: "", "src/index.md": "# Home\n", "content/k8s.io/x.txt": "x\n", "src/a.md": alive + dead}
    assert seen_in(make_repository(files)) == ["broken-link src/a.md:2"] * 3


def test_a_number_before_there_was_any_git_is_no_year(make_repository: MakeRepository) -> None:
    """A proposal is numbered so; a document of a year is of that year."""
    names = ("text/1937-proposal.md", "text/1998-report.md", "text/2017-report.md", "text/1937/page.md")
    found = seen_in(make_repository(dict.fromkeys(names, "[a](gone.md)\n")))
    assert found == ["broken-link text/1937-proposal.md:1", "broken-link text/1937/page.md:1"]


def test_a_definition_of_several_words_names_a_path(make_repository: MakeRepository) -> None:
    """One that is used and whose target, joined by hyphens, is no file is dead; one that nothing uses, a text behind
    brackets, one word, and a label of a site are none."""
    used = "See the [section][] and [file][].\n\n[section]:of-the-storage\n[file]: two-words\n"
    unused = "[todo]\n\n[todo]: later\n[note]: well-known thing\n[unused]: three-more-words\n"
    files = {"a.md": used + unused, "two-words": "x\n", "sites/conf.py": "", "sites/index.md": used}
    assert seen_in(make_repository(files)) == ["broken-link a.md:3"]


def test_addresses_and_references_are_no_routes_of_a_site(make_repository: MakeRepository) -> None:
    """Five names that are nowhere make a site, but not five addresses without their scheme, nor five labels that stand
    between parentheses."""
    names = ("one", "two", "three", "four", "five")
    addresses = "".join(f"[a](github.com/owner/{name})\n" for name in names)
    labels = "".join(f"[a]({name})\n" for name in names)
    definitions = "".join(f"[{name}]: https://example.org/{name}\n" for name in names)
    files = {"docs/a.md": addresses, "docs/b.md": f"{labels}\n{definitions}", "docs/c.md": "# C\n"}
    assert len(set(seen_in(make_repository(files)))) == 2
    assert seen_in(make_repository({"docs/b.md": labels, "docs/c.md": "# C\n"}, name="routes")) == []


def test_a_namesake_elsewhere_is_no_page_of_mkdocs(make_repository: MakeRepository) -> None:
    """MkDocs takes a path for the path of a file, so that one of the same name further down does not answer; a
    generator that nobody knows may find it, and so may a browser from the folder that a page becomes."""
    text = "[a](../privacy/README.md) ![b](../c.png)\n"
    files: dict[str, str | bytes] = {
        "docs/deep/privacy/README.md": "# P\n",
        "docs/guide/c.png": b"\x89PNG",
        "docs/guide/page.md": text,
    }
    assert seen_in(make_repository({**files, "mkdocs.yml": "site_name: A\n"})) == ["broken-link docs/guide/page.md:1"]
    assert seen_in(make_repository({**files, "hugo.toml": ""}, name="hugo")) == []


def test_an_include_that_git_never_held_is_written_by_the_build(make_repository: MakeRepository) -> None:
    """A document may include what the build writes; an include that git once held is a dead one."""
    files = {
        "docs/conf.py": "",
        "docs/index.rst": "Home\n====\n\n.. include:: written.rst\n\n.. include:: gone.rst\n",
        "docs/gone.rst": "text\n",
    }
    repository = make_repository(files)
    (repository / "docs/gone.rst").unlink()
    commit_all(repository)
    assert seen_in(repository) == ["broken-link docs/index.rst:6"]


def test_a_page_that_is_rendered_into_another_folder_links_from_there(make_repository: MakeRepository) -> None:
    """A built page whose source lies elsewhere in the tree is no dead link; one without a source is."""
    text = "[a](../reference/config.html#alias) [b](../reference/gone.html) [c](config.html)\n"
    files = {"man/add.md": text, "book/src/reference/config.md": "# Config\n"}
    assert seen_in(make_repository(files)) == ["broken-link man/add.md:1", "broken-link man/add.md:1"]


def test_a_site_shows_by_its_links_what_no_configuration_says(make_repository: MakeRepository) -> None:
    """Where documents link to built pages, or to pages by a name that is no file's, images and headings follow rules
    that nobody sees; a missing source file is still a gap."""
    built = "[a](b.html) [b](b.html#x) [c](c.html) ![d](images/d.png) [e](#has-many-through)\n\n## `has_many through`\n"
    routes = "[a](bind) [b](snippet#types) [c](../kit) [d](legacy-slots) [e](stores)\n"
    files = {
        "guides/source/a.md": built,
        "guides/source/b.md": "# B\n",
        "guides/source/c.md": "# C\n",
        "guides/assets/images/d.png": b"\x89PNG",
        "documentation/docs/01-start/01-intro.md": routes,
        "documentation/docs/02-bind/12-bind.md": "[f](effect)\n",
    }
    repository = make_repository(files)
    assert seen_in(repository) == []
    write_files(repository, {"guides/source/a.md": built + "[f](gone.md)\n"})
    assert seen_in(repository) == ["broken-link guides/source/a.md:4"]


def test_a_site_may_put_a_page_together_from_variants(make_repository: MakeRepository) -> None:
    """Where many links lead to pages of which there are only variants, they are the site's business; a page of which
    there is none, and a few such links elsewhere, are not."""
    pages = [f"page{number}" for number in range(8)]
    links = " ".join(f"[a]({page}.md) [b](./{page})" for page in pages)
    sources = {f"docs/{page}-{language}.md": "# P\n" for page in pages for language in ("js", "java-python")}
    repository = make_repository({**sources, "docs/a.md": links, "docs/b.md": "# B\n", "x.md": "[a](docs/b.md)\n"})
    assert seen_in(repository) == []
    write_files(repository, {"docs/a.md": f"{links} [c](gone.md)\n"})
    assert seen_in(repository) == ["broken-link docs/a.md:1"]
    few = make_repository({"guide-js.md": "# G\n", "a.md": "[a](guide.md)\n"}, name="few")
    assert seen_in(few) == ["broken-link a.md:1"]


def test_a_licence_that_packing_puts_in_is_of_low_confidence(make_repository: MakeRepository) -> None:
    """A package's link to its licence is dead on the host, and alive in the package where the root has one."""
    files = {"packages/a/README.md": "[a](./LICENSE)\n", "packages/b/README.md": "[a](LICENSE)\n", "LICENSE": "x\n"}
    repository = make_repository({**files, "packages/a/package.json": "{}\n"})
    assert {gap.evidence[0].path: gap.confidence for gap in gaps_of(repository)} == {
        "packages/a/README.md": "low",
        "packages/b/README.md": "high",
    }


def test_ex_doc_looks_pages_up_by_name(make_repository: MakeRepository) -> None:
    """All pages and images are put into one folder; what is nowhere is missing all the same."""
    text = "[a](naming.md) ![b](assets/x.png) [c](gone.md) ![d](assets/gone.png)\n"
    files = {"lib/e/pages/a/one.md": text, "lib/e/pages/b/naming.md": "# N\n", "lib/e/pages/images/x.png": b"\x89PNG"}
    assert seen_in(make_repository({**files, "lib/e/mix.exs": "x\n"})) == ["broken-link lib/e/pages/a/one.md:1"] * 2
    assert len(seen_in(make_repository(files, name="plain"))) == 4


def test_few_dead_links_without_suffix_make_no_site(make_repository: MakeRepository) -> None:
    """A folder whose documents link to files and folders as they are is none of a site's, and its dead links count."""
    files = {"docs/a.md": "[a](one) [b](two) [c](three) [d](parts) [e](parts/b.md)\n", "docs/parts/b.md": "# B\n"}
    (gap,) = gaps_of(make_repository(files))
    assert gap.title == "docs/a.md links to 3 paths that are not there: one, two, three"


def test_sphinx_resolves_names_of_objects_and_its_builders_files(make_repository: MakeRepository) -> None:
    """`[text](package.module.Class)` is a reference that Sphinx looks up; an image that is gone is still a gap."""
    text = "[a](pkg.models.Site) [b](pkg.mutable) [c](pkg.run()) [d](llms.txt) [e](page.html.md)\n"
    repository = make_repository({"docs/conf.py": "", "docs/index.md": "# Home\n", "docs/a.md": text})
    assert seen_in(repository) == []
    write_files(repository, {"docs/a.md": text + "\n![f](plan.png) [g](gone.md)\n"})
    assert seen_in(repository) == ["broken-link docs/a.md:3"] * 2


def test_a_page_may_be_a_folder_of_its_own(make_repository: MakeRepository) -> None:
    """`../basics/` in a page that is served as a folder is the page beside it."""
    files = {"docs/query/examples.md": "[a](../basics/#x) [b](../gone/)\n", "docs/query/basics.md": "## X\n"}
    assert seen_in(make_repository(files)) == ["broken-link docs/query/examples.md:1"]


def test_translations_fall_back_to_the_original(make_repository: MakeRepository) -> None:
    """A page that exists in another language only is served from there."""
    files = {"docs/en/a.md": "# A\n", "docs/en/b.md": "# B\n", "docs/de/a.md": "[b](b.md)\n"}
    assert seen_in(make_repository(files)) == []


def test_translations_in_folders_beside_the_original_fall_back_to_it(make_repository: MakeRepository) -> None:
    """From three folders `guide-<language>` on, a page that is in `guide` only is served from there; what is in none is
    missing, and so is a page beside two such folders, which may be called so for another reason."""
    text = "[b](b.md) [c](gone.md)\n"
    files = {"docs/guide/a.md": "# A\n", "docs/guide/b.md": "# B\n"}
    many = files | {f"docs/guide-{language}/a.md": text for language in ("de", "pt-BR", "sr-Latn")}
    assert seen_in(make_repository(many)) == [
        f"broken-link docs/guide-{language}/a.md:1" for language in ("de", "pt-BR", "sr-Latn")
    ]
    few = files | {f"docs/guide-{language}/a.md": text for language in ("de", "is")}
    assert len(seen_in(make_repository(few, name="few"))) == 4


def test_a_document_is_read_where_a_symbolic_link_shows_it_too(make_repository: MakeRepository) -> None:
    """Links that hold from there are for those readers; what holds from nowhere is dead."""
    text = "[a](CONTRIBUTING.md) [b](gone.md) [c](#nowhere) [d](own.md)\n"
    files = {"packages/x/README.md": text, "packages/x/own.md": "x", "CONTRIBUTING.md": "x"}
    repository = make_repository(files)
    assert len(gaps_of(repository)) == 3
    (repository / "README.md").symlink_to("packages/x/README.md")
    assert sorted(gap.title.split(" links to ")[1].split(",")[0] for gap in gaps_of(repository)) == [
        "gone.md",
        "the heading #nowhere",
    ]


def test_submodules_and_links_are_out_of_sight(make_repository: MakeRepository) -> None:
    """A target behind a symbolic link or in another repository is not judged."""
    repository = make_repository({"README.md": "[a](linked/x.md) [b](other/x.md)\n"})
    (repository / "linked").symlink_to("/nonexistent", target_is_directory=True)
    write_files(repository, {"other/y.md": "# Y\n"})
    git(repository / "other", "init", "--quiet")
    commit_all(repository / "other")
    assert seen_in(repository) == []


def test_a_rooted_link_means_the_repository_where_no_site_is(make_repository: MakeRepository) -> None:
    """`/docs/gone.md` is dead where docs/ exists; `/elsewhere/x` says nothing."""
    repository = make_repository({"README.md": "[a](/docs/gone.md) [b](/elsewhere/x.md)\n", "docs/a.md": "# A\n"})
    assert seen_in(repository) == ["broken-link README.md:1"]


def test_a_renamed_target_is_retargeted(make_repository: MakeRepository) -> None:
    """A target that git renamed once is retargeted at every place, with its fragment, and nothing else changes."""
    text = "é [a](docs/guide.md#top) and [b](docs/guide.md#top), `docs/keep.md`\n"
    repository = make_repository({"README.md": text, "docs/guide.md": "# Guide\n\nmany words to follow\n" * 5})
    git(repository, "mv", "docs/guide.md", "docs/manual.md")
    commit_all(repository)
    (gap,) = gaps_of(repository)
    assert gap.remedy is not None
    assert (gap.remedy.kind, gap.remedy.lines) == ("link_fix", 2)
    assert after_remedy(repository, gap) == {"README.md": text.replace("guide.md", "manual.md")}


def test_relative_forms_are_kept_when_retargeting(make_repository: MakeRepository) -> None:
    """`./`, `../` and `/` forms stay what they are when a link is retargeted."""
    text = "[a](./b.md) [b](../docs/b.md) [c](/docs/b.md)\n"
    repository = make_repository({"docs/a.md": text, "docs/b.md": "# B\n\nmany words to follow\n" * 5})
    git(repository, "mv", "docs/b.md", "docs/c.md")
    commit_all(repository)
    results = [after_remedy(repository, gap)["docs/a.md"] for gap in gaps_of(repository)]
    assert sorted(str(result) for result in results) == sorted(
        [
            "[a](./c.md) [b](../docs/b.md) [c](/docs/b.md)\n",
            "[a](./b.md) [b](c.md) [c](/docs/b.md)\n",
            "[a](./b.md) [b](../docs/b.md) [c](/docs/c.md)\n",
        ]
    )


def test_the_same_text_in_code_is_neither_counted_nor_edited(make_repository: MakeRepository) -> None:
    """Beside a dead link, its own text in a code span on the same line stays as it is."""
    repository = make_repository(
        {"README.md": "`[a](docs/Guide.md)` is [a](docs/Guide.md)\n", "docs/guide.md": "# G\n"}
    )
    (gap,) = gaps_of(repository)
    assert len(gap.evidence) == 1
    assert after_remedy(repository, gap) == {"README.md": "`[a](docs/Guide.md)` is [a](docs/guide.md)\n"}


def test_a_document_too_large_to_parse_is_judged_by_its_masks(make_repository: MakeRepository) -> None:
    """Beyond the parser's limit, code is still told from links."""
    filler = "word " * 100_000
    text = f"{filler}\n\n[a](gone.md)\n\n```\n[b](gone-too.md)\n```\n\n    [c](gone-three.md)\n"
    assert seen_in(make_repository({"README.md": text})) == ["broken-link README.md:3"]


def test_a_deleted_target_has_no_remedy(make_repository: MakeRepository) -> None:
    """A target that was deleted, or whose new place is gone too, is for a person to decide."""
    repository = make_repository({"README.md": "[a](docs/guide.md)\n", "docs/guide.md": "# Guide\n"})
    git(repository, "rm", "--quiet", "docs/guide.md")
    commit_all(repository)
    assert [gap.remedy for gap in gaps_of(repository)] == [None]


def test_a_target_that_differs_in_case_only_is_corrected(make_repository: MakeRepository) -> None:
    """`Guide.md` for `guide.md` works on some machines only; the one candidate is the remedy."""
    repository = make_repository({"README.md": "[a](docs/Guide.md)\n", "docs/guide.md": "# Guide\n"})
    (gap,) = gaps_of(repository)
    assert after_remedy(repository, gap) == {"README.md": "[a](docs/guide.md)\n"}


def test_an_untracked_document_gets_no_remedy(make_repository: MakeRepository) -> None:
    """A document that git does not hold is reported and not edited."""
    repository = make_repository({"docs/guide.md": "# Guide\n"})
    write_files(repository, {"NOTES.md": "[a](docs/Guide.md)\n"})
    assert [(gap.evidence[0].path, gap.remedy) for gap in gaps_of(repository)] == [("NOTES.md", None)]


def test_restructuredtext_targets_are_checked(make_repository: MakeRepository) -> None:
    """Images, includes and hyperlinks to files are checked in reStructuredText, literal blocks are not."""
    text = (
        "Title\n=====\n\n.. image:: gone.png\n\n.. image:: here.png\n\n`text <docs/gone.rst>`_"
        " and `web <https://x.example>`_\n\n"
        "Example::\n\n    .. image:: never.png\n\n.. code-block:: rst\n\n   .. include:: never.rst\n\n"
        ".. figure:: img/*\n"
    )
    repository = make_repository({"index.rst": text, "here.png": b"\x89PNG"})
    assert seen_in(repository) == ["broken-link index.rst:4", "broken-link index.rst:8"]


@pytest.mark.parametrize(
    ("text", "is_comment"),
    [
        ("..\n    Later:\n    .. image:: gone.png\n", True),
        (".. Later:\n\n    .. image:: gone.png\n", True),
        (".. see `text <gone.rst>`_\n", True),
        (f".. {'a_' * 60}b and more\n\n    .. image:: gone.png\n", True),
        ("..\n\n    .. image:: gone.png\n", False),
        (".. note:: Later\n\n    .. image:: gone.png\n", False),
        (".. py:function:: later\n\n    .. image:: gone.png\n", False),
        (".. [1] See `text <gone.rst>`_\n", False),
        (".. Later.\n\n.. image:: gone.png\n", False),
    ],
)
def test_comments_of_restructuredtext_are_not_read(
    make_repository: MakeRepository, text: str, is_comment: bool
) -> None:
    """Two dots before text that is no directive, target, footnote or substitution, with all that is indented below."""
    seen = seen_in(make_repository({"index.rst": f"Title\n=====\n\n{text}"}))
    assert (seen == []) is is_comment


# --- broken-heading-link --------------------------------------------------------------------------------------------


def test_links_to_missing_headings_are_found(make_repository: MakeRepository) -> None:
    """A fragment without a heading is a gap in the same document and across documents."""
    files = {"README.md": "# Top\n\n[a](#nothing) [b](docs/b.md#nothing)\n", "docs/b.md": "# B\n"}
    assert seen_in(make_repository(files)) == ["broken-heading-link README.md:3"] * 2


HEADING_AND_FRAGMENT = [
    ("## What's new?", "whats-new"),
    ("## A & B / C", "a--b--c"),
    ("## `code_name` and *emphasis*", "code_name-and-emphasis"),
    ("## [Linked](x.md) text", "linked-text"),
    ("## Über uns", "%C3%BCber-uns"),
    ("## परीक्षण", "परीक्षण"),
    ("## ⚙️ Settings", "️-settings"),
    ("## ⚙️ Settings", "-settings"),
    ("## :tada: Party", "tada-party"),
    ("## Same\n\n## Same", "same-1"),
    ("Setext\n------", "setext"),
    ('<h2 align="center">Centred <b>title</b></h2>', "centred-title"),
    ('<a name="here"></a>', "here"),
    ('<div id="Spot"></div>', "spot"),
    ("## Titled {#custom-id}", "custom-id"),
    ("## Titled [custom-id]", "custom-id"),
    ("## Titled [[custom-id]]", "custom-id"),
    ("## Trailing hashes ##", "trailing-hashes"),
    ("> ## In a quote", "in-a-quote"),
    ("- ## In a list", "in-a-list"),
    ("## Mixed Case", "Mixed-Case"),
    ("## Badges [![a b](https://x.example/a)](https://x.example) ![c](https://x.example/c)", "badges--"),
    ("## React &middot; [![a](https://x.example/a)](x.md) ![b](https://x.example/b)", "react---"),
    ("## @ modifier", "modifier"),
    ("text", "L12"),
    ("text", "top"),
    ("text", ":~:text=word"),
    ("text", "user-content-x"),
    ("{% include part.md %}", "from-the-part"),
    ("--8<-- 'part.md'", "from-the-part"),
    ("::: package.module", "package.module.Class"),
]


def test_headings_as_renderers_name_them_are_no_gap(make_repository: MakeRepository) -> None:
    """GitHub's slugs, explicit ids, duplicates, letter case and parts that are put in later are understood."""
    documents = {
        f"case{number}.md": f"# Top\n\n[a](#{fragment})\n\n{heading}\n"
        for number, (heading, fragment) in enumerate(HEADING_AND_FRAGMENT)
    }
    assert seen_in(make_repository({**documents, "x.md": "# X\n"})) == []


def test_a_page_that_many_link_into_is_told_once(make_repository: MakeRepository) -> None:
    """From three documents on, a page that lacks headings, and a folder that is not there, are one finding each."""
    links = "[a](page.md#one) [b](page.md#{0}) [c](../old/{0}.md)\n"
    files = {f"docs/{name}.md": links.format(name) for name in ("x", "y", "z")}
    repository = make_repository({**files, "docs/page.md": "# Page\n", "README.md": "[a](gone/a.md) [b](gone/b.md)\n"})
    found = {gap.title: len(gap.evidence) for gap in gaps_of(repository)}
    assert found == {
        "3 documents link to 4 headings that docs/page.md does not have: #one, #x, #y, …": 6,
        "3 documents link to 3 paths in old/, which is not there: x.md, y.md, z.md": 3,
        "README.md links to gone/a.md, which is not there": 1,
        "README.md links to gone/b.md, which is not there": 1,
    }
    before = {gap.gap_id for gap in gaps_of(repository)}
    write_files(repository, {"docs/x2.md": links.format("x2")})
    assert {gap.gap_id for gap in gaps_of(repository)} == before, "the id is the cause's"


def test_headings_that_a_page_lacks_are_one_gap(make_repository: MakeRepository) -> None:
    """From three on, for each document and page; what one slip explains keeps its own remedy."""
    guide = "# Guide\n\n[p](#one) [q](#two) [r](#three) [s](#instaling-it)\n\n## Installing it\n"
    readme = "[a](guide.md#one) [b](guide.md#two)\n\n[c](guide.md#three) [d](guide.md#one)\n"
    repository = make_repository({"guide.md": guide, "README.md": readme})
    commit_all(repository)
    assert [(gap.title, len(gap.evidence), gap.remedy is not None) for gap in gaps_of(repository)] == [
        ("README.md links to 3 headings that guide.md does not have: #one, #two, #three", 4, False),
        ("guide.md links to the heading #instaling-it, which guide.md does not have", 1, True),
        ("guide.md links to 3 headings that it does not have: #one, #two, #three", 3, False),
    ]


@pytest.mark.parametrize(
    ("heading", "link", "mended"),
    [
        ("1. Install it", "install-it", "1-install-it"),
        ("12 - Install it", "install-it", "12---install-it"),
        ("Install it", "3-install-it", "install-it"),
        ("2. Install it", "3-install-it", None),
        ("2024", "2-2024", None),
    ],
)
def test_the_number_of_a_chapter_may_have_come_or_gone(
    make_repository: MakeRepository, heading: str, link: str, mended: str | None
) -> None:
    """A heading that was numbered, or is no more, is the one that was meant; another number is another chapter."""
    repository = make_repository({"a.md": f"# T\n\n[x](#{link})\n\n## {heading}\n"})
    commit_all(repository)
    (gap,) = gaps_of(repository)
    text = (repository / "a.md").read_text(encoding="utf-8")
    assert (after_remedy(repository, gap) if gap.remedy else None) == (
        {"a.md": text.replace(f"(#{link})", f"(#{mended})")} if mended else None
    )


def test_a_link_that_only_keeps_a_picture_still_is_unsure(make_repository: MakeRepository) -> None:
    """Who writes `<a href="#badge"><img>` wants a picture that leads nowhere; the same around words is a slip."""
    text = '<a href="#badge" target="\\_parent">\n  <img src="a.svg">\n</a>\n\n<a href="#words">Words</a>\n'
    gaps = gaps_of(make_repository({"README.md": text, "a.svg": "<svg/>"}))
    assert [(gap.title.split("#")[1].split(",")[0], gap.confidence) for gap in gaps] == [
        ("badge", "low"),
        ("words", "high"),
    ]


def test_a_page_that_refers_to_another_may_have_its_headings(make_repository: MakeRepository) -> None:
    """A page of replacements is put together with the page that its front matter names."""
    page = "---\nref: docs/react/a.md\nreplace: {}\n---\n"
    files = {"docs/solid/a.md": page, "docs/b.md": "[x](solid/a.md#context)\n", "docs/react/a.md": "# Context\n"}
    assert seen_in(make_repository(files)) == []
    assert seen_in(make_repository({**files, "docs/solid/a.md": "# T\n"}, name="plain")) == [
        "broken-heading-link docs/b.md:1"
    ]


LISTED = tuple(f"guide/{name}" for name in ("overview", "install", "routes", "data", "forms"))


def list_of(name: str, pages: Sequence[str]) -> str:
    """Return PAGES as the file NAME lists them."""
    if name.endswith(".json"):
        return '{"children": [' + ", ".join(f'{{"to": "{page}"}}' for page in pages) + "]}\n"
    if name.endswith(".yml"):
        return "- sections:\n" + "".join(f"  - local: {page}\n    title: T\n" for page in pages)
    return "export default [" + ", ".join(f"'/{page}'" for page in pages) + "]\n"


@pytest.mark.parametrize("name", ["docs/config.json", "docs/_toctree.yml", "docs/nav.mjs"])
def test_who_lists_pages_by_name_links_to_them_by_name(
    make_repository: MakeRepository, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Pages without suffix, and folders that only the site has, are left to it; a document that is gone, and a page
    that neither the tree nor the list has beside the others, are not."""
    monkeypatch.setattr(links_of_one_cause, "_ENOUGH", 1_000)
    links = "[a](./install) [b](../examples/basic) [c](gone.md) [d](./setup)\n"
    files = {f"docs/{page}.md": "# T\n\n[x](install.md) [y](routes.md) [z](data.md)\n" for page in LISTED}
    files |= {"docs/guide/overview.md": links, "README.md": "[e](docs/examples/basic)\n"}

    def dead(*pages: str) -> set[str]:
        folder = make_repository({**files, name: list_of(name, pages)}, name=f"listing_{len(pages)}")
        return {gap.title.split(" links to ")[1].split(",")[0] for gap in gaps_of(folder)}

    assert dead(*LISTED) == {"docs/examples/basic", "gone.md", "./setup"}, "a file is no page"
    assert dead(*LISTED, "guide/setup") == {"docs/examples/basic", "gone.md"}
    assert "../examples/basic" in dead(*LISTED[1:])


def test_hugo_is_known_by_what_stands_beside_its_settings(make_repository: MakeRepository) -> None:
    """Its ids leave out what other renderers keep; a `config.json` alone is anybody's."""
    files = {"docs/config.json": "{}", "docs/content/a.md": "# `--a` - B c\n\n[x](#a-b-c) [y](#gone)\n"}
    seen_there = seen_in(make_repository({**files, "docs/layouts/partials/x.html": "x"}))
    assert seen_there == ["broken-heading-link docs/content/a.md:3"]
    assert len(gaps_of(make_repository(files, name="plain"))) == 2


def test_a_text_that_a_program_embeds_has_headings_around_it(make_repository: MakeRepository) -> None:
    """Its own headings are not all that its readers see; a file that is not there is missing all the same."""
    files = {"cmd/help.md": "[a](#options) [b](gone.md)\n", "cmd/help.go": "//go:embed help.md\n"}
    (gap,) = gaps_of(make_repository(files))
    assert gap.title == "cmd/help.md links to gone.md, which is not there"
    assert len(gaps_of(make_repository({**files, "cmd/help.go": "package cmd\n"}, name="plain"))) == 2


def test_what_a_document_says_in_code_assembles_nothing(make_repository: MakeRepository) -> None:
    """An `import` in a sample leaves the headings of its page to be judged; one in the text does not."""
    page = "# T\n\n```js\nimport { a } from 'a'\n:::\n```\n"
    files = {"README.md": "[x](page.md#gone)\n", "page.md": page}
    assert seen_in(make_repository(files)) == ["broken-heading-link README.md:1"]
    text = page.replace("```", "").replace("js", "")
    assert seen_in(make_repository({**files, "page.md": text}, name="assembled")) == []


def test_a_shortcode_without_headings_leaves_its_page_to_be_judged(make_repository: MakeRepository) -> None:
    """The template in the repository tells; one that takes in a file may bring the heading."""
    files = {
        "config.toml": "",
        "content/_index.md": "# Home\n",
        "content/page.md": "# Page\n\n[a](#gone-by-now)\n\n{{< ours >}}\n",
        "layouts/shortcodes/ours.html": "<b>{{ .Inner }}</b>",
    }
    assert seen_in(make_repository(files)) == ["broken-heading-link content/page.md:3"]
    files["layouts/shortcodes/ours.html"] = "{{ readFile (.Get 0) }}"
    assert seen_in(make_repository(files, name="taken_in")) == []


def test_sphinx_looks_for_a_label_in_all_pages(make_repository: MakeRepository) -> None:
    """`#label` may name a label of another page of the same Sphinx project, of either markup; a heading of another page
    it does not name."""
    files = {
        "docs/conf.py": "extensions = ['myst_parser']\n",
        "docs/index.rst": ".. _from-rst:\n\nTitle\n=====\n",
        "docs/b.md": "(from-myst)=\n## Title\n\n## Other heading\n",
        "docs/a.md": "[a](#from-myst) [b](#from-rst) [c](#other-heading)\n",
    }
    (gap,) = gaps_of(make_repository(files))
    assert gap.title.startswith("docs/a.md links to the heading #other-heading")
    other_root = {path.replace("index", "contents"): text for path, text in files.items()}
    assert len(gaps_of(make_repository(other_root, name="other_root"))) == 1
    elsewhere = {path.replace("docs/conf.py", "src/conf.py"): text for path, text in files.items()}
    (gap,) = gaps_of(make_repository(elsewhere, name="elsewhere"))
    assert gap.title.startswith("docs/a.md links to 3 headings")


def test_options_of_directives_are_labels(make_repository: MakeRepository) -> None:
    """Of fences of both kinds, in YAML too, of cells and of formulas, in the whole project of mystmd or Sphinx; what
    no option names, and what one names where neither is at work, is dead."""
    parts = (
        "```{code} yaml\n:filename: a\n:name: code:One\n\nx\n```\n",
        ":::{figure} x.png\n:label: fig-two\n:::\n",
        "- a\n\n  ```{figure} y.png\n  ---\n  width: 3\n  name: three\n  ---\n  ```\n",
        "```{code-cell}\n#| label: four\n1\n```\n",
        "$$\na\n$$ (five)\n",
    )
    named = ("code:one", "fig-two", "three", "four", "five")
    files = {
        "docs/b.md": "# B\n\n" + "\n".join(parts) + "\n:six\n\nname: seven\n",
        "docs/a.md": "".join(f"[x](#{label}) [y](b.md#{label})\n" for label in named) + "[z](#six) [z](#seven)\n",
    }
    for settings_of_the_site in ("docs/myst.yml", "docs/conf.py", "docs/_toc.yml"):
        repository = make_repository({**files, settings_of_the_site: ""}, name=settings_of_the_site.replace("/", "-"))
        assert [gap.title.split(",")[0] for gap in gaps_of(repository)] == [
            "docs/a.md links to the heading #seven",
            "docs/a.md links to the heading #six",
        ]
    gaps = gaps_of(make_repository({**files, "myst.md": ""}, name="elsewhere"))
    assert sum(len(gap.evidence) for gap in gaps) == 12


def test_a_label_in_a_sample_of_code_is_none(make_repository: MakeRepository) -> None:
    """A page about directives shows them in a fence of another kind, whatever lies in that."""
    samples = (
        "```yaml\n:name: one\n```\n",
        "````md\n```{figure} a.png\n:name: two\n```\n````\n",
        "~~~\n(three)=\n~~~\n",
        "````{tab-item} A\n```{figure} b.png\n:name: four\n```\n````\n",
    )
    files = {
        "docs/conf.py": "",
        "docs/b.md": "# B\n\n" + "\n".join(samples),
        "docs/a.md": "".join(f"[x](#{label})\n" for label in ("one", "two", "three", "four")),
    }
    (gap,) = gaps_of(make_repository(files))
    assert gap.title == "docs/a.md links to 3 headings that it does not have: #one, #two, #three"


@pytest.mark.parametrize(
    "named",
    [
        "  - pymdownx.tabbed:\n      alternate_style: true\n      slugify:\n        !!python/name:a.b\n  - x\n",
        "  pymdownx.tabbed:\n    slugify: !!python/object/apply:a.b\n",
    ],
)
def test_tabs_have_ids_where_the_settings_give_them_slugs(make_repository: MakeRepository, named: str) -> None:
    """By their titles, numbered where they repeat; a title that no tab has is dead, and so is all of it where the
    settings give slugs to something else."""
    titles = ('=== "GitHub Actions"', '    ===! "CI/CD"', '===+ "`Go`"', '=== "Go"')
    page = "# P\n\n" + "\n\n".join(f"{title}\n\n        text" for title in titles) + "\n"
    links = "[a](p.md#github-actions) [b](p.md#cicd) [c](p.md#go) [d](p.md#go_1) [e](p.md#gitlab-actions)\n"
    files = {"docs/user/p.md": page, "docs/user/a.md": links}
    settings_of_the_site = "site_name: X\nmarkdown_extensions:\n  - attr_list\n"
    repository = make_repository({**files, "docs/mkdocs-user.yml": settings_of_the_site + named})
    assert [gap.title.split(",")[0] for gap in gaps_of(repository)] == [
        "docs/user/a.md links to the heading #gitlab-actions"
    ]
    other = settings_of_the_site + "  - pymdownx.tabbed:\n      alternate_style: true\n  - toc:\n      slugify: a\n"
    (gap,) = gaps_of(make_repository({**files, "docs/mkdocs.yml": other}, name="elsewhere"))
    assert gap.title.startswith("docs/user/a.md links to 5 headings")


def test_blocks_of_pymdown_are_read_where_a_site_reads_them(make_repository: MakeRepository) -> None:
    """What is indented below a tab or a note is code to the code host, and text on a page of MkDocs."""
    blocks = '# A\n\n=== "x"\n\n    [a](gone.md)\n\n!!! note\n\n    [b](gone2.md)\n'
    files = {"README.md": blocks, "docs/a.md": blocks}
    assert seen_in(make_repository(files)) == []
    site = make_repository({**files, "mkdocs.yml": "site_name: x\n"}, name="site")
    assert {place.path for gap in gaps_of(site) for place in gap.evidence} == {"docs/a.md"}


def test_pages_that_docsify_takes_from_elsewhere_are_there(make_repository: MakeRepository) -> None:
    """By the keys of `alias`, each the whole of a route; other pages are not, nor is anything outside the site, or by
    an alias of something else."""
    page = (
        "<script>window.$docsify = {\n  alias: {\n    '.*?/awesome':\n      'https://a.b/README.md',\n"
        "    '/changelog': 'https://a.b/c.md', '/de/(.*)': 'https://a.b/$1',\n    '/(a|b)c': 'd' },\n  name: 'x',\n}"
    )
    links = "[a](awesome.md) [b](x/awesome.md) [c](changelog.md) [d](de/y.md) [e](x/changelog.md) [f](ac.md)\n"
    files = {"docs/_sidebar.md": links, "other/x.md": "[a](awesome.md)\n"}
    repository = make_repository({**files, "docs/index.html": page})
    assert sorted(gap.title.split(",")[0] for gap in gaps_of(repository)) == [
        "docs/_sidebar.md links to ac.md",
        "docs/_sidebar.md links to x/changelog.md",
        "other/x.md links to awesome.md",
    ]
    elsewhere = make_repository({**files, "docs/index.html": page.replace("$docsify", "app")}, name="elsewhere")
    assert sum(len(gap.evidence) for gap in gaps_of(elsewhere)) == 7


@pytest.mark.parametrize(
    "left_out",
    [
        {"config/links.json": '{"ignorePatterns": [{"pattern": "^bundle.zip"}, {"pattern": "(a|b)+$"}, 3]}'},
        {"lychee.toml": "exclude = ['^https://a\\.b', 'bundle\\.zip$']\n"},
        {".lychee.toml": "exclude_path = ['^docs/']\n"},
        {"docs/.lycheeignore": "/bundle.zip\n"},
    ],
)
def test_links_that_a_link_checker_leaves_out_are_unsure(
    make_repository: MakeRepository, left_out: dict[str, str]
) -> None:
    """By their targets, by the files that they lead to, or by their documents; other links are what they were."""
    files = {"docs/a.md": "[x](bundle.zip)\n", "b.md": "[y](other.zip) [z](bundle.tar)\n"}
    told = {
        gap.title.split(" links to ")[1].split(",")[0]: gap for gap in gaps_of(make_repository({**files, **left_out}))
    }
    assert {target: gap.confidence for target, gap in told.items()} == {
        "bundle.zip": "low",
        "other.zip": "high",
        "bundle.tar": "high",
    }
    assert told["bundle.zip"].title.endswith("; the settings of a link checker leave it out")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("links.json", '{"ignorePatterns": [{"pattern": "^\\\\./"}, {"pattern": "^b"}]}'),
        ("links.json", '{"ignorePatterns": ["bundle"], "pattern": "bundle"}'),
        ("links.json", '["ignorePatterns", {"pattern": "bundle"}]'),
        ("links.json", '{"ignorePatterns": [{"pattern": "bundle"'),
        ("lychee.toml", "exclude = 'bundle'\nexclude_path = ['docs']\n"),
        ("lychee.toml", "exclude = [bundle]\n"),
        ("other.toml", "exclude = ['bundle']\n"),
        ("lychee.toml", f"{'a.' * 200}b = 1\nexclude = ['bundle']\n"),
        ("tests/fixtures/lychee.toml", "exclude = ['bundle']\n"),
    ],
)
def test_what_leaves_out_no_link_by_its_name_says_nothing(
    make_repository: MakeRepository, path: str, text: str
) -> None:
    """A kind of links, a list of something else, another document, broken settings, settings of another tool or of test
    data, and settings that would take time in the square of their length."""
    (gap,) = gaps_of(make_repository({"a.md": "[x](./bundle.zip)\n", path: text}))
    assert (gap.title, gap.confidence) == ("a.md links to ./bundle.zip, which is not there", "high")


@pytest.mark.parametrize(
    ("script", "settings_of_the_site"),
    [
        ("site/.vitepress/plugins/transform.ts", "site/.vitepress/config.ts"),
        ("site/plugins/transform.js", "site/docusaurus.config.js"),
        ("site/src/remark/transform.mjs", "site/astro.config.mjs"),
    ],
)
def test_headings_that_a_plugin_writes_may_be_on_any_page(
    make_repository: MakeRepository, script: str, settings_of_the_site: str
) -> None:
    """Of its own site; what it only compares or puts together is on none, nor what a script elsewhere writes."""
    code = (
        "const a = `\n## Type Declarations\n\n${b}`\nconst c = '\\n### See also\\n'\n// ## Comment\nd = `## The ${b}`\n"
    )
    links = "[a](#type-declarations) [b](#see-also) [c](#comment) [d](#the-b) [e](#type-declaration)\n"
    files = {"site/guide/a.md": links, "other/b.md": "[a](#type-declarations)\n"}
    gaps = gaps_of(make_repository({**files, script: code, settings_of_the_site: ""}))
    assert sorted(gap.title for gap in gaps) == [
        "other/b.md links to the heading #type-declarations, which other/b.md does not have",
        "site/guide/a.md links to 3 headings that it does not have: #comment, #the-b, #type-declaration",
    ]
    elsewhere = {**files, "site/lib/transform.js": code, settings_of_the_site: ""}
    assert sum(len(gap.evidence) for gap in gaps_of(make_repository(elsewhere, name="elsewhere"))) == 6
    if not script.startswith("site/."):
        without = gaps_of(make_repository({**files, script: code}, name="without"))
        assert sum(len(gap.evidence) for gap in without) == 6


def test_sphinx_looks_for_an_object_in_all_pages(make_repository: MakeRepository) -> None:
    """`#Name` may name what a directive of `autodoc` documents, by the last part of its name; what none documents, and
    a name spelt otherwise, is dead, and so is all of it where Sphinx builds nothing."""
    files = {
        "docs/conf.py": "extensions = ['myst_parser']\n",
        "docs/api.md": "# API\n\n```{eval-rst}\n.. autoclass:: tool.spawner.Spawner\n   :members: start, stop\n```\n",
        "docs/more.md": "# More\n\n```{autofunction} tool.run\n```\n",
        "docs/list.rst": ".. autosummary::\n   :toctree: x\n\n   tool.Hub\n   ~tool.Proxy\n   of words\n\nText\n",
        "docs/a.md": "[a](#Spawner) [b](#start) [c](#run) [d](#Hub) [e](#Proxy)\n",
        "docs/b.md": "[a](#Spawners) [b](#spawner) [c](#Text) [d](#words)\n",
    }
    assert [gap.evidence[0].path for gap in gaps_of(make_repository(files))] == ["docs/b.md"]
    elsewhere = {path.replace("docs/conf.py", "src/conf.py"): text for path, text in files.items()}
    gaps = gaps_of(make_repository(elsewhere, name="elsewhere"))
    assert [gap.evidence[0].path for gap in gaps] == ["docs/a.md", "docs/b.md"]


@pytest.mark.parametrize(
    ("options", "link", "confidence"),
    [
        ("   :undoc-members:\n   :members:\n", "#Spawner", "low"),
        ("   :members:\n", "#get_state", "low"),
        ("   :members: start, stop\n", "#Spawner", "high"),
        ("", "#Spawner", "high"),
        ("   :members:\n", "#spawner", "high"),
        ("   :members:\n", "#the-Spawner", "high"),
        ("   :members:\n", "b.md#Spawner", "high"),
    ],
)
def test_what_may_be_an_object_of_a_whole_module_is_unsure(
    make_repository: MakeRepository, options: str, link: str, confidence: str
) -> None:
    """Where Sphinx documents all that a module holds, a name of code may be among it; a name like a heading's, a place
    on another page, and a name where all that is documented is written down, are dead."""
    files = {
        "docs/conf.py": "extensions = ['myst_parser']\n",
        "docs/api.rst": f"API\n===\n\n.. automodule:: tool.core\n{options}\nText\n",
        "docs/a.md": f"[a]({link})\n",
        "docs/b.md": "# B\n",
    }
    assert [gap.confidence for gap in gaps_of(make_repository(files))] == [confidence]


def test_one_missing_file_that_many_link_to_is_one_gap(make_repository: MakeRepository) -> None:
    """Translations copy a link that holds in the root; two documents are two gaps."""
    files = {f"doc/README-{language}.md": "[MIT](LICENSE)\n" for language in ("de", "fr", "es")}
    repository = make_repository({**files, "LICENSE": "x", "doc/x.md": "[a](two.md)\n", "doc/y.md": "[a](two.md)\n"})
    in_the_root = "that in the root, LICENSE, is the one file of that name"
    assert sorted((gap.title, len(gap.evidence)) for gap in gaps_of(repository)) == [
        (f"3 documents link to doc/LICENSE, which is not there; {in_the_root}", 3),
        ("doc/x.md links to two.md, which is not there", 1),
        ("doc/y.md links to two.md, which is not there", 1),
    ]


def test_what_a_site_serves_from_its_root_is_there(make_repository: MakeRepository) -> None:
    """A rooted path that lies below a folder called `static` or `public` is one of a site."""
    files = {"docs/a.md": "![x](/img/a/x.png) ![y](/img/a/y.png)\n", "img/logo.png": "x"}
    assert seen_in(make_repository(files)) == ["broken-link docs/a.md:1", "broken-link docs/a.md:1"]
    served = {"website/static/img/a/x.png": "x", "other/img/a/y.png": "x"}
    assert len(gaps_of(make_repository({**files, **served}, name="served"))) == 1


def test_the_list_of_a_bot_is_its_own(make_repository: MakeRepository) -> None:
    """What all-contributors writes has links that lead nowhere on purpose."""
    block = "<!-- ALL-CONTRIBUTORS-LIST:START - x -->\n[🚇](#infra-a)\n<!-- ALL-CONTRIBUTORS-LIST:END -->\n"
    (gap,) = gaps_of(make_repository({"README.md": f"[a](#one)\n\n{block}\n"}))
    assert gap.evidence[0].line == 1


def test_paths_with_backslashes_are_one_gap(make_repository: MakeRepository) -> None:
    """They are a habit of whoever wrote the document, or of the program."""
    links = " ".join(f"[x](a\\{name}.md)" for name in "xyz")
    repository = make_repository({"README.md": links + "\n", "two.md": "[x](a\\x.md)\n", "a/x.md": "x"})
    assert [gap.title for gap in gaps_of(repository)] == [
        "README.md links to 3 paths with backslashes, which separate nothing in a link: a\\x.md, a\\y.md, a\\z.md",
        "two.md links to a\\x.md, which is not there; a backslash separates nothing in a link",
    ]


def test_a_target_of_myst_is_a_place(make_repository: MakeRepository) -> None:
    """`(name)=` before a heading gives it an id."""
    text = "(there)=\n## Title\n\n[a](#there) [b](#nowhere)\n"
    assert seen_in(make_repository({"a.md": text})) == ["broken-heading-link a.md:4"]


def test_an_id_in_brackets_after_a_heading_is_a_place(make_repository: MakeRepository) -> None:
    """So some generators write it; brackets within a heading or in the text are none."""
    text = "## Life cycle [life_cycle-2]\n\nText [other]\n\n[a](#life_cycle-2) [b](#other)\n"
    assert seen_in(make_repository({"a.md": text})) == ["broken-heading-link a.md:5"]


def test_headings_in_code_are_none(make_repository: MakeRepository) -> None:
    """The fast look at headings errs towards too many: a heading in code hides a gap, it never makes one."""
    repository = make_repository({"README.md": "# Top\n\n[a](#nothing)\n\n```\n# Something\n```\n"})
    assert seen_in(repository) == ["broken-heading-link README.md:3"]


@pytest.mark.parametrize(
    ("headings", "fragment", "corrected"),
    [
        ("## Swag / T-Shirts", "swag-t-shirts", "swag--t-shirts"),
        ("## Computing a table", "computing-a-tabel", "computing-a-table"),
        ("## Installation", "instalation", "installation"),
        ("## Chapter twelve 12", "chapter-twelve-13", None),
        ("## Usage", "use", None),
        ("## Installation A\n\n## Installation B", "installation-c", None),
    ],
)
def test_a_misspelt_heading_is_corrected_when_only_one_is_near(
    make_repository: MakeRepository, headings: str, fragment: str, corrected: str | None
) -> None:
    """Other punctuation or one wrong letter is corrected; digits, short words and two candidates are left alone."""
    repository = make_repository({"README.md": f"[a](#{fragment})\n\n{headings}\n"})
    (gap,) = gaps_of(repository)
    if corrected is None:
        assert gap.remedy is None
    else:
        assert after_remedy(repository, gap) == {"README.md": f"[a](#{corrected})\n\n{headings}\n"}


# --- vanished-path --------------------------------------------------------------------------------------------------


def vanished(
    make_repository: MakeRepository, documents: dict[str, str], *, title: str = "# T\n\n", **files: str
) -> Path:
    """Return a repository whose `scripts/build.py` and `run.py` are gone, with DOCUMENTS (path -> text) below TITLE."""
    gone = {name: f"print('{name}')\n" for name in ("scripts/build.py", "run.py", "my-script.py", "foo.py")}
    repository = make_repository({**gone, **files})
    git(repository, "rm", "--quiet", *gone)
    write_files(repository, {path: f"{title}{text}\n" for path, text in documents.items()})
    commit_all(repository)
    return repository


NAMES_WHAT_VANISHED = [
    "The entry is `scripts/build.py`.",
    "Run `python scripts/build.py --all`.",
    "```bash\n$ python3 scripts/build.py\n```",
    "```sh\n./scripts/build.py\n```",
    "```\n$ python run.py\n```",
    "```console\nFOO=1 uv run scripts/build.py\n```",
    "NEW in version 2: the entry is `scripts/build.py`.",
    "The settings can be found in `scripts/build.py`.",
    "What `scripts/build.py` holds will be loaded at the start.",
    "New steps can be added to `scripts/build.py`, and have to be added there.",
    "The step will be added to `scripts/build.py`.",
]


def test_a_page_may_name_what_the_sites_of_its_readers_have(make_repository: MakeRepository) -> None:
    """In a folder that the root has no more and the site of the page has: of low confidence; what lies in a folder
    that the root still has, and what another document names, is gone."""
    gone = {"content/en/one.jpg": "x\n", "theme/two.md": "a text\n"}
    said = "The site has `content/en/one.jpg` and `theme/two.md`.\n"
    site = {"site/hugo.toml": "", "site/content/en/theme/page.md": said, "CONTRIBUTING.md": f"# C\n\n{said}"}
    repository = make_repository({**gone, **site, "theme/kept.md": "b\n"})
    commit_all(repository)
    git(repository, "rm", "-q", *gone)
    commit_all(repository, "second")
    assert sorted((gap.title.split(",")[0], gap.confidence) for gap in gaps_of(repository)) == [
        ("CONTRIBUTING.md names content/en/one.jpg", "medium"),
        ("CONTRIBUTING.md names theme/two.md", "medium"),
        ("site/content/en/theme/page.md names content/en/one.jpg", "low"),
        ("site/content/en/theme/page.md names theme/two.md", "medium"),
    ]


def test_a_path_that_vanished_is_found_where_documents_name_it(make_repository: MakeRepository) -> None:
    """A path in backticks or in a shell command that git once held, and that is gone, is a gap."""
    documents = {f"case{number}.md": text for number, text in enumerate(NAMES_WHAT_VANISHED)}
    gaps = gaps_of(vanished(make_repository, documents))
    assert [(gap.rule_id, gap.evidence[0].path) for gap in gaps] == [
        ("doc_drift/vanished-path", document) for document in sorted(documents)
    ]


def test_several_files_that_are_gone_are_one_gap(make_repository: MakeRepository) -> None:
    """What one document names and nobody has now is told once; what was renamed has its remedy."""
    files = {f"src/{name}.py": f"print('{name}, and enough of it to be known again')\n" for name in "abcd"}
    repository = make_repository(files)
    commit_all(repository)
    git(repository, "mv", "src/d.py", "src/e.py")
    git(repository, "rm", "-q", "src/a.py", "src/b.py", "src/c.py")
    write_files(repository, {"README.md": "\n\n".join(f"See `{path}`." for path in files) + "\n"})
    commit_all(repository, "second")
    assert [(gap.title, len(gap.evidence), gap.remedy is not None) for gap in gaps_of(repository)] == [
        ("README.md names 3 files that are no longer in the tree: src/a.py, src/b.py, src/c.py", 3, False),
        ("README.md names src/d.py, which is no longer in the tree; git says that it became src/e.py", 1, True),
    ]


LOOKS_LIKE_A_VANISHED_PATH = [
    "No `scripts/build.py` exists today.",
    "`scripts/build.py` does not exist yet.",
    "`scripts/build.py` doesn't exist yet.",
    "The entry is `scripts/never.py`.",
    "`scripts/build.py` was removed in version 2.",
    "* ~~Change `scripts/build.py`~~ (version 1 only)",
    "It creates `scripts/build.py` for you.",
    "```python\nopen('scripts/build.py')\n```",
    "```bash\ngit clone https://host.example/x && cd x\npython scripts/build.py\n```",
    "```bash\npython -m scripts.build\n```",
    "```text\n`scripts/build.py`\n```",
    "It is `pkg/scripts/build.py` or `build.py`.",
    "``scripts/build.py` ``",
    "<!-- nothing -->",
    "Run `python my-script.py` or `python foo.py`.",
    "- `scripts/build.py` (new)",
    "NEW `scripts/build.py` holds the rest",
    "The settings can also be stored at `scripts/build.py`.",
    "The module `run.py` (which will be `scripts/build.py` after that)",
]


def test_paths_that_never_were_or_are_told_of_as_gone_are_no_gap(make_repository: MakeRepository) -> None:
    """Unknown paths, tales of the past, outputs, foreign repositories and quoted code are no gap."""
    documents = {f"case{number}.md": text for number, text in enumerate(LOOKS_LIKE_A_VANISHED_PATH)}
    assert seen_in(vanished(make_repository, documents)) == []


def test_a_dead_link_whose_text_is_its_path_is_said_once(make_repository: MakeRepository) -> None:
    """The link is the fault; the path in its text is no second one, and one without a link is."""
    linked = "The entry is [`scripts/build.py`](scripts/build.py)."
    repository = vanished(make_repository, {"a.md": linked, "b.md": "The entry is `scripts/build.py`."})
    assert seen_in(repository) == ["broken-link a.md:3", "vanished-path b.md:3"]


@pytest.mark.parametrize(
    ("head", "is_judged"),
    [
        ("> ## THIS IS AN AUTOGENERATED FILE. DO NOT EDIT.", False),
        ("<!-- Do not edit: this file is generated from src/guide.md -->", False),
        ("Every file says who may edit it.", True),
    ],
)
def test_a_document_that_says_it_is_generated_is_left_to_its_source(
    make_repository: MakeRepository, head: str, is_judged: bool
) -> None:
    """What a program writes is mended where it comes from."""
    repository = make_repository({"README.md": f"{head}\n\n[a](gone.md) [b](#nothing)\n"})
    assert seen_in(repository) == (["broken-heading-link README.md:3", "broken-link README.md:3"] if is_judged else [])


def test_records_of_the_past_may_name_what_is_gone(make_repository: MakeRepository) -> None:
    """Decisions, changelogs, ledgers and archives are not rewritten when a file goes."""
    records = ("docs/adr/0001-x.md", "CHANGELOG.md", "docs/BUILD_HISTORY.md", "docs/archive/a.md")
    assert seen_in(vanished(make_repository, dict.fromkeys(records, "The entry is `scripts/build.py`."))) == []


PLANS_AND_RECORDS = {
    "docs/x.md": "# Backends\n\nStatus: **awaiting sign-off**.\n",
    "docs/prd.md": "# X\n\n| Field | Value |\n| --- | --- |\n| Status | Draft |\n",
    "docs/proposed.md": "# X\n\n## Status\n\nProposed\n\n## Context\n",
    "docs/made.md": "# X\n\n**Generated**: 2026-05-12\n",
    "docs/protocol.md": "# X\n\n> Source-of-truth date: 2026-05-12, working branch x\n",
    "docs/failures.md": "# X\n\n## Evidence\n\n- **Evidence captured:** 2026-07-31\n\n## Rows\n",
    "docs/big-plan.md": "# Plan: bigger\n\n- [ ] first\n",
    "docs/a-inventory.md": "# Initiative A - inventory (T_1)\n",
    "docs/log.md": "# X\n\n## Log\n\n### 2026-07-30 - first slice\n\n#### Notes\n\n```sh\n# no heading\n```\n",
    "docs/seen.md": "# X\n\n## Baseline\n\nVerified on 2026-07-24 from commit `9e94c090e`:\n",
}
DOCUMENTS_OF_TODAY = {
    "README.md": "# X\n\nStatus: **in progress**\n\nCreated: 2026-05-12\n",
    "docs/build-plan.md": "# Build plan\n\nHow a build is planned.\n",
    "docs/ci-inventory.md": "# Building your inventory\n\n- [ ] first\n",
    "docs/inventory.md": "# Inventory\n\n- [ ] first\n",
    "docs/log.md": "# X\n\n### 2026-07-30 - first slice\n\nDone.\n\n## Layout\n",
    "docs/new.md": "# X\n\nLast updated: 2026-05-12\n\nStatus: stable\n",
    "docs/page.md": "---\ntitle: X\ndate: 2026-05-12\nstatus: draft\n---\n\n# X\n",
    "docs/sample.md": '# X\n\n```json\n"status": "draft",\nstatus: draft\n```\n',
    "docs/seen.md": "# X\n\n## Baseline\n\nVerified on 2026-07-24.\n\n## Layout\n",
    "docs/status.md": "# The bar\n\nStatus: Done is what the bar shows.\n",
    "docs/toml.md": "+++\ndate = 2026-05-12\nstatus = draft\n+++\n\n# X\n",
}


def test_a_line_is_looked_at_once_for_all_that_it_names(
    make_repository: MakeRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thousands of paths on one endless line are not each judged by all of its words."""
    asked: list[str] = []

    class Counting:
        def search(self, words: str) -> None:
            asked.append(words)

    repository = vanished(make_repository, {"README.md": "`scripts/build.py` " * 50 + "\n\nAgain `scripts/build.py`."})
    monkeypatch.setattr(vanished_paths, "_TELLS_OF_THE_PAST", Counting())
    (gap,) = gaps_of(repository)
    assert (len(gap.evidence), len(asked)) == (51, 2)


def test_plans_and_records_may_name_what_is_gone(make_repository: MakeRepository) -> None:
    """A status or a day in the head, name and title of a plan with items, a section of a day: nobody rewrites them, and
    so no remedy does."""
    said = {path: f"{text}\nThe entry is `scripts/build.py`." for path, text in PLANS_AND_RECORDS.items()}
    gaps = gaps_of(vanished(make_repository, said, title=""))
    assert {(gap.confidence, gap.remedy) for gap in gaps} == {("low", None)}
    assert [gap.evidence[0].path for gap in gaps] == sorted(said)


def test_what_is_typed_fails_whatever_stands_around(make_repository: MakeRepository) -> None:
    """A command of a draft, or of a section with a day, is told as everywhere else, with its place alone."""
    command = "\nThe entry is `scripts/build.py`.\n\n```sh\npython scripts/build.py\n```\n"
    documents = {path: text + command for path, text in PLANS_AND_RECORDS.items()}
    gaps = gaps_of(vanished(make_repository, documents, title=""))
    assert [(gap.confidence, len(gap.evidence)) for gap in gaps] == [("medium", 1)] * len(documents)


def test_what_only_looks_like_a_plan_is_of_today(make_repository: MakeRepository) -> None:
    """A README, a page that teaches, a date of a change, settings of a page, and the section after a dated one."""
    said = {path: f"{text}\nThe entry is `scripts/build.py`." for path, text in DOCUMENTS_OF_TODAY.items()}
    gaps = gaps_of(vanished(make_repository, said, title=""))
    assert [(gap.evidence[0].path, gap.confidence) for gap in gaps] == [(path, "medium") for path in sorted(said)]


TOWNCRIER = '[tool.towncrier]\ndirectory = "upcoming/"\n'


@pytest.mark.parametrize(
    ("path", "is_deleted_at_releases"),
    [
        ("news/12.feature.rst", True),
        ("upcoming/+x.bugfix.1.md", True),
        ("changelog.d/12.md", True),
        ("newsfragments/README.md", False),
        ("news/index.rst", False),
        ("other/12.feature.rst", False),
    ],
)
def test_fragments_of_news_go_with_each_release(
    make_repository: MakeRepository, path: str, is_deleted_at_releases: bool
) -> None:
    """Where a fragment stood, by its folder, its name or the settings of towncrier, is no gap; other files are."""
    repository = make_repository({path: "a change\n", "pyproject.toml": TOWNCRIER})
    git(repository, "rm", "-q", path)
    write_files(repository, {"guide.md": f"Say it in `{path}`.\n"})
    commit_all(repository)
    assert seen_in(repository) == ([] if is_deleted_at_releases else ["vanished-path guide.md:1"])


@pytest.mark.parametrize(
    "settings",
    [
        f"# towncrier\na = {'[' * 3_000}\n",
        f"# towncrier\n{'a.' * 200}b = 1\n[tool.towncrier]\ndirectory = 'upcoming'\n",
        "# towncrier\ntool = 3\n",
        "[tool]\ntowncrier = ['directory']\n",
        "[tool.towncrier]\ndirectory = 4\n",
        "\xff towncrier",
    ],
)
def test_settings_of_towncrier_that_say_nothing_stop_nobody(make_repository: MakeRepository, settings: str) -> None:
    """Deep, long, of other kinds or no TOML: the document that names a file that is gone is told all the same."""
    repository = make_repository({"upcoming/12.feature.rst": "a change\n", "towncrier.toml": settings})
    git(repository, "rm", "-q", "upcoming/12.feature.rst")
    write_files(repository, {"guide.md": "Say it in `upcoming/12.feature.rst`.\n"})
    commit_all(repository)
    assert seen_in(repository) == ["vanished-path guide.md:1"]


def test_a_translation_is_excused_with_its_original(make_repository: MakeRepository) -> None:
    """What the original says of a path in words that excuse it, its translations say too; what only they say, and what
    the original says as a fact, is a gap in each."""
    documents = {
        "docs/en/a.md": "The file can be stored at `scripts/build.py` too.",
        "docs/es/a.md": "El archivo puede estar en `scripts/build.py`.",
        "docs/en/b.md": "Start here.",
        "docs/es/b.md": "Empieza en `scripts/build.py`.",
        "docs/en/c.md": "Start in `scripts/build.py`.",
        "docs/es/c.md": "Empieza en `scripts/build.py`.",
    }
    gaps = gaps_of(vanished(make_repository, documents))
    assert [gap.evidence[0].path for gap in gaps] == ["docs/en/c.md", "docs/es/b.md", "docs/es/c.md"]


def test_a_path_that_lives_on_below_another_folder_is_no_gap(make_repository: MakeRepository) -> None:
    """In a repository of several packages, a path may be meant from the package's folder."""
    documents = {"README.md": "The entry is `scripts/build.py`."}
    assert seen_in(vanished(make_repository, documents, **{"pkg/scripts/build.py": "x\n"})) == []


def test_a_renamed_path_is_corrected(make_repository: MakeRepository) -> None:
    """A path that git renamed is replaced where it is written from the root."""
    repository = make_repository({"README.md": "Run `python tools/a.py` now.\n", "tools/a.py": "print(1)\n" * 9})
    git(repository, "mv", "tools/a.py", "tools/b.py")
    commit_all(repository)
    (gap,) = gaps_of(repository)
    assert gap.title == "README.md names tools/a.py, which is no longer in the tree; git says that it became tools/b.py"
    assert after_remedy(repository, gap) == {"README.md": "Run `python tools/b.py` now.\n"}


# --- stale-block ----------------------------------------------------------------------------------------------------

LEDGER = "# Build history\n\n## BUILD-001: first\n\ntext\n\n## BUILD-002: second\n\n### Details\n"
START, END = "<!-- SOT_SUMMARY_START -->", "<!-- SOT_SUMMARY_END -->"
FRESH = "- [docs/BUILD_HISTORY.md](docs/BUILD_HISTORY.md): 2 entries, latest: BUILD-002: second\n"


def test_a_stale_summary_of_the_ledgers_is_refreshed(make_repository: MakeRepository) -> None:
    """The summary lists each ledger's entries and latest heading; an old one is replaced between its markers."""
    stale = FRESH.replace("2 entries, latest: BUILD-002: second", "1 entry, latest: BUILD-001: first")
    repository = make_repository({"docs/BUILD_HISTORY.md": LEDGER, "README.md": f"# T\n\n{START}\n{stale}{END}\nend\n"})
    (gap,) = gaps_of(repository)
    assert gap.remedy is not None
    assert (gap.rule_id, gap.remedy.kind, gap.remedy.lines) == ("doc_drift/stale-block", "block_refresh", 2)
    assert after_remedy(repository, gap) == {"README.md": f"# T\n\n{START}\n{FRESH}{END}\nend\n"}


@pytest.mark.parametrize(
    "readme",
    [
        f"{START}\n{FRESH}{END}\n",
        f"{START}\r\n{FRESH.strip()}\r\n{END}\r\n",
        f"```\n{START}\nold\n{END}\n```\n",
        f"{START}\nWe have built 7 things.\n{END}\n",
        f"{START}\nLatest: BUILD-002\n{END}\n",
        f"{START}\nnever closed\n",
        f"Write `{START}` and `{END}`.\n",
    ],
)
def test_fresh_quoted_and_foreign_summaries_are_no_gap(make_repository: MakeRepository, readme: str) -> None:
    """A current block, an example in code, and a block in somebody else's form are left alone."""
    assert seen_in(make_repository({"docs/BUILD_HISTORY.md": LEDGER, "README.md": readme})) == []


def test_a_foreign_summary_that_stops_at_an_old_entry_is_found_and_not_rewritten(
    make_repository: MakeRepository,
) -> None:
    """A block in another form that names entries but not the newest one is stale; its form is its owner's."""
    repository = make_repository(
        {"docs/BUILD_HISTORY.md": LEDGER, "README.md": f"{START}\n**Latest**: BUILD-001\n{END}\n"}
    )
    (gap,) = gaps_of(repository)
    assert (gap.rule_id, gap.remedy) == ("doc_drift/stale-block", None)


def test_a_quoted_file_is_kept_current(make_repository: MakeRepository) -> None:
    """An owner's block quotes its source to the letter, in a fence when it names a language."""
    block = (
        "<!-- AUTOPACK_BLOCK_START name=usage source=snippets/usage.sh fence=sh -->\n{}<!-- AUTOPACK_BLOCK_END -->\n"
    )
    repository = make_repository({"snippets/usage.sh": "run --fast\n", "README.md": block.format("```sh\nrun\n```\n")})
    (gap,) = gaps_of(repository)
    assert after_remedy(repository, gap) == {"README.md": block.format("```sh\nrun --fast\n```\n")}
    write_files(repository, {"README.md": block.format("```sh\nrun --fast\n```\n")})
    assert seen_in(repository) == []


def test_a_block_may_quote_any_file_and_says_when_its_source_is_gone(make_repository: MakeRepository) -> None:
    """A source whose bytes were not kept is compared by digest; a missing source is a gap without remedy."""
    block = "<!-- AUTOPACK_BLOCK_START name=n source={} -->\n{}<!-- AUTOPACK_BLOCK_END -->\n"
    repository = make_repository({"src/a.py": "x = 1\n", "README.md": block.format("src/a.py", "x = 1\n")})
    assert seen_in(repository) == []
    write_files(repository, {"README.md": block.format("src/a.py", "x = 2\n")})
    assert [(gap.rule_id, gap.remedy) for gap in gaps_of(repository)] == [("doc_drift/stale-block", None)]
    write_files(repository, {"README.md": block.format("src/gone.py", "x = 2\n")})
    assert [gap.title for gap in gaps_of(repository)] == [
        "The block n in README.md quotes src/gone.py, which is not there"
    ]


def test_no_remedy_ever_writes_a_ledger(make_repository: MakeRepository) -> None:
    """A ledger, or a part rotated out of it, may hold dead links and stale blocks; they are reported, never edited."""
    text = f"{LEDGER}\n[a](/docs/Guide.md)\n\n{START}\n{END}\n"
    repository = make_repository(
        {"docs/BUILD_HISTORY.md": text, "docs/guide.md": "# G\n", "docs/archive/BUILD_HISTORY-2025.md": text}
    )
    assert [(gap.rule_id, gap.remedy) for gap in gaps_of(repository)] == [("doc_drift/broken-link", None)]


# --- index-names-missing-file ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{\n  "docs": [\n    "a.md",\n    "gone.md"\n  ]\n}\n', '{\n  "docs": [\n    "a.md"\n  ]\n}\n'),
        ('{\n  "docs": [\n    "gone.md",\n    "a.md"\n  ]\n}\n', '{\n  "docs": [\n    "a.md"\n  ]\n}\n'),
        ('{"files": ["gone.md"]}', '{"files": []}'),
        ('{"files": ["a.md", "gone.md", "a.md"]}', '{"files": ["a.md", "a.md"]}'),
    ],
)
def test_a_dead_index_entry_is_cut_out(make_repository: MakeRepository, before: str, after: str) -> None:
    """A list element that names a missing file goes with its comma and line; every other byte stays."""
    repository = make_repository({"docs/PROJECT_INDEX.json": before, "a.md": "# A\n"})
    (gap,) = gaps_of(repository)
    assert (gap.rule_id, after_remedy(repository, gap)) == (
        "doc_drift/index-names-missing-file",
        {"docs/PROJECT_INDEX.json": after},
    )


def test_a_dead_path_in_an_object_is_found_without_remedy(make_repository: MakeRepository) -> None:
    """What else an entry says about a missing file is for a person to judge."""
    index = '{"entries": [{"path": "docs/gone.md", "title": "x"}]}'
    (gap,) = gaps_of(make_repository({"docs/PROJECT_INDEX.json": index}))
    assert (gap.evidence[0].line, gap.remedy) == (1, None)


@pytest.mark.parametrize(
    "index",
    [
        '{"files": ["a.md", "./a.md", "b.md"]}',
        '{"title": "docs/gone.md"}',
        '{"files": ["src/*.py", "https://host.example/x.md", "two words and no path", "build/out.txt"]}',
        '{"paths": [".autonomous_runs/x/y.json"]}',
        "{not json",
        "[" * 100_000,
    ],
)
def test_indexes_that_hold_or_name_no_plain_path_are_no_gap(make_repository: MakeRepository, index: str) -> None:
    """Existing files, other keys, globs, URLs, ignored and run-local files are no gap; bad JSON does no harm."""
    files = {"docs/PROJECT_INDEX.json": index, "a.md": "# A\n", "docs/b.md": "# B\n", ".gitignore": "build/\n"}
    assert seen_in(make_repository(files)) == []


# --- robustness -----------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=2_000, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(alphabet="[]()<>`~#*_-=|!\\\"' \n\tab.:/{}$0é", max_size=400))
def test_extraction_survives_any_text(text: str) -> None:
    """No text makes the extractor fail, and offsets point at what they name."""
    data = text.encode()
    for path in ("a.md", "a.rst"):
        fact = DETECTOR.extract(path, data) if DETECTOR.extract else None
        assert fact is not None
        for link in fact.links:  # type: ignore[attr-defined]
            assert data[link.offset :].startswith(link.target.encode())


@settings(max_examples=10, deadline=5_000)
@given(st.binary(max_size=2_000))
def test_extraction_survives_any_bytes(data: bytes) -> None:
    """Bytes that are no text do no harm either."""
    assert DETECTOR.extract is not None
    DETECTOR.extract("a.md", data)
    DETECTOR.extract("a.rst", data)


# --- missing-module -------------------------------------------------------------------------------------------------

PACKAGE = {
    "src/shop/__init__.py": "from shop.cart import total as sum_of\n",
    "src/shop/cart.py": "",
    "src/shop/fast.pyx": "",
    "src/shop/web/__init__.py": "",
    "src/shop/web/views.py": "",
}


@pytest.mark.parametrize(
    ("text", "module"),
    [
        ("See :mod:`shop.gone`.\n", "shop.gone"),
        ("See :func:`~shop.gone.total`.\n", "shop.gone"),
        ("See :py:class:`the basket <shop.web.gone.Basket>`.\n", "shop.web.gone"),
        ("See :meth:`shop.gone.Basket.add`.\n", "shop.gone"),
        ("See :func:`shop.gone.deep.total()`.\n", "shop.gone"),
        (".. automodule:: shop.gone\n   :members:\n", "shop.gone"),
        (".. autofunction:: shop.web.gone.show\n", "shop.web.gone"),
        (".. currentmodule:: shop.gone\n", "shop.gone"),
        ("Text.\n\n   A quotation of :mod:`shop.gone`.\n", "shop.gone"),
        (".. module:: shop\n\nSee :mod:`shop.gone`.\n", "shop.gone"),
    ],
)
def test_a_module_that_documents_refer_to_in_vain_is_found(
    make_repository: MakeRepository, text: str, module: str
) -> None:
    """Roles and autodoc directives that name a module which the repository's own package lacks are a gap."""
    (gap,) = gaps_of(make_repository({**PACKAGE, "docs/guide.rst": text}))
    line = 1 + text[: text.index(module)].count("\n")
    assert seen([gap]) == [f"missing-module docs/guide.rst:{line}"]
    assert gap.title == f"docs/guide.rst refers to the module {module}, which does not exist"


@pytest.mark.parametrize(
    ("text", "files"),
    [
        # there, in some form
        ("See :mod:`shop`, :mod:`shop.cart`, :func:`shop.cart.gone`, :mod:`shop.web`, :mod:`shop.fast.x`.\n", {}),
        ("See :func:`shop.sum_of`, :meth:`shop.Basket.add`, :class:`shop.Basket`, :attr:`shop.web.Page.title`.\n", {}),
        ("See :mod:`shop.part`.\n", {"src/shop/__init__.py": "from pkgutil import extend_path\n"}),
        ("See :mod:`shop.part`.\n", {"src/shop/__init__.py": "ALIASES = {'part': 'shop.cart'}\n"}),
        ("See :mod:`shop.part`.\n", {"src/shop/__init__.py": "from shop.cart import *\n"}),
        ("See :func:`shop.Part.sum`.\n", {"src/shop/__init__.py": "a, b, c = lazy.attach_stub(__name__, __file__)\n"}),
        ("See :mod:`shop.part`.\n", {".gitignore": "part.py\n", "src/shop/part.py": ""}),
        ("See :mod:`shop.data`.\n", {"src/shop/data/readme.txt": ""}),
        ("See :mod:`shop.made`.\n", {"src/shop/made.templ.pyx": ""}),
        # somebody else's, or of no package
        ("See :mod:`json.gone`, :func:`requests.gone.get`, :class:`Basket`, :mod:`gone`.\n", {}),
        ("See :mod:`shop.gone`.\n", {"shop/__init__.py": ""}),
        # not a reference, or not to what is there now
        ("See :mod:`!shop.gone`.\n", {}),
        ("See ``shop.gone``.\n", {}),
        ("Write ``see :mod:`shop.gone` for it`` or ``:mod:`shop.gone```.\n", {}),
        ("Write::\n\n    :mod:`shop.gone`\n", {}),
        (".. code-block:: rst\n\n   .. automodule:: shop.gone\n", {}),
        (".. versionchanged:: 2.0\n   :mod:`shop.gone` became :mod:`shop.cart`.\n", {}),
        (".. deprecated:: 2.0\n\n   Once in :mod:`shop.gone`.\n", {}),
        (".. module:: shop.gone\n\nSee :func:`shop.gone.total`.\n", {}),
    ],
)
def test_modules_that_may_be_somewhere_are_no_gap(
    make_repository: MakeRepository, text: str, files: dict[str, str]
) -> None:
    """Extensions, aliases, open packages, other people's modules, notes on the past and literal text are left alone."""
    assert seen_in(make_repository({**PACKAGE, "docs/guide.rst": text, **files})) == []


@pytest.mark.parametrize(
    ("path", "is_judged"),
    [
        ("CHANGES.rst", False),
        ("docs/history/one.rst", False),
        ("docs/whatsnew-2.0.rst", False),
        ("docs/rfcs/a.rst", False),
        ("docs/release/version0.13.0.rst", False),
        ("docs/release/versions.rst", True),
        ("docs/version2.rst", True),
    ],
)
def test_chronicles_may_name_modules_of_their_day(make_repository: MakeRepository, path: str, is_judged: bool) -> None:
    """What a changelog, the notes of a release or an old decision refers to existed then."""
    assert bool(seen_in(make_repository({**PACKAGE, path: "See :mod:`shop.gone`.\n"}))) == is_judged


@pytest.mark.parametrize(("fragment", "kept"), [("#why", True), ("", True), ("#when", False)])
def test_a_moved_file_without_the_heading_is_no_certain_target(
    make_repository: MakeRepository, fragment: str, kept: bool
) -> None:
    """Following a rename must not turn a dead path into a dead heading: then only a person knows what was meant."""
    text = "# Why\n\n" + "A line of the guide.\n" * 20
    repository = make_repository({"README.md": f"[a](old.md{fragment})\n", "old.md": text})
    git(repository, "mv", "old.md", "new.md")
    commit_all(repository)
    (gap,) = report_of(repository, DETECTOR).gaps
    assert gap.rule_id == "doc_drift/broken-link"
    assert (gap.remedy is not None) == kept
