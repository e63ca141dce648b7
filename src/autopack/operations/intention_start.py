"""Start the written intention: what the repository shows and what people answered, into a file of its own."""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from autopack.actions.registry import all_kinds
from autopack.clock import timestamp
from autopack.config import INTENTION_FILE, Settings
from autopack.errors import EnvironmentFault, UsageError
from autopack.file_layout import validate_id
from autopack.git import Git
from autopack.intention_anchor.answers import Situation
from autopack.intention_anchor.infer import Inference, infer
from autopack.intention_anchor.plain_yaml import MAX_BYTES
from autopack.intention_anchor.questions import Question
from autopack.intention_anchor.render import render_intention
from autopack.intention_anchor.v2 import IntentionAnchorV2, create_from_inputs
from autopack.intention_anchor.written import Answers, read_answers, read_intention
from autopack.operations.intention import default_project_id, read_plain_file, refuse_links
from autopack.policy.compile import NOT_DETERMINISTIC


@dataclass(frozen=True)
class Started:
    """A written intention: its anchor, what was inferred for it, and what is still open."""

    anchor: IntentionAnchorV2
    inference: Inference
    questions: tuple[Question, ...]


def require_no_intention(settings: Settings) -> None:
    """Raise UsageError where an intention file stands already; it is never overwritten."""
    refuse_links(settings)
    if os.path.lexists(settings.workspace / INTENTION_FILE):
        raise UsageError(
            f"{INTENTION_FILE} exists already and is not overwritten.",
            hint="See it: autopack anchor show; change it: edit the file, or autopack anchor revise",
        )


def infer_from_workspace(settings: Settings) -> Inference:
    """Return what the files of the workspace show; runs none of its code."""
    return infer(_WorkspaceView(settings.workspace))


def situation_of(settings: Settings, inference: Inference) -> Situation:
    """Return what typed answers are understood against."""
    tops = {path.split("/", 1)[0] for path in _WorkspaceView(settings.workspace).paths if "/" in path}
    kinds = tuple(kind for kind in all_kinds() if kind not in NOT_DETERMINISTIC)
    return Situation(frozenset(tops), tuple(settings.ledgers), inference.entries, kinds)


def start_intention(
    settings: Settings,
    answers: Answers,
    inference: Inference,
    *,
    now: datetime,
    project_id: str | None = None,
) -> Started:
    """Write the intention file from ANSWERS and INFERENCE; what nobody answered stays open.

    Raises UsageError where one exists, also one that appears meanwhile; nothing is overwritten.
    """
    require_no_intention(settings)
    project = project_id or answers.project_id or default_project_id(settings, None)
    anchor = create_from_inputs(
        project_id=validate_id(project, "project id"),
        created_at=timestamp(now),
        explicit=answers.pivots,
        inferred=inference.entries,
    )
    text = render_intention(anchor, languages=inference.languages, notes=inference.notes).encode()
    written = read_intention(text)
    _create(settings.workspace / INTENTION_FILE, text)
    return Started(written, inference, written.validate_pivot_completeness())


def answers_from_file(path: Path, *, standard_input: bytes | None = None) -> Answers:
    """Read answers from PATH; STANDARD_INPUT takes its place where PATH is `-`.

    Raises UsageError where the file is missing or does not hold answers.
    """
    return read_answers(read_given(path, standard_input=standard_input), name=str(path))


def read_given(path: Path, *, standard_input: bytes | None = None) -> bytes:
    """Return the bytes of PATH, or STANDARD_INPUT where PATH is `-`; raises UsageError where there is no such file."""
    if str(path) == "-" and standard_input is not None:
        return standard_input
    data = read_plain_file(path)
    if data is None:
        raise UsageError(f"{path} is not there or is no plain file.")
    return data


@dataclass(frozen=True)
class _WorkspaceView:
    """The files that git tracks and those that it does not ignore; reads stay inside the workspace."""

    workspace: Path

    @cached_property
    def paths(self) -> tuple[str, ...]:
        listed = Git(self.workspace).nul_separated("ls-files", "-z", "--cached", "--others", "--exclude-standard")
        return tuple(sorted({path for path in listed if path.isprintable()}))

    def read(self, path: str) -> bytes | None:
        place = self.workspace / path
        try:
            inside = place.resolve().is_relative_to(self.workspace.resolve())
            data = read_plain_file(place) if inside else None
        except (OSError, RuntimeError, EnvironmentFault):
            return None
        return data if data is None or len(data) <= MAX_BYTES else None


def _create(path: Path, data: bytes) -> None:
    """Put DATA at PATH whole or not at all, and only where nothing stands: a link fails where its name is taken."""
    temporary: str | None = None
    try:
        path.parent.mkdir(exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        Path(temporary).chmod(0o666 & ~_umask())
        os.link(temporary, path)
    except FileExistsError as fault:
        raise UsageError(f"{path} exists already and is not overwritten.") from fault
    except OSError as fault:
        raise EnvironmentFault(f"Cannot write {path}: {fault.strerror or fault}.") from fault
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()


def _umask() -> int:
    current = os.umask(0o077)
    os.umask(current)
    return current
