"""Text that is read differently, or not at all, on another system: encodings, byte-order marks, line endings, names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from posixpath import commonpath
from typing import Literal

from pydantic import ValidationError

from autopack.gaps import document_places as places
from autopack.gaps import (
    editorconfig,
    lint_settings,
    machine_encodings,
    odd_on_purpose,
    systems,
    text_encoding,
    windows_names,
)
from autopack.gaps.detector import Detector, Finding, Rule
from autopack.gaps.editorconfig import EditorConfig
from autopack.gaps.excerpts import evidence_at, evidence_of_file
from autopack.gaps.lint_settings import LeftOut
from autopack.gaps.machine_encodings import CallFact, Judged, Together, Verdict
from autopack.gaps.models import Evidence
from autopack.gaps.remedies import Remedy, ReplaceText, Transcode, merged
from autopack.gaps.state import FileRecord, Snapshot
from autopack.gaps.systems import SystemsFact
from autopack.gaps.text_encoding import LineEndings, Utf16
from autopack.gaps.text_io_calls import TextEdit

MAX_EVIDENCE = 50
"""More places of one file or folder add nothing to what a person does about them."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SHELL = frozenset({"sh", "bash", "zsh", "ksh", "dash"})
_SOURCE = _SHELL | _words(
    "py pyi pyx pxd c h cc cpp cxx hh hpp hxx inl m mm java kt kts scala groovy gradle go rs rb pl pm php js mjs cjs"
    " jsx ts tsx vue svelte css scss less swift lua r jl ex exs erl hs ml clj dart sql proto cmake fish awk tcl"
)
_TEXT = _SOURCE | _words(
    "md markdown rst adoc txt json json5 yaml yml toml ini cfg conf html htm xml svg tex graphql env"
)
_TEXT_NAMES = _words(
    "makefile gnumakefile dockerfile readme license copying authors contributors changelog changes news notice todo"
    " .gitignore .gitattributes .editorconfig .mailmap codeowners gemfile rakefile vagrantfile jenkinsfile"
)
_MARK_BREAKS = _SHELL | frozenset({"json", "yaml", "yml", "toml", "php", "java", "py"})
_MARK_BREAKS_NAMES = frozenset({"setup.cfg", "tox.ini", "pytest.ini", "mypy.ini", ".coveragerc", ".flake8"})
_DOT_NET = (".sln", ".slnx", ".csproj", ".vcxproj", ".fsproj", ".vbproj")
_READ_AS_DOT_NET = frozenset({"json", "yaml", "yml"})
_LONE_LF = re.compile(rb"(?<!\r)\n")


_BUNDLE = re.compile(r"\.(?:min|(?=[a-f]*\d)[0-9a-f]{8,32})\.\w{2,4}\Z")
"""What a program packed: `jquery.min.js`, `main.17d667f4.css`."""
_INVALID = "invalid-utf8"
_CONTRADICTED = "eol-attribute-contradicted"
_ENOUGH_TO_BE_ONE_CAUSE = 3
_NO_LINES = LineEndings(0, 0, 0)


@dataclass(frozen=True)
class TextFact:
    """What is remarkable about one text file."""

    mark: bool = False
    """It starts with the UTF-8 byte-order mark."""
    shebang: bool = False
    utf8: bool = True
    utf16: Utf16 | None = None
    utf16_lines: int = 0
    """Line feeds among the bytes of UTF-16 and among its characters, as git counts what it takes for binary."""
    invalid: Evidence | None = None
    """The first line that is no UTF-8, unless the file declares another encoding."""
    endings: LineEndings = _NO_LINES
    first_crlf: Evidence | None = None
    minority: Evidence | None = None
    """The first line whose ending is the rarer one of the two kinds."""
    config: EditorConfig | None = None
    calls: CallFact | None = None
    other_letters: bool = False
    """A text that is not all ASCII."""
    systems: SystemsFact | None = None
    excluded: tuple[str, ...] = ()
    """Of the settings of linters: the patterns of what they leave out."""

    @property
    def has_odd_bytes(self) -> bool:
        """Whether more than calls and letters is to be judged."""
        return self.mark or self.endings.crlf > 0 or self.utf16 is not None or self.invalid is not None


_OTHER_LETTERS = TextFact(other_letters=True)


def extract(path: str, data: bytes) -> TextFact | None:
    """Return what is remarkable about the file; for most files that costs a search or two."""
    name = path.rpartition("/")[2]
    if name == editorconfig.NAME:
        return TextFact(config=editorconfig.parse(data))
    fact = _text_fact(path, data)
    said = systems.read(path, data)
    if said is not None and machine_encodings.is_test_code(path):
        said = None
    other_letters = not data.isascii() and not text_encoding.is_binary(data)
    excluded = lint_settings.excluded(path, data)
    if said is None and not excluded and (fact is None or not other_letters):
        return _OTHER_LETTERS if other_letters else fact
    return replace(fact or TextFact(), systems=said, other_letters=other_letters, excluded=excluded)


def _text_fact(path: str, data: bytes) -> TextFact | None:
    plain = data.isascii() and b"\r" not in data
    if plain and not path.endswith(".py"):
        return None
    if odd_on_purpose.is_test_data(path) or places.is_bundled(path):
        return None
    if not data.isascii() and (utf16 := text_encoding.utf16_with_mark(data)) is not None:
        lines = data.count(b"\n") + data.decode(utf16).count("\n") + 2
        return TextFact(utf16=utf16, utf16_lines=lines) if _extension(path) in _TEXT else None
    if plain:
        return _call_fact(path, data)
    if text_encoding.is_binary(data) or not (data.startswith((b"#!", b"\xef\xbb\xbf#!")) or _is_text(path)):
        return None
    return _byte_fact(path, data) or _call_fact(path, data)


def _extension(path: str) -> str:
    stem, dot, extension = path.rpartition("/")[2].lower().rpartition(".")
    return extension if dot and stem else ""


def _is_text(path: str) -> bool:
    return _extension(path) in _TEXT or path.rpartition("/")[2].lower() in _TEXT_NAMES


def _byte_fact(path: str, data: bytes) -> TextFact | None:
    """Return what is remarkable about bytes that are no plain ASCII with LF, or None."""
    mark = data.startswith(text_encoding.UTF8_MARK)
    invalid = text_encoding.first_invalid_byte(data)
    declared = invalid is not None and text_encoding.declares_its_encoding(data)
    if not mark and b"\r\n" not in data and (invalid is None or declared):
        return None
    endings = text_encoding.line_endings(data)
    return TextFact(
        mark=mark,
        shebang=data.startswith((b"#!", b"\xef\xbb\xbf#!")),
        utf8=invalid is None,
        invalid=None if invalid is None or declared else evidence_at(path, data, invalid),
        endings=endings,
        first_crlf=evidence_at(path, data, data.find(b"\r\n")) if endings.crlf else None,
        minority=_minority(path, data, endings),
        calls=machine_encodings.calls_of(path, data, most_places=MAX_EVIDENCE),
    )


def _minority(path: str, data: bytes, endings: LineEndings) -> Evidence | None:
    """Return a line whose ending is the rarer one in PATH; none where a carriage return stands before a line's ending:
    nobody's editor writes that."""
    if not endings.mixed or b"\r\r\n" in data:
        return None
    if endings.crlf <= endings.lf:
        return evidence_at(path, data, data.find(b"\r\n"))
    lone = _LONE_LF.search(data)
    return evidence_at(path, data, lone.start()) if lone else None


def _call_fact(path: str, data: bytes) -> TextFact | None:
    calls = machine_encodings.calls_of(path, data, most_places=MAX_EVIDENCE)
    return None if calls is None else TextFact(calls=calls)


def detect(snapshot: Snapshot) -> Iterator[Finding]:
    """Return everything that another system would trip over."""
    facts = {path: fact for path, fact in _facts(snapshot) if path in snapshot.files}
    yield from _names(snapshot.files.values())
    for told in snapshot.runs.told_faults:
        if told.fault == "encoding":
            title = f"A check failed because text did not fit the machine's encoding: {told.log}"
            yield Finding("encoding-error-in-checks", title, (told.log,), told.places)
    configs = {path: fact.config for path, fact in facts.items() if fact.config is not None}
    dot_net = any(path.endswith(_DOT_NET) for path in snapshot.files)
    contradicted: dict[str, Finding] = {}
    invalid: list[Finding] = []
    odd = {path: fact for path, fact in facts.items() if fact.has_odd_bytes}
    is_mixed = any(fact.minority is not None for fact in odd.values())
    with_lf = _kinds_with_lf(snapshot.files, facts) if is_mixed else frozenset[str]()
    about_encodings = odd_on_purpose.folders_about_encodings(odd)
    for path, fact in odd.items():
        if path.rpartition("/")[0] not in about_encodings:
            settled = _Settled.of(path, snapshot.attributes.get(path, {}), editorconfig.settings_of(path, configs))
            for finding in _bytes(snapshot.files[path], fact, settled, with_lf, dot_net=dot_net):
                if finding.rule == _CONTRADICTED:
                    contradicted[path] = finding
                elif finding.rule == _INVALID and finding.risk is None:
                    invalid.append(finding)
                else:
                    yield finding
    yield from _all_contradicted(contradicted)
    yield from _told_once(invalid, "are not valid UTF-8")
    yield from _calls(snapshot, facts)


def _facts(snapshot: Snapshot) -> Iterator[tuple[str, TextFact]]:
    for path, fact in sorted(snapshot.facts.get(DETECTOR.gap_type, {}).items()):
        if isinstance(fact, TextFact):
            yield path, fact


@dataclass(frozen=True)
class _Settled:
    """What the owner has settled for a path, in `.gitattributes`, `.editorconfig` or by its place."""

    binary: bool
    eol: str
    eol_in: str
    """Where `eol` is said."""
    charset: str
    working_tree_encoding: bool
    about_encodings: bool

    @classmethod
    def of(cls, path: str, attributes: Mapping[str, str], settings: Mapping[str, str]) -> _Settled:
        return cls(
            binary=attributes.get("text") == "unset"
            or attributes.get("binary") in {"set", "true"}
            or attributes.get("crlf") == "unset",
            eol=attributes.get("eol", "") or settings.get("end_of_line", ""),
            eol_in=".gitattributes" if attributes.get("eol") else ".editorconfig",
            charset=settings.get("charset", ""),
            working_tree_encoding="working-tree-encoding" in attributes,
            about_encodings=odd_on_purpose.is_named_for_encodings(path)
            or (odd_on_purpose.in_test_folder(path) and _extension(path) not in _SOURCE),
        )


def _bytes(
    file: FileRecord, fact: TextFact, settled: _Settled, with_lf: Container[str], *, dot_net: bool
) -> Iterator[Finding]:
    if settled.binary or settled.about_encodings or file.sha256 is None:
        return
    if not settled.working_tree_encoding and settled.charset in {"", "utf-8", "utf-8-bom"}:
        yield from _encoding(file, fact, settled, dot_net=dot_net)
    ending = _line_ending(file, fact, settled, with_lf)
    if ending is not None:
        yield ending


def _encoding(file: FileRecord, fact: TextFact, settled: _Settled, *, dot_net: bool) -> Iterator[Finding]:
    extension = _extension(file.path)
    if fact.utf16 is not None and extension not in {"xml", "html", "htm", "svg"}:
        yield Finding(
            rule="utf16-source",
            title=f"{file.path} is stored as UTF-16",
            key=(file.path,),
            evidence=(evidence_of_file(file.path, file.sha256, f"starts with the byte-order mark of {fact.utf16}"),),
            remedy=_transcode(file, source=fact.utf16, strip_bom=True, lines=fact.utf16_lines),
        )
    if fact.invalid is not None and not fact.mark:
        yield Finding(
            rule=_INVALID,
            title=f"{file.path} is not valid UTF-8",
            key=(file.path,),
            evidence=(fact.invalid,),
            # Python refuses to import such a module (PEP 263).
            risk="high" if extension == "py" else None,
        )
    if fact.mark and settled.charset != "utf-8-bom" and _mark_breaks(file.path, fact, dot_net=dot_net):
        yield Finding(
            rule="utf8-bom",
            title=f"{file.path} starts with a byte-order mark",
            key=(file.path,),
            evidence=(evidence_of_file(file.path, file.sha256, "starts with the bytes EF BB BF"),),
            remedy=_transcode(file, strip_bom=True, lines=2) if fact.utf8 else None,
            risk="high" if fact.shebang else "low" if extension == "py" else None,
        )


def _mark_breaks(path: str, fact: TextFact, *, dot_net: bool) -> bool:
    if fact.shebang or path.rpartition("/")[2] in _MARK_BREAKS_NAMES:
        return True
    extension = _extension(path)
    # The readers of the .NET world write and expect the mark.
    return extension in _MARK_BREAKS and not (dot_net and extension in _READ_AS_DOT_NET)


def _line_ending(file: FileRecord, fact: TextFact, settled: _Settled, with_lf: Container[str]) -> Finding | None:
    """Return the one thing that is wrong with the line endings of a file, the worst first."""
    if not fact.endings.crlf or fact.first_crlf is None or settled.eol == "crlf":
        return None
    remedy = _transcode(file, line_ending="lf", lines=2 * fact.endings.crlf) if fact.utf8 else None
    if _runs_on_unix(file, fact):
        return Finding(
            rule="crlf-in-unix-script",
            title=f"{file.path} is a script whose lines end in CR LF",
            key=(file.path,),
            evidence=(fact.first_crlf,),
            remedy=remedy,
        )
    if settled.eol == "lf":
        return Finding(
            rule=_CONTRADICTED,
            title=f"{file.path} has CR LF{_in_some_lines(fact.endings)} although {settled.eol_in} says LF",
            key=(file.path,),
            evidence=(fact.first_crlf,),
            remedy=remedy,
        )
    is_bundle = _BUNDLE.search(file.path) is not None
    if fact.minority is not None and not is_bundle and _extension(file.path) in _TEXT - {"txt"}:
        return Finding(
            rule="mixed-line-endings",
            title=f"{file.path} has {fact.endings.crlf} lines that end in CR LF and {fact.endings.lf} that end in LF",
            key=(file.path,),
            evidence=(fact.minority,),
            remedy=_as_most_lines_are(file, fact, has_lf_elsewhere=_extension(file.path) in with_lf)
            if fact.utf8
            else None,
        )
    return None


def _in_some_lines(endings: LineEndings) -> str:
    """Return in how many of the lines CR LF is, where it is not in all of them."""
    return f" in {endings.crlf} of {endings.crlf + endings.lf} lines" if endings.lf else ""


def _told_once(findings: Sequence[Finding], what: str) -> Iterator[Finding]:
    """Yield FINDINGS of one rule and without remedies, or that their files share WHAT: several have one cause."""
    paths = [path for finding in findings for path in finding.key]
    if len(findings) < _ENOUGH_TO_BE_ONE_CAUSE:
        yield from findings
        return
    evidence = tuple(place for finding in findings for place in finding.evidence)[:MAX_EVIDENCE]
    title = f"{len(paths)} files{_below_their_folder(paths)} {what}"
    yield replace(findings[0], title=title, key=("all",), evidence=evidence)


def _below_their_folder(paths: Iterable[str]) -> str:
    folder = commonpath([path.rpartition("/")[0] for path in paths])
    return f" below {folder}" if folder else ""


def _all_contradicted(by_path: Mapping[str, Finding]) -> Iterator[Finding]:
    """Yield what contradicts the settings, BY_PATH: several files, which one commit brought or one setting missed, are
    told once; each is of low confidence then, with the remedy that it had."""
    if len(by_path) < _ENOUGH_TO_BE_ONE_CAUSE:
        yield from by_path.values()
        return
    place = _below_their_folder(by_path)
    who = {finding.title.rpartition(" although ")[2] for finding in by_path.values()}
    yield Finding(
        rule=_CONTRADICTED,
        title=f"{len(by_path)} files{place} have CR LF although {' and '.join(sorted(who))}",
        key=("all",),
        evidence=tuple(finding.evidence[0] for finding in by_path.values()),
        remedy=merged([finding.remedy for finding in by_path.values()]),
    )
    for finding in by_path.values():
        yield replace(finding, confidence="low")


def _kinds_with_lf(files: Iterable[str], facts: Mapping[str, TextFact]) -> frozenset[str]:
    """Return the suffixes of which most FILES have no CR LF."""
    every = Counter(map(_extension, files))
    with_crlf = Counter(_extension(path) for path, fact in facts.items() if fact.endings.crlf)
    return frozenset(suffix for suffix, count in every.items() if suffix and with_crlf[suffix] * 2 < count)


def _as_most_lines_are(file: FileRecord, fact: TextFact, *, has_lf_elsewhere: bool) -> Remedy | None:
    """Return the remedy that gives every line LF where most files of its kind have that, else the ending that most of
    its lines have: the smallest change, and no reader of a text tells the two apart."""
    if has_lf_elsewhere or fact.endings.crlf <= fact.endings.lf:
        return _transcode(file, line_ending="lf", lines=2 * fact.endings.crlf)
    return _transcode(file, line_ending="crlf", lines=2 * fact.endings.lf)


def _runs_on_unix(file: FileRecord, fact: TextFact) -> bool:
    """Tell whether the kernel or a shell reads the carriage returns; `python x.py` does not mind them."""
    return _extension(file.path) in _SHELL or (fact.shebang and (file.mode == "100755" or not _extension(file.path)))


def _transcode(
    file: FileRecord,
    *,
    lines: int,
    source: Literal["utf-8"] | Utf16 = "utf-8",
    strip_bom: bool = False,
    line_ending: Literal["keep", "lf", "crlf"] = "keep",
) -> Remedy | None:
    if file.sha256 is None:
        return None
    return Remedy(
        kind="encoding_fix",
        operations=(
            Transcode(
                path=file.path,
                before_sha256=file.sha256,
                source=source,
                strip_bom=strip_bom,
                line_ending=line_ending,
            ),
        ),
        lines=lines,
    )


def _calls(snapshot: Snapshot, facts: Mapping[str, TextFact]) -> Iterator[Finding]:
    """Return one finding for each module that leaves encodings to the machine, and one for several of a package; each
    of those is of low confidence then, with the remedy that it had."""
    calls = {path: fact.calls for path, fact in facts.items() if fact.calls is not None}
    said = {path: fact.systems for path, fact in facts.items() if fact.systems is not None}
    letters = frozenset(path for path, fact in facts.items() if fact.other_letters)
    left_out = LeftOut.of({path: fact.excluded for path, fact in facts.items() if fact.excluded})
    judged = Judged.of(snapshot.files, calls, said, letters, left_out, most_places=MAX_EVIDENCE)
    for path, verdict in judged.modules.items():
        yield _of_module(snapshot.files[path], calls[path], verdict)
    for path in judged.doubtful:
        yield Finding(
            rule="open-without-encoding",
            title=f"{path} opens text in the encoding of the machine, which may be meant",
            key=(path, "may be meant"),
            evidence=calls[path].doubtful,
            confidence="low",
        )
    for package in judged.packages:
        yield _of_package(package, snapshot.files, calls)


def _of_module(file: FileRecord, fact: CallFact, verdict: Verdict) -> Finding:
    count = len(fact.places)
    return Finding(
        rule="open-without-encoding",
        title=f"{file.path} opens text in the encoding of the machine" + (f" ({count} places)" if count > 1 else ""),
        key=(file.path,),
        evidence=fact.places,
        remedy=_name_utf8(file, fact.edits),
        # There the encoding is UTF-8 in all but the oddest locales.
        risk="info" if verdict.leaves_windows_out else None,
        confidence=None if verdict.is_certain else "low",
    )


def _of_package(package: Together, files: Mapping[str, FileRecord], calls: Mapping[str, CallFact]) -> Finding:
    place = f"in {package.folder}" if package.folder else "at the root"
    count = sum(len(calls[path].places) for path in package.modules)
    return Finding(
        rule="open-without-encoding",
        title=f"{len(package.modules)} modules {place} open text in the encoding of the machine"
        + (f" ({count} places)" if count > len(package.modules) else ""),
        key=(f"{package.folder}/", "custom"),
        evidence=tuple(calls[path].places[0] for path in package.modules[:MAX_EVIDENCE]),
        remedy=merged([_name_utf8(files[path], calls[path].edits) for path in package.modules]),
    )


def _name_utf8(file: FileRecord, edits: tuple[TextEdit, ...]) -> Remedy | None:
    if not edits or file.sha256 is None:
        return None
    try:
        operations = tuple(
            ReplaceText(
                path=file.path,
                before_sha256=file.sha256,
                line=edit.line,
                column=edit.column,
                old=edit.old,
                new=edit.new,
            )
            for edit in edits
        )
    except ValidationError:
        return None
    return Remedy(kind="encoding_fix", operations=operations, lines=2 * len({edit.line for edit in edits}))


def _names(files: Iterable[FileRecord]) -> Iterator[Finding]:
    paths = [file.path for file in files]
    yield from _unusable_names(paths)
    for group in windows_names.collisions(paths):
        yield Finding(
            rule="colliding-paths",
            title=f"{group[0]} and {group[1]} are one file where case or Unicode form is ignored",
            key=group,
            evidence=tuple(evidence_of_file(path, None, "collides") for path in group[:MAX_EVIDENCE]),
        )
    too_long = [
        Finding(
            rule="path-too-long",
            title=f"A path of {len(path)} characters is longer than Windows takes",
            key=(path,),
            evidence=(evidence_of_file(path, None, f"{len(path)} characters"),),
        )
        for path in paths
        if len(path) > windows_names.MAX_PATH
    ]
    yield from _told_once(too_long, "have paths longer than Windows takes")


def _unusable_names(paths: Sequence[str]) -> Iterator[Finding]:
    """Return one finding for each folder in which names cannot be used, or whose own name cannot."""
    places: dict[tuple[str, str], list[str]] = {}
    for path in windows_names.with_doubtful_names(paths):
        folder = ""
        for name in path.split("/"):
            if (reason := windows_names.why_unusable(name)) is not None:
                places.setdefault((folder, reason), []).append(path)
                break
            folder = f"{folder}{name}/"
    for (folder, reason), found in sorted(places.items()):
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        yield Finding(
            rule="windows-unusable-name",
            title=f"{found[0]}{more} cannot be checked out on Windows: a name {reason}",
            key=(folder, reason),
            evidence=tuple(evidence_of_file(path, None, f"a name {reason}") for path in found[:MAX_EVIDENCE]),
        )


RULES = (
    Rule(
        name="invalid-utf8",
        risk="medium",
        confidence="high",
        blocks_autopilot=False,
        signal="A text file holds bytes that are no UTF-8, and nothing declares another encoding.",
        why="Editors, search tools and Python guess its encoding differently, or refuse to read it.",
        fix="Find out which encoding it has and convert it to UTF-8, or declare the encoding.",
    ),
    Rule(
        name="utf8-bom",
        risk="medium",
        confidence="high",
        blocks_autopilot=False,
        signal="A file starts with the UTF-8 byte-order mark where its readers do not expect one.",
        why="Kernels do not see the `#!` behind it, and parsers of JSON, TOML, PHP or Java stumble over it.",
        fix="Save the file as UTF-8 without a byte-order mark.",
    ),
    Rule(
        name="utf16-source",
        risk="medium",
        confidence="high",
        blocks_autopilot=False,
        signal="A source or text file starts with a UTF-16 byte-order mark.",
        why="Git takes it for binary: no differences, no merges, no search.",
        fix="Convert it to UTF-8, or set `working-tree-encoding` in .gitattributes.",
    ),
    Rule(
        name="crlf-in-unix-script",
        risk="high",
        confidence="high",
        blocks_autopilot=False,
        signal="A script that a Unix system runs has lines that end in CR LF.",
        why="The interpreter's name or every command ends in a carriage return, so it does not run.",
        fix="Convert its line endings to LF and set `eol=lf` for it in .gitattributes.",
    ),
    Rule(
        name=_CONTRADICTED,
        risk="low",
        confidence="high",
        blocks_autopilot=False,
        signal="`.gitattributes` or `.editorconfig` say LF, and the file has CR LF.",
        why="Where .gitattributes makes it text, fresh clones show the file as changed; where `text=auto` leaves it "
        "alone, or .editorconfig alone says LF, the next `git add --renormalize` or editor rewrites these lines.",
        fix="Convert the file to LF and commit; where .gitattributes says so, `git add --renormalize` does it.",
    ),
    Rule(
        name="mixed-line-endings",
        risk="low",
        confidence="high",
        blocks_autopilot=False,
        signal="One file has lines that end in CR LF and lines that end in LF.",
        why="Editors silently rewrite the file, and the real change drowns in the difference.",
        fix="Choose one line ending, convert the file, and pin it in .gitattributes.",
    ),
    Rule(
        name="windows-unusable-name",
        risk="medium",
        confidence="high",
        blocks_autopilot=False,
        signal="A path has a name that Windows reserves or whose characters it forbids.",
        why="The repository cannot be checked out there.",
        fix="Rename the file or folder.",
    ),
    Rule(
        name="colliding-paths",
        risk="medium",
        confidence="high",
        blocks_autopilot=False,
        signal="Two paths differ only in case or in Unicode composition.",
        why="On Windows and macOS one of them overwrites the other, and the clone is dirty from the start.",
        fix="Rename one of them.",
    ),
    Rule(
        name="path-too-long",
        risk="low",
        confidence="high",
        blocks_autopilot=False,
        signal="A path has more than 260 characters.",
        why="Windows cannot create it without a setting that most machines lack.",
        fix="Shorten the names on the way to it.",
    ),
    Rule(
        name="open-without-encoding",
        risk="low",
        confidence="high",
        blocks_autopilot=False,
        signal="Python code opens text without naming an encoding, in a project that may run on Windows and where the "
        "text is not known to be ASCII; what several modules of a package do is told once.",
        why="Before Python 3.15 it is read and written in the machine's own encoding, which on Windows is not UTF-8.",
        fix='Add `encoding="utf-8"`; for a whole package, have a linter ask for it from then on (PLW1514 of Ruff, or '
        "`PYTHONWARNDEFAULTENCODING=1` in the tests).",
    ),
    Rule(
        name="encoding-error-in-checks",
        risk="medium",
        confidence="medium",
        blocks_autopilot=False,
        signal="A check of the newest run that made any failed over text that the machine's encoding cannot hold.",
        why="The same program fails wherever the machine's encoding is not UTF-8, on Windows first.",
        fix="Name the encoding where the traceback points; the next run with good checks closes it.",
    ),
)

DETECTOR = Detector(gap_type="windows_encoding_issue", rules=RULES, detect=detect, extract=extract)
