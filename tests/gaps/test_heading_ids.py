"""heading_ids: the rules that renderers other than GitHub name headings by."""

from __future__ import annotations

import pytest

from autopack.gaps.heading_ids import RULES, ids_by_rule


@pytest.mark.parametrize(
    ("heading", "rule", "expected"),
    [
        ("## update / u / upgrade", "hyphens", "update-u-upgrade"),
        ("### COMPOSER_NO_DEV", "hyphens", "composer-no-dev"),
        ("### How `a.b` works with [c.d](x.md)", "hyphens", "how-a-b-works-with-c-d"),
        ("### name <span>([root](a.md#b))</span>", "hyphens, without elements", "name"),
        ("### name <span>(root)</span>", "hyphens", "name-root"),
        ("## 3. Calling the *API*", "VitePress", "_3-calling-the-api"),
        ("## Über uns", "VitePress", "uber-uns"),
        ("## A & B_c", "Python-Markdown", "a-b_c"),
        ("## Été", "Python-Markdown", "ete"),
        ("## 2.1 Usage & more", "docutils", "usage-more"),
        ("## 1. Let's go", "kramdown", "lets-go"),
        ("## 3. `Schema.Attribute` rules", "Pandoc", "schema.attribute-rules"),
        ("### All are labeled as 'x', (twice)", "blanks", "all-are-labeled-as-'x',-(twice)"),
        ("## Appendix: Changes to `go/ast` (*Été*)", "Gitiles", "appendix_changes-to-go_ast-ete"),
        ("## a - b: c.", "Gitiles", "a-b_c"),
        ("## New hardware: *integrations*", "DevSite", "new_hardware_integrations"),
        ("Setext\n------", "hyphens", "setext"),
    ],
)
def test_each_rule_names_a_heading_its_own_way(heading: str, rule: str, expected: str) -> None:
    """Punctuation, digits at the start, letters that are not ASCII and elements are where the rules differ."""
    assert ids_by_rule(f"{heading}\n".encode())[rule] == {expected}


def test_the_second_of_two_equal_headings_has_a_number() -> None:
    """Renderers put a hyphen or an underscore before it."""
    found = ids_by_rule(b"## Same\n\n## Same!\n")
    assert set(found) == set(RULES)
    assert found["hyphens"] == {"same", "same-1", "same_1"}
