"""From what runs left behind to the ledgers: report, plan, and on explicit command apply.

Only the configured ledgers are ever written, only at their end, in the owner's working copy. Nothing is committed or
staged.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from autopack.artifacts.canonical import bytes_digest
from autopack.artifacts.store import write_bytes
from autopack.errors import EnvironmentFault, LockHeld, StaleError, UnsafeRepository, UsageError
from autopack.policy.paths import UnsafePath, folded, normal
from autopack.tidy.entries import entries_of
from autopack.tidy.ledgers import (
    STYLES,
    check_appendable,
    entry_text,
    headings,
    numbering,
    recorded_ids,
    with_texts,
)
from autopack.tidy.models import AddedEntry, LedgerAddition, TidyPlanV1
from autopack.tidy.results import Gathered
from autopack.worktrees.lock import Lock, acquire, this_process

MAX_LEDGER_BYTES = 16 * 1024 * 1024
WAIT_SECONDS = 30.0
"""How long one tidy waits for another."""

_SUFFIXES = (".md", ".markdown", ".txt")


@contextmanager
def tidy_lock(common_dir: Path, now: datetime) -> Iterator[Lock]:
    """Hold the repository's tidy lock, waiting up to 30 seconds for another tidy. Raises LockHeld after that."""
    path, owner = common_dir / "autopack" / "tidy.lock", this_process("tidy", now)
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            lock = acquire(path, owner, what="The lock of tidy")
            break
        except LockHeld:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.05)
    with lock:
        yield lock


def make_plan(workspace: Path, ledgers: Mapping[str, str], gathered: Gathered) -> TidyPlanV1:
    """Return what GATHERED has to tell that the LEDGERS (name -> path) do not hold yet.

    Raises UsageError for a configured path that cannot be a ledger, UnsafeRepository for a ledger to which nothing can
    be added.
    """
    files = {name: ledger_file(workspace, name, ledgers[name]) for name in sorted(STYLES) if name in ledgers}
    if len({folded(str(path)) for path in files.values()}) != len(files):
        raise UsageError(
            "Two ledgers have the same path.", hint="Give each a file of its own in .autopack/config.toml."
        )
    contents = {name: read_ledger(path) for name, path in files.items()}
    archives = {name: _archived(path) for name, path in files.items()}
    every = [data for data in (*contents.values(), *(each for many in archives.values() for each in many)) if data]
    additions = []
    for name, entries in entries_of(gathered.runs).items():
        if name not in files:
            continue
        data, style = contents[name], STYLES[name]
        check_appendable(data or b"", ledgers[name])
        known = recorded_ids(data or b"").union(*map(recorded_ids, archives[name]))
        new = list({entry.entry_id: entry for entry in entries if entry.entry_id not in known}.values())
        lines = headings(new, numbering(data or b"", every, style))
        added = tuple(
            AddedEntry(entry_id=entry.entry_id, text=entry_text(entry, heading))
            for entry, heading in zip(new, lines, strict=True)
        )
        texts = [entry.text for entry in added]  # as the model keeps them: without secrets
        every.append("\n".join(texts).encode("utf-8"))  # two ledgers may share a prefix
        additions.append(
            LedgerAddition(
                ledger=name,
                path=ledgers[name],
                before_sha256=None if data is None else bytes_digest(data),
                after_sha256=bytes_digest(with_texts(data, texts, style)),
                recorded=len(known),
                entries=added,
            )
        )
    return TidyPlanV1(tidy_plan_id="unsealed", additions=tuple(additions), not_read=gathered.not_read).sealed()


def require_same(planned: TidyPlanV1, now: TidyPlanV1) -> None:
    """Raise StaleError, naming the ledger, where what was PLANNED is no longer what would be done NOW."""
    if planned.tidy_plan_id == now.tidy_plan_id:
        return
    before = {addition.path: addition for addition in planned.additions}
    for addition in now.additions:
        earlier = before.get(addition.path)
        if earlier is None or earlier.before_sha256 != addition.before_sha256:
            reason = f"{addition.path} has changed since the plan was made"
            break
        if earlier != addition:
            reason = f"runs have more to tell for {addition.path} than the plan knew"
            break
    else:
        reason = "the runs or the ledgers are not the ones that it was made for"
    raise StaleError(f"The plan {planned.tidy_plan_id} is stale: {reason}.", hint="autopack tidy plan")


def apply(
    plan: TidyPlanV1, workspace: Path, ledgers: Mapping[str, str], runs_root: Path, lock: Lock, *, execute: bool
) -> None:
    """Add to the ledgers what PLAN says, each of them whole or not at all.

    Raises UsageError without EXECUTE, StaleError where a ledger is no longer as it was planned (nothing is written
    then), LockHeld where LOCK is not held any more, EnvironmentFault when the disk or a permission stands in the way.
    A killed apply leaves whole ledgers, and the next one adds the rest.
    """
    if not execute:
        raise UsageError("tidy apply writes the ledgers.", hint="autopack tidy apply --execute")
    if not lock.still_held():
        raise LockHeld("The lock of tidy was lost.", hint="Repeat the command.")
    writes: list[tuple[Path, bytes]] = []
    for addition in plan.additions:
        if not addition.entries:
            continue
        if ledgers.get(addition.ledger) != addition.path or addition.ledger not in STYLES:
            raise UsageError(f"{addition.path} is not a configured ledger.", hint="autopack tidy plan")
        path = ledger_file(workspace, addition.ledger, addition.path)
        data = read_ledger(path)
        if (None if data is None else bytes_digest(data)) != addition.before_sha256:
            raise StaleError(f"{addition.path} has changed since the plan was made.", hint="autopack tidy plan")
        after = with_texts(data, [entry.text for entry in addition.entries], STYLES[addition.ledger])
        if not after.startswith(data or b"") or bytes_digest(after) != addition.after_sha256:
            raise StaleError(f"{addition.path} would not become what was planned.", hint="autopack tidy plan")
        writes.append((path, after))
    for path, after in writes:
        write_bytes(path, after, staging=runs_root, keep_attributes=True)


def ledger_file(workspace: Path, name: str, path: str) -> Path:
    """Return the file of the ledger called NAME at PATH.

    Raises UsageError for a path that no ledger may have (outside of the repository, git's, Autopack's, no text file),
    UnsafeRepository where it leads through a symbolic link.
    """
    try:
        parts = [folded(part) for part in normal(path).split("/")]
    except UnsafePath as fault:
        raise UsageError(f"The ledger {name} cannot be at {path!r}: the path is {fault}.") from fault
    hidden = any(part.startswith(".") for part in parts)
    if hidden or not parts[-1].endswith(_SUFFIXES):
        raise UsageError(
            f"The ledger {name} cannot be at {path!r}.", hint="A ledger is a .md or .txt file in no hidden folder."
        )
    file = workspace / path
    for step in (file, *list(file.parents)[: len(parts) - 1]):
        if step.is_symlink():
            raise UnsafeRepository(f"{path} leads through the symbolic link {step}.", hint="Use a plain file.")
    if file.exists() and not file.is_file():
        raise UnsafeRepository(f"{path} is not a file.", hint="Use a plain file.")
    return file


def read_ledger(path: Path) -> bytes | None:
    """Return the bytes of a ledger or archive, None where there is none. Raises UnsafeRepository where it is too
    large."""
    try:
        if path.stat().st_size > MAX_LEDGER_BYTES:
            raise UnsafeRepository(
                f"{path} has more than {MAX_LEDGER_BYTES} bytes.", hint="Move old entries to docs/archive/."
            )
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as fault:
        raise EnvironmentFault(f"Cannot read {path}: {fault.strerror or fault}.") from fault


def _archived(path: Path) -> list[bytes]:
    """Return the archived parts of the ledger at PATH: what was moved out of it is recorded all the same."""
    found = sorted((path.parent / "archive").glob(f"{path.stem}*{path.suffix}"))
    return [data for each in found if each.is_file() and (data := read_ledger(each)) is not None]
