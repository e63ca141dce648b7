"""A request says what would be done, the same everywhere, and nothing in it can hide or pretend."""

from __future__ import annotations

import unicodedata

import pytest
from inline_snapshot import snapshot

from autopack.actions.models import Action
from autopack.errors import DeniedByPolicy
from autopack.gaps.remedies import MoveFile, ReplaceBlock, Transcode
from autopack.governance.approvals import binding_of
from autopack.governance.canonical_text import MAX_TEXT, canonical_text, neutralise
from governed import a_plan, an_action
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
