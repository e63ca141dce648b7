"""Scratch folders: removed whole, found again after a kill, and nothing else is removed in their name."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from autopack.errors import UnsafeRepository
from autopack.execution.scratch import clear_scratch, make_scratch, recorded_scratch


def test_a_cleared_folder_is_gone_with_its_record(tmp_path: Path) -> None:
    """Also where folders inside were made unwritable, and without following a link that leads out."""
    outside = tmp_path / "outside"
    (outside / "kept").mkdir(parents=True)
    outside.chmod(0o500)
    scratch = make_scratch(tmp_path / "record")
    (scratch / "a/b").mkdir(parents=True)
    (scratch / "a/b/file").write_text("text\n", encoding="utf-8")
    (scratch / "a/link").symlink_to(outside)
    (scratch / "a/b").chmod(0o000)
    (scratch / "a").chmod(0o500)
    assert recorded_scratch(tmp_path / "record") == scratch
    clear_scratch(tmp_path / "record")
    assert not scratch.exists()
    assert not (tmp_path / "record").exists()
    assert (outside / "kept").is_dir()
    assert outside.stat().st_mode & 0o777 == 0o500


@pytest.mark.parametrize("name", ["precious", "autopack-scratch-0/../precious", "autopack-scratch-0"])
def test_a_record_that_names_another_folder_removes_nothing(tmp_path: Path, name: str) -> None:
    """Only a folder that `make_scratch` could have made is removed: one of its names, right in the place for those."""
    named = tmp_path / name
    (tmp_path / "autopack-scratch-0").mkdir()
    named.mkdir(exist_ok=True)
    (tmp_path / "record").write_bytes(os.fsencode(named))
    clear_scratch(tmp_path / "record")
    assert named.is_dir()
    assert not (tmp_path / "record").exists()


def test_a_folder_in_another_temporary_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever goes on with a run may have another TMPDIR than who began it."""
    (tmp_path / "then").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "then"))
    scratch = make_scratch(tmp_path / "record")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    clear_scratch(tmp_path / "record")
    assert (scratch.parent, scratch.exists()) == (tmp_path / "then", False)


def test_a_link_in_the_place_of_the_folder_leads_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands at that place by now and is no folder is left alone, with all that it leads to."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    scratch = make_scratch(tmp_path / "record")
    scratch.rmdir()
    (tmp_path / "precious/inner").mkdir(parents=True)
    (tmp_path / "precious/inner").chmod(0o750)
    scratch.symlink_to(tmp_path / "precious")
    clear_scratch(tmp_path / "record")
    assert (tmp_path / "precious/inner").stat().st_mode & 0o777 == 0o750
    assert scratch.is_symlink()


def test_a_record_behind_a_link_is_neither_written_nor_removed(tmp_path: Path) -> None:
    """A repository may have committed a link in the place of the folder for records."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/run-1").write_text("precious\n", encoding="utf-8")
    (tmp_path / "workplaces").symlink_to("elsewhere")
    record = tmp_path / "workplaces/run-1"
    with pytest.raises(UnsafeRepository, match="symbolic link"):
        make_scratch(record)
    clear_scratch(record)
    assert (tmp_path / "elsewhere/run-1").read_text(encoding="utf-8") == "precious\n"


def test_a_record_behind_a_link_clears_nobody_elses_folder(tmp_path: Path) -> None:
    """The link may lead to the records of another checkout, whose work goes on."""
    (tmp_path / "theirs").mkdir()
    scratch = make_scratch(tmp_path / "theirs/run-1")
    (tmp_path / "workplaces").symlink_to("theirs")
    clear_scratch(tmp_path / "workplaces/run-1")
    assert scratch.is_dir()
    clear_scratch(tmp_path / "theirs/run-1")
    assert not scratch.exists()


@pytest.mark.parametrize("content", [b"", b"\0", b"/tmp/autopack-scratch-\0", b"\xff/" * 4_000, None])
def test_a_record_that_is_none_is_cleared_or_left(tmp_path: Path, content: bytes | None) -> None:
    """Nothing stops whoever clears up: neither odd bytes nor a folder of that name."""
    record = tmp_path / "record"
    if content is None:
        record.mkdir()
    else:
        record.write_bytes(content)
    clear_scratch(record)
    assert record.exists() is (content is None)


def test_without_a_record_there_is_nothing_to_clear(tmp_path: Path) -> None:
    """A run whose agents all came to their end has none."""
    clear_scratch(tmp_path / "record")
    assert recorded_scratch(tmp_path / "record") is None


def test_folders_of_two_records_are_two(tmp_path: Path) -> None:
    """Runs beside each other do not share one."""
    records = (tmp_path / "one", tmp_path / "two")
    one, two = (make_scratch(record) for record in records)
    clear_scratch(records[0])
    assert (one.exists(), two.is_dir()) == (False, True)
    clear_scratch(records[1])
