"""Artifacts are written whole or not at all, and what is read has been checked."""

from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest

from autopack.artifacts import store
from autopack.artifacts.model import Count, IdentifiedArtifact, Identifier, Text
from autopack.artifacts.store import MAX_ARTIFACT_BYTES, artifact_bytes, read_artifact, write_artifact, write_bytes
from autopack.errors import ArtifactError, EnvironmentFault
from planted_secrets import planted_secrets


class Note(IdentifiedArtifact):
    """A small artifact."""

    ID_FIELD: ClassVar[str] = "note_id"
    ID_PREFIX: ClassVar[str] = "note"

    note_id: Identifier = "unsealed"
    text: Text
    number: Count = 0


NOTE = Note(text="first").sealed()


def _names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    """Missing folders are made, the file is canonical JSON with a line feed, and reading gives an equal artifact."""
    path = tmp_path / "deep" / "er" / "note.json"
    write_artifact(path, NOTE)
    assert (
        path.read_bytes()
        == artifact_bytes(NOTE)
        == f'{{"note_id":"{NOTE.note_id}","number":0,"text":"first"}}\n'.encode()
    )
    assert read_artifact(path, Note) == NOTE
    assert _names(path.parent) == ["note.json"]


def test_writing_again_replaces_the_whole_file(tmp_path: Path) -> None:
    """A shorter artifact leaves nothing of the longer one behind."""
    path = tmp_path / "note.json"
    write_artifact(path, Note(text="long " * 100).sealed())
    write_artifact(path, NOTE)
    assert path.read_bytes() == artifact_bytes(NOTE)


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_a_failure_at_any_step_keeps_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Whether writing, syncing or replacing fails: the old artifact stands, and no temporary file is left."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    path = tmp_path / "note.json"
    write_artifact(path, NOTE)
    if step == "write":
        monkeypatch.setattr(os, "fdopen", _failing_fdopen)
    elif step == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
    else:
        monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(EnvironmentFault, match=r"Cannot write .*note\.json: Input/output error"):
        write_artifact(path, Note(text="second").sealed())
    monkeypatch.undo()
    assert read_artifact(path, Note) == NOTE
    assert _names(tmp_path) == ["note.json"]


def _failing_fdopen(descriptor: int, mode: str) -> object:
    os.close(descriptor)
    raise OSError(errno.EIO, "Input/output error")


_FILL = """
import resource, signal, sys
from pathlib import Path
from autopack.artifacts.store import write_bytes
from autopack.errors import EnvironmentFault
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    write_bytes(Path(sys.argv[1]), b"x" * 100_000)
except EnvironmentFault as fault:
    print(fault.message)
    sys.exit(fault.exit_code)
"""


def test_a_file_system_that_takes_no_more_keeps_the_old_content(tmp_path: Path) -> None:
    """When the system stops a write in the middle, the old content stands, and the exit code says environment."""
    path = tmp_path / "note.json"
    write_bytes(path, b"old")
    done = subprocess.run([sys.executable, "-c", _FILL, str(path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (30, f"Cannot write {path}: File too large.\n", "")
    assert path.read_bytes() == b"old"
    assert _names(tmp_path) == ["note.json"]


@pytest.mark.skipif(not Path("/dev/shm").is_dir() or os.geteuid() != 0, reason="needs a mount of its own")
def test_a_full_disk_keeps_the_old_content(tmp_path: Path) -> None:
    """On a file system without a free block, writing fails with its reason, and the old content stands."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("mounting is not allowed here")
    try:
        write_bytes(disk / "note.json", b"old")
        with pytest.raises(EnvironmentFault, match="No space left on device"):
            write_bytes(disk / "note.json", b"x" * 200_000)
        assert (disk / "note.json").read_bytes() == b"old"
        assert _names(disk) == ["note.json"]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_kill_in_the_middle_leaves_old_or_new(tmp_path: Path) -> None:
    """A process killed while it writes over and over leaves one whole artifact at the path."""
    path = tmp_path / "note.json"
    code = (
        "import sys\nfrom pathlib import Path\nfrom autopack.artifacts.store import write_bytes\n"
        "print('go', flush=True)\n"
        "path = Path(sys.argv[1])\n"
        "while True:\n    write_bytes(path, b'a' * 300_000)\n    write_bytes(path, b'b' * 200_000)\n"
    )
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        while not path.exists():
            pass
        process.kill()
        process.communicate()
        assert path.read_bytes() in {b"a" * 300_000, b"b" * 200_000}


def test_a_path_that_is_a_folder_is_an_environment_fault(tmp_path: Path) -> None:
    """Writing over a folder fails with the reason and leaves the folder and nothing else."""
    (tmp_path / "note.json").mkdir()
    with pytest.raises(EnvironmentFault, match="Cannot write"):
        write_artifact(tmp_path / "note.json", NOTE)
    assert _names(tmp_path) == ["note.json"]


def _drop(document: dict[str, object]) -> None:
    del document["text"]


def _unknown(document: dict[str, object]) -> None:
    document["surprise"] = 1


def _edit(document: dict[str, object]) -> None:
    document["text"] = "edited"


def _boolean(document: dict[str, object]) -> None:
    document["number"] = True


def _float(document: dict[str, object]) -> None:
    document["number"] = 0.0


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_drop, r"\$\.text: Field required; found nothing usable"),
        (_unknown, r"\$\.surprise: Extra inputs are not permitted; found 1"),
        (_edit, r"note_id is note-[0-9a-f]{12}, but the content has note-[0-9a-f]{12}\."),
        (_boolean, r"\$\.number: .*valid integer; found True"),
        (_float, r"\$\.number: .*valid integer; found 0\.0"),
    ],
)
def test_a_changed_document_is_refused(
    tmp_path: Path, change: Callable[[dict[str, object]], None], expected: str
) -> None:
    """A missing key, an unknown one, an edit, a boolean or a float for an integer: the error names the place."""
    document = NOTE.document()
    change(document)
    path = tmp_path / "note.json"
    path.write_text(json.dumps(document), "utf-8")
    with pytest.raises(ArtifactError, match=expected) as caught:
        read_artifact(path, Note)
    assert str(path) in caught.value.message
    assert caught.value.exit_code == 2
    assert caught.value.hint


def test_a_document_cut_short_anywhere_is_refused(tmp_path: Path) -> None:
    """Whatever the length to which a file was truncated, reading it is an ArtifactError."""
    path = tmp_path / "note.json"
    whole = artifact_bytes(NOTE).rstrip(b"\n")
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(ArtifactError, match="is not a valid Note"):
            read_artifact(path, Note)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00" * 100,
        b"\xff\xfe{}",
        b"[]",
        b"null",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"NaN",
        "\ufeff{}".encode(),
    ],
)
def test_what_is_no_document_is_refused(tmp_path: Path, data: bytes) -> None:
    """Empty, binary, another JSON type, bottomless nesting, a byte-order mark: an ArtifactError, never a crash."""
    path = tmp_path / "note.json"
    path.write_bytes(data)
    with pytest.raises(ArtifactError):
        read_artifact(path, Note)


def test_a_document_of_fifty_megabytes_is_refused_unread(tmp_path: Path) -> None:
    """The size alone decides, before a byte is read into memory."""
    path = tmp_path / "note.json"
    with path.open("wb") as handle:
        handle.truncate(50 * 1024 * 1024)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ArtifactError, match=f"has 52428800 bytes; at most {MAX_ARTIFACT_BYTES} are read"):
        read_artifact(path, Note)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 10_000


def test_a_missing_document_is_named(tmp_path: Path) -> None:
    """The message says which file, the hint how to see the runs that exist."""
    with pytest.raises(ArtifactError, match=r"missing\.json does not exist") as caught:
        read_artifact(tmp_path / "missing.json", Note)
    assert "autopack status" in caught.value.hint


def test_a_folder_instead_of_a_document_is_an_environment_fault(tmp_path: Path) -> None:
    """A folder cannot be read as a document; the exit code says environment."""
    with pytest.raises(EnvironmentFault, match=r"Cannot read .*: Is a directory"):
        read_artifact(tmp_path, Note)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_document_is_an_environment_fault(tmp_path: Path) -> None:
    """A file without permission is reported with its reason."""
    path = tmp_path / "note.json"
    write_artifact(path, NOTE)
    path.chmod(0)
    with pytest.raises(EnvironmentFault, match="Permission denied"):
        read_artifact(path, Note)


def test_an_unreadable_folder_is_an_environment_fault(tmp_path: Path) -> None:
    """A path below a plain file cannot be read; the message says so."""
    (tmp_path / "file").write_text("x", "utf-8")
    with pytest.raises((EnvironmentFault, ArtifactError)):
        read_artifact(tmp_path / "file" / "note.json", Note)


def test_the_errors_of_a_document_are_bounded() -> None:
    """Of many errors three are spelt out and the rest counted."""
    from pydantic import ValidationError

    try:
        Note.from_document({f"k{number}": 1 for number in range(50)})
    except ValidationError as fault:
        text = store._first_errors(fault)
    assert text.endswith("and 48 more")


def test_an_error_about_a_document_holds_no_secret(tmp_path: Path) -> None:
    """A secret that stands in a damaged document is not repeated in the message."""
    secret = planted_secrets()["github classic"]
    path = tmp_path / "note.json"
    path.write_text(json.dumps(NOTE.document() | {"number": secret, secret: 1}), "utf-8")
    with pytest.raises(ArtifactError) as caught:
        read_artifact(path, Note)
    assert secret not in caught.value.message
    assert "$.number" in caught.value.message
