"""Operations change exactly the bytes that they name, or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopack.actions.operations import apply_operation, apply_operations, contradiction
from autopack.artifacts.canonical import bytes_digest
from autopack.errors import StaleError
from autopack.execution.tree import GrantedTree
from autopack.gaps.remedies import (
    DeleteFile,
    MoveFile,
    Operation,
    ReplaceBlock,
    ReplaceText,
    RewriteFile,
    Transcode,
)
from repositories import MakeRepository
from workspaces import MemoryWorkspace

# Text without what the artifact refuses; every line ending, blanks, and characters of one to four bytes.
PIECES = st.sampled_from(["a", "bc", " ", "\t", "é", "漢字", "😀", "\r", "\r\n", "\n", "\x0c", "\u2028", "link.md", ""])
TEXTS = st.lists(PIECES, max_size=30).map("".join)


def change(before: bytes, *operations: Operation, path: str = "a.md") -> bytes:
    """Return what PATH holds after OPERATIONS."""
    workspace = MemoryWorkspace.of({path: before})
    apply_operations(workspace, operations)
    return workspace.files[path]


def refused(files: dict[str, bytes], *operations: Operation) -> str:
    """Return why OPERATIONS are refused, having changed nothing."""
    workspace = MemoryWorkspace.of(files)
    with pytest.raises(StaleError) as caught:
        apply_operations(workspace, operations)
    assert workspace.files == files
    assert workspace.changes == []
    return caught.value.message


def text(before: bytes, line: int, column: int, old: str, new: str, *, path: str = "a.md") -> ReplaceText:
    return ReplaceText(path=path, before_sha256=bytes_digest(before), line=line, column=column, old=old, new=new)


def transcode(before: bytes, source: str = "utf-8", *, strip_bom: bool = False, line_ending: str = "keep") -> Transcode:
    return Transcode.from_document(
        {
            "path": "a.md",
            "before_sha256": bytes_digest(before),
            "source": source,
            "strip_bom": strip_bom,
            "line_ending": line_ending,
        }
    )


@st.composite
def edited_files(draw: st.DrawFn) -> tuple[bytes, list[ReplaceText], bytes]:
    """A file, edits of it that do not overlap (in any order), and the expected bytes, computed by joining pieces."""
    kept, replaced = draw(st.lists(TEXTS, min_size=1, max_size=8)), []
    for _ in kept[1:]:
        old = draw(st.sampled_from(["old", "é", "漢", "two\nlines", "x"]))
        replaced.append((old, draw(TEXTS.filter(lambda new, old=old: new != old))))
    before = after = kept[0]
    edits: list[tuple[int, str, str]] = []
    for (old, new), piece in zip(replaced, kept[1:], strict=True):
        edits.append((len(before.encode()), old, new))
        before, after = before + old + piece, after + new + piece
    data = before.encode()
    made = []
    for offset, old, new in edits:
        line_start = data.rfind(b"\n", 0, offset) + 1
        made.append(text(data, data.count(b"\n", 0, offset) + 1, offset - line_start, old, new))
    return data, draw(st.permutations(made)), after.encode()


@given(edited_files())
def test_edits_change_only_their_bytes(case: tuple[bytes, list[ReplaceText], bytes]) -> None:
    """Any number of edits of one file, in any order, changes exactly the named bytes and keeps all line endings."""
    before, edits, after = case
    if not edits:
        return
    if before == after:
        assert "already" in refused({"a.md": before}, *edits)
        return
    assert change(before, *edits) == after


@given(edited_files())
def test_edits_apply_once(case: tuple[bytes, list[ReplaceText], bytes]) -> None:
    """Operations that were applied are refused the second time."""
    before, edits, after = case
    if not edits or before == after:
        return
    workspace = MemoryWorkspace.of({"a.md": before})
    apply_operations(workspace, edits)
    assert "a.md has changed" in refused({"a.md": workspace.files["a.md"]}, *edits)


def test_crlf_and_missing_final_newline_are_kept() -> None:
    """An edit keeps carriage returns and a missing final newline."""
    before = b"# T\r\n[a](old.md)\r\nend"
    assert change(before, text(before, 2, 4, "old.md", "new.md")) == b"# T\r\n[a](new.md)\r\nend"


def test_columns_count_bytes() -> None:
    """The column is a byte offset, also after characters of several bytes."""
    before = "漢字 [é](old.md)".encode()
    assert change(before, text(before, 1, before.index(b"old"), "old.md", "new.md")) == "漢字 [é](new.md)".encode()


def test_only_the_named_occurrence_changes() -> None:
    """Of a text that occurs three times on a line, the one at the column changes."""
    before = b"x x x\n"
    assert change(before, text(before, 1, 2, "x", "y")) == b"x y x\n"


def test_form_feed_and_line_separator_are_no_line_ends() -> None:
    """Lines end at a line feed alone, as git counts them."""
    before = "a\x0cb\u2028c\rd\nold\n".encode()
    assert change(before, text(before, 2, 0, "old", "new")).endswith(b"\nnew\n")


def test_lengthening_edits_on_one_line() -> None:
    """Edits that lengthen a line do not displace later ones on it."""
    before = b"a b c\n"
    edits = [text(before, 1, column, old, old * 10) for column, old in ((4, "c"), (0, "a"), (2, "b"))]
    assert change(before, *edits) == b"aaaaaaaaaa bbbbbbbbbb cccccccccc\n"


@pytest.mark.parametrize(
    ("line", "column", "old"),
    [(1, 1, "old"), (2, 0, "old"), (9, 0, "old"), (1, 0, "Old"), (1, 99, "old"), (1, 99, ""), (1, 8, "two")],
)
def test_text_elsewhere_is_refused(line: int, column: int, old: str) -> None:
    """Text that does not stand exactly at line and column is refused, also when it stands somewhere else."""
    before = b"old one\ntwo\n"
    assert refused({"a.md": before}, text(before, line, column, old, "new")).startswith("a.md")


def test_another_version_of_the_file_is_refused() -> None:
    """A file that differs by one byte anywhere from the one planned for is refused, with its path."""
    assert refused({"a.md": b"old\n "}, text(b"old\n", 1, 0, "old", "new")) == (
        "a.md has changed since the plan was made."
    )


def test_one_stale_file_stops_the_whole_action() -> None:
    """Nothing is written when the second of two files is stale."""
    good = b"old\n"
    files = {"a.md": good, "b.md": b"moved on\n"}
    message = refused(files, text(good, 1, 0, "old", "new"), text(good, 1, 0, "old", "new", path="b.md"))
    assert message.startswith("b.md")


@pytest.mark.parametrize(("first", "second"), [((0, "abc"), (2, "cd")), ((0, "abcd"), (1, "b")), ((1, ""), (1, ""))])
def test_overlapping_edits_are_refused(first: tuple[int, str], second: tuple[int, str]) -> None:
    """Edits that overlap, or insert at one place, have no order and are refused."""
    before = b"abcd\n"
    edits = [text(before, 1, first[0], first[1], "X"), text(before, 1, second[0], second[1], "Y")]
    assert refused({"a.md": before}, *edits) == "a.md: two edits of line 1 overlap."
    assert contradiction(edits) == "a.md: two edits of line 1 overlap."


def test_overlap_across_lines_is_refused() -> None:
    """An edit of several lines and one inside it are refused."""
    before = b"one\ntwo\nthree\n"
    edits = [text(before, 1, 0, "one\ntwo\nthree", "X"), text(before, 2, 0, "two", "Y")]
    assert refused({"a.md": before}, *edits) == "a.md: two edits overlap."


def test_the_same_edit_twice_is_one() -> None:
    """Two gaps that ask for the same edit get it once."""
    before = b"old\n"
    assert change(before, *[text(before, 1, 0, "old", "new")] * 2) == b"new\n"


def block(before: bytes, new: str, *, start: str = "<!-- A -->", end: str = "<!-- B -->") -> ReplaceBlock:
    return ReplaceBlock(path="a.md", before_sha256=bytes_digest(before), start=start, end=end, new=new)


@pytest.mark.parametrize(
    ("before", "new", "after"),
    [
        (b"x\n<!-- A -->\nold\nmore\n<!-- B -->\ny", "new\n", b"x\n<!-- A -->\nnew\n<!-- B -->\ny"),
        (b"<!-- A -->\r\nold\r\n<!-- B -->\r\n", "new\r\n", b"<!-- A -->\r\nnew\r\n<!-- B -->\r\n"),
        (b"<!-- A -->\r\n<!-- B -->", "new", b"<!-- A -->\r\nnew\r\n<!-- B -->"),
        (b"  <!-- A -->\nold\n  <!-- B -->\n", "", b"  <!-- A -->\n  <!-- B -->\n"),
    ],
)
def test_block_is_replaced_between_its_markers(before: bytes, new: str, after: bytes) -> None:
    """Only what stands between the marker lines changes; the markers and everything around them stay."""
    assert change(before, block(before, new)) == after


@pytest.mark.parametrize(
    "before",
    [
        b"<!-- A -->\nx\n",
        b"<!-- B -->\nx\n<!-- A -->\n",
        b"<!-- A -->\n<!-- A -->\nx\n<!-- B -->\n",
        b"<!-- A -->\nx\n<!-- B -->\n<!-- B -->\n",
        b"say <!-- A -->\nx\n<!-- B -->\n",
    ],
)
def test_block_without_one_pair_of_markers_is_refused(before: bytes) -> None:
    """Missing, repeated, swapped or embedded markers are refused."""
    assert "exactly once" in refused({"a.md": before}, block(before, "new\n"))


@given(st.text(st.characters(codec="utf-8", exclude_characters="\ufeff"), min_size=1))
def test_utf16_becomes_utf8(content: str) -> None:
    """UTF-16 is rewritten as the same characters in UTF-8, without the byte-order mark."""
    before = ("\ufeff" + content).encode("utf-16-le")
    assert change(before, transcode(before, "utf-16-le", strip_bom=True)) == content.encode()


@pytest.mark.parametrize(
    ("before", "operation", "after"),
    [
        ("é\r\n".encode("cp1252"), {"source": "cp1252"}, "é\r\n".encode()),
        (b"\xef\xbb\xbfa\r\nb\n", {"strip_bom": True}, b"a\r\nb\n"),
        (b"a\r\nb\nc\r", {"line_ending": "lf"}, b"a\nb\nc\r"),
        (b"a\r\nb\nc", {"line_ending": "crlf"}, b"a\r\nb\r\nc"),
        (b"a\r\r\n", {"line_ending": "lf"}, b"a\r\n"),
        (b"\xef\xbb\xbf\xef\xbb\xbfa", {"strip_bom": True}, b"\xef\xbb\xbfa"),
    ],
)
def test_transcode_changes_what_it_says(before: bytes, operation: dict[str, object], after: bytes) -> None:
    """A transcoding changes the encoding, the mark or the line endings, each only when asked."""
    assert change(before, transcode(before, **operation)) == after  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "source"),
    [(b"caf\xe9", "utf-8"), (b"\x81", "cp1252"), (b"abc", "utf-16-le"), (b"\x00\xd8", "utf-16-le")],
)
def test_inexact_decoding_is_refused(before: bytes, source: str) -> None:
    """Bytes that are not exactly of the stated encoding are never guessed at."""
    assert refused({"a.md": before}, transcode(before, source, strip_bom=True)) == f"a.md is not exactly {source}."


def test_two_faults_of_one_file_are_transcoded_together() -> None:
    """A byte-order mark and mixed line endings are repaired in one action; contradictory wishes are refused."""
    before = b"\xef\xbb\xbfa\r\nb\n"
    assert change(before, transcode(before, strip_bom=True), transcode(before, line_ending="lf")) == b"a\nb\n"
    both = (transcode(before, line_ending="crlf"), transcode(before, line_ending="lf"))
    assert "two different ways" in refused({"a.md": before}, *both)


def test_edit_and_transcode_of_one_file() -> None:
    """Edits refer to the bytes before a transcoding from UTF-8; with another encoding they are refused."""
    before = b"\xef\xbb\xbfold\r\n"
    assert change(before, transcode(before, strip_bom=True, line_ending="lf"), text(before, 1, 3, "old", "é")) == (
        "é\n".encode()
    )
    latin = b"old \xe9"
    assert "at once" in refused({"a.md": latin}, transcode(latin, "cp1252"), text(latin, 1, 0, "old", "new"))


def test_transcode_that_changes_nothing_is_refused() -> None:
    """An operation whose result is already there is refused: it was applied before."""
    assert "already" in refused({"a.md": b"a\n"}, transcode(b"a\n", line_ending="lf", strip_bom=True))


def moved(before: bytes, path: str, destination: str) -> MoveFile:
    return MoveFile(path=path, before_sha256=bytes_digest(before), destination=destination)


def test_move_with_edits_of_the_moved_and_of_others() -> None:
    """A moved file is edited by its old or its new name, and other files with it, in one change."""
    note, readme = b"[r](README.md)\n", b"[n](NOTE.md)\n"
    workspace = MemoryWorkspace.of({"NOTE.md": note, "README.md": readme})
    apply_operations(
        workspace,
        (
            moved(note, "NOTE.md", "docs/NOTE.md"),
            text(note, 1, 4, "README.md", "../README.md", path="docs/NOTE.md"),
            text(readme, 1, 4, "NOTE.md", "docs/NOTE.md", path="README.md"),
        ),
    )
    assert workspace.files == {"docs/NOTE.md": b"[r](../README.md)\n", "README.md": b"[n](docs/NOTE.md)\n"}


def test_move_onto_a_file_is_refused() -> None:
    """A destination that exists is refused, unless the same action deletes it."""
    files = {"a": b"a", "b": b"b"}
    assert refused(files, moved(b"a", "a", "b")) == "b exists already."
    workspace = MemoryWorkspace.of(files)
    apply_operations(workspace, (moved(b"a", "a", "b"), DeleteFile(path="b", before_sha256=bytes_digest(b"b"))))
    assert workspace.files == {"b": b"a"}


@pytest.mark.parametrize(
    "operations",
    [
        (moved(b"x", "a", "b"), moved(b"x", "a", "c")),
        (moved(b"x", "a", "c"), moved(b"x", "b", "c")),
        (moved(b"x", "a", "a"),),
        (moved(b"x", "a", "c"), DeleteFile(path="a", before_sha256=bytes_digest(b"x"))),
        (DeleteFile(path="a", before_sha256=bytes_digest(b"x")), text(b"x", 1, 0, "x", "y", path="a")),
        (text(b"x", 1, 0, "x", "y", path="a"), text(b"z", 1, 0, "x", "y", path="a")),
    ],
)
def test_contradictory_placings_are_refused(operations: tuple[Operation, ...]) -> None:
    """A file that would go two ways at once, or is claimed in two versions, is refused, and told without looking."""
    assert contradiction(operations) is not None
    refused({"a": b"x", "b": b"x"}, *operations)


def test_move_and_delete_apply_once() -> None:
    """A move or a deletion is refused when the file is gone or has changed."""
    assert refused({"c": b"x"}, moved(b"x", "a", "c")) == "a is gone."
    assert "has changed" in refused({"a": b"y"}, DeleteFile(path="a", before_sha256=bytes_digest(b"x")))


def rewritten(before: bytes, new: str) -> RewriteFile:
    return RewriteFile(path="a.md", before_sha256=bytes_digest(before), new=new)


def test_a_file_is_rewritten_alone_and_once() -> None:
    """A rewritten file holds exactly the new text; with any other operation on it, or without effect, it is refused."""
    before = b"old\r\n"
    assert change(before, rewritten(before, "new\n")) == b"new\n"
    assert "something else at once" in refused(
        {"a.md": before}, rewritten(before, "new\n"), text(before, 1, 0, "old", "x")
    )
    assert "something else at once" in refused({"a.md": before}, rewritten(before, "a"), rewritten(before, "b"))
    assert "already" in refused({"a.md": b"same"}, rewritten(b"same", "same"))


def test_on_real_files(make_repository: MakeRepository) -> None:
    """On a real tree the bytes come out the same, and a file outside the grant is out of reach."""
    before = b"[a](old.md)\r\nend"
    root: Path = make_repository({"a.md": before})
    tree = GrantedTree(root, frozenset({"a.md", "docs/a.md"}))
    apply_operation(tree, text(before, 1, 4, "old.md", "new.md"))
    after = b"[a](new.md)\r\nend"
    assert (root / "a.md").read_bytes() == after
    apply_operation(tree, moved(after, "a.md", "docs/a.md"))
    assert (root / "docs/a.md").read_bytes() == after
    assert not (root / "a.md").exists()
