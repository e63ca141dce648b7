"""Artifacts on disk: written whole or not at all, and read only after they have been checked."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from autopack.artifacts.canonical import canonical_bytes
from autopack.artifacts.model import Artifact, IdentifiedArtifact
from autopack.artifacts.redaction import redact
from autopack.errors import ArtifactError, EnvironmentFault, UnsafeRepository

MAX_ARTIFACT_BYTES = 32 * 1024 * 1024
"""Larger documents are refused unread: no artifact of a real run comes near."""

A = TypeVar("A", bound=Artifact)


def artifact_bytes(artifact: Artifact) -> bytes:
    """Return what stands in the file: canonical JSON and a line feed."""
    return canonical_bytes(artifact.document()) + b"\n"


def write_bytes(path: Path, data: bytes, *, staging: Path | None = None, keep_attributes: bool = False) -> None:
    """Put DATA at PATH atomically and durably: temporary file, fsync, replace, fsync of the folder.

    Missing folders are made. The temporary file lies in STAGING where that is on the same file system, so that a kill
    leaves no stray file beside PATH. KEEP_ATTRIBUTES gives the file the owner and mode of the one before, or those of
    any new file; otherwise only its owner can read it. Raises EnvironmentFault when the disk or a permission stands in
    the way; the old content is then still there.
    """
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = staging if staging is not None and _same_file_system(staging, path.parent) else path.parent
        descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "wb") as handle:
            if keep_attributes:
                _take_over_attributes(descriptor, path)
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        Path(temporary).replace(path)
        temporary = None
        _sync_folder(path.parent)
    except OSError as fault:
        raise EnvironmentFault(
            f"Cannot write {path}: {fault.strerror or fault}.",
            hint="Check free space and permissions; what stood there before is unchanged.",
        ) from fault
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()


def ensure_runs_root(runs_root: Path) -> None:
    """Make the `.autonomous_runs` folder and its `.gitignore` of `*`, so that no file of the owner's is edited.

    Raises UnsafeRepository where RUNS_ROOT is a symbolic link (a repository could commit one that leads elsewhere),
    EnvironmentFault when the disk or a permission stands in the way.
    """
    if runs_root.is_symlink():
        raise UnsafeRepository(
            f"{runs_root} is a symbolic link; results would land where it leads.",
            hint="Remove the link; to keep runs elsewhere set AUTONOMOUS_RUNS_DIR to the real folder.",
        )
    ignore = runs_root / ".gitignore"
    if not ignore.exists():
        write_bytes(ignore, b"*\n")


def write_artifact(path: Path, artifact: Artifact) -> None:
    """Write ARTIFACT to PATH atomically as canonical JSON."""
    write_bytes(path, artifact_bytes(artifact))


def read_artifact(path: Path, model: type[A]) -> A:
    """Read and check the MODEL stored at PATH.

    Raises ArtifactError, naming the JSON path, what was expected and what was found, when the file is missing, too
    large, not JSON, of another version, has unknown fields, or when its id is not the digest of its content.
    """
    data = _read_bounded(path)
    try:
        artifact = model.model_validate_json(data)
    except ValidationError as fault:
        raise ArtifactError(
            f"{path} is not a valid {model.__name__}: {_first_errors(fault)}",
            hint="The file was changed or cut short; repeat the command that wrote it.",
        ) from fault
    if isinstance(artifact, IdentifiedArtifact):
        stated = getattr(artifact, artifact.ID_FIELD)
        if stated != artifact.expected_id():
            raise ArtifactError(
                f"{path}: {artifact.ID_FIELD} is {stated}, but the content has {artifact.expected_id()}.",
                hint="The file was edited after it was written; repeat the command that wrote it.",
            )
    return artifact


def _read_bounded(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_ARTIFACT_BYTES:
            raise ArtifactError(f"{path} has {size} bytes; at most {MAX_ARTIFACT_BYTES} are read.")
        return path.read_bytes()
    except FileNotFoundError as fault:
        raise ArtifactError(f"{path} does not exist.", hint="`autopack status` shows the runs that exist.") from fault
    except OSError as fault:
        raise EnvironmentFault(f"Cannot read {path}: {fault.strerror or fault}.") from fault


def _first_errors(fault: ValidationError, most: int = 3) -> str:
    """Return the first errors as `$.gaps[0].line: expected …, found …`."""
    lines = []
    for error in fault.errors()[:most]:
        where = "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"])
        usable = error["type"] not in {"json_invalid", "missing"}
        found = redact(repr(error["input"])[:2_000])[:80] if usable else "nothing usable"
        lines.append(f"{redact(where)}: {redact(error['msg'])}; found {found}")
    more = len(fault.errors()) - most
    return "; ".join(lines) + (f"; and {more} more" if more > 0 else "")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _same_file_system(one: Path, other: Path) -> bool:
    return one.is_dir() and one.stat().st_dev == other.stat().st_dev


def _take_over_attributes(descriptor: int, path: Path) -> None:
    try:
        before = path.stat()
    except FileNotFoundError:
        mask = os.umask(0o022)
        os.umask(mask)
        os.fchmod(descriptor, 0o666 & ~mask)
        return
    with contextlib.suppress(PermissionError):
        os.fchown(descriptor, before.st_uid, before.st_gid)
    os.fchmod(descriptor, before.st_mode & 0o7777)
