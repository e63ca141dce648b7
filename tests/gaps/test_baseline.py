"""The baseline against what a scan finds: matching, expiry, pruning, and the bytes of the file."""

from __future__ import annotations

import json
import random
from datetime import date

import pytest
from pydantic import ValidationError

from autopack.gaps.baseline import (
    Acceptance,
    AcceptedFinding,
    BaselineV1,
    baseline_bytes,
    compare,
    entry_of,
    pruned,
    updated,
)
from autopack.gaps.models import Evidence, Gap

TODAY = date(2026, 11, 22)


def gap(number: int, *, path: str = "a.md", content: str = "x", rule: str = "doc_drift/broken-link") -> Gap:
    """Return a gap whose id ends in NUMBER and whose fingerprint depends on CONTENT."""
    return Gap(
        gap_id=f"doc_drift-{number:012x}",
        gap_type="doc_drift",
        rule_id=rule,
        title=f"{path} is wrong",
        why_it_matters="why",
        how_to_fix="fix",
        detection_signals=("seen",),
        evidence=(Evidence(path=path, line=3, excerpt_sha256=(content * 64)[:64].encode().hex()[:64]),),
        risk_classification="low",
        confidence="high",
        blocks_autopilot=False,
    )


def accepting(*gaps: Gap, expires: str | None = None) -> BaselineV1:
    """Return a baseline that accepts GAPS."""
    return BaselineV1(findings=tuple(entry_of(one, Acceptance("known", expires)) for one in gaps))


def test_a_finding_is_known_by_its_id_and_else_by_its_content() -> None:
    """The same id is known though its line reads differently; another id with the same content is a renamed file."""
    baseline = accepting(gap(1, content="a"), gap(2, content="b"), gap(3, content="c"))
    today = [gap(1, content="z"), gap(9, path="renamed.md", content="b"), gap(8, content="new")]
    comparison = compare(today, baseline, TODAY)
    assert [comparison.state(one) for one in today] == ["unchanged", "unchanged", "new"]
    assert [entry.gap_id for entry in comparison.gone] == [gap(3).gap_id]


def told(number: int, *paths: str, content: str = "x") -> Gap:
    """Return a gap in a place of each of PATHS."""
    places = tuple(place for path in paths for place in gap(number, path=path, content=content).evidence)
    return gap(number).model_copy(update={"evidence": places})


def test_a_finding_that_has_grown_is_new() -> None:
    """An entry accepts the places that it was made for, fewer of them, and not one more or another; it is not gone."""
    baseline = accepting(told(1, "a.md", "b.md", "b.md"))
    states = {
        paths: compare([told(1, *paths, content="y")], baseline, TODAY).state(told(1, *paths, content="y"))
        for paths in [
            ("a.md", "b.md", "b.md"),
            ("b.md", "b.md"),
            ("b.md",),
            ("a.md", "a.md"),
            ("a.md", "b.md", "c.md"),
            ("a.md", "b.md", "b.md", "b.md"),
        ]
    }
    assert list(states.values()) == ["unchanged"] * 3 + ["new"] * 3
    grown = compare([told(1, "a.md", "b.md", "b.md", "b.md", content="y")], baseline, TODAY)
    assert (grown.gone, [entry.gap_id for entry in grown.grown]) == ((), [gap(1).gap_id])


def test_what_a_baseline_says_of_places_moves_one_way() -> None:
    """What shrinks is held to fewer places from then on; what grows keeps its entry until somebody accepts more."""
    three, two, four = told(1, "a.md", "a.md", "b.md"), told(1, "a.md", "b.md"), told(1, "a.md", "a.md", "b.md", "c.md")
    shrunk = updated(accepting(three), [two], TODAY, None, ())
    assert compare([three], shrunk, TODAY).state(three) == "new"
    assert updated(accepting(three), [four], TODAY, None, ()) == accepting(three)
    assert pruned(accepting(three), compare([four], accepting(three), TODAY)) == accepting(three)
    accepted = updated(accepting(three), [four], TODAY, Acceptance("more of it"), [four.gap_id])
    assert [(len(entry.places), entry.reason) for entry in accepted.findings] == [(4, "more of it")]


def test_findings_that_become_one_stay_accepted_where_they_were() -> None:
    """What was accepted one by one accepts what it is together; a place more makes that new, shows it first, and leaves
    the entries alone."""
    one, two = told(1, "a.md", content="x"), told(2, "b.md", content="y")
    baseline = updated(BaselineV1(), [one, two], TODAY, Acceptance("known"), [one.gap_id, two.gap_id])
    both = gap(9).model_copy(update={"evidence": (*one.evidence, *two.evidence)})
    comparison = compare([both], baseline, TODAY)
    assert (comparison.state(both), comparison.gone, comparison.grown) == ("unchanged", (), ())
    joined = updated(baseline, [both], TODAY, None, ())
    assert [(entry.gap_id, len(entry.places), entry.reason) for entry in joined.findings] == [(both.gap_id, 2, "known")]
    third = told(3, "a.md", content="z")
    more = both.model_copy(update={"evidence": (*both.evidence, *third.evidence)})
    comparison = compare([more], baseline, TODAY)
    assert (comparison.state(more), comparison.gone, len(comparison.grown)) == ("new", (), 2)
    assert comparison.new_places_first(more).evidence == (*third.evidence, *both.evidence)
    assert updated(baseline, [more], TODAY, None, ()) == baseline
    assert pruned(baseline, comparison) == baseline
    another = more.model_copy(update={"rule_id": "doc_drift/vanished-path"})
    assert len(compare([another], baseline, TODAY).gone) == 2, "of another rule it is another finding"


def test_what_is_left_of_a_finding_in_several_places_is_known() -> None:
    """Where too few places are left to be told as one, each is told by itself: it was accepted there."""
    baseline = accepting(told(1, "a.md", "b.md", "c.md"))
    left = [told(2, "a.md"), told(3, "b.md")]
    comparison = compare(left, baseline, TODAY)
    assert [comparison.state(one) for one in left] == ["unchanged", "unchanged"]
    assert (comparison.gone, comparison.grown) == ((), ())
    assert [entry.path for entry in updated(baseline, left, TODAY, None, ()).findings] == ["a.md", "b.md"]
    assert compare([told(8, "a.md", content="another line")], baseline, TODAY).state(told(8, "a.md")) == "new"
    others = [told(4, "d.md"), gap(5, path="a.md", rule="doc_drift/vanished-path"), told(6, "a.md"), told(7, "a.md")]
    comparison = compare(others, baseline, TODAY)
    assert [comparison.state(one) for one in others] == ["new", "new", "unchanged", "new"]


def test_one_entry_accepts_one_finding() -> None:
    """A copy of an accepted finding in another file is new: an entry is used up."""
    baseline = accepting(gap(1, content="a"))
    copies = [gap(1, content="a"), gap(2, path="b.md", content="a"), gap(3, path="c.md", content="a")]
    assert [compare(copies, baseline, TODAY).state(one) for one in copies] == ["unchanged", "new", "new"]
    moved = copies[1:]
    assert [compare(moved, baseline, TODAY).state(one) for one in moved] == ["unchanged", "new"]


@pytest.mark.parametrize(
    ("expires", "state"), [("2026-11-21", "new"), ("2026-11-22", "unchanged"), ("2027-01-01", "unchanged")]
)
def test_after_its_last_day_an_accepted_finding_is_new_again(expires: str, state: str) -> None:
    """The last day is included; the day after, the finding counts, and the entry is listed as expired, not as gone."""
    comparison = compare([gap(1)], accepting(gap(1), expires=expires), TODAY)
    assert comparison.state(gap(1)) == state
    assert len(comparison.expired) == (state == "new")
    assert comparison.gone == ()


def test_an_update_keeps_reasons_follows_renames_and_adds_what_is_wanted() -> None:
    """Old entries keep their reason and date at their new place; only wanted findings enter; nothing is dropped."""
    before = accepting(gap(1, content="a"), gap(2, content="b"), expires="2027-01-01")
    today = [gap(9, path="renamed.md", content="a"), gap(4, content="d"), gap(5, content="e")]
    after = updated(before, today, TODAY, Acceptance("for now"), [gap(4).gap_id, gap(9).gap_id])
    assert {(entry.gap_id[-1], entry.path, entry.reason, entry.expires) for entry in after.findings} == {
        ("2", "a.md", "known", "2027-01-01"),
        ("9", "renamed.md", "known", "2027-01-01"),
        ("4", "a.md", "for now", None),
    }
    assert updated(after, today, TODAY, None, [gap(5).gap_id]) == after


def test_an_expired_entry_is_renewed_only_when_wanted() -> None:
    """Without a new decision an expired entry stays expired, whatever else is accepted."""
    before = accepting(gap(1), expires="2026-01-01")
    assert updated(before, [gap(1)], TODAY, Acceptance("again"), []) == before
    (entry,) = updated(before, [gap(1)], TODAY, Acceptance("again"), [gap(1).gap_id]).findings
    assert (entry.reason, entry.expires) == ("again", None)


def test_pruning_drops_what_occurs_no_more_and_nothing_else() -> None:
    """Expired entries of findings that are still there stay."""
    before = accepting(gap(1, content="a"), gap(2, content="b"), expires="2026-01-01")
    after = pruned(before, compare([gap(2, content="b")], before, TODAY))
    assert [entry.gap_id for entry in after.findings] == [gap(2).gap_id]


def test_the_file_is_the_same_whatever_the_order_and_has_a_line_for_each_finding() -> None:
    """Shuffled findings give the same bytes; each line is canonical JSON, and the whole is read back."""
    gaps = [gap(number, path=f"{number % 3}.md", content=str(number)) for number in range(9)]
    wanted = [one.gap_id for one in gaps]
    first = baseline_bytes(updated(BaselineV1(), gaps, TODAY, Acceptance("r"), wanted))
    random.Random(1).shuffle(gaps)
    assert baseline_bytes(updated(BaselineV1(), gaps, TODAY, Acceptance("r"), wanted)) == first
    assert len(first.splitlines()) == 11
    assert baseline_bytes(BaselineV1.model_validate_json(first)) == first
    assert baseline_bytes(BaselineV1()) == b'{"findings":[],"format_version":"v1"}\n'


@pytest.mark.parametrize(
    "change",
    [
        {"reason": "  "},
        {"expires": "2026-02-30"},
        {"expires": "tomorrow"},
        {"gap_id": "nothing"},
        {"unknown": 1},
    ],
)
def test_an_entry_that_says_no_reason_or_no_day_is_refused(change: dict[str, object]) -> None:
    """A reason of blanks, a day that no calendar has, a wrong id and an unknown key make the whole file invalid."""
    document = {**entry_of(gap(1), Acceptance("r")).document(), **change}
    with pytest.raises(ValidationError):
        AcceptedFinding.model_validate_json(json.dumps(document))


def test_a_finding_that_is_accepted_twice_is_refused() -> None:
    """A merge that left two entries for one finding must be resolved by a person."""
    with pytest.raises(ValidationError, match="accepted twice"):
        accepting(gap(1), gap(1))
