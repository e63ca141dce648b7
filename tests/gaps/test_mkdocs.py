"""In a page of MkDocs a path is the path of a file, unless a plugin looks links up or makes pages."""

from __future__ import annotations

import pytest

from autopack.gaps.mkdocs import is_setting_of_mkdocs, links_by_paths
from autopack.gaps.site_generators import find_sites

_PLAIN = b"site_name: A\nplugins:\n  - search\n"


def is_plain(document: str, **files: bytes) -> bool:
    """Tell whether the links of DOCUMENT are paths in a tree whose FILES are given by name, `_dot_` for the dot."""
    texts = {name.replace("_dot_", "."): data for name, data in files.items()} | {document: b"# A\n"}
    return links_by_paths(find_sites(texts), texts, document)


def test_pages_of_mkdocs_link_by_paths() -> None:
    """They lie in the folder that the settings name, `docs` where they name none; what lies elsewhere is no page."""
    assert is_plain("docs/a/b.md", mkdocs_dot_yml=_PLAIN)
    assert not is_plain("other/b.md", mkdocs_dot_yml=_PLAIN)
    assert is_plain("other/b.md", mkdocs_dot_yml=_PLAIN + b"docs_dir: ./other/\n")
    assert not is_plain("docs/b.md", mkdocs_dot_yml=_PLAIN + b"docs_dir: 'other'\n")
    assert not is_plain("docs/b.md")


def test_settings_without_the_name_of_a_site_are_a_part_of_others() -> None:
    """What the others say is not known."""
    assert not is_plain("docs/b.md", mkdocs_dot_yml=b"plugins: []\n")


@pytest.mark.parametrize(
    "settings",
    [
        "  - roamlinks\n",
        "  - ezlinks\n",
        "  - monorepo\n",
        "  - gen-files\n",
        "  - i18n\n",
        "hooks: [a.py]\n",
        "INHERIT: b.yml\n",
    ],
)
def test_a_plugin_may_look_links_up(settings: str) -> None:
    """So may hooks, and settings that are inherited."""
    assert not is_plain("docs/b.md", mkdocs_dot_yml=_PLAIN + settings.encode())


def test_another_generator_may_have_a_rule_of_its_own() -> None:
    """Jekyll and hosts have none; one that nobody knows may."""
    assert is_plain("docs/b.md", mkdocs_dot_yml=_PLAIN, _config_dot_yml=b"", _dot_readthedocs_dot_yml=b"")
    assert not is_plain("docs/b.md", mkdocs_dot_yml=_PLAIN, hugo_dot_toml=b"")


def test_settings_have_names_that_begin_alike() -> None:
    """Each language and each edition has settings of its own."""
    assert all(map(is_setting_of_mkdocs, ("mkdocs.yml", "a/mkdocs.yaml", "mkdocs.insiders.yml", "mkdocs-de.yml")))
    assert not any(map(is_setting_of_mkdocs, ("docs.yml", "mkdocs.md", "a-mkdocs.yml")))
