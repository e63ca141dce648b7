"""What a document says of the day that it was written for: plans, inventories and logs of work name the files of that
day, and nobody rewrites them when a file goes."""

from __future__ import annotations

import re

from autopack.gaps import document_places as places
from autopack.gaps import markdown

_KIND = (
    r"(?:plan|design|proposal|design[-_ ]doc(?:ument)?|prd|rfc|inventory|triage|audit|report|investigation"
    r"|post-?mortem|retrospective)"
)
_NAMED_SO = re.compile(rf".+[-_. ]{_KIND}\Z|(?:plan|prd|proposal|post-?mortem)\Z", re.IGNORECASE)
_CALLED_SO = re.compile(rf"(?:\A|.*\b){_KIND}[ *_`]{{0,4}}(?:\Z|[:(—–-])", re.IGNORECASE)
_TEACHES = re.compile(r"(?:how|what|when|why|about)\b|\w+ing\b", re.IGNORECASE)
"""The title of a page that teaches: "Building your inventory" is no inventory."""
_DATE = rb"20\d\d-[01]\d(?:-[0-3]\d)?\b"
_OF_WORK = re.compile(
    rb"^[ \t]{0,12}[-*+] \[[ xX]\] |^#{1,6} [^\n]{0,200}?(?:\b(?:phase|milestone|task|wave|sprint|stage|initiative)s?"
    rb" [A-Z0-9]{1,4}\b|\b20\d\d-[01]\d-[0-3]\d\b)",
    re.MULTILINE | re.IGNORECASE,
)
"""What a plan or its results have and a page about plans has not: items to tick off, numbered parts of the work, days
in headings."""
_STATUS = re.compile(
    rb"^[ \t>*_|#+-]{0,12}status[ \t*_|:\r\n]{1,40}(?:draft|propos(?:ed|al)|accepted|rejected|approved"
    rb"|awaiting\b[^\n]{0,80}|superseded\b[^\n]{0,80}|deferred|abandoned|implemented"
    rb"|(?:in|under) (?:progress|review|discussion)|planned|completed?|done|shipped|wip)[ \t]{0,8}(?:[^\w \t\n]|$)",
    re.MULTILINE | re.IGNORECASE,
)
_MADE_ON = re.compile(
    rb"^[ \t>*_|+-]{0,12}(?!last\b|release\b|effective\b|due\b|end\b)(?:[\w-]{1,20} ){0,2}"
    rb"(?:generated|created|captured|collected|written|recorded|dated?|snapshot)(?: on\b)?[ \t*_|:]{1,40}" + _DATE,
    re.MULTILINE | re.IGNORECASE,
)
_SEEN_ON = re.compile(
    rb"\b(?:verified|measured|captured|recorded|observed|counted|taken|as of)\b[^\n]{0,60}" + _DATE, re.IGNORECASE
)
_DAY = re.compile(r"\b20\d\d-[01]\d-[0-3]\d\b")
_HEAD_BYTES = 1_500
_SECTION_BYTES = 6_000
_SECTION = re.compile(rb"^##[ \t]+(?!status\b)", re.MULTILINE | re.IGNORECASE)
"""What stands above the second of them is the head; few say in it more than what they are about."""


def is_of_a_day(path: str, data: bytes) -> bool:
    """Tell whether the Markdown document PATH with the bytes DATA is a plan or a record: its head has a status of such
    or the day on which it was made, or its name and its title call it so and it holds what plans hold.

    What the code host puts before its visitors is of today, whatever it says.
    """
    if places.is_shown_on_the_host(path.rpartition("/")[2]):
        return False
    start = len(markdown.front_matter(data))  # The date of a page on a site is there; it says nothing of its kind.
    head = markdown.mask(data[start : start + _HEAD_BYTES])
    sections = [match.start() for match in _SECTION.finditer(head)]
    head = head[: sections[1]] if len(sections) > 1 else head
    return bool(_STATUS.search(head) or _MADE_ON.search(head)) or _is_called_a_plan(path, data)


def _is_called_a_plan(path: str, data: bytes) -> bool:
    if not _NAMED_SO.match(places.stem(path)):
        return False
    title = next((text for _, text in markdown.headings(data[:_HEAD_BYTES])), "")
    return bool(_CALLED_SO.match(title) and not _TEACHES.match(title) and _OF_WORK.search(data))


def is_said_of_a_day(data: bytes, offset: int) -> bool:
    """Tell whether byte OFFSET of the Markdown DATA stands in a section whose heading, or one above it, has a day, or
    that says on which day it was verified."""
    above = markdown.headings_above(data, offset)
    start = max(above[0][0] if above else 0, offset - _SECTION_BYTES)
    return any(_DAY.search(text) for _, text in above) or _SEEN_ON.search(data, start, offset) is not None
