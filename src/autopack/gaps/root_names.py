"""What the name of a file in the root says: scratch, a report of its day, or something that belongs there."""

from __future__ import annotations

import re
from typing import Literal

Scratch = Literal[
    "editor backup",
    "log",
    "dump",
    "temporary file",
    "archive",
    "database",
    "screenshot",
    "output",
    "system file",
    "shell accident",
]

_SCRATCH: tuple[tuple[Scratch, str], ...] = (
    ("editor backup", r".+~\Z|.+\.(?:bak|orig|rej|old|save|swp|swo)\Z|\.#.+|#.+#\Z|.+\.bak\.\d{1,14}\Z"),
    ("log", r".+\.log(?:\.\d{1,14})?\Z|nohup\.out\Z|npm-debug.*|yarn-error.*"),
    ("dump", r"core\.\d{1,8}\Z|.+\.(?:dmp|stackdump|hprof|heapsnapshot|mdmp)\Z|vgcore\.\d+\Z|hs_err_pid\d+.*"),
    (
        "temporary file",
        r"(?:tmp|temp|scratch|untitled)(?:[-_.\d ].*|\Z)|.+\.(?:tmp|temp|pid|pyc|pyo)\Z|.*\bcopy of .+"
        r"|.+ - copy(?: ?\(\d+\))?\.\w{1,8}\Z|.+ copy(?: \d+)?\.\w{1,8}\Z|.+ \(\d{1,3}\)\.\w{1,8}\Z",
    ),
    ("archive", r".+\.(?:zip|tar|tgz|tar\.(?:gz|bz2|xz|zst)|7z|rar)\Z"),
    ("database", r".+\.(?:sqlite3?|db)(?:-wal|-shm|-journal)?\Z"),
    (
        "screenshot",
        r"(?:screen[-_ ]?shots?|screen ?capture|bildschirmfoto|img_\d|capture d).*\.(?:png|jpe?g|gif|webp)\Z",
    ),
    (
        "output",
        r"(?:test[-_]?|debug[-_]?|build[-_]?|lint[-_]?|mypy[-_]?|pytest[-_]?)?(?:output|results?|errors?)\d*\.(?:txt|out)\Z"
        r"|\.?coverage\.(?:xml|out|data|lcov)\Z|\.coverage\Z|.+\.(?:lcov|prof|lastfailed)\Z|a\.out\Z",
    ),
    ("system file", r"\.ds_store\Z|thumbs\.db\Z|desktop\.ini\Z"),
    ("shell accident", r"\w\Z|[^\w.]\W?\Z|&\d\Z|=\d[\w.]{0,20}\Z|[<>|].{0,40}\Z"),
)
_COMPILED = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _SCRATCH)
_NAMED_DOCUMENT = re.compile(r"(?:tmp|temp)[-_.][A-Za-z]{3}.*\.(?:md|markdown|rst|adoc)\Z", re.IGNORECASE)
_REPORT = re.compile(
    r"(?:.+[-_](?:notes?|summary|reports?|status|analysis|findings|complete(?:d)?|results?|progress|handoff|checklist"
    r"|plan|audit|review|investigation|postmortem|retrospective|diagnosis|fix(?:es)?|update)(?:[-_].{0,60})?"
    r"|(?:plan|todo|status|progress|handoff|handover|session|sprint|phase|wip|implementation|investigation|postmortem"
    r"|retrospective|debug|fix)(?:[-_\d].{0,80})|plan)\.(?:md|markdown)\Z",
    re.IGNORECASE,
)
_BELONGS = re.compile(
    r"(?:readme|licen[cs]e|copying|notice|change[-_]?log|changes|history|news|contributing|contributors|security|support"
    r"|code[-_]of[-_]conduct|governance|maintainers|authors|citation|agents|claude|gemini|copilot|install|installation"
    r"|upgrad\w+|roadmap|releas\w+|faq|credits|thanks|owners|codeowners|trademark\w*|patents|privacy|adopters|sponsors"
    r"|backers|bug[-_]report|pull[-_]request|issue|threat[-_]model|third[-_]party|patch[-_]notes|what'?s[-_]new|known[-_]issues"
    r"|deprecat\w*|incident[-_]response)(?:[-_. ].*)?\Z",
    re.IGNORECASE,
)
_BACKUP_ENDING = re.compile(r"(?:~|\.(?:bak|orig|old|save)|\.bak\.\d{1,14})\Z", re.IGNORECASE)


def scratch_kind(name: str) -> Scratch | None:
    """Return what kind of leftover the file NAME looks like, None when it looks like none."""
    return next((kind for kind, pattern in _COMPILED if pattern.match(name)), None)


def is_named_document(name: str) -> bool:
    """Tell whether NAME is that of a document with a title of its own behind `tmp-`, and of no report of its day: it
    may be kept on purpose."""
    return _NAMED_DOCUMENT.match(name) is not None and _REPORT.match(name) is None


def is_report(name: str) -> bool:
    """Tell whether NAME is that of a report, plan or note of its day, and of no document that belongs in a root."""
    return _REPORT.match(name) is not None and _BELONGS.match(name) is None


def original_of(name: str) -> str | None:
    """Return the name of the file that NAME is an editor's backup of, None when it is none."""
    match = _BACKUP_ENDING.search(name)
    return name[: match.start()] if match and match.start() > 0 else None
