"""A request says what would be done, the same everywhere, and nothing in it can hide or pretend."""

from __future__ import annotations

import unicodedata

import pytest
from inline_snapshot import snapshot

from autopack.actions.models import Action, CostEstimate, Interval, RiskFactor
from autopack.artifacts.canonical import digest
from autopack.errors import DeniedByPolicy
from autopack.gaps.remedies import MoveFile, ReplaceBlock, ReplaceText, RewriteFile, Transcode
from autopack.governance.approvals import binding_of
from autopack.governance.canonical_text import MAX_TEXT, canonical_text, neutralise
from governed import BASE, a_plan, an_action
from plans import SOME_SHA, delete, edit, move


def _text(action: Action) -> str:
    plan = a_plan(action)
    return canonical_text(action, binding_of(plan, action), plan.run_id)


def test_a_request_shows_everything_that_would_be_done() -> None:
    """Kind, title, every path, every operation, risk, cost, way back, rules and base are in the text."""
    action = an_action(
        "docs/a.md",
        operations=[
            edit("docs/a.md", line=3, old="[x](old.md)", new="[x](new.md)"),
            move("docs/b.md", "docs/c.md"),
            delete("docs/d.md"),
            Transcode(path="docs/e.md", before_sha256=SOME_SHA, source="cp1252", strip_bom=True, line_ending="lf"),
            ReplaceBlock(path="docs/a.md", before_sha256=SOME_SHA, start="<!-- a -->", end="<!-- b -->", new="1\n2\n"),
        ],
        target_paths=("docs/a.md", "docs/b.md", "docs/c.md", "docs/d.md", "docs/e.md"),
    )
    assert _text(action) == snapshot("""\
Approval of action-8baa9703a1cd (digest b5febb41)
Kind: link_fix
Title: Correct a link
Paths (5):
  "docs/a.md"
  "docs/b.md"
  "docs/c.md"
  "docs/d.md"
  "docs/e.md"
What would be done (5):
  1. in "docs/a.md", line 3, replace
     - [x](old.md)
     + [x](new.md)
  2. move "docs/b.md" to "docs/c.md"
  3. delete "docs/d.md"
  4. rewrite "docs/e.md" from cp1252 to utf-8, drop the byte-order mark, line endings: lf
  5. in "docs/a.md", replace what stands between '<!-- a -->' and '<!-- b -->' by
     + 1
     + 2
Closes: doc_drift-6ab3c348975f
Risk: 10 of 100, low
Cost: lines 1 to 2; seconds 1 to 2; tokens 0 or more (unknown)
Way back: git revert of the commit.
Asked because of: default.no-rule-auto-approves
Run run-1, base commit aaaaaaaaaaaa
Valid for this action on this base, once; void when action, base, intention, plan or policy changes.\
""")


def test_a_request_shows_what_a_file_would_hold() -> None:
    """Where all of a file is replaced, the request shows all that it would hold."""
    rewrite = RewriteFile(path="docs/a.md", before_sha256=SOME_SHA, new="See [b](b.md).\nThere.\n")
    text = _text(an_action("docs/a.md", kind="duplicate_pointer", operations=[rewrite]))
    assert '  1. replace all that "docs/a.md" holds by\n     + See [b](b.md).\n     + There.\n' in text


_HOSTILE = {
    "bidi": "\u202egnp.exe\u202c",
    "isolate": "\u2066a\u2069",
    "zero width": "a\u200bb\u200d\u2060\ufeff",
    "control": "a\x1b[2J\x07\x00\x7f\x9b",
    "line breaks": "a\nKind: file_move\r\u2028\u2029\x0b\x0c\x85",
    "soft hyphen": "a\u00adb",
    "blank letters": "\u3164\u115f\u2800\uffa0",
    "blanks": "a\u00a0b\u2003c\u3000",
    "tags": "\U000e0041\U000e007f",
    "variation": "a\ufe0f\U000e0100",
    "surrogate": "\udc80",
    "private": "\ue000",
}


@pytest.mark.parametrize("name", list(_HOSTILE))
def test_characters_that_hide_or_pretend_are_written_out(name: str) -> None:
    """Every character that is not drawn as itself appears by its number; the rest is left alone."""
    shown = neutralise(f"före {_HOSTILE[name]} 後")
    assert shown.startswith("före ")
    assert shown.endswith(" 後")
    assert "<U+" in shown
    for character in shown:
        assert unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
        assert character == " " or unicodedata.category(character) != "Zs"


@pytest.mark.parametrize("name", [name for name in _HOSTILE if name != "surrogate"])
def test_a_hostile_title_path_or_edit_adds_no_line_to_a_request(name: str) -> None:
    """Whatever stands in titles, paths, edits and briefs, the request has the lines that an ordinary one has."""
    hostile = _HOSTILE[name]
    plain = an_action("docs/a.md", operations=[edit("docs/a.md", old="x", new="y")])
    attack = an_action(
        "docs/a.md",
        title=f"Nice {hostile}",
        operations=[edit(f"docs/{hostile}.md", old=hostile, new=f"y{hostile}")],
        target_paths=(f"docs/{hostile}.md",),
    )
    shown = _text(attack).splitlines()
    assert len(shown) == len(_text(plain).splitlines())
    assert all(neutralise(line) == line for line in shown)


def test_letters_that_pass_for_others_are_named() -> None:
    """A path with letters outside ASCII says which; blanks at its ends can be seen."""
    action = an_action("docs/a.md", target_paths=("docs/p\u0430y.md", "docs/a.md "), operations=[])
    text = _text(action)
    assert '"docs/p\u0430y.md"  (not ASCII: U+0430)' in text
    assert '"docs/a.md "\n' in text


def test_a_long_edit_is_cut_and_says_how_much_there_is() -> None:
    """What does not fit is counted and named by digest, and paths are never left out."""
    many = [edit("docs/a.md", line=number, new="y" * 60) for number in range(1, 201)]
    paths = ("docs/a.md", *(f"docs/{number:04}.md" for number in range(200)))
    action = an_action(
        "docs/a.md", title="x" * 5_000, operations=[edit("docs/a.md", new="y" * 9_999), *many], target_paths=paths
    )
    text = _text(action)
    assert len(text) <= MAX_TEXT
    assert "(5000 characters in all, digest " in text
    assert "(9999 characters in all, digest " in text
    assert "more operations on the paths above; digest of all: " in text
    assert all(f'  "{path}"\n' in text for path in paths)


def test_an_action_that_cannot_be_shown_cannot_be_asked_about() -> None:
    """With more paths than fit, there is no request at all."""
    paths = tuple(f"docs/{'x' * 100}/{number:04}.md" for number in range(400))
    with pytest.raises(DeniedByPolicy, match="400 paths"):
        _text(an_action("docs/a.md", target_paths=paths))


def test_two_actions_that_differ_are_told_apart() -> None:
    """The digest in the first line covers everything that the plan says of the action, also what is cut."""
    one = an_action("docs/a.md", operations=[edit("docs/a.md", new="y" * 5_000 + "a")])
    other = an_action("docs/a.md", operations=[edit("docs/a.md", new="y" * 5_000 + "b")])
    assert _text(one).splitlines()[0] != _text(other).splitlines()[0]
    moved = MoveFile(path="a", before_sha256=SOME_SHA, destination="b")
    assert _text(an_action("a", operations=[moved])) == _text(an_action("a", operations=[moved]))


@pytest.mark.parametrize(("length", "cut"), [(400, False), (401, True)])
def test_a_text_of_400_characters_is_shown_whole(length: int, cut: bool) -> None:
    """An excerpt holds exactly 400 characters, and the size and digest of the whole where there are more."""
    title = "t" * (length - 1) + "u"
    (line,) = [line for line in _text(an_action("a", title=title)).splitlines() if line.startswith("Title: ")]
    if not cut:
        assert line == f"Title: {title}"
        return
    shown, _, rest = line.removeprefix("Title: ").partition(" … ")
    assert shown == title[:400]
    assert rest == f"({length} characters in all, digest {digest(title)[:8]})"


@pytest.mark.parametrize(("count", "more"), [(40, 0), (41, 1), (43, 3)])
def test_forty_lines_of_a_block_are_shown(count: int, more: int) -> None:
    """Of a replaced block 40 lines are shown; of a longer one the number and the digest of the whole."""
    new = "".join(f"{number}\n" for number in range(count))
    block = ReplaceBlock(path="a", before_sha256=SOME_SHA, start="<", end=">", new=new)
    shown = [line for line in _text(an_action("a", operations=[block])).splitlines() if line.startswith("     ")]
    expected = [f"     + {number}" for number in range(min(count, 40))]
    if more:
        expected.append(f"     … and {more} more lines, digest {digest(new)[:8]}")
    assert shown == expected


def test_operations_are_shown_up_to_ten_thousand_characters() -> None:
    """What fits is shown to the last character of the bound; the first operation that does not is counted in."""
    many = [edit("a", line=number, old="o", new="n" * 370) for number in range(10, 40)]
    text = _text(an_action("a", operations=many))
    each = len('  1. in "a", line 10, replace     - o     + ') + 370
    # Operations from the tenth on are one digit longer.
    shown = max(count for count in range(31) if count * each + max(0, count - 9) <= 10_000)
    documents = [operation.document() for operation in many]
    assert f"\n  {shown}. in " in text
    assert f"\n  {shown + 1}. in " not in text
    assert (
        f"\n  … and {30 - shown} more operations on the paths above; digest of all: {digest(documents)[:8]}\n" in text
    )


def test_the_bound_of_operations_is_exact() -> None:
    """Ten thousand characters are shown, and one more is not."""
    first = [edit("a", old="o", new="n" * 380) for _ in range(9)]
    plain = sum(len(line) for line in _operation_lines(first))
    for spare, shown in ((0, True), (1, False)):
        last = _padded(10_000 - plain + spare)
        lines = _operation_lines([*first, *last])
        assert any("more operations" in line for line in lines) is not shown


def _operation_lines(operations: list[ReplaceText]) -> list[str]:
    lines = _text(an_action("a", operations=operations)).splitlines()
    begin = lines.index(f"What would be done ({len(operations)}):")
    return [line for line in lines[begin + 1 :] if line.startswith("  ") and not line.startswith("  |")]


def _padded(length: int) -> list[ReplaceText]:
    """Return operations 10 and up whose lines have LENGTH characters in all."""
    made: list[ReplaceText] = []
    while length:
        empty = len(f'  {10 + len(made)}. in "a", line 1, replace') + len("     - o     + ")
        size = min(300, length - empty) if length - empty <= 300 or length - empty - 300 > empty else 200
        made.append(edit("a", old="o", new="n" * size))
        length -= empty + size
    return made


@pytest.mark.parametrize(("spare", "fits"), [(0, True), (1, False)])
def test_a_request_has_at_most_twenty_thousand_characters(spare: int, fits: bool) -> None:
    """A text of exactly the bound is shown, one character more is not."""
    rest = MAX_TEXT - len(_text(an_action("a", operations=[], target_paths=("p" * 100,)))) + spare
    paths = ["p" * 100]
    while rest > 300:
        paths.append("q" * 195)
        rest -= 200
    # The number of paths is shown too: two digits instead of one.
    paths.append("r" * (rest - 5 - 1))
    action = an_action("a", operations=[], target_paths=tuple(paths))
    assert 10 <= len(paths) < 100
    if fits:
        assert len(_text(action)) == MAX_TEXT == 20_000
        return
    with pytest.raises(DeniedByPolicy, match=f"{len(paths)} paths"):
        _text(action)


def test_costs_risks_and_measured_lines_are_told() -> None:
    """A cost that is known exactly is one number; risks carry their sign; what was measured stands behind a mark."""
    exact = CostEstimate(
        lines=Interval(low=3, high=3), seconds=Interval(low=0, high=4), tokens=Interval(low=5, high=None)
    )
    action = an_action("a", brief="one\ntwo").model_copy(
        update={
            "cost_estimate": exact,
            "gap_ids": (),
            "risk_factors": (RiskFactor(name="kind", points=5, detail="the kind's own base"),),
        }
    )
    lines = canonical_text(action, binding_of(a_plan(action), action), "run-1", ("more lines", "worse")).splitlines()
    for line in (
        "Cost: lines 3; seconds 0 to 4; tokens 5 or more (unknown)",
        "Closes: no gap",
        "  kind +5: the kind's own base",
        "  | one",
        "  | two",
        "! more lines",
        "! worse",
        f"Run run-1, base commit {BASE[:12]}",
    ):
        assert line in lines


@pytest.mark.parametrize(("count", "more"), [(8, ""), (9, " …")])
def test_eight_foreign_letters_of_a_path_are_named_once_each(count: int, more: str) -> None:
    """Letters outside ASCII are listed by code point, each once; that there are more than eight of them is said."""
    letters = "".join(map(chr, range(0x0430, 0x0430 + count)))
    path = f"docs/{letters}{letters[0]}~"
    named = " ".join(f"U+{code:04X}" for code in range(0x0430, 0x0438))
    assert f'  "{path}"  (not ASCII: {named}{more})\n' in _text(an_action("a", target_paths=(path,), operations=[]))
    assert '  "docs/a~b"\n' in _text(an_action("a", target_paths=("docs/a~b",), operations=[]))


@pytest.mark.parametrize("character", ["\ufe00", "\ufe0f", "\U000e0100", "\U000e01ef", "\u00a0", "\u2800"])
def test_every_variation_selector_is_written_out(character: str) -> None:
    """The first and the last of both ranges are written out, and so is a blank that is not a space."""
    assert neutralise(f"a{character}b c") == f"a<U+{ord(character):04X}>b c"


@pytest.mark.parametrize("character", ["\ufdff", "\ufe10", "\ufe30", "~", "\u00e9"])
def test_letters_beside_the_hidden_ones_are_left_alone(character: str) -> None:
    """What is drawn is shown."""
    assert neutralise(character) == character
