"""What a dead link was meant to be: certainly, so that it can be written, or only so that a person may want to know."""

from __future__ import annotations

import re
from dataclasses import dataclass
from posixpath import relpath

from autopack.gaps import document_places as places
from autopack.gaps import markdown
from autopack.gaps.dead_links import DeadLink, may_lead_to
from autopack.gaps.link_targets import Tree, resolve, wanted_path

_COMMON_NAMES = frozenset({"readme.md", "index.md", "index.rst", "_index.md", "index.html", "__init__.py"})
"""Names that say nothing of what a file is."""
_E_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,10}(?:\?[^\s]*)?")
_HOST = re.compile(
    r"(?:www\.[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,10}|[A-Za-z0-9][\w-]*(?:\.[\w-]+)*\.(?:com|dev|io|net))(?=[/?#]|\Z)"
)
"""What no file is called."""
_FILE = re.compile(r"\.(?:png|jpe?g|gif|svg|webp|ico|bmp|md|txt|html?|pdf|mp4|json|ya?ml)\Z", re.IGNORECASE)
_NOT_PLAIN = frozenset(" ()%#?\\<>")
"""Characters that a target cannot hold as they are."""
_LINK_IN_A_TARGET = re.compile(r"\[[^\[\]]{0,500}\]\((https?://[^()\s]{1,500})\)")
"""`[text]([what is shown](address))`, as chats and editors paste it."""
_QUOTED_ADDRESS = re.compile(r"[\"'](https?://[^\"'\s]{1,500})[\"']")
_ADDRESS_AS_A_HEADING = re.compile(r"#(?=https?://)")


@dataclass(frozen=True)
class Meant:
    """`new` is meant where `old` stands, which begins `ahead` bytes before the target. `said` is what makes it plain to
    a reader, None where the target itself does."""

    old: str
    new: str
    ahead: int = 0
    said: str | None = None


def meant_by(tree: Tree, dead: DeadLink) -> Meant | None:
    """Return what DEAD certainly means, None where nothing is certain."""
    outside = _outside(dead.target)
    if outside is not None and not tree.is_name_of_a_module(dead.target):
        return Meant(dead.target, outside, said=f"{outside} seems to be meant")
    if inner := _between_parentheses(tree, dead):
        return Meant(dead.target, inner, said=_said_of_parentheses(dead))
    if label := _label_of_a_reference(tree, dead):
        return Meant(f"({dead.target})", f"[{label}]", ahead=1, said=f"the reference [{label}] seems to be meant")
    if _is_path_with_a_sign(tree, dead):
        written = dead.target.replace("#", "%23")
        return Meant(dead.target, written, said="# begins a heading, and in a path it is %23")
    if dead.fragment:
        if dead.suggestion is not None:
            return Meant(dead.target, f"{dead.target.partition('#')[0]}#{dead.suggestion}")
        there = _document_of_that_name(tree, dead)
        return Meant(dead.target, _written(dead, there), said=f"{there} does") if there else None
    if _is_own_heading(tree, dead):
        return Meant(dead.target, f"#{dead.target}", said=f"the heading #{dead.target} seems to be meant")
    path = _path(tree, dead)
    return None if path is None or path == dead.target else Meant(dead.target, path, said=_said_of_page(dead))


def _is_path_with_a_sign(tree: Tree, dead: DeadLink) -> bool:
    """Tell whether the target of DEAD, heading and all, is the path of a file."""
    if "#" not in dead.target or dead.target.startswith("#"):
        return False
    return wanted_path(dead.document, dead.target) in tree.snapshot.files


def what_is_near(tree: Tree, dead: DeadLink) -> str | None:
    """Return what a person may want to know of DEAD, of which nothing is certain."""
    if said := _said_of_page(dead) or _said_of_parentheses(dead):
        return said
    if dead.fragment is not None:
        if there := tree.pages.document_with(dead.fragment):
            return f"{there} is the one document that does"
        around = tree.pages.heading_around(dead.wanted, dead.fragment)
        is_here = dead.wanted == dead.document
        if around and not (is_here and tree.pages.is_within(dead.document, dead.offsets[0], around)):
            return f"#{around} is the one heading with these words"
        return None
    if "\\" in dead.target:
        return "a backslash separates nothing in a link"
    if place := place_now(tree, dead.wanted):
        is_renamed = dead.wanted in tree.snapshot.history
        return f"git says that it became {place}" if is_renamed else f"{place} is, in other letters"
    if near := tree.near.one_letter_off(dead.wanted):
        return f"{near} is one letter off"
    if near := tree.near.joined_otherwise(dead.wanted):
        return f"{near} has other hyphens or underscores"
    if renumbered := tree.near.renumbered(dead.wanted):
        return f"{renumbered} has another number"
    name = dead.wanted.rpartition("/")[2]
    if name.lower() in _COMMON_NAMES:
        return None
    named_so = [one for one in tree.ending_in(name) if not places.is_specimen(one)]
    if len(named_so) != 1:
        return None
    there = named_so[0] if "/" in named_so[0] else f"that in the root, {named_so[0]},"
    return f"{there} is the one file of that name"


def place_now(tree: Tree, wanted: str) -> str | None:
    """Return the one file that WANTED became: by git's history, or by a difference in letter case only."""
    renamed = tree.snapshot.history.get(wanted)
    place = renamed or tree.same_but_for_case(wanted)
    return place if place is not None and place in tree.snapshot.files else None


def _said_of_page(dead: DeadLink) -> str | None:
    return f"{dead.page} is" if dead.page is not None else None


def _said_of_parentheses(dead: DeadLink) -> str | None:
    return "the parentheses are taken for a part of it" if dead.target.startswith("(") else None


def _outside(target: str) -> str | None:
    """Return the address outside of the repository that TARGET is without its scheme, behind the sign of a heading, in
    a link or in quotes; None where it is no such."""
    if _E_MAIL.fullmatch(target) and not _FILE.search(target):
        return f"mailto:{target}"
    if _ADDRESS_AS_A_HEADING.match(target):
        return target[1:]
    if link := _LINK_IN_A_TARGET.fullmatch(target) or _QUOTED_ADDRESS.fullmatch(target):
        return link[1]
    return f"https://{target}" if _HOST.match(target) else None


def _between_parentheses(tree: Tree, dead: DeadLink) -> str | None:
    """Return the target that DEAD has between parentheses, where that leads somewhere."""
    if not (dead.target.startswith("(") and dead.target.endswith(")")):
        return None
    inner = dead.target[1:-1]
    if inner.startswith(("https://", "http://")):
        return inner
    end = resolve(tree, dead.document, inner)
    leads = end.outcome == "found" and may_lead_to(tree, dead.document, end.path, end.fragment or "")
    return inner if leads else None


def _label_of_a_reference(tree: Tree, dead: DeadLink) -> str | None:
    """Return the label of which DEAD is written `[text](label)` or `[text](#label)`, where its document defines it."""
    data, width = tree.snapshot.texts[dead.document], len(dead.target.encode("utf-8", "surrogateescape"))
    label = dead.target.removeprefix("#")
    is_defined = tree.pages.defines(dead.document, label) and all(
        data[offset - 2 : offset] == b"](" and data[offset + width : offset + width + 1] == b")"
        for offset in dead.offsets
    )
    return label if is_defined else None


def _is_own_heading(tree: Tree, dead: DeadLink) -> bool:
    """Tell whether the target of DEAD is the id of a heading of its own document, without the sign of one."""
    slug = dead.target
    return slug == markdown.slug_key(slug) and tree.pages.has_heading(dead.document, slug)


def _path(tree: Tree, dead: DeadLink) -> str | None:
    """Return the target that says where the file went."""
    path_as_written = re.split(r"[?#]", dead.target, maxsplit=1)[0]
    place = dead.page or place_now(tree, dead.wanted) or _as_from_the_root(tree, path_as_written)
    if place is None or not _NOT_PLAIN.isdisjoint(place) or _was_put_away(dead.document, place):
        return None
    if not may_lead_to(tree, dead.document, place, dead.target.partition("#")[2]):
        return None
    return _written(dead, place)


def _was_put_away(document: str, place: str) -> bool:
    """Tell whether PLACE is in an archive, of which DOCUMENT is no part: whether it still wants to lead there is for
    people to say."""
    return places.is_of_the_past(place) and not places.is_of_the_past(document)


def _document_of_that_name(tree: Tree, dead: DeadLink) -> str | None:
    """Return the one document that has the heading which DEAD names, where it is called as the one that lacks it: the
    path is wrong then, and not the heading."""
    there = tree.pages.document_with(dead.fragment or "")
    if there is None or dead.wanted == dead.document or there.rpartition("/")[2] != dead.wanted.rpartition("/")[2]:
        return None
    return there if tree.pages.has_heading(there, markdown.slug_key(dead.fragment or "")) else None


def _written(dead: DeadLink, place: str) -> str:
    """Return the target that leads from the document of DEAD to PLACE as that target was written."""
    path_as_written = re.split(r"[?#]", dead.target, maxsplit=1)[0]
    if path_as_written.startswith("/"):
        written = f"/{place}"
    else:
        written = relpath(place, dead.document.rpartition("/")[0] or ".")
        if path_as_written.startswith("./") and not written.startswith("../"):
            written = f"./{written}"
    return written + dead.target[len(path_as_written) :]


def _as_from_the_root(tree: Tree, path: str) -> str | None:
    """Return PATH, as a link writes it, where it is the path of a file from the root, and of one in a folder: so it was
    meant."""
    return path if "/" in path and not path.startswith((".", "/")) and path in tree.snapshot.files else None
