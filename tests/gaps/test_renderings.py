"""renderings: a rule that explains several dead links of several documents makes them unsure, and nothing else does."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopack.gaps import links_of_one_cause
from autopack.gaps.detectors.doc_drift import DETECTOR
from gap_reports import report_of
from repositories import MakeRepository, commit_all, git, write_files


@pytest.fixture(autouse=True)
def _each_link_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is told of a link is looked at here, not how many are told together."""
    monkeypatch.setattr(links_of_one_cause, "_ENOUGH", 1_000)


def shown_in(workspace: Path) -> list[str]:
    """Return `document target` of every dead link that a scan shows unasked."""
    return [named for named, confidence in said_of(workspace).items() if confidence != "low"]


def said_of(workspace: Path) -> dict[str, str]:
    """Return the confidence of every dead link, by `document target`."""
    gaps = report_of(workspace, DETECTOR).gaps
    assert not any(gap.remedy for gap in gaps if gap.confidence == "low"), "what is unsure is not mended"
    return {" ".join(gap.title.split(" links to ")[0:2]).split(",")[0].split(" by ")[0]: gap.confidence for gap in gaps}


# --- ids of headings ------------------------------------------------------------------------------------------------

REFERENCE = "# Commands\n\n## update / u\n\n## NO_DEV\n\n## scripts <span>([root](a.md))</span>\n\n## A + B\n\n## run\n"
IDS = {"docs/a.md": "update-u", "docs/b.md": "no-dev", "docs/c.md": "scripts"}


def linking(ids: dict[str, str]) -> dict[str, str]:
    """Return documents that link to the headings IDS (document -> id) of docs/reference.md, and that document."""
    return {
        "docs/reference.md": REFERENCE,
        **{document: f"# {document}\n\n[x](reference.md#{fragment})\n" for document, fragment in ids.items()},
    }


def test_headings_that_another_rule_names_are_unsure(make_repository: MakeRepository) -> None:
    """Three ids in three documents that one other rule gives are of low confidence; a fourth that no rule gives, and
    one in a document that the host itself shows, are what they were."""
    more = {
        "docs/d.md": "[x](reference.md#update-all) [y](reference.md#run)\n",
        "README.md": "[x](docs/reference.md#no-dev)\n",
    }
    repository = make_repository({**linking(IDS), **more})
    assert said_of(repository) == {
        "README.md the heading #no-dev": "high",
        "docs/a.md the heading #update-u": "low",
        "docs/b.md the heading #no-dev": "low",
        "docs/c.md the heading #scripts": "low",
        "docs/d.md the heading #update-all": "high",
    }


@pytest.mark.parametrize(
    ("ids", "files"),
    [
        pytest.param({"docs/a.md": "update-u", "docs/b.md": "no-dev"}, {}, id="one link too few"),
        pytest.param(
            {"docs/a.md": "update-u", "docs/b.md": "no-dev"},
            {"docs/a.md": "[x](reference.md#update-u) [y](reference.md#scripts)\n"},
            id="one document too few",
        ),
        pytest.param({"docs/a.md": "no-dev", "docs/b.md": "no-dev", "docs/c.md": "update-u"}, {}, id="one id too few"),
        pytest.param(IDS, {"docs/d.md": "[x](reference.md#a--b)\n"}, id="a living link against it"),
        pytest.param(
            IDS, {"docs/d.md": " ".join(f"[x](reference.md#gone{n})" for n in range(4)) + "\n"}, id="most stay dead"
        ),
        pytest.param({**IDS, "docs/c.md": "runn"}, {"docs/d.md": "[x](reference.md#comands)\n"}, id="slips of the pen"),
        pytest.param(
            {"docs/de/a.md": "update-u", "docs/fr/a.md": "no-dev", "docs/es/a.md": "scripts"},
            {
                f"docs/{language}/a.md": f"[x](../reference.md#{fragment})\n"
                for language, fragment in (("de", "update-u"), ("fr", "no-dev"), ("es", "scripts"))
            },
            id="translations of one document",
        ),
    ],
)
def test_too_few_or_contradicted_ids_stay_dead(
    make_repository: MakeRepository, ids: dict[str, str], files: dict[str, str]
) -> None:
    """A handful of dead headings is a handful of dead headings."""
    said = said_of(make_repository({**linking(ids), **files}))
    assert len(said) >= 2
    assert set(said.values()) == {"high"}


def test_one_contradiction_for_four_ids_is_borne(make_repository: MakeRepository) -> None:
    """Next to nothing may speak against a rule: one living link in five."""
    files = linking({**IDS, "docs/d.md": "a-b", "docs/e.md": "e_f"})
    files["docs/reference.md"] += "\n## E_F\n"
    assert shown_in(make_repository(files)) == []
    files["docs/f.md"] = "[x](reference.md#g_h)\n"
    files["docs/reference.md"] += "\n## G_H\n"
    assert len(shown_in(make_repository(files, name="two"))) == 4


def test_ids_are_counted_where_both_ends_are(make_repository: MakeRepository) -> None:
    """A folder that follows a rule says nothing about a folder that does not."""
    other = {f"guide/{name}.md": "[x](two.md#a--b) [y](two.md#c--d)\n" for name in "abc"}
    two = "# T\n\n## a & b\n\n## c & d\n\n## E_F\n"
    files = {**other, "guide/two.md": two, "guide/d.md": "[z](two.md#e-f)\n"}
    repository = make_repository({**linking(IDS), **files, "docs/d.md": "[x](../guide/two.md#a--b)\n"})
    assert shown_in(repository) == ["guide/d.md the heading #e-f"]
    apart = {path: text.replace("reference.md", "../man/reference.md") for path, text in linking(IDS).items()}
    apart |= {"man/reference.md": apart.pop("docs/reference.md"), "man/a.md": "# A\n"}
    assert len(shown_in(make_repository({**apart, **files}, name="apart"))) == 4


def test_what_translators_left_alone_is_not_held_against_a_rule(make_repository: MakeRepository) -> None:
    """Links to translated headings are dead for a reason of their own, and count neither for nor against."""
    links = " ".join(f"[x](#part-{number})" for number in range(6))
    headings = "\n\n".join(f"## Part {number}" for number in range(6))
    files = {"docs/guide.md": f"{headings}\n\n{links}\n", "docs/de/guide.md": f"## Teil\n\n{links}\n"}
    said = said_of(make_repository({**linking(IDS), **files}))
    assert [said[f"{document} the heading #{fragment}"] for document, fragment in IDS.items()] == ["low"] * 3


# --- pages and pictures ---------------------------------------------------------------------------------------------

STYLES = {
    "docs/styles/align.md": "[x](../../types/vertical) [s](color.md)\n",
    "docs/styles/color.md": '<a href="../../types/color">x</a> [s](align.md)\n',
    "docs/styles/grid/index.md": "[x](../../../types/integer) [s](../color.md)\n",
    "docs/types/vertical.md": "# V\n",
    "docs/types/color.md": "# C\n",
    "docs/types/integer.md": "# I\n",
}


def test_a_page_that_is_a_folder_shows_by_its_links(make_repository: MakeRepository) -> None:
    """Names of pages that hold from the page's own folder, and not beyond the site's root, are of low confidence; one
    that holds from nowhere is not."""
    files = {"docs/styles/text.md": "[x](../../types/gone)\n", "docs/a/b/index.md": "[x](../../kinds/color)\n"}
    repository = make_repository({**STYLES, **files, "docs/a/kinds/color.md": "# C\n"})
    assert said_of(repository) == {
        "docs/a/b/index.md ../../kinds/color": "high",
        "docs/styles/align.md ../../types/vertical": "low",
        "docs/styles/color.md ../../types/color": "low",
        "docs/styles/grid/index.md ../../../types/integer": "low",
        "docs/styles/text.md ../../types/gone": "high",
    }


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"docs/styles/color.md": "[s](align.md)\n"}, id="one document too few"),
        pytest.param({"docs/styles/color.md": "[s](../../types/vertical)\n"}, id="one page too few"),
        pytest.param({"docs/guide.md": "[x](styles/grid)\n"}, id="a living link against it"),
    ],
)
def test_too_few_or_contradicted_pages_stay_dead(make_repository: MakeRepository, change: dict[str, str]) -> None:
    """Two links too deep are two links too deep."""
    said = said_of(make_repository({**STYLES, **change}))
    assert len(said) >= 2
    assert set(said.values()) == {"high"}


def test_pictures_may_lie_beside_a_page_that_is_a_folder(make_repository: MakeRepository) -> None:
    """Pictures are counted by themselves, since generators treat them otherwise than pages."""
    pictures = {f"docs/img/{name}.png": b"\x89PNG" for name in "abc"}
    documents = {f"docs/guide/{name}.md": f'<img src="../../img/{name}.png">\n' for name in "abc"}
    assert shown_in(make_repository({**pictures, **documents})) == []
    documents["docs/guide/d.md"] = "![x](../img/a.png)\n"
    assert len(shown_in(make_repository({**pictures, **documents}, name="against"))) == 3


def test_a_site_may_have_a_root_of_its_own(make_repository: MakeRepository) -> None:
    """`/docs/…` below a folder that holds such paths means that folder, where several documents say so."""
    documents = {f"web/docs/{name}.md": f"[x](/docs/{name}.md#t) # T\n" for name in "abc"}
    files = {**documents, "docs/other.md": "# O\n"}
    assert shown_in(make_repository(files)) == []
    files["web/docs/c.md"] = "[x](/docs/gone.md)\n"
    assert len(shown_in(make_repository(files, name="few"))) == 3


def test_a_target_that_was_there_once_is_gone_by_every_rule(make_repository: MakeRepository) -> None:
    """Files that were moved to where another rule would look for them are dead links, however many they are."""
    pictures = {f"img/{name}.png": b"\x89PNG" + name.encode() * 99 for name in "abc"}
    documents = {f"docs/{name}.md": f"![x](../img/{name}.png)\n" for name in "abc"}
    repository = make_repository({**pictures, **documents})
    git(repository, "mv", "img", "docs/img")
    commit_all(repository)
    gaps = report_of(repository, DETECTOR).gaps
    assert [(gap.confidence, gap.remedy is not None) for gap in gaps] == [("high", True)] * 3


def test_what_a_build_writes_into_a_folder_of_its_own_is_unsure(make_repository: MakeRepository) -> None:
    """Several documents that link to several products in a folder that was never there have it made by a build; a
    picture there, or a product that lies elsewhere, is a dead link."""
    languages = ("en", "fr", "ja")
    files = {f"{code}/index.rst": f".. _book: ../_made/{code}/book-{code}.pdf\n" for code in languages}
    assert shown_in(make_repository(files)) == []
    assert len(shown_in(make_repository({**files, "old/book-ja.pdf": b"%PDF"}, name="elsewhere"))) == 3
    assert len(shown_in(make_repository(dict(list(files.items())[:2]), name="few"))) == 2
    pictures = {path: text.replace(".pdf", ".png") for path, text in files.items()}
    assert len(shown_in(make_repository(pictures, name="pictures"))) == 3


# --- parts of documents ---------------------------------------------------------------------------------------------

INCLUDING = [
    '--8<-- "docs/parts/also.md"',
    "--8<--\ndocs/parts/also.md\n--8<--",
    "{!parts/also.md!}",
    '{% include "../parts/also.md" %}',
    "{{#include ../parts/also.md}}",
    "<!--@include: ../parts/also.md-->",
    "```{include} ../parts/also.md\n```",
    "[!INCLUDE [also](../parts/also.md)]",
    "import Also from '../parts/also.md'",
]


@pytest.mark.parametrize("line", INCLUDING)
def test_a_part_is_read_where_it_is_put_in(make_repository: MakeRepository, line: str) -> None:
    """A link of a document that another one takes in holds where it holds there; what holds nowhere is dead."""
    part = "[x](./color.md) [y](./gone.md) [z](#see-also) [w](./color.md#c) [v](./color.md#nowhere)\n"
    files = {
        "docs/parts/also.md": part,
        "docs/styles/a.md": f"# A\n\n## See also\n\n{line}\n",
        "docs/styles/color.md": "# C\n",
        "docs/more/also.md": "[x](./color.md)\n",
    }
    dead = ["docs/more/also.md ./color.md", "docs/parts/also.md ./color.md#nowhere", "docs/parts/also.md ./gone.md"]
    assert shown_in(make_repository(files)) == dead


def test_a_document_that_nobody_takes_in_is_read_where_it_lies(make_repository: MakeRepository) -> None:
    """A document that was moved and whose links all hold from its old folder is broken."""
    files = {
        "docs/parts/also.md": "[x](./color.md) [y](./a.md)\n",
        "docs/styles/a.md": "See also.md, and include parts/also.md in yours.\n",
        "docs/styles/color.md": "# C\n",
    }
    assert len(shown_in(make_repository(files))) == 2


def test_a_heading_of_a_part_is_looked_for_in_it(make_repository: MakeRepository) -> None:
    """That a document is taken in whole by another format makes none of its own dead headings live."""
    files = {
        "MODEL.md": "# M\n\n[x](#55-streams)\n\n### 5.5 `Stream` s\n",
        "docs/model.rst": ".. include:: ../MODEL.md\n",
    }
    assert shown_in(make_repository(files)) == ["MODEL.md the heading #55-streams"]


# --- translations ---------------------------------------------------------------------------------------------------

ORIGINAL = "# Guide\n\n## First steps\n\n## Second steps\n\n[a](#first-steps) [b](#second-steps)\n"


def translated(*languages: str) -> dict[str, str]:
    """Return an original and its translations into LANGUAGES, which keep its links."""
    heading = "## Eins {0}\n\n## Zwei {0}\n\n[a](#first-steps)\n\n[b](#second-steps) [c](#nowhere)\n"
    return {"docs/guide.md": ORIGINAL} | {
        f"docs/{language}/guide.md": heading.format(language) for language in languages
    }


def test_a_translation_that_keeps_the_originals_ids_is_said_once(make_repository: MakeRepository) -> None:
    """All such links of a document are one gap with every place; what the original lacks too is a gap of its own."""
    gaps = report_of(make_repository(translated("de")), DETECTOR).gaps
    assert [(gap.title, gap.confidence, len(gap.evidence), gap.remedy) for gap in gaps] == [
        (
            "docs/de/guide.md links to 2 translated headings by the ids of the original: #first-steps, #second-steps",
            "high",
            2,
            None,
        ),
        ("docs/de/guide.md links to the heading #nowhere, which docs/de/guide.md does not have", "high", 1, None),
    ]


def test_many_translations_are_told_of_by_the_first(make_repository: MakeRepository) -> None:
    """From three translations on, the first says how many others there are; none of their ids depends on that."""
    two = report_of(make_repository(translated("de", "fr")), DETECTOR).gaps
    three = report_of(make_repository(translated("de", "fr", "ckb-IR"), name="three"), DETECTOR).gaps
    once = [gap for gap in three if "original" in gap.title]
    assert [gap.confidence for gap in two] == ["high"] * 4
    assert [gap.confidence for gap in once] == ["high", "low", "low"]
    assert once[0].title.endswith("; so do 2 other translations")
    assert {gap.gap_id for gap in two} < {gap.gap_id for gap in three}


def test_a_slip_in_a_translation_is_mended_like_any_other(make_repository: MakeRepository) -> None:
    """A heading that was not translated, and that a link nearly names, has a remedy of its own."""
    files = {"docs/guide.md": "## Mail-Aliases\n", "docs/de/guide.md": "## Mail Aliases\n\n[a](#mailaliases)\n"}
    files["docs/guide.md"] += "\n## Mailaliases\n"
    (gap,) = report_of(make_repository(files), DETECTOR).gaps
    assert (gap.title, gap.remedy is not None) == (
        "docs/de/guide.md links to the heading #mailaliases, which docs/de/guide.md does not have",
        True,
    )


def test_a_link_out_of_its_language_is_no_matter_of_translation(make_repository: MakeRepository) -> None:
    """A document in no language that names a translation's heading wrongly is simply wrong."""
    files = translated("de") | {"docs/other.md": "[x](de/guide.md#first-steps)\n"}
    gaps = report_of(make_repository(files), DETECTOR).gaps
    assert any(
        gap.title.startswith("docs/other.md links to the heading #first-steps, which docs/de/guide.md does not have")
        for gap in gaps
    )


# --- names without suffix -------------------------------------------------------------------------------------------


def named_with_suffix(count: int) -> dict[str, str]:
    """Return documents with COUNT links to documents by their whole names."""
    return {"docs/index.md": "".join(f"[x](a.md?{number})\n\n" for number in range(count)), "docs/a.md": "# A\n"}


@pytest.mark.parametrize(("suffixed", "is_shown"), [(20, True), (19, False)])
def test_a_name_without_suffix_is_dead_where_it_is_no_habit(
    make_repository: MakeRepository, suffixed: int, is_shown: bool
) -> None:
    """Among twenty links with suffixes one without is a slip, and mended; among fewer it may be meant."""
    repository = make_repository({**named_with_suffix(suffixed), "docs/b.md": "[volumes](a#a)\n"})
    gaps = report_of(repository, DETECTOR).gaps
    assert [(gap.title, gap.confidence) for gap in gaps] == (
        [("docs/b.md links to a#a, which is not there; docs/a.md is", "medium")] if is_shown else []
    )
    assert [gap.remedy.kind for gap in gaps if gap.remedy] == (["link_fix"] if is_shown else [])


@pytest.mark.parametrize(
    ("document", "front_matter", "confidence"),
    [
        ("docs/b.md", "---\ntitle: B\n---\n\n", "low"),
        ("docs/b.md", "---\nname: a-skill\ndescription: title\n---\n\n", "medium"),
        ("docs/b.md", "", "medium"),
        ("CONTRIBUTING.md", "---\ntitle: B\n---\n\n", "medium"),
    ],
)
def test_a_name_without_suffix_in_a_document_for_a_program_is_unsure(
    make_repository: MakeRepository, document: str, front_matter: str, confidence: str
) -> None:
    """What reads a title above the text may look `page` up as `page.md`, where no generator that one could know does;
    the code host does not, and what is nowhere is dead for both."""
    link = "a" if document.startswith("docs/") else "docs/a"
    text = f"{front_matter}[x]({link}) [y](gone.md)\n"
    gaps = report_of(make_repository({**named_with_suffix(20), document: text}), DETECTOR).gaps
    assert {gap.title.split(" links to ")[1].split(",")[0]: gap.confidence for gap in gaps} == {
        link: confidence,
        "gone.md": "high",
    }


def test_names_without_suffix_are_left_to_sites_and_to_folders_of_their_own_habits(
    make_repository: MakeRepository,
) -> None:
    """A generator looks such names up, and a wiki in one folder of many is one all the same."""
    bare = {**named_with_suffix(400), "docs/b.md": "[x](a)\n"}
    assert shown_in(make_repository({**bare, "mkdocs.yml": ""}, name="site")) == []
    wiki = {f"docs/wiki/{name}.md": "[x](a) [y](b) [z](../a)\n" for name in "abcd"}
    repository = make_repository({**named_with_suffix(400), **wiki})
    assert shown_in(repository) == []
    write_files(repository, {"docs/b.md": "[x](a)\n", "docs/more/c.md": "[x](../a)\n"})
    assert shown_in(repository) == ["docs/b.md a", "docs/more/c.md ../a"]


PICTURES = {
    "app/help/tutorial.rst": ".. image:: images/a.png\n\n.. image:: images/b.png\n\n.. image:: images/c.png\n",
    **{f"app/help/static/images/{name}.png": name for name in "abc"},
}


def test_a_document_that_a_program_shows_from_elsewhere(make_repository: MakeRepository) -> None:
    """All pictures that it names lie together in one folder further down, and none where it says."""
    assert set(said_of(make_repository(PICTURES)).values()) == {"low"}


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"app/help/static/images/c.png": None, "app/help/more/images/c.png": "c"}, id="two folders"),
        pytest.param(
            {"app/help/images/d.png": "d", "app/help/tutorial.rst": "\n.. image:: images/d.png\n"}, id="one is there"
        ),
        pytest.param({"app/help/static/images/c.png": None, "app/help/tutorial.rst": None}, id="two pictures"),
    ],
)
def test_pictures_that_lie_elsewhere_by_chance_stay_dead(
    make_repository: MakeRepository, files: dict[str, str | None]
) -> None:
    """A picture that is where the document says, or that lies apart, says that the others are missing."""
    text = PICTURES["app/help/tutorial.rst"]
    if files.get("app/help/tutorial.rst", "") is None:
        text = text.rpartition("\n.. image")[0]
    else:
        text += files.pop("app/help/tutorial.rst", "") or ""
    repository = make_repository({**PICTURES, "app/help/tutorial.rst": text})
    for path, content in files.items():
        if content is None and path.endswith(".png"):
            (repository / path).unlink()
        elif content is not None:
            write_files(repository, {path: content})
    said = said_of(repository)
    assert said
    assert set(said.values()) == {"high"}


ONLY_PAGE = {
    "mkdocs.yml": "site_name: A\n",
    "docs/index.md": "[a](fields.md) [b](alias.md#paths) [c](../api/settings.md) [d](#here)\n\n## Here\n",
    "docs/logo.svg": "<svg/>",
}


def test_the_only_page_of_a_site_may_be_taken_in_by_another(make_repository: MakeRepository) -> None:
    """All pages that it names are missing: they are pages of the site that shows it."""
    assert list(said_of(make_repository(ONLY_PAGE)).values()) == ["low"] * 3


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"docs/more.md": "# More\n"}, id="there is another page"),
        pytest.param({"docs/index.md": "[a](fields.md) [b](alias.md)\n"}, id="two pages"),
        pytest.param({"docs/index.md": f"{ONLY_PAGE['docs/index.md']}\n[e](../NOTES.md)\n"}, id="one is there"),
        pytest.param({"mkdocs.yml": ""}, id="no site"),
        pytest.param({"docs/index.md": "[a](fields.md) [b](alias.md) [c](api.md)\n"}, id="all beside it"),
        pytest.param({"docs/guide.rst": "Guide\n=====\n"}, id="another document"),
    ],
)
def test_pages_that_are_missing_in_other_places_stay_dead(
    make_repository: MakeRepository, files: dict[str, str]
) -> None:
    """A document of no site, or one that names or has a page beside it, says that the others are missing."""
    kept = {path: text for path, text in {**ONLY_PAGE, "NOTES.md": "# N\n", **files}.items() if text}
    said = said_of(make_repository(kept))
    assert said
    assert set(said.values()) == {"high"}


def test_pages_that_were_there_once_are_gone_from_the_only_one(make_repository: MakeRepository) -> None:
    """Who removed them forgot the page that names them."""
    repository = make_repository({**ONLY_PAGE, "docs/fields.md": "# F\n", "docs/alias.md": "# Paths\n"})
    commit_all(repository)
    git(repository, "rm", "-q", "docs/fields.md", "docs/alias.md")
    commit_all(repository, "second")
    assert set(said_of(repository).values()) == {"high"}


def test_pictures_that_were_moved_leave_dead_links(make_repository: MakeRepository) -> None:
    """What git held once where the document says was moved by somebody who forgot the document."""
    before = {path.replace("static/", ""): text for path, text in PICTURES.items()}
    repository = make_repository(before)
    commit_all(repository)
    git(repository, "mv", "app/help/images", "app/help/static")
    git(repository, "mv", "app/help/static", "app/help/images")
    (repository / "app/help/static").mkdir()
    git(repository, "mv", "app/help/images", "app/help/static/images")
    commit_all(repository, "second")
    assert set(said_of(repository).values()) == {"high"}


@pytest.mark.parametrize(
    "said",
    [
        {"codereview.cfg": "issuerepo: a/b\n"},
        {"README.md": "# R\n\nSend changes to https://go.googlesource.com/proposal.\n"},
    ],
)
def test_ids_of_gitiles_are_of_low_confidence_where_the_repository_lives_there(
    make_repository: MakeRepository, said: dict[str, str]
) -> None:
    """One is enough, since the repository says so; what Gitiles does not call so either is dead, and so is all of it in
    a repository that says nothing."""
    page = "# P\n\n[a](#appendix_about-go_ast) [b](#appendix_about-go-syntax)\n\n## Appendix: about go/ast\n"
    dead = {"a.md the heading #appendix_about-go_ast": "low", "a.md the heading #appendix_about-go-syntax": "high"}
    assert said_of(make_repository({"a.md": page, **said})) == dead
    assert set(said_of(make_repository({"a.md": page}, name="elsewhere")).values()) == {"high"}
