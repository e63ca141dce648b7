"""JUnit, annotations, Markdown and lines of JSON: whole examples, and texts that try to break out."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt

from autopack.gaps.models import GapReportV1
from autopack.reporting.formats import RENDERERS
from autopack.reporting.github import render as annotations
from autopack.reporting.junit import render as junit
from autopack.reporting.look import Look, supports_links
from autopack.reporting.markdown import SHOWN_GAPS
from autopack.reporting.markdown import render as markdown
from autopack.reporting.ndjson import render as ndjson
from autopack.reporting.text import render as text
from autopack.reporting.view import View
from report_views import a_gap, a_report, everything, hostile

SUMMARY = (
    "1 new gap (1 high) in 2 files; 1 blocks the autopilot; 1 accepted in the baseline; 1 suppressed; "
    "1 place not looked at"
)


def test_junit_fails_for_new_gaps_and_skips_known_ones() -> None:
    """Each gap is a case; what is accepted or suppressed is skipped with its reason; the rest goes to the output."""
    root = ElementTree.fromstring(junit(everything()))
    assert {name: root.get(name) for name in ("tests", "failures", "skipped")} == {
        "tests": "3",
        "failures": "1",
        "skipped": "2",
    }
    cases = [(case.get("classname"), case.get("file"), [child.tag for child in case]) for case in root.iter("testcase")]
    assert cases == [
        ("doc_drift/broken-link", "README.md", ["skipped"]),
        ("git_state_corruption/conflict-markers", "ä b.txt", ["failure"]),
        ("doc_drift/broken-link", "README.md", ["skipped"]),
    ]
    (output,) = root.iter("system-out")
    assert output.text == f"{SUMMARY}\nnot looked at: big.txt: too large"


def test_junit_of_a_clean_report_is_a_case_that_passed() -> None:
    """A server that finds no case at all would call the step broken."""
    root = ElementTree.fromstring(junit(View(a_report())))
    assert [(case.get("name"), len(case)) for case in root.iter("testcase")] == [("no gaps", 0)]
    assert root.get("failures") == "0"


def test_annotations_are_commands_the_worst_first() -> None:
    """Only new gaps are annotated; the last command sums up."""
    assert annotations(everything()).splitlines() == [
        "::error file=ä b.txt,line=1,title=git_state_corruption/conflict-markers::"
        "Unresolved conflict in ä b.txt — Point it at a file that exists.",
        f"::notice title=autopack scan::{SUMMARY}",
    ]
    mixed = View(a_report(a_gap(1, risk="info"), a_gap(2, risk="critical"), a_gap(3, risk="medium")))
    kinds = [line.split(" ")[0] for line in annotations(mixed).splitlines()]
    assert kinds == ["::error", "::warning", "::notice", "::notice"]


def test_markdown_is_a_table_and_a_list() -> None:
    """Counts by type and risk, then each rule with its reason and its new gaps."""
    assert markdown(everything()) == (
        "## Gaps\n"
        "\n"
        f"{SUMMARY}\n"
        "\n"
        "| type | critical | high | medium | low | info |\n"
        "|---|---:|---:|---:|---:|---:|\n"
        "| git state corruption |  | 1 |  |  |  |\n"
        "\n"
        "### `git_state_corruption/conflict-markers`\n"
        "\n"
        "Readers get lost. Point it at a file that exists.\n"
        "\n"
        "- **high, blocks the autopilot**: Unresolved conflict in ä b.txt (`ä b.txt:1`)\n"
        "\n"
        "- not looked at: big.txt: too large\n"
    )


def test_markdown_of_a_huge_report_is_cut_and_says_so() -> None:
    """A summary page has an upper size; the rest is counted."""
    shown = markdown(View(a_report(*(a_gap(number) for number in range(SHOWN_GAPS + 7)))))
    assert shown.count("- **low**") == SHOWN_GAPS
    assert "… and 7 more gaps" in shown


def test_lines_of_json_are_one_gap_each_and_the_report_at_the_end() -> None:
    """Every line stands alone; the states are new, accepted and suppressed; the last line has the id of the whole."""
    view = everything()
    rows = [json.loads(line) for line in ndjson(view).splitlines()]
    assert [(row["type"], row.get("state"), row.get("reason")) for row in rows] == [
        ("gap", "accepted", "older than the check"),
        ("gap", "new", None),
        ("gap", "suppressed", "made by the release"),
        ("report", None, None),
    ]
    assert rows[-1]["gap_report_id"] == view.report.gap_report_id
    assert "gaps" not in rows[-1]


@pytest.mark.parametrize("name", sorted(RENDERERS))
def test_a_format_is_the_same_for_the_same_report(name: str) -> None:
    """Rendering is a function of the view: a report read back from its bytes gives the same text, ending in a line."""
    view = everything()
    again = GapReportV1.from_document(view.report.document())
    copy = View(again, view.suppressed, view.comparison, view.before, view.lines)
    assert RENDERERS[name](copy) == RENDERERS[name](view)
    assert RENDERERS[name](view).endswith("\n")


def test_hostile_text_starts_no_command_of_a_ci_server() -> None:
    """There are exactly two lines, each one command, whatever the title says."""
    lines = annotations(hostile()).splitlines()
    assert [line.split(" ")[0] for line in lines] == ["::notice", "::notice"]
    assert "%0A" not in "".join(lines)


@pytest.mark.parametrize("name", ["github", "junit", "markdown", "text"])
def test_hostile_text_steers_no_terminal(name: str) -> None:
    """No escape sequence, no bell and no change of direction of a name or title reaches the screen."""
    shown = text(hostile()) if name == "text" else RENDERERS[name](hostile())
    assert not {"\x1b", "\x07", "\r", "\u202e"} & set(shown)


def test_hostile_text_is_only_text_in_xml() -> None:
    """The document is well formed, and its elements are the expected ones."""
    root = ElementTree.fromstring(junit(hostile()))
    assert {element.tag for element in root.iter()} == {
        "testsuites",
        "testsuite",
        "testcase",
        "failure",
        "skipped",
        "system-out",
    }


def test_hostile_text_is_only_text_in_markdown() -> None:
    """No raw HTML but the empty comment, no link, and nobody is mentioned."""
    shown = markdown(hostile())
    tokens = MarkdownIt("commonmark", {"linkify": False}).enable("table").parse(shown)
    inline = [child for token in tokens for child in token.children or ()]
    assert {child.content for child in inline if child.type == "html_inline"} <= {"<!-- -->"}
    assert not [child for child in inline if child.type in {"link_open", "image"}]
    assert not [child for child in inline if child.type == "text" and "@someone" in child.content]
    assert [token.type for token in tokens if token.type == "html_block"] == []


def test_the_text_shows_the_line_and_a_caret() -> None:
    """The new gap, its places, the line in question, the reason, and what is known beside."""
    assert text(everything()) == (
        "git state corruption (1)\n"
        "\n"
        "  high: Unresolved conflict in ä b.txt  blocks the autopilot\n"
        "    --> ä b.txt:1\n"
        "    1 | <<<<<<< HEAD\n"
        "      | ^^^^^^^\n"
        "    --> ä b.txt:9\n"
        "  why: Readers get lost.\n"
        "  fix: Point it at a file that exists.\n"
        "  git_state_corruption/conflict-markers\n"
        "\n"
        "not looked at: big.txt: too large\n"
        f"{SUMMARY}\n"
    )


@pytest.mark.parametrize(
    ("line", "column", "shown", "carets"),
    [
        ("See [x](gone.md).", 9, "See [x](gone.md).", "        ^^^^^^^"),
        ("\tSee [x](gone.md).", 10, " See [x](gone.md).", "         ^^^^^^^"),
        ("    with open(p):", 1, "    with open(p):", "    ^^^^"),
        ("ä\x1b[2J gone", 7, "ä\\x1b[2J gone", "         ^^^^"),
        ("日本 gone", 4, "日本 gone", "     ^^^^"),
        ("x" * 300 + " gone.md " + "y" * 300, 302, None, None),
        ("short", 99, "short", "     ^"),
    ],
)
def test_the_caret_stands_under_what_is_meant(line: str, column: int, shown: str | None, carets: str | None) -> None:
    """After tabs, indentation and characters that are written out; long lines are cut around it."""
    gap = a_gap(1)
    evidence = gap.evidence[0].model_copy(update={"column": column})
    gap = gap.model_copy(update={"evidence": (evidence,)})
    rendered = text(View(a_report(gap), lines={("README.md", 3): line}), Look(width=100)).splitlines()
    excerpt, marks = (row.partition("| ")[2] for row in rendered[4:6])
    if shown is not None:
        assert (excerpt, marks.rstrip()) == (shown, carets)
    assert len(excerpt) <= 100
    if "gone" in line and line.isascii():
        assert excerpt[len(marks) - len(marks.lstrip()) :].startswith("gone")


def test_links_and_colours_are_for_screens_that_show_them() -> None:
    """A place is a hyperlink with an absolute, escaped target; plain by default."""
    look = Look(colour=True, width=80, link_root="/home/a b/repo")
    shown = text(everything(), look)
    assert "\x1b]8;;file:///home/a%20b/repo/%C3%A4%20b.txt#L1\x1b\\" in shown
    assert "\x1b[31mhigh\x1b[0m" in shown
    assert "\x1b" not in text(everything())


@pytest.mark.parametrize(
    ("environment", "shown"),
    [
        ({"TERM": "xterm-256color", "VTE_VERSION": "7402"}, True),
        ({"TERM": "xterm-256color", "VTE_VERSION": "4900"}, False),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, True),
        ({"TERM": "xterm-kitty"}, True),
        ({"TERM": "xterm-256color", "WT_SESSION": "1"}, True),
        ({"TERM": "xterm-256color"}, False),
        ({"TERM": "dumb", "VTE_VERSION": "7402"}, False),
        ({"TERM": "xterm-kitty", "NO_COLOR": "1"}, False),
        ({"TERM": "xterm", "FORCE_HYPERLINK": "1"}, True),
        ({"TERM": "xterm-kitty", "FORCE_HYPERLINK": "0"}, False),
        ({}, False),
    ],
)
def test_only_terminals_that_are_known_for_it_get_hyperlinks(environment: dict[str, str], shown: bool) -> None:
    """An unknown terminal would print the control characters or nothing; the reader may say otherwise."""
    assert supports_links(environment) == shown
