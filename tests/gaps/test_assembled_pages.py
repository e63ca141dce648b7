"""Pages that may have headings which their source does not show are told from those that only hold notes and tabs."""

from __future__ import annotations

import pytest

from autopack.gaps.assembled_pages import names_given_to_parts, shortcodes_without_headings
from autopack.gaps.document_pages import Pages

_PAGE = "# Page\n\n{}\n\nText.\n"


def has_the_heading(text: str, fragment: str = "gone-by-now", **templates: str) -> bool:
    """Tell whether the page TEXT may have FRAGMENT, in a site with TEMPLATES of shortcodes."""
    texts = {f"site/layouts/shortcodes/{name}.html": template.encode() for name, template in templates.items()}
    pages = Pages({"page.md": _PAGE.format(text).encode(), **texts})
    return pages.may_have("page.md", fragment, rules=frozenset())


@pytest.mark.parametrize(
    "text",
    [
        'See {{< ref "other.md" >}}.',
        "{{% alert color=warning %}}\nText.\n{{% /alert %}}",
        "{{< tabs Windows Linux >}}\n{{% codetab %}}\nText.\n{{% /codetab %}}\n{{< /tabs >}}",
        '{{< figure src="plan.png" >}}',
        "{{</* readfile x.md */>}}",
        "Version {{ page.version }} is out.",
        "{% raw %}\nText.\n{% endraw %}",
        "{% if product %}\nText.\n{% endif %}",
        "::: tip\nText.\n:::",
        "import Tabs from '@theme/Tabs'",
        "import { Details } from '../components/Details'\n\n<Details>\n\nText.\n\n</Details>",
        "import { Details } from '../components/Details'",
        "import data from './data.json'",
        "import the file that was written before",
    ],
)
def test_what_brings_no_heading_leaves_a_page_to_be_judged(text: str) -> None:
    """References, pictures, notes, tabs, conditions and components around text of the page have no headings."""
    assert not has_the_heading(text)


@pytest.mark.parametrize(
    "text",
    [
        '{{% heading "whatsnext" %}}',
        '{{< readfile "other.md" >}}',
        '{{< tab name="A" include="other.md" >}}',
        '{{< blocks/section "x" >}}',
        "{{ content }}",
        "{{ include('other.md') }}",
        "## New in {{ version }}",
        "## New in {{< param version >}}",
        "{% include other.md %}",
        '::include{file="reference.snap"}',
        '{%\n  include-markdown "reference.snap"\n%}',
        "{% for one in all %}\n## {{ one }}\n{% endfor %}",
        "::: package.module\n",
        "import Part from './_part.mdx'\n\n<Part>x</Part>",
        "import { Steps } from '../components/Steps'\n\n<Steps />",
        "import {\n  Steps,\n} from '../components/Steps'\n\n<Steps\n  all={x => 1}\n/>",
        "import parts from '../parts'\n\n{parts}",
        "--8<-- 'other.md'",
        "```{include} other.md\n```",
    ],
)
def test_what_may_bring_a_heading_leaves_a_page_alone(text: str) -> None:
    """What is taken in, printed in a loop, made by a component or by a shortcode that nobody knows may have any."""
    assert has_the_heading(text)


@pytest.mark.parametrize(
    ("template", "is_known"),
    [
        ("<b>{{ .Inner }}</b>", True),
        ("<h2>{{ .Inner }}</h2>", False),
        ("## {{ .Inner }}", False),
        ('{{ partial "x.html" . }}', False),
        ("{{ readFile (.Get 0) | markdownify }}", False),
    ],
)
def test_a_shortcode_of_the_repository_is_known_by_its_template(template: str, *, is_known: bool) -> None:
    """A template that has no heading and takes nothing in brings none, and one that has some goes before a name that is
    known elsewhere."""
    assert has_the_heading("{{< ours >}}\nText.\n{{< /ours >}}", ours=template) != is_known
    assert has_the_heading("{{< tabs >}}\nText.\n{{< /tabs >}}", tabs=template) != is_known


def test_one_of_two_templates_with_a_heading_is_enough() -> None:
    """Sites of one repository may call different things by one name."""
    texts = {"a/layouts/shortcodes/x.html": b"<b>x</b>", "b/layouts/_shortcodes/x.html": b"<h1>x</h1>"}
    assert b"x" not in shortcodes_without_headings(texts)


def test_a_title_that_a_part_is_given_may_become_a_heading() -> None:
    """What a shortcode or a component makes of the texts that it is given is not known."""
    card = '{{% card header="Gone: by now" %}}\nText.\n{{% /card %}}'
    assert has_the_heading(card)
    assert not has_the_heading(card, "gone")
    section = "import Section from '../Section'\n\n<Section title='Gone by now'>\n\nText.\n\n</Section>"
    assert has_the_heading(section)


def test_many_parts_on_one_endless_line_cost_one_look_each() -> None:
    """A page of a megabyte of variables is read in linear time."""
    assert names_given_to_parts(b'{{< x "y" >}}' * 50_000)
    assert not has_the_heading("x " + "{{ a }} " * 100_000)
