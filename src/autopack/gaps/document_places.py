"""What a document's path says about it: documents of the past, of another place or of another language are judged by
other rules than the living ones."""

from __future__ import annotations

import re
from functools import lru_cache

_PAST = frozenset(
    [
        *("archive", "archived", "archives", "superseded", "deprecated", "obsolete", "attic", "old", "legacy"),
        *("historical", "history", "meeting-notes-archive", "retired", "graveyard", "defunct"),
    ]
)
_SPECIMEN = frozenset(
    [
        *("fixture", "fixtures", "__fixtures__", "testdata", "test-data", "test_data", "testcases", "__snapshots__"),
        *("snapshots", "cassettes", "golden", "goldens", "corpus", "mock", "mocks", "__mocks__", "testsuite"),
    ]
)
_TEST_FOLDERS = frozenset({"test", "tests", "spec", "specs", "e2e", "__tests__"})
_TEMPLATE = re.compile(
    r"(?:\A|[-_. /])(?:templates?|te?mpl|tpl|boilerplates?|skeletons?|scaffold(?:s|ing)?|cookiecutter|archetypes"
    r"|_includes|_layouts|partials)(?:\Z|[-_. /])|\{\{|issue_template|pull_request_template",
    re.IGNORECASE,
)
_RDOC = re.compile(r"(?:\A|[-_.])rdoc(?:\Z|[-_.])", re.IGNORECASE)
_BUNDLED_PREFIX = ".github/actions/"
_BUNDLED = frozenset(
    [
        *("vendor", "vendored", "_vendor", "third_party", "third-party", "thirdparty", "3rdparty", "node_modules"),
        *("external", "externals", "extern", "cextern", "deps", "dep", "oss", "waflib"),
    ]
)
_CHRONICLE_NAME = re.compile(
    r"(?:v?\d+(?:[._]\d+)+[-_ ])?"
    r"(?:(?:announce\w*|change[-_ ]?logs?|news|release[-_ ]?notes?|releases?)"
    r"(?![-_.](?:.*[-_.])?(?:guides?|guidelines|policy|policies|process|template|how-?to)\Z)"
    r"|changes|history|whats?[-_]?new|upgrading|migrat\w*|\w*deprecat\w*)(?:[-_.].*)?\Z",
    re.IGNORECASE,
)
"""How to write an announcement is no announcement; a guide to a migration is of its day."""
_CHRONICLE_FOLDER = frozenset(
    [
        *(
            "changelog",
            "changelogs",
            "release notes",
            "release-notes",
            "release_notes",
            "releasenotes",
            "releases",
            "news",
            "whatsnew",
        ),
        *("newsfragments", "changes", "blog", "blogs", "posts", "_posts", "announcements"),
        *("minutes", "meetings", "meeting-notes", "postmortems", "retrospectives", "retros"),
    ]
)
_DECISION_FOLDER = frozenset(
    [
        *("adr", "adrs", "decisions", "rfc", "rfcs", "proposals", "design-proposals", "keps", "pep", "peps"),
        *("enhancements", "design", "designs", "plans", "specs", "reports", "research", "notes", "annual-reports"),
        *("events", "elections", "journal", "logs"),
    ]
)
_GENERATED = re.compile(
    rb"do not edit|\bauto-?generated\b|\b(?:is|was) (?:periodically )?generated (?:from|by)", re.IGNORECASE
)
_BY_OPENAPI = b"[[Back to Model list]]("
_BEGINS_BY_HAND = re.compile(rb"<!--[ \t]{0,8}BEGIN (?:CUSTOM|MANUAL|USER)\b[^<>]{0,80}-->", re.IGNORECASE)
_ENDS_BY_HAND = re.compile(rb"<!--[ \t]{0,8}END (?:CUSTOM|MANUAL|USER)\b", re.IGNORECASE)
_SAYS_WHERE_IT_IS_SHOWN = re.compile(
    rb"---[ \t]*\r?\n(?:(?!---)[^\n]{0,400}\n){0,40}?(?:eleventyNavigation|permalink):", re.IGNORECASE
)
"""Front matter of a document that a site shows, and where."""
_LIST_OF_A_BOT = b"<!-- ALL-CONTRIBUTORS-LIST:START"
_HEAD_BYTES = _FOOT_BYTES = 600
_SHOWN_ON_THE_HOST = re.compile(
    r"(?:readme|contributing|code_of_conduct|security|support|governance|maintainers)\b[^/]*\Z|\.github/", re.IGNORECASE
)
_VERSION = re.compile(
    r"(?:v|version-|release-|stable-|r)?\d+(?:[._]\d+)+(?:[._-]?(?:x|\w{1,8}))?\Z|v\d+\Z", re.IGNORECASE
)
_VERSION_NAME = re.compile(r"(?:v|version[-_ ]?|release[-_ ]?)?\d+\.\d+(?:\.\d+)*(?:[-_.].*)?\Z", re.IGNORECASE)
_NEWEST_FOLDER = frozenset({"latest", "stable", "nightly"})
_VERSION_FOLDER = frozenset({"versioned_docs", "versions", "versioned", "latest", "stable", "nightly"})
_DATE = re.compile(r"(?:19[7-9]|20\d)\d(?:[-_.]?\d\d){0,2}(?:\Z|[-_ ].*)|.*(?:19|20)\d\d[-_]\d\d[-_]\d\d.*")
_LANGUAGE_CODES = frozenset(
    re.findall(
        "..",
        "aaafamarasazbebgbnbscacscydadeeleneoeseteufafifrfygaglguhehihrhuhyidisitjakakkkmknkokulololvltmkmlmnmrmsmynbnenl"
        "nnnoorpaplpsptrorusdsiskslsosqsrsvswtatetgthtktltrukuruzviyozhzucnjpkrtwuabr",
    )
)
_LANGUAGE_OF_A_REGION = re.compile(r"[a-z]{3}[-_][A-Z]{2}\Z")
_LANGUAGE = re.compile(r"(?P<code>[a-z]{2,3})(?:[-_](?:[a-z]{2}|[a-z]{4}|\d{3})){0,2}\Z", re.IGNORECASE)


def folders(path: str) -> tuple[str, ...]:
    """Return the names of the folders on the way to PATH, lower case."""
    return _names_in(path.rpartition("/")[0])


@lru_cache(maxsize=16_384)
def _names_in(folder: str) -> tuple[str, ...]:
    return tuple(folder.lower().split("/")) if folder else ()


def is_below(folder: str, path: str) -> bool:
    """Tell whether PATH lies below FOLDER, which is the root where it is empty."""
    return not folder or path.startswith(f"{folder}/")


def stem(path: str) -> str:
    """Return the file name of PATH without its last extension."""
    name = path.rpartition("/")[2]
    return name.rpartition(".")[0] or name


def is_of_the_past(path: str) -> bool:
    """Tell whether PATH lies in an archive: what it says was true then."""
    return not _PAST.isdisjoint(folders(path)) or any(
        name.endswith(("-archive", "_archive", "-archived", "_archived")) for name in folders(path)
    )


def is_specimen(path: str) -> bool:
    """Tell whether PATH is test data, which is broken on purpose as often as not."""
    names = folders(path)
    return not _SPECIMEN.isdisjoint(names) or not _TEST_FOLDERS.isdisjoint(names)


def is_template(path: str) -> bool:
    """Tell whether PATH is meant to be copied to another place, where its links will hold."""
    return _TEMPLATE.search(path) is not None


def is_for_rdoc(path: str) -> bool:
    """Tell whether PATH is a page of Ruby's documentation, whose links lead to `files/…` of the generated pages."""
    return _RDOC.search(stem(path)) is not None


def is_bundled(path: str) -> bool:
    """Tell whether PATH was brought in from another project."""
    return path.startswith(_BUNDLED_PREFIX) or not _BUNDLED.isdisjoint(folders(path))


def says_it_is_generated(data: bytes) -> bool:
    """Tell whether the document DATA says at its beginning that a program writes it, or has the links by which
    generators of clients end theirs: its faults are the source's."""
    return _GENERATED.search(data[:_HEAD_BYTES]) is not None or _BY_OPENAPI in data[-_FOOT_BYTES:]


def says_where_it_is_shown(data: bytes) -> bool:
    """Tell whether the front matter of the document DATA says where a site shows it."""
    return _SAYS_WHERE_IT_IS_SHOWN.match(data) is not None


def is_written_by_hand(data: bytes, offset: int) -> bool:
    """Tell whether OFFSET lies in a part of the generated document DATA that its program leaves to people."""
    beginning = max((match.end() for match in _BEGINS_BY_HAND.finditer(data, 0, offset)), default=-1)
    return beginning >= 0 and _ENDS_BY_HAND.search(data, beginning, offset) is None


def is_written_by_a_bot(data: bytes, offset: int) -> bool:
    """Tell whether OFFSET lies in the list of contributors that a bot keeps in the document DATA."""
    start = data.rfind(_LIST_OF_A_BOT, 0, offset)
    return start >= 0 and data.find(b":END", start, offset) < 0


def is_chronicle(path: str) -> bool:
    """Tell whether PATH records what happened (changelogs, release notes, posts, minutes): it is not rewritten when
    the tree changes."""
    return (
        _CHRONICLE_NAME.match(stem(path)) is not None
        or not _CHRONICLE_FOLDER.isdisjoint(folders(path))
        or is_dated(path)
    )


def is_decision(path: str) -> bool:
    """Tell whether PATH states a plan or a decision of its day rather than how things are now."""
    return not _DECISION_FOLDER.isdisjoint(folders(path)) or bool(re.match(r"\d{3,5}-", stem(path)))


def is_shown_on_the_host(path: str) -> bool:
    """Tell whether the code host itself puts PATH before its visitors (GitHub: "community health files")."""
    return _SHOWN_ON_THE_HOST.match(path) is not None


def is_dated(path: str) -> bool:
    """Tell whether a part of PATH is a date or a year."""
    return any(_DATE.match(part) for part in (*folders(path), stem(path).lower()))


def is_versioned(path: str) -> bool:
    """Tell whether PATH is documentation of one version beside others."""
    return bool(version_folders(path))


def version_folders(path: str) -> tuple[str, ...]:
    """Return the folders of PATH that are named for a version."""
    return tuple(part for part in folders(path) if _VERSION.match(part) or part in _VERSION_FOLDER)


def is_newest_version(path: str) -> bool:
    """Tell whether PATH is documentation of the version that is worked on, in a folder that says so."""
    return not _NEWEST_FOLDER.isdisjoint(folders(path)) and set(version_folders(path)) <= _NEWEST_FOLDER


def is_called_by_a_version(path: str) -> bool:
    """Tell whether PATH is called by a version and nothing else (`notes/1.0.0.md`): the notes of that release."""
    return _VERSION.match(stem(path)) is not None


def is_named_for_a_version(path: str) -> bool:
    """Tell whether PATH is called after one version: the notes of a release, written once."""
    return _VERSION_NAME.match(stem(path)) is not None


@lru_cache(maxsize=16_384)
def language_of(part: str) -> str | None:
    """Return the language that the path part `de`, `zh-CN`, `pt_BR` or `ckb-IR` names, or None."""
    match = _LANGUAGE.match(part)
    if match and _LANGUAGE_OF_A_REGION.match(part):
        return part.lower()
    return part.lower() if match and match["code"].lower() in _LANGUAGE_CODES else None


def without_language(path: str) -> str:
    """Return PATH with its language, as a folder (`docs/de/`) or in its name (`README.zh-CN.md`), replaced by `*`."""
    folder, slash, name = path.rpartition("/")
    above = _folder_without_language(folder) + slash
    pieces = re.split(r"([._-])", name)
    span = _language_span(pieces)
    if span is None:
        return above + name
    pieces[span] = ["*"]
    return above + "".join(pieces).replace(".*", "").replace("_*", "").replace("-*", "")


def language_in(path: str) -> str | None:
    """Return the language that PATH is in by its name or by the nearest folder of one, lower case, or None."""
    folder, _, name = path.rpartition("/")
    pieces = re.split(r"([._-])", name)
    span = _language_span(pieces)
    if span is not None:
        return "".join(pieces[span]).lower()
    return next((language for part in reversed(folder.split("/")) if (language := language_of(part))), None)


def _language_span(pieces: list[str]) -> slice | None:
    """Return which of PIECES, a file's name split at its punctuation, name a language."""
    for width in (3, 1):
        for start in range(2, len(pieces) - width):
            if language_of("".join(pieces[start : start + width])):
                return slice(start, start + width)
    return None


@lru_cache(maxsize=16_384)
def _folder_without_language(folder: str) -> str:
    return "/".join("*" if language_of(part) else part for part in folder.split("/"))
