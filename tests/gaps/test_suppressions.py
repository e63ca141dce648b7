"""Suppressions: which comments are seen, what they cover, and what they can never hide."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import settings as fuzzing
from hypothesis import strategies as st

from autopack.config import IgnoredPaths, RuleSetting, ScanSettings
from autopack.gaps.detectors import all_detectors
from autopack.gaps.detectors.baseline_policy_drift import suppression_comments
from autopack.gaps.models import Evidence, Gap, GapReportV1
from autopack.gaps.scanner import FAILED, scan
from autopack.gaps.snapshot import take_snapshot
from autopack.gaps.suppression_comments import MAX_COMMENTS, comments_in
from autopack.gaps.suppressions import Sifted, Stated, sift, unknown_rules
from gap_reports import seen
from repositories import MakeRepository

LINK = "doc_drift/broken-link"
OPEN = "windows_encoding_issue/open-without-encoding"
CONFLICT = "git_state_corruption/conflict-markers"
RULES = frozenset(f"{detector.gap_type}/{rule.name}" for detector in all_detectors() for rule in detector.rules)
NOTHING = Stated()


def sifted(
    make_repository: MakeRepository,
    files: Mapping[str, str],
    settings: ScanSettings = ScanSettings(),  # noqa: B008
    *,
    committed: bool = True,
    only_committed: bool = False,
) -> Sifted:
    """Scan a repository with FILES and SETTINGS, and sift its report."""
    snapshot = take_snapshot(make_repository(files), all_detectors())
    report = scan(snapshot, project_id="p", run_id="r", detectors=all_detectors())
    stated = Stated(settings, suppression_comments(snapshot))
    return sift(
        report,
        stated,
        stated if committed else NOTHING,
        rule_ids=RULES,
        paths=snapshot.files.keys(),
        only_committed=only_committed,
        show_all=False,
    )


@pytest.mark.parametrize(
    ("path", "text", "lines"),
    [
        ("a.py", "x = 1  # autopack: ignore[a/b] -- why\n", (1, 1)),
        ("a.py", "# autopack: ignore[a/b] -- why\nx = 1\n", (1, 2)),
        ("a.py", "é = 'ü'  # autopack: ignore[a/b] -- why\n", (1, 1)),
        ("a.c", "/* autopack: ignore[a/b] -- why */\nint x;\n", (1, 2)),
        ("a.c", "/* autopack: ignore[a/b] -- why */ int x;\n", (1, 1)),
        ("a.ts", "let x; // autopack: ignore[a/b] -- why\n", (1, 1)),
        ("a.md", "<!-- autopack: ignore[a/b] -- why -->\ntext\n", (1, 2)),
        ("a.md", "text <!-- autopack: ignore[a/b] -- why -->\n", (1, 1)),
        ("a.sql", "-- autopack: ignore[a/b] -- why\n", (1, 2)),
        ("a.ini", "; autopack: ignore[a/b] -- why\r\nx = 1\r\n", (1, 2)),
        ("a.rst", ".. autopack: ignore[a/b] -- why\n", (1, 2)),
        ("a.tex", "\\x % autopack: ignore[a/b] -- why\n", (1, 1)),
        ("a.j2", "{# autopack: ignore[a/b] -- why #}\n", (1, 2)),
        ("a.js", "/**\n * autopack: ignore[a/b] -- why\n */\n", (2, 3)),
        ("a.vb", "' autopack: ignore[a/b] -- why\n", (1, 2)),
        ("a.bat", "REM autopack: ignore[a/b] -- why\n", (1, 2)),
        ("a.vim", '" autopack: ignore[a/b] -- why\n', (1, 2)),
        ("a.c", "x" * 200 + " // autopack: ignore[a/b] -- why\n", (1, 1)),
        ("a.yml", "# autopack: ignore-file[a/b] -- why\n", None),
    ],
)
def test_a_comment_covers_its_line_and_alone_on_it_the_next(
    path: str, text: str, lines: tuple[int, int] | None
) -> None:
    """In the comment syntax of any language; `ignore-file` covers the whole file."""
    (comment,) = comments_in(path, text.encode())
    assert (comment.rules, comment.reason, comment.lines) == (("a/b",), "why", lines)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", 'x = "# autopack: ignore[a/b] -- why"\n'),
        ("a.py", '"""\n# autopack: ignore[a/b] -- why\n"""\n'),
        ("a.md", "```\n<!-- autopack: ignore[a/b] -- why -->\n```\n"),
        ("a.md", "Write `<!-- autopack: ignore[a/b] -- why -->` above it.\n"),
        ("a.md", "Write # autopack: ignore[a/b] -- why\n"),
        ("a.txt", "see autopack: ignore[a/b] -- why\n"),
        ("a.js", "let s = 'autopack: ignore[a/b] -- why'\n"),
        ("a.txt", "x" * 60 + "* autopack: ignore[a/b] -- why\n"),
        ("a.py", "# autopack: ignore a/b -- why\n"),
    ],
)
def test_what_is_no_comment_suppresses_nothing(path: str, text: str) -> None:
    """Strings, code samples and prose about suppressions are none."""
    assert comments_in(path, text.encode()) == ()


@pytest.mark.parametrize(
    "data",
    [
        b"# one\r# two\nx = 1\n\ny = 2  # autopack: ignore[a/b] -- why\n",
        b"# coding: latin-1\nx = '\xe9\xe9\xe9'\n\ny = '\xe9\xe9'  # autopack: ignore[a/b] -- why\n",
        b"\xef\xbb\xbf# one\n\n\ny = 2  # autopack: ignore[a/b] -- why\n",
        b"# one\r\n\r\n\r\ny = 2  # autopack: ignore[a/b] -- why\r\n",
    ],
)
def test_python_comments_are_found_in_any_encoding_and_with_any_line_end(data: bytes) -> None:
    """Lone carriage returns, a declared encoding and a byte-order mark move no comment to another line."""
    (comment,) = comments_in("a.py", data)
    assert (comment.lines, comment.reason) == ((4, 4), "why")


_CODE = ["autopack: ignore[a/b] -- r", "# ", "<!-- ", "-->", "```\n", "`", "'''", "(" * 50, "\n", "\r", "\0", "\t", "é"]


@fuzzing(max_examples=200, deadline=None)
@given(st.sampled_from(["a.py", "a.md", "a.txt"]), st.lists(st.sampled_from(_CODE), max_size=30), st.binary(max_size=8))
def test_no_text_makes_the_search_for_comments_fail(path: str, pieces: list[str], tail: bytes) -> None:
    """A defect there would block the autopilot; every comment found stands on a line that exists."""
    data = "".join(pieces).encode() + tail + b"# autopack: ignore[a/b]"
    for comment in comments_in(path, data):
        assert comment.place.line is not None
        assert 1 <= comment.place.line <= data.count(b"\n") + 1


@pytest.mark.parametrize("path", ["a.py", "a.md", "a.txt"])
def test_a_file_of_nothing_but_comments_is_read_up_to_a_bound(path: str) -> None:
    """The work is bounded; what lies beyond hides nothing, so that the gap there is reported."""
    line = b"<!-- autopack: ignore[a/b] -- r --> `x`\n" if path == "a.md" else b"# autopack: ignore[a/b] -- r\n"
    assert len(comments_in(path, line * (MAX_COMMENTS + 1))) == MAX_COMMENTS


def test_several_rules_and_a_reason_with_dashes() -> None:
    """Rules are separated by commas; the reason goes on to the end of the comment."""
    (comment,) = comments_in("a.c", b"/* autopack: ignore[a/b, c/d] -- one -- two */\n")
    assert (comment.rules, comment.reason) == (("a/b", "c/d"), "one -- two")


def test_a_comment_hides_the_finding_and_says_why(make_repository: MakeRepository) -> None:
    """The gap leaves the report, is counted in its metadata, and is kept with its reason."""
    files = {"a.md": f"# A\n\n[x](gone.md) <!-- autopack: ignore[{LINK}] -- made by the release -->\n"}
    result = sifted(make_repository, files)
    assert result.report.gaps == ()
    assert (result.report.summary.total, result.report.metadata.suppressed) == (0, 1)
    assert [(one.gap.rule_id, one.kind, one.reason) for one in result.suppressed] == [
        (LINK, "inSource", "made by the release")
    ]
    assert result.report.gap_report_id == result.report.expected_id()


def test_one_comment_does_not_hide_the_other_places_of_a_finding(make_repository: MakeRepository) -> None:
    """A gap with several places is hidden when all are covered, and not before."""
    one = f"def a(p):\n    return open(p)  # autopack: ignore[{OPEN}] -- ASCII only\n"
    two = f"def b(p):\n    return open(p){{}}\n"  # noqa: F541
    both = sifted(make_repository, {"a.py": one + two.format("")})
    assert [gap.rule_id for gap in both.report.gaps] == [OPEN]
    covered = f"  # autopack: ignore[{OPEN}] -- ASCII only"
    snapshot = sifted(
        lambda files: make_repository(files, name="second"),  # type: ignore[arg-type]
        {"a.py": one + two.format(covered)},
    )
    assert snapshot.report.gaps == ()


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        (f"ignore[{LINK}]", ["suppression-without-reason a.md:3", "broken-link a.md:4"]),
        (f"ignore[{LINK}] -- ", ["suppression-without-reason a.md:3", "broken-link a.md:4"]),
        (f"ignore[{OPEN}] -- why", ["unused-suppression a.md:3", "broken-link a.md:4"]),
        ("ignore[doc_drift/no-such-rule] -- why", ["unused-suppression a.md:3", "broken-link a.md:4"]),
        ("ignore[] -- why", ["unused-suppression a.md:3", "broken-link a.md:4"]),
        (f"ignore[{LINK}, {OPEN}] -- why", ["unused-suppression a.md:3"]),
    ],
)
def test_a_suppression_without_reason_or_effect_is_reported(
    make_repository: MakeRepository, comment: str, expected: list[str]
) -> None:
    """Without a reason it hides nothing; a rule that is not found there, or is none, is named."""
    result = sifted(make_repository, {"a.md": f"# A\n\n<!-- autopack: {comment} -->\n[x](gone.md)\n"})
    assert seen(result.report.gaps) == expected


def test_settings_hide_by_path_root_and_rule_with_their_reasons(make_repository: MakeRepository) -> None:
    """An ignored glob, a place outside of the roots and a rule that is off each hide, and say why."""
    files = {
        "docs/a.md": "# A\n\n[x](gone.md)\n",
        "misc/b.md": "# B\n\n[x](gone.md)\n",
        "elsewhere/c.md": "# C\n\n[x](gone.md)\n",
        "docs/load.py": "def a(p):\n    return open(p)\n",
    }
    settings = ScanSettings(
        roots=("docs", "misc"),
        ignored=(IgnoredPaths("misc/**", "kept for history", (LINK,)),),
        rules={OPEN: RuleSetting("off", "runs on Linux only")},
    )
    result = sifted(make_repository, files, settings)
    assert seen(result.report.gaps) == ["broken-link docs/a.md:3"]
    assert sorted(one.reason for one in result.suppressed) == [
        "kept for history",
        "outside of the roots that .autopack/config.toml names",
        "runs on Linux only",
    ]
    assert {one.kind for one in result.suppressed} == {"external"}


def test_an_ignored_glob_that_matches_no_file_is_reported(make_repository: MakeRepository) -> None:
    """One that matches a file without findings is kept for what may come."""
    settings = ScanSettings(ignored=(IgnoredPaths("gone/**", "moved away"), IgnoredPaths("*.md", "by others")))
    result = sifted(make_repository, {"a.md": "# A\n"}, settings)
    assert [gap.title for gap in result.report.gaps] == [".autopack/config.toml ignores gone/**, which matches no file"]


def test_a_severity_rates_a_finding_and_leaves_whether_it_blocks(make_repository: MakeRepository) -> None:
    """Called harmless by committed settings, a conflict still blocks the autopilot."""
    files = {"a.txt": "<<<<<<< HEAD\nours\n=======\ntheirs\n>>>>>>> topic\n"}
    settings = ScanSettings(rules={CONFLICT: RuleSetting("info", "we like them")})
    (gap,) = sifted(make_repository, files, settings).report.gaps
    assert (gap.risk_classification, gap.blocks_autopilot) == ("info", True)


@pytest.mark.parametrize("how", ["comment", "glob", "off", "root", "info"])
def test_what_is_not_committed_never_opens_the_gate(make_repository: MakeRepository, how: str) -> None:
    """A gap that blocks the autopilot is hidden, or rated lower, by nothing that HEAD does not hold."""
    comment = f"# autopack: ignore-file[{CONFLICT}] -- a sample\n" if how == "comment" else ""
    files = {"a.txt": f"{comment}<<<<<<< HEAD\nours\n=======\ntheirs\n>>>>>>> topic\n"}
    settings = {
        "glob": ScanSettings(ignored=(IgnoredPaths("*", "all"),)),
        "off": ScanSettings(rules={CONFLICT: RuleSetting("off", "no")}),
        "root": ScanSettings(roots=("docs",)),
        "info": ScanSettings(rules={CONFLICT: RuleSetting("info", "no")}),
    }.get(how, ScanSettings())
    (gap,) = sifted(make_repository, files, settings, committed=False).report.gaps
    assert (gap.rule_id, gap.risk_classification, gap.blocks_autopilot) == (CONFLICT, "high", True)
    if how != "info":
        again = sifted(lambda files: make_repository(files, name="again"), files, settings)  # type: ignore[arg-type]
        assert again.report.gaps == ()


def test_a_report_to_plan_upon_knows_only_what_is_committed(make_repository: MakeRepository) -> None:
    """A gap that blocks nothing is hidden on the screen, but stays in a report that is kept or planned upon."""
    files = {"a.md": "# A\n\n[x](gone.md)\n"}
    settings = ScanSettings(rules={LINK: RuleSetting("off", "no")})
    assert sifted(make_repository, files, settings, committed=False).report.gaps == ()
    kept = sifted(
        lambda files: make_repository(files, name="again"),  # type: ignore[arg-type]
        files,
        settings,
        committed=False,
        only_committed=True,
    )
    assert seen(kept.report.gaps) == ["broken-link a.md:3"]


def report_with(make_repository: MakeRepository, *gaps: Gap) -> GapReportV1:
    """Return the report of an empty repository with GAPS put in."""
    snapshot = take_snapshot(make_repository(), ())
    return scan(snapshot, project_id="p", run_id="r", detectors=()).model_copy(update={"gaps": gaps}).sealed()


def a_gap(rule: str, confidence: str, *, blocks: bool) -> Gap:
    """Return a gap of RULE in README.md."""
    return Gap.model_validate(
        {
            "gap_id": "doc_drift-0123456789ab",
            "gap_type": "doc_drift",
            "rule_id": rule,
            "title": "t",
            "why_it_matters": "w",
            "how_to_fix": "f",
            "detection_signals": ("s",),
            "evidence": (Evidence(path="README.md", line=1),),
            "risk_classification": "low",
            "confidence": confidence,
            "blocks_autopilot": blocks,
        }
    )


def test_a_detector_that_failed_cannot_be_suppressed(make_repository: MakeRepository) -> None:
    """What it would have found is unknown, so that no glob and no root hides it."""
    report = report_with(make_repository, a_gap(f"doc_drift/{FAILED}", "high", blocks=True))
    stated = Stated(ScanSettings(roots=("src",), ignored=(IgnoredPaths("*", "all"),)))
    result = sift(report, stated, stated, rule_ids=RULES, paths=["README.md"], only_committed=False, show_all=False)
    assert result.report == report


@pytest.mark.parametrize(
    ("confidence", "blocks", "show_all", "shown"),
    [("low", False, False, 0), ("low", False, True, 1), ("low", True, False, 1), ("medium", False, False, 1)],
)
def test_gaps_of_low_confidence_are_counted_and_shown_on_demand(
    make_repository: MakeRepository, confidence: str, blocks: bool, show_all: bool, shown: int
) -> None:
    """Only high and medium are reported by default; what blocks is always shown."""
    report = report_with(make_repository, a_gap(LINK, confidence, blocks=blocks))
    result = sift(
        report, NOTHING, NOTHING, rule_ids=RULES, paths=["README.md"], only_committed=False, show_all=show_all
    )
    assert len(result.report.gaps) == shown
    assert result.report.metadata.low_confidence == len(result.unsure) == 1 - shown


def test_rules_that_do_not_exist_are_named() -> None:
    """In severities and in the rules of an ignored glob."""
    settings = ScanSettings(ignored=(IgnoredPaths("*", "r", ("x/y", LINK)),), rules={"a/b": RuleSetting("off", "r")})
    assert unknown_rules(settings, RULES) == ("a/b", "x/y")
