"""Headings are compared by the rule of their site where what configures it is known, and by letters alone elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from autopack.gaps import link_targets
from autopack.gaps.detectors.doc_drift import DETECTOR
from autopack.gaps.document_pages import Pages
from autopack.gaps.known_ids import rules_for
from autopack.gaps.site_generators import Sites, find_sites
from gap_reports import report_of
from repositories import MakeRepository

_PAGE = b"# Page\n\n## Re-authentication & the `lang_start`\n\n## Caf\xc3\xa9\n\n## Twice\n\n## Twice\n"
_BY_GITHUB = "re-authentication--the-lang_start"
_BY_PYTHON_MARKDOWN = "re-authentication-the-lang_start"
_BY_KRAMDOWN = "re-authentication--the-langstart"
_BY_HEXO = "re-authentication-the-lang-start"
_BY_DEVSITE = "re_authentication_the_lang_start"
_BY_NOBODY = "reauthentication-the-lang-start"
_BY_LETTERS = {_BY_GITHUB, _BY_PYTHON_MARKDOWN, _BY_KRAMDOWN, _BY_HEXO, _BY_DEVSITE, _BY_NOBODY, "twice_1"}


def may_hold(fragment: str, files: Mapping[str, bytes], page: str = "docs/page.md") -> bool:
    """Tell whether docs/index.md may find FRAGMENT in PAGE, in a tree with FILES."""
    texts = {"docs/index.md": b"# Home\n", page: _PAGE, **files}
    return Pages(texts).may_have(page, fragment, rules=rules_for(find_sites(texts), texts, "docs/index.md", page))


@pytest.mark.parametrize(
    ("configuration", "alive"),
    [
        ("README.md", {_BY_GITHUB}),
        ("book.toml", {_BY_GITHUB}),
        ("book.json", {_BY_GITHUB}),
        ("docusaurus.config.ts", {_BY_GITHUB}),
        ("mkdocs.yml", {_BY_GITHUB, _BY_PYTHON_MARKDOWN, "cafe", "twice_1"}),
        ("_config.yml", {_BY_GITHUB, _BY_KRAMDOWN, _BY_HEXO, "twice_1"}),
        ("docs/_book.yaml", {_BY_GITHUB, _BY_DEVSITE, "twice_1"}),
        ("hugo.toml", _BY_LETTERS),
        ("docs/_index.md", _BY_LETTERS),
        (".vitepress/config.ts", _BY_LETTERS),
    ],
)
def test_a_known_generator_has_one_rule_and_the_host_another(configuration: str, alive: set[str]) -> None:
    """What neither the site nor GitHub calls a heading is dead; where nobody knows the rule, the letters count."""
    asked = (_BY_GITHUB, _BY_PYTHON_MARKDOWN, _BY_KRAMDOWN, _BY_HEXO, _BY_DEVSITE, _BY_NOBODY, "cafe", "twice_1")
    assert {fragment for fragment in asked if may_hold(fragment, {configuration: b"site_name: A\n"})} == alive


@pytest.mark.parametrize(
    "settings",
    [
        b"markdown_extensions:\n  - toc:\n      slugify: !!python/object/apply:pymdownx.slugs.slugify\n",
        b"markdown_extensions:\n  - toc:\n      separator: _\n",
        b"INHERIT: ../mkdocs.yml\n",
    ],
)
def test_settings_that_change_the_ids_leave_the_rule_open(settings: bytes) -> None:
    """Other ids than those of Python-Markdown may be set in place, or in a file that is inherited."""
    assert may_hold(_BY_NOBODY, {"mkdocs.yml": settings})
    assert not may_hold(_BY_NOBODY, {"mkdocs.yml": b"site_name: A\n"})


def test_two_generators_of_one_tree_have_both_their_rules() -> None:
    """A page is alive by any of them; one that nobody knows leaves all open; a host's settings say nothing."""
    both = {"mkdocs.yml": b"site_name: A\n", "_config.yml": b"title: A\n"}
    assert may_hold(_BY_KRAMDOWN, both)
    assert may_hold(_BY_PYTHON_MARKDOWN, both)
    assert not may_hold(_BY_NOBODY, both)
    assert may_hold(_BY_NOBODY, {**both, "docs/hugo.toml": b""})
    assert not may_hold(_BY_NOBODY, {"mkdocs.yml": b"", ".readthedocs.yml": b""})
    assert may_hold(_BY_NOBODY, {".readthedocs.yml": b""})
    assert may_hold(_BY_NOBODY, {".nojekyll": b""})


def test_a_page_of_another_site_has_the_rule_of_its_own() -> None:
    """A link out of a book may lead to a page whose site nobody knows."""
    files = {"docs/book.toml": b"", "other/hugo.toml": b""}
    assert may_hold(_BY_NOBODY, files, "other/page.md")
    assert not may_hold(_BY_NOBODY, files, "plain/page.md")


def test_a_doubled_sign_is_in_no_id() -> None:
    """By no rule does an id begin with `#`, whatever the site."""
    assert may_hold("twice", {"hugo.toml": b""})
    assert not may_hold("#twice", {"hugo.toml": b""})
    assert not may_hold("#twice", {"mkdocs.yml": b""})


def test_what_configures_a_document_is_asked_once_for_all_of_its_links(
    make_repository: MakeRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hundreds of settings above a document are not read again for each of its links."""
    asked: list[tuple[str, str]] = []

    def counting(sites: Sites, texts: Mapping[str, bytes], document: str, page: str) -> frozenset[str] | None:
        asked.append((document, page))
        return rules_for(sites, texts, document, page)

    monkeypatch.setattr(link_targets, "rules_for", counting)
    links = "".join(f"[x](#gone-{number}) [y](b.md#gone-{number})\n" for number in range(40))
    files = {"mkdocs.yml": "site_name: x\n", "docs/a.md": f"# A\n\n{links}", "docs/b.md": "# B\n"}
    (gap,) = report_of(make_repository(files), DETECTOR).gaps[:1]
    assert len(gap.evidence) == 40
    assert {document for document, _ in asked} == {"docs/a.md"}
    assert len(asked) <= 2
