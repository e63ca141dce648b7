"""Leftovers and loose reports in the root, where everybody looks first, and committed output of tools anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from posixpath import normpath, relpath
from urllib.parse import quote

from pydantic import ValidationError

from autopack.config import CONFIG_FILE
from autopack.gaps import document_places as places
from autopack.gaps import markdown
from autopack.gaps.detector import Detector, Finding, Rule
from autopack.gaps.excerpts import evidence_of_file, line_number, line_start
from autopack.gaps.ledgers import is_ledger
from autopack.gaps.markdown import Link
from autopack.gaps.remedies import DeleteFile, MoveFile, Remedy, ReplaceText
from autopack.gaps.root_names import Scratch, is_named_document, is_report, original_of, scratch_kind
from autopack.gaps.site_generators import find_sites
from autopack.gaps.state import FileRecord, Snapshot
from autopack.gaps.tool_output import Output, may_be_output, output_of
from autopack.wording import agreeing, counted

RULES = (
    Rule(
        name="scratch-file",
        risk="low",
        confidence="high",
        blocks_autopilot=False,
        signal="A file in the root has the name of a log, dump, editor backup, archive, database or other leftover.",
        why="Leftovers in the root hide what matters, get committed by accident and may hold private data.",
        fix="Delete it, or move it where it is used; if a tool makes it, add it to .gitignore.",
    ),
    Rule(
        name="committed-output",
        risk="low",
        confidence="high",
        blocks_autopilot=False,
        signal="Git tracks what a tool writes anew at every run: bytecode, caches, build or coverage output.",
        why="It changes at every run, conflicts at every merge, and may be used in place of what was built from the "
        "sources.",
        fix="Untrack it (`git rm --cached -r`) and name it in .gitignore.",
    ),
    Rule(
        name="unlinked-report",
        risk="low",
        confidence="medium",
        blocks_autopilot=False,
        signal="A Markdown file in the root has the name of a report, plan or note, and no root document links it.",
        why="Nobody can tell whether a loose report still holds, and readers meet it before the documentation.",
        fix="Move it to docs/ and link it, or fold what still holds into a ledger and delete it.",
    ),
)

REPORT_FOLDER = "docs"
_OTHER_HOMES = frozenset({"doc", "Doc", "Docs", "documentation", "Documentation"})
IGNORE_FILE = ".gitignore"
_MAX_EVIDENCE = 50
_MAX_REMOVALS = 200
"""More files at once are looked through by a person."""
_KEPT_FOR_CODE = (".db", ".sqlite", ".zip", ".tar", ".tgz", ".7z", "put.txt", "sult.txt", "sults.txt", ".md")
"""Endings (or parts of them) of files that code may need in the root. That code writes a log claims nothing."""
_CODE = re.compile(
    r"\.(?:py|js|ts|jsx|tsx|mjs|cjs|rb|go|rs|java|kt|c|cc|cpp|h|hpp|cs|php|pl|sh|bash|ps1|bat|cmd|cmake|gradle|nix|lua|sql"
    r"|ya?ml|toml|json|cfg|ini|mk|xml|html|csproj|props|targets)\Z|(?:\A|/)(?:Makefile|Dockerfile|Jenkinsfile|justfile|Rakefile)",
    re.IGNORECASE,
)
_CONTINUOUS_INTEGRATION = (".github/", ".circleci/", ".gitlab/", ".buildkite/", ".azure-pipelines/", ".ci/")
_DOES_NOT_CLAIM = frozenset(
    {".gitignore", ".gitattributes", ".dockerignore", ".npmignore", ".prettierignore", ".eslintignore"}
)


@dataclass(frozen=True)
class RootFact:
    """How many lines a file has that is a leftover, a report or a tool's output, judged by its name."""

    lines: int = 0
    may_be_output: bool = False


def extract(path: str, data: bytes) -> RootFact | None:
    """Return what is known of PATH if its name is remarkable or its bytes are wanted, else None."""
    suspect, output = _is_suspect(path), may_be_output(path)
    lines = data.count(b"\n") + (not data.endswith(b"\n") and data != b"") if suspect or output else 0
    return RootFact(lines, output) if suspect or output or retain(path) else None


def _is_suspect(path: str) -> bool:
    """Tell whether the name of the root file PATH is that of a leftover or report; such a file claims no other."""
    return "/" not in path and (scratch_kind(path) is not None or is_report(path))


def sought(paths: Iterable[str]) -> frozenset[str]:
    """Return the names of leftovers and reports in the root which another file may claim; a plain word is in many."""
    claimable = (path for path in paths if not path.startswith(".") and ("." in path or "~" in path))
    return frozenset(path for path in claimable if _is_suspect(path))


def _claims(path: str, name: str) -> bool:
    """Tell whether it counts that PATH mentions NAME: every name in the root and in CI, and elsewhere in code the names
    of data and reports."""
    if _is_suspect(path) or path.rpartition("/")[2] in _DOES_NOT_CLAIM:
        return False
    if "/" not in path or path.startswith(_CONTINUOUS_INTEGRATION):
        return True
    return _CODE.search(path) is not None and any(part in name for part in _KEPT_FOR_CODE)


def retain(path: str) -> bool:
    """Ask for the bytes of Markdown, whose links a move rewrites, of the configuration, which names the ledgers, and of
    `.gitignore`, to which output is added."""
    return markdown.is_markdown(path) or path in {CONFIG_FILE, IGNORE_FILE}


def detect(snapshot: Snapshot) -> Iterator[Finding]:
    """Yield leftovers and loose reports in the root that nothing claims, and output of tools that is committed."""
    yield from _committed_output(snapshot)
    claimed = {name for path, names in snapshot.mentions.items() for name in names if _claims(path, name)}
    sites = find_sites(snapshot.files)
    for path, record in snapshot.files.items():
        if not _is_suspect(path) or record.mode in {"120000", "160000"} or path in claimed:
            continue
        linking = {document for document, _ in _links_to(snapshot, path)}
        if any("/" not in document and not _is_suspect(document) for document in linking):
            continue
        kind = scratch_kind(path)
        if kind == "shell accident" and record.mode == "100755":
            continue  # What a shell makes by accident it does not make executable: a short name for a command.
        if kind is None and not sites.govern(path):
            yield _report_finding(snapshot, record)
        elif kind is not None and not (kind == "screenshot" and linking):
            yield _scratch_finding(snapshot, record, kind)


def _facts(snapshot: Snapshot) -> dict[str, RootFact]:
    found = snapshot.facts.get("root_clutter", {})
    return {path: fact for path, fact in sorted(found.items()) if isinstance(fact, RootFact)}


def _links_to(snapshot: Snapshot, path: str) -> Iterator[tuple[str, Link]]:
    """Yield every Markdown document with a link to PATH, other than PATH itself, and the link."""
    spellings = (path.encode("utf-8", "surrogateescape"), quote(path, errors="surrogateescape").encode())
    for document, data in sorted(snapshot.texts.items()):
        if document != path and markdown.is_markdown(document) and any(spelling in data for spelling in spellings):
            yield from ((document, link) for link in markdown.find_links(data) if _target_path(document, link) == path)


def _target_path(document: str, link: Link) -> str:
    written = markdown.split_target(link.target)[0]
    folder = "" if written.startswith("/") else document.rpartition("/")[0]
    return normpath(f"{folder}/{written.lstrip('/')}".lstrip("/")) if written else document


def _scratch_finding(snapshot: Snapshot, record: FileRecord, kind: Scratch) -> Finding:
    state = "is committed" if record.tracked else "lies, untracked and not ignored,"
    article = "An" if kind[0] in "aeiou" else "A"
    return Finding(
        rule="scratch-file",
        title=f"{article} {kind} {state} in the root: {record.path}",
        key=(record.path,),
        confidence="low" if is_named_document(record.path) else None,
        evidence=(evidence_of_file(record.path, record.sha256, f"{kind}, {record.size} bytes"),),
        remedy=_delete_backup(snapshot, record) if kind == "editor backup" else None,
    )


def _delete_backup(snapshot: Snapshot, record: FileRecord) -> Remedy | None:
    """Return the remedy for a committed backup whose original is there; git keeps what it held."""
    original = original_of(record.path)
    kept = original is not None and original in snapshot.files and snapshot.files[original].tracked
    clean = record.tracked and record.status == ".." and record.sha256 is not None
    fact = _facts(snapshot).get(record.path)
    if not kept or not clean or fact is None or record.sha256 is None:
        return None
    operation = DeleteFile(path=record.path, before_sha256=record.sha256)
    return Remedy(kind="file_delete", operations=(operation,), lines=fact.lines)


# --- output of tools --------------------------------------------------------------------------------------------------


def _committed_output(snapshot: Snapshot) -> Iterator[Finding]:
    """Yield one finding for each line that `.gitignore` should have."""
    found: dict[Output, list[FileRecord]] = {}
    for path in _possible_output(snapshot):
        output = output_of(path, snapshot.files)
        if output is not None:
            found.setdefault(output, []).append(snapshot.files[path])
    for output, records in sorted(found.items(), key=lambda item: item[0].rule):
        count = len(records)
        evidence = (evidence_of_file(one.path, one.sha256, f"{one.size} bytes") for one in records[:_MAX_EVIDENCE])
        yield Finding(
            rule="committed-output",
            title=f"{counted(count, 'file')} of {output.what} {agreeing(count, 'is', 'are')} committed ({output.rule})",
            key=(output.rule,),
            evidence=tuple(evidence),
            remedy=_untrack(snapshot, output, records),
        )


def _possible_output(snapshot: Snapshot) -> list[str]:
    """Return the tracked files whose names are those of output and that no other rule speaks of."""
    return [
        path
        for path, fact in _facts(snapshot).items()
        if fact.may_be_output and path in snapshot.files and snapshot.files[path].tracked and not _is_suspect(path)
    ]


def _untrack(snapshot: Snapshot, output: Output, records: list[FileRecord]) -> Remedy | None:
    """Return the remedy that removes the files, whose tool will write them again, and has git ignore them from then on;
    None unless all of that is certain."""
    facts, removals, lines = _facts(snapshot), [], 0
    for record in records:
        plain = record.status == ".." and record.sha256 is not None and record.mode in {"100644", "100755"}
        if not plain or record.sha256 is None or len(records) > _MAX_REMOVALS:
            return None
        removals.append(DeleteFile(path=record.path, before_sha256=record.sha256))
        lines += facts[record.path].lines
    if all(record.path in snapshot.ignored_targets for record in records):
        return Remedy(kind="file_delete", operations=tuple(removals), lines=lines)
    addition = _ignoring(snapshot, output.rule)
    if addition is None:
        return None
    return Remedy(kind="file_delete", operations=(*removals, addition), lines=lines + 1)


def _ignoring(snapshot: Snapshot, rule: str) -> ReplaceText | None:
    """Return the edit that adds RULE below the last line of the root's `.gitignore`; None where that is not plain."""
    record, data = snapshot.files.get(IGNORE_FILE), snapshot.texts.get(IGNORE_FILE, b"")
    last = data.removesuffix(b"\n").rpartition(b"\n")[2]
    if record is None or record.sha256 is None or not record.tracked or record.status != "..":
        return None
    if not data.endswith(b"\n") or b"\r" in data or not last.strip() or not last.isascii():
        return None
    old = last.decode()
    try:
        return ReplaceText(
            path=IGNORE_FILE,
            before_sha256=record.sha256,
            line=data.count(b"\n"),
            column=0,
            old=old,
            new=f"{old}\n{rule}",
        )
    except ValidationError:
        return None


# --- reports --------------------------------------------------------------------------------------------------------


def _report_finding(snapshot: Snapshot, record: FileRecord) -> Finding:
    return Finding(
        rule="unlinked-report",
        title=f"{record.path} lies in the root and no root document links it",
        key=(record.path,),
        evidence=(evidence_of_file(record.path, record.sha256, f"{record.size} bytes"),),
        remedy=_move(snapshot, record),
    )


def _move(snapshot: Snapshot, record: FileRecord) -> Remedy | None:
    """Return the remedy that moves the report to docs/ and keeps every link to it and in it; None unless all of that
    is certain."""
    destination = f"{REPORT_FOLDER}/{record.path}"
    clean = record.tracked and record.status == ".." and record.sha256 is not None and record.path in snapshot.texts
    if not clean or record.sha256 is None or not _is_free(snapshot, destination):
        return None
    try:
        edits = tuple(_rewritten_links(snapshot, record.path, destination))
        move = MoveFile(path=record.path, before_sha256=record.sha256, destination=destination)
    except (ValidationError, _Uncertain):
        return None
    changed = {(edit.path, edit.line) for edit in edits}
    inside = {line for path, line in changed if path == record.path}
    lines = 2 * len(changed - {(record.path, line) for line in inside})
    lines += _lines_of_move(snapshot.texts[record.path], inside)
    return Remedy(kind="file_move", operations=(*edits, move), lines=lines)


def _lines_of_move(data: bytes, edited: set[int]) -> int:
    """Return how many lines git counts where DATA is moved and the lines EDITED change: all of them where too little
    stays for a rename (git-diff(1), `-M`: half of the bytes, here with a margin)."""
    lines = data.split(b"\n")
    stays = sum(len(line) + 1 for number, line in enumerate(lines, 1) if number not in edited)
    return 2 * len(edited) if not edited or stays >= _STAYS_AT_LEAST * len(data) else 2 * len(lines)


_STAYS_AT_LEAST = 0.7


class _Uncertain(Exception):
    """A link that cannot be rewritten for certain."""


def _is_free(snapshot: Snapshot, destination: str) -> bool:
    """Tell whether a file can be put at DESTINATION: nothing is there in any letter case, git would not ignore it, no
    site generator would make a page of it, and the documents of the repository have no other home."""
    folded = destination.casefold()
    taken = any(path.casefold() == folded for path in (*snapshot.files, *snapshot.out_of_scope, *snapshot.ignored))
    hidden = any(ignored.rstrip("/") == REPORT_FOLDER for ignored in snapshot.ignored)
    in_the_way = REPORT_FOLDER in snapshot.files or destination in snapshot.ignored_targets
    elsewhere = REPORT_FOLDER not in snapshot.folders and not _OTHER_HOMES.isdisjoint(snapshot.folders)
    return not (taken or hidden or in_the_way or elsewhere or find_sites(snapshot.files).govern(destination))


def _rewritten_links(snapshot: Snapshot, path: str, destination: str) -> Iterator[ReplaceText]:
    """Yield the edits that keep every link to PATH and in it alive once it is at DESTINATION."""
    for link in markdown.find_links(snapshot.texts[path]):
        if not link.target.startswith(("#", "/")) and _target_path(path, link) != path:
            yield _rewritten(snapshot, path, link, _target_path(path, link), REPORT_FOLDER)
    for document, link in _links_to(snapshot, path):
        yield _rewritten(snapshot, document, link, destination, document.rpartition("/")[0])


def _rewritten(snapshot: Snapshot, document: str, link: Link, place: str, folder: str) -> ReplaceText:
    record, data = snapshot.files[document], snapshot.texts.get(document)
    written = re.split(r"[?#]", link.target, maxsplit=1)[0]
    plain = re.fullmatch(r"[\w./+-]+", written) is not None and not place.startswith("..")
    if (
        record.sha256 is None
        or data is None
        or not record.tracked
        or not plain
        or is_ledger(snapshot, document)
        or places.is_specimen(document)
    ):
        raise _Uncertain
    new = f"/{place}" if written.startswith("/") else relpath(place, folder or ".")
    new += "/" if written.endswith("/") else ""
    return ReplaceText(
        path=document,
        before_sha256=record.sha256,
        line=line_number(data, link.offset),
        column=link.offset - line_start(data, link.offset),
        old=link.target,
        new=new + link.target[len(written) :],
    )


def history_candidates(snapshot: Snapshot) -> frozenset[str]:
    """Return where reports would be moved to, and committed output, so that git can say what it would ignore."""
    reports = {f"{REPORT_FOLDER}/{path}" for path in snapshot.files if "/" not in path and is_report(path)}
    return frozenset(reports.union(_possible_output(snapshot)))


DETECTOR = Detector(
    gap_type="root_clutter",
    rules=RULES,
    detect=detect,
    extract=extract,
    retain=retain,
    sought=sought,
    history_candidates=history_candidates,
)
