"""Objects of the code that documents describe by directives: Sphinx gives each of them a place.

Sources: Sphinx's documentation, "sphinx.ext.autodoc", "sphinx.ext.autosummary" and "The Python domain"; MyST-Parser's,
"Implicit targets".
"""

from __future__ import annotations

import re

_OBJECT = re.compile(
    rb"(?:\.\.[ \t]{1,4}|\{)(?:auto(?!summary)[a-z]{3,20}|py:(?:class|function|exception|data|method|attribute))"
    rb"(?:::|\})[ \t]{1,8}~?([A-Za-z_][\w.]{0,200})(?:\([^\n]{0,300}\))?[ \t\r]{0,8}$"
    rb"((?:\n[ \t]{1,8}:[\w-]{1,30}:[^\n]{0,1000}){0,8})",
    re.MULTILINE,
)
_SUMMARY = re.compile(rb"\.\.[ \t]{1,4}autosummary::[^\n]{0,80}((?:\n(?:[ \t]{1,20}[^\n]{0,300})?){1,300})")
_LISTED = re.compile(rb"^[ \t]{1,20}~?(?:\w{1,100}\.){0,12}([A-Za-z_]\w{0,100})[ \t\r]{0,8}$", re.MULTILINE)
_WHOLE_MODULE = re.compile(
    rb"\.\.[ \t]{1,4}automodule::[^\n]{1,300}(?:\n[ \t]{1,8}:[\w-]{1,30}:[^\n]{0,1000}){0,8}?"
    rb"\n[ \t]{1,8}:members:[ \t\r]{0,8}$",
    re.MULTILINE,
)
_MEMBERS = re.compile(rb":members:([^\n]{1,1000})")
_NAME = re.compile(rb"(?:\w+\.)*([A-Za-z_]\w*)")


def documented_objects(data: bytes) -> frozenset[str]:
    """Return the last parts of the names of what directives of `autodoc` and the like (`.. autoclass:: pkg.Name`) in
    DATA, of either markup, document: by them alone MyST finds it."""
    if b"auto" not in data and b"py:" not in data:
        return frozenset()
    found: set[bytes] = set()
    for match in _OBJECT.finditer(data):
        listed = (members[1] for members in _MEMBERS.finditer(match[2]))
        found.update(name for part in (match[1], *listed) for name in _NAME.findall(part))
    found.update(name for block in _SUMMARY.finditer(data) for name in _LISTED.findall(block[1]))
    return frozenset(name.decode() for name in found)


def documents_whole_modules(data: bytes) -> bool:
    """Tell whether a directive in DATA documents whatever a module holds: what that is, no document says."""
    return b"automodule::" in data and _WHOLE_MODULE.search(data) is not None
