"""Several remedies in one: it does what each of them does, and claims as many lines as git will count."""

from __future__ import annotations

from autopack.gaps.remedies import DeleteFile, Remedy, ReplaceText, merged

DIGEST = "0" * 64


def replacing(line: int, path: str = "a.md") -> Remedy:
    """Return a remedy that replaces a text on LINE of PATH."""
    operation = ReplaceText(path=path, before_sha256=DIGEST, line=line, column=line, old="x", new="y")
    return Remedy(kind="link_fix", operations=(operation,), lines=2)


def test_a_line_that_two_remedies_change_is_counted_once() -> None:
    """Two replacements on one line of one file are one line less and one line more."""
    remedies = [replacing(1), replacing(1), replacing(2), replacing(1, "b.md")]
    whole = merged(remedies)
    assert whole is not None
    assert (whole.kind, whole.lines, len(whole.operations)) == ("link_fix", 6, 4)


def test_remedies_of_whole_files_are_added_up() -> None:
    """Each claims its own lines."""
    operation = DeleteFile(path="a.md", before_sha256=DIGEST)
    one = Remedy(kind="file_delete", operations=(operation,), lines=7)
    assert (whole := merged([one, one])) is not None
    assert whole.lines == 14


def test_what_cannot_be_mended_whole_is_not_mended() -> None:
    """A remedy that leaves a part as it is would not close the gap."""
    assert merged([replacing(1), None]) is None
    assert merged([]) is None
