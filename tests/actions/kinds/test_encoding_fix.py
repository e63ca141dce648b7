"""`encoding_fix` changes how characters are stored, not which."""

from __future__ import annotations

from autopack.actions.kinds.encoding_fix import KIND
from carrying_out import carried_out, only_draft, replace_text, transcode
from plans import gap

SCRIPT = b"\xef\xbb\xbf#!/bin/sh\r\necho caf\xc3\xa9\n"
MODULE = b'text = open("a.txt").read()\n'


def test_mark_and_line_endings_of_one_script_go_together() -> None:
    """Two faults of one file are one action."""
    gaps = [
        gap("a", kind="encoding_fix", operations=[transcode("run.sh", SCRIPT, strip_bom=True)]),
        gap("b", kind="encoding_fix", operations=[transcode("run.sh", SCRIPT, line_ending="lf")]),
    ]
    assert len(only_draft(KIND, gaps).gap_ids) == 2
    assert carried_out(KIND, gaps, {"run.sh": SCRIPT}) == {"run.sh": b"#!/bin/sh\necho caf\xc3\xa9\n"}


def test_an_encoding_is_named_in_the_source() -> None:
    """A missing argument is written into the call."""
    missing = gap("a", kind="encoding_fix", operations=[replace_text("m.py", MODULE, ")", ', encoding="utf-8")')])
    assert carried_out(KIND, [missing], {"m.py": MODULE}) == {
        "m.py": b'text = open("a.txt", encoding="utf-8").read()\n'
    }
