"""Ledgers above the caps of the intention: which entries leave, and on explicit command their leaving.

The archives are written before the ledger, each file whole: a kill in between leaves an entry in both places, never in
none, and the next rotation finishes. Nothing is committed or staged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from posixpath import normpath

from autopack.artifacts.canonical import bytes_digest
from autopack.artifacts.store import write_bytes
from autopack.errors import LockHeld, StaleError, UnsafeRepository, UsageError
from autopack.gaps import markdown
from autopack.gaps.memory_sizes import BYTES_PER_TOKEN, certainly_above, memory_sizes, tokens_of
from autopack.gaps.sources.history import ignored_among
from autopack.gaps.state import Snapshot
from autopack.git import Git
from autopack.intention_anchor.v2 import BudgetCost
from autopack.tidy.consolidate import MAX_LEDGER_BYTES, ledger_file, read_ledger
from autopack.tidy.ledgers import STYLES, check_appendable
from autopack.tidy.models import FileChange, KeptEntry, LedgerRotation, MovedEntry, RotationPlanV1
from autopack.tidy.rotation import (
    ARCHIVE_FOLDER,
    Piece,
    archive_path,
    pieces_of,
    room_for_links,
    rotated,
    texts_of,
    years_of,
)
from autopack.worktrees.lock import Lock


@dataclass(frozen=True)
class Rotation:
    """The plan, and the exact bytes that it speaks of: path -> (before, after), in the order of writing."""

    plan: RotationPlanV1
    files: Mapping[str, tuple[bytes | None, bytes]]


@dataclass
class _Ledger:
    """A ledger while it is decided what leaves it: the first `count` of CANDIDATES."""

    name: str
    path: str
    data: bytes
    archives: Mapping[str, bytes]
    pieces: tuple[Piece, ...]
    """The oldest first."""
    candidates: tuple[Piece, ...]
    """What may leave: first what an archive holds already, then the rest, the oldest first."""
    places: Mapping[Piece, str]
    """The archive of each piece."""
    count: int
    sizes: tuple[int, ...] = field(init=False)
    """Bytes that stay when so many have left, rather too many than too few."""

    def __post_init__(self) -> None:
        room = room_for_links({*self.archives, *(self.places[piece] for piece in self.candidates)})
        gone = accumulate((piece.end - piece.start for piece in self.candidates), initial=0)
        self.sizes = tuple(len(self.data) - each + (room if each else 0) for each in gone)

    @property
    def size(self) -> int:
        return self.sizes[self.count]

    @property
    def leaving(self) -> tuple[Piece, ...]:
        return self.candidates[: self.count]


def plan_rotation(workspace: Path, ledgers: Mapping[str, str], snapshot: Snapshot, budget: BudgetCost) -> Rotation:
    """Return what has to leave the LEDGERS (name -> path) so that they, and all memory in SNAPSHOT, fit BUDGET.

    Only what the scanner reports is rotated: memory that is certainly above a cap. Raises UsageError for a path that
    cannot be a ledger, UnsafeRepository for a ledger that cannot be taken apart or an archive that git would ignore.
    """
    sizes, unmet = memory_sizes(snapshot), []
    found = [
        ledger
        for name in sorted(STYLES)
        if name in ledgers and (ledger := _look(workspace, name, ledgers[name], snapshot)) is not None
    ]
    for ledger in found:
        cap = budget.token_cap_per_call
        if cap and certainly_above(len(ledger.data), cap):
            last = len(ledger.candidates)
            if certainly_above(ledger.sizes[last], cap):
                stays = tokens_of(ledger.sizes[last])
                unmet.append(f"{ledger.path}: what has to stay has about {stays} tokens, above the cap of {cap}.")
                continue
            enough = (n for n in range(ledger.count, last) if ledger.sizes[n] <= cap * BYTES_PER_TOKEN)
            ledger.count = next(enough, last)
    cap = budget.token_cap_global
    if cap and certainly_above(sum(sizes.values()), cap) and not _shrink_together(found, sizes, cap):
        unmet.append(f"Memory as a whole stays above the cap of {cap} tokens, whatever leaves the ledgers.")
    files: dict[str, tuple[bytes | None, bytes]] = {}
    rotations = tuple(_rotation(workspace, ledger, files) for ledger in found if ledger.leaving)
    plan = RotationPlanV1(rotation_plan_id="unsealed", rotations=rotations, unmet=tuple(unmet)).sealed()
    return Rotation(plan, files)


def apply_rotation(
    rotation: Rotation, workspace: Path, ledgers: Mapping[str, str], runs_root: Path, lock: Lock, *, execute: bool
) -> None:
    """Write the archives, then the ledgers, each of them whole or not at all.

    Raises UsageError without EXECUTE, StaleError where a file is no longer as it was planned (nothing is written then),
    LockHeld where LOCK is not held any more, EnvironmentFault when the disk or a permission stands in the way.
    """
    if not execute:
        raise UsageError("tidy rotate writes the ledgers.", hint="autopack tidy rotate --execute")
    if not lock.still_held():
        raise LockHeld("The lock of tidy was lost.", hint="Repeat the command.")
    writes = []
    for each in rotation.plan.rotations:
        if ledgers.get(each.ledger) != each.path or each.ledger not in STYLES:
            raise UsageError(f"{each.path} is not a configured ledger.", hint="autopack tidy rotate")
        for change in each.files:
            path = ledger_file(workspace, each.ledger, change.path)
            before, after = rotation.files[change.path]
            if read_ledger(path) != before:
                raise StaleError(f"{change.path} has changed since the plan was made.", hint="autopack tidy rotate")
            writes.append((path, after))
    for path, after in writes:
        write_bytes(path, after, staging=runs_root, keep_attributes=True)


def require_same_rotation(planned: RotationPlanV1, now: RotationPlanV1) -> None:
    """Raise StaleError where what was PLANNED is no longer what would be done NOW."""
    if planned.rotation_plan_id != now.rotation_plan_id:
        raise StaleError(
            f"The plan {planned.rotation_plan_id} is stale: the ledgers, archives or caps have changed.",
            hint="autopack tidy rotate --format json",
        )


def _look(workspace: Path, name: str, path: str, snapshot: Snapshot) -> _Ledger | None:
    """Return the ledger at PATH, or None where there is none; what an archive holds already is to leave it."""
    file = ledger_file(workspace, name, path)
    data = read_ledger(file)
    if not data:
        return None
    folder = path.rpartition("/")[0]
    found = sorted((file.parent / ARCHIVE_FOLDER).glob(f"{file.stem}-[0-9][0-9][0-9][0-9]{file.suffix}"))
    archives: dict[str, bytes] = {}
    for each in found:
        place = f"{folder}/{ARCHIVE_FOLDER}/{each.name}".lstrip("/")
        archives[place] = read_ledger(ledger_file(workspace, name, place)) or b""
    pieces = pieces_of(data, _fragments(snapshot, path))
    known = frozenset[bytes]().union(*map(texts_of, archives.values()))
    movable = [piece for piece in pieces[:-1] if piece.stays is None]
    begun = [piece for piece in movable if piece.text in known]
    candidates = (*begun, *(piece for piece in movable if piece.text not in known))
    years = years_of(pieces, _year_of_commit(workspace, path))
    places = {piece: archive_path(path, year) for piece, year in years.items()}
    return _Ledger(name, path, data, archives, pieces, candidates, places, len(begun))


def _fragments(snapshot: Snapshot, ledger: str) -> frozenset[str]:
    """Return the fragments by which Markdown documents link into LEDGER."""
    found = set()
    name = ledger.rpartition("/")[2].encode()
    for document, data in snapshot.texts.items():
        if not markdown.is_markdown(document) or (name not in data and document != ledger):
            continue
        for link in markdown.find_links(data):
            path, fragment = markdown.split_target(link.target)
            folder = "" if path.startswith("/") else document.rpartition("/")[0]
            place = normpath(f"{folder}/{path.lstrip('/')}".lstrip("/")) if path else document
            if fragment and place == ledger:
                found.add(fragment)
    return frozenset(found)


def _shrink_together(found: Sequence[_Ledger], sizes: Mapping[str, int], cap: int) -> bool:
    """Have the oldest entry of the largest ledger leave until all memory fits CAP; where that cannot be, change nothing
    and return False."""
    counted = [ledger for ledger in found if ledger.path in sizes]
    others = sum(sizes.values()) - sum(len(ledger.data) for ledger in counted)
    before = [ledger.count for ledger in counted]
    while others + sum(ledger.size for ledger in counted) > cap * BYTES_PER_TOKEN:
        left = [ledger for ledger in counted if ledger.count < len(ledger.candidates)]
        if not left:
            break
        max(left, key=lambda each: each.size).count += 1
    if not certainly_above(others + sum(ledger.size for ledger in counted), cap):
        return True
    for ledger, count in zip(counted, before, strict=True):
        ledger.count = count
    return False


def _rotation(workspace: Path, ledger: _Ledger, files: dict[str, tuple[bytes | None, bytes]]) -> LedgerRotation:
    """Return the rotation of LEDGER, and put the bytes of its files into FILES."""
    for name, data in ((ledger.path, ledger.data), *ledger.archives.items()):
        check_appendable(data, name)
    gone = {piece.start for piece in ledger.leaving}
    leaving = [(piece, ledger.places[piece]) for piece in ledger.pieces if piece.start in gone]
    result = rotated(ledger.path, ledger.data, ledger.archives, leaving, STYLES[ledger.name].title)
    for archive, data in sorted(result.archives.items()):
        ledger_file(workspace, ledger.name, archive)
        if _is_left_out(Git(workspace), archive):
            raise UnsafeRepository(
                f"git ignores {archive}: what moves there would be in no commit.",
                hint=f"Let git see it: add `!{archive}` to .gitignore.",
            )
        if len(data) > MAX_LEDGER_BYTES:
            raise UnsafeRepository(f"{archive} would have more than {MAX_LEDGER_BYTES} bytes.", hint="Divide it.")
        files[archive] = (ledger.archives.get(archive), data)
    files[ledger.path] = (ledger.data, result.ledger)
    last = ledger.pieces.index(leaving[-1][0])
    return LedgerRotation(
        ledger=ledger.name,
        path=ledger.path,
        tokens_before=tokens_of(len(ledger.data)),
        tokens_after=tokens_of(len(result.ledger)),
        moved=tuple(
            MovedEntry(name=piece.name, sha256=bytes_digest(piece.text), archive=archive) for piece, archive in leaving
        ),
        kept=tuple(KeptEntry(name=piece.name, reason=piece.stays) for piece in ledger.pieces[:last] if piece.stays),
        files=tuple(
            FileChange(
                path=path,
                before_sha256=None if files[path][0] is None else bytes_digest(files[path][0] or b""),
                after_sha256=bytes_digest(files[path][1]),
            )
            for path in (*sorted(result.archives), ledger.path)
        ),
    )


def _is_left_out(git: Git, path: str) -> bool:
    """Tell whether git would ignore PATH and does not track it already."""
    return bool(ignored_among(git, frozenset({path}))) and not git.nul_separated("ls-files", "-z", "--", path)


def _year_of_commit(workspace: Path, path: str) -> str:
    """Return the year in which PATH was committed last, or that of HEAD."""
    ask = ("log", "-1", "--format=%cd", "--date=format:%Y")
    git = Git(workspace)
    for where in (("--", path), ()):
        year = git.run(*ask, *where, check=False).text.strip()
        if year:
            return year
    raise UnsafeRepository("There is no commit yet.", hint="Commit the ledgers, then repeat.")
