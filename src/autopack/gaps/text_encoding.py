"""What the bytes of a text file say about its encoding and line endings."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import Literal

UTF8_MARK = codecs.BOM_UTF8
_BINARY_HEAD = 8_000
"""Where git looks for a NUL byte to call a file binary."""
_DECLARATION_HEAD = 2_048

_DECLARATIONS = (
    # PEP 263, Emacs, Vim and Ruby magic comments.
    re.compile(rb"coding[ \t]*[:=][ \t]*[\"']?([-\w.]+)"),
    re.compile(rb"<\?xml[^>]{0,200}encoding[ \t]*=[ \t]*[\"']([-\w.]+)"),
    re.compile(rb"charset[ \t]*=[ \t]*[\"']?([-\w.]+)", re.IGNORECASE),
    re.compile(rb"@charset[ \t]+[\"']([-\w.]+)"),
    re.compile(rb"\[([-\w]+)\]\{inputenc\}"),
    re.compile(rb"code_page\((\d+)\)"),
)
_CONTROL = bytes((*range(0x07), *range(0x0E, 0x1B), *range(0x1C, 0x20)))
"""The control characters that no text has."""

Utf16 = Literal["utf-16-le", "utf-16-be"]


@dataclass(frozen=True)
class LineEndings:
    """How many lines end in CR LF, in LF alone and in CR alone."""

    crlf: int
    lf: int
    cr: int

    @property
    def mixed(self) -> bool:
        """Both kinds that editors write occur."""
        return self.crlf > 0 and self.lf > 0


def line_endings(data: bytes) -> LineEndings:
    """Count the line endings of DATA."""
    crlf = data.count(b"\r\n")
    return LineEndings(crlf=crlf, lf=data.count(b"\n") - crlf, cr=data.count(b"\r") - crlf)


def is_binary(data: bytes) -> bool:
    """Tell whether git would take DATA for binary, or it holds control characters that no text has."""
    head = data[:_BINARY_HEAD]
    return b"\0" in head or _count_of_controls(head) * 100 > len(head)


def _count_of_controls(data: bytes) -> int:
    return len(data) - len(data.translate(None, _CONTROL))


def utf16_with_mark(data: bytes) -> Utf16 | None:
    """Return which UTF-16 DATA is, when it starts with a byte-order mark and decodes without loss."""
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return None
    source: Utf16
    if data.startswith(codecs.BOM_UTF16_LE):
        source = "utf-16-le"
    elif data.startswith(codecs.BOM_UTF16_BE):
        source = "utf-16-be"
    else:
        return None
    try:
        text = data.decode(source)
    except UnicodeDecodeError:
        return None
    # Random bytes decode too; a text has line ends and no control characters.
    return source if _count_of_controls(text.encode()) == 0 else None


def first_invalid_byte(data: bytes) -> int | None:
    """Return the offset of the first byte that is no UTF-8, or None."""
    if data.isascii():
        return None
    try:
        data.decode()
    except UnicodeDecodeError as fault:
        return fault.start
    return None


def is_utf8(data: bytes) -> bool:
    """Tell whether DATA is valid UTF-8."""
    return first_invalid_byte(data) is None


def declares_its_encoding(data: bytes) -> bool:
    """Tell whether the head of DATA names an encoding other than UTF-8, known or not, that can read all of it."""
    for declaration in _DECLARATIONS:
        for match in declaration.finditer(data[:_DECLARATION_HEAD]):
            name = match[1].decode("ascii", "replace")
            if _can_decode(data, f"cp{name}" if name.isdigit() else name):
                return True
    return False


def _can_decode(data: bytes, name: str) -> bool:
    try:
        codec = codecs.lookup(name)
        # Only codecs from bytes to text: `rot13`, `zlib` and their like are no encodings.
        if codec.name in {"utf-8", "ascii"} or not codec._is_text_encoding:
            return False
        codec.decode(data)
    except LookupError:
        return name.lower() not in {"utf8", "utf-8", "ascii", "us-ascii"}
    except (UnicodeError, ValueError):
        return False
    return True
