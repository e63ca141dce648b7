"""`autopack init` and `autopack anchor`: write the intention down, look at it, revise it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autopack.cli.options import FormatOption, ProjectIdOption, WorkspaceOption
from autopack.cli.output import Format, chosen_format, print_json, say
from autopack.cli.workspace import settings_for
from autopack.errors import UsageError

if TYPE_CHECKING:
    from autopack.artifacts.model import Artifact
    from autopack.intention_anchor.answers import Situation
    from autopack.intention_anchor.questions import Question
    from autopack.intention_anchor.revise import Revision
    from autopack.intention_anchor.written import Answers
    from autopack.operations.intention_start import Started

_COMMIT = "git add .autopack/intention.yaml && git commit -m 'Write down the intention'"
AnswersOption = Annotated[
    Path | None,
    typer.Option("--answers", metavar="FILE", help="Pivots as YAML or JSON, - for standard input; asks nothing."),
]


def register(app: typer.Typer) -> None:
    """Add the commands to APP."""
    app.command("init")(init)
    anchor = typer.Typer(help="The written intention: show, check, questions, revise, approve.", no_args_is_help=True)
    for command in (show, check, questions, revise, approve):
        anchor.command(command.__name__)(command)
    app.add_typer(anchor, name="anchor")


def init(
    workspace: WorkspaceOption = None,
    project_id: ProjectIdOption = None,
    answers: AnswersOption = None,
    no_input: Annotated[bool, typer.Option("--no-input", help="Ask nothing; what is unanswered stays open.")] = False,
    format: FormatOption = None,
) -> None:
    """Write the intention down, once.

    Writes .autopack/intention.yaml from what the repository shows and your answers to at most 8 questions. Nothing is
    granted that you did not answer, and an existing file is never overwritten.

    Example: autopack init --no-input
    """
    from autopack.clock import SystemClock
    from autopack.intention_anchor.v2 import PivotIntentions
    from autopack.intention_anchor.written import Answers
    from autopack.operations import intention_start

    settings = settings_for(workspace)
    intention_start.require_no_intention(settings)
    inference = intention_start.infer_from_workspace(settings)
    if answers is not None:
        given = intention_start.answers_from_file(answers, standard_input=_standard_input(answers))
    elif no_input:
        given = Answers(PivotIntentions())
    else:
        given = _ask_all(intention_start.situation_of(settings, inference))
    started = intention_start.start_intention(
        settings, given, inference, now=SystemClock().now(), project_id=project_id
    )
    if chosen_format(format) is Format.JSON:
        print_json(_started_document(started))
    _report_start(started)


def show(workspace: WorkspaceOption = None, format: FormatOption = None) -> None:
    """Show what the intention says.

    Each inferred value is marked; what is not stated is named.

    Example: autopack anchor show --format json
    """
    from autopack.intention_anchor.render import describe_intention
    from autopack.operations.intention import require_intention

    anchor, source = require_intention(settings_for(workspace))
    if chosen_format(format) is Format.JSON:
        print_json({"anchor_id": anchor.anchor_id, "source": source, "anchor": anchor.document()})
    else:
        print(describe_intention(anchor), end="")
    say(_where(source))


def check(workspace: WorkspaceOption = None, format: FormatOption = None) -> None:
    """Check that the intention is valid.

    Exit 2, naming each place in the file, where it is not, or the rule that cannot stand. Says too when the intention
    that was in effect is deleted, or an open run went by another one.

    Example: autopack anchor check
    """
    from autopack.operations.base_policy import require_policy
    from autopack.operations.intention import load_intention, require_intention
    from autopack.operations.intention_changes import intention_change, latest_runs

    settings = settings_for(workspace)
    change = intention_change(settings, latest_runs(settings))
    if change is not None and load_intention(settings)[0] is None:
        raise UsageError(change.what, hint=change.next_command)
    anchor, source = require_intention(settings)
    require_policy(settings, anchor)
    still_open = anchor.validate_pivot_completeness()
    if chosen_format(format) is Format.JSON:
        print_json(
            {
                "outcome": "valid",
                "anchor_id": anchor.anchor_id,
                "source": source,
                "open_pivots": [question.pivot for question in still_open],
                "unconfirmed": [value.document() for value in anchor.unconfirmed],
                "change": change.what if change else "",
            }
        )
    else:
        print(f"Valid: {anchor.anchor_id}, project {anchor.project_id}.")
    say(f"{change.what}\n  next: {change.next_command}" if change else _where(source))
    _say_what_is_open(len(still_open), len(anchor.unconfirmed))


def questions(workspace: WorkspaceOption = None, format: FormatOption = None) -> None:
    """List the open questions.

    At most 8, each about something that only you can say.

    Example: autopack anchor questions
    """
    from autopack.operations.intention import open_questions

    still_open = open_questions(settings_for(workspace))
    if chosen_format(format) is Format.JSON:
        print_json({"questions": [question.document() for question in still_open]})
        return
    for number, question in enumerate(still_open, start=1):
        print(f"{number}. {question.text}\n   e.g. {question.example}\n   in the file: {question.pivot}")
    print("Answer them in .autopack/intention.yaml." if still_open else "Nothing is open.")


def revise(
    workspace: WorkspaceOption = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PIVOT.FIELD=VALUE", help="New value, as YAML; empty takes the field out."),
    ] = None,
    answers: AnswersOption = None,
    text: Annotated[
        Path | None, typer.Option("--text", metavar="FILE", help="A whole new intention file, - for standard input.")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why, for whoever approves it.")] = "",
    format: FormatOption = None,
) -> None:
    """Propose a revision as a diff.

    Nothing changes until it is approved.

    Example: autopack anchor revise --set 'scope_boundaries.allowed_write_roots=[/docs/**]' --reason "docs are safe"
    """
    from autopack.clock import SystemClock
    from autopack.operations import intention_revisions, intention_start

    if sum(bool(given) for given in (set_, answers, text)) != 1:
        raise UsageError("Say what to change, in one way.", hint="Use one of: --set, --answers, --text.")
    settings = settings_for(workspace)
    if text is not None:
        changed = intention_start.read_given(text, standard_input=_standard_input(text))
        revision = intention_revisions.propose_text(settings, changed, reason=reason)
    else:
        changes = intention_revisions.changes_from_settings(set_ or [])
        if answers is not None:
            given = intention_start.answers_from_file(answers, standard_input=_standard_input(answers))
            changes = intention_revisions.changes_from_answers(given)
        revision = intention_revisions.propose_changes(settings, changes, reason=reason, now=SystemClock().now())
    _print_revision(revision, format)
    say(f"Proposed {revision.revision_id}; the intention is unchanged.")
    say(f"  next: autopack anchor approve {revision.revision_id}")


def approve(
    revision_id: Annotated[str | None, typer.Argument(metavar="[REVISION]", show_default=False)] = None,
    workspace: WorkspaceOption = None,
    inferred: Annotated[bool, typer.Option("--inferred", help="Confirm every inferred value instead.")] = False,
    format: FormatOption = None,
) -> None:
    """Approve a proposed revision.

    With --inferred: confirm what was read off the repository.

    Exit 5 if the file has changed since the revision was proposed.

    Example: autopack anchor approve revision-0123456789ab
    """
    from autopack.clock import SystemClock
    from autopack.operations import intention_revisions

    settings = settings_for(workspace)
    if inferred:
        if revision_id is not None:
            raise UsageError("Approve a revision or --inferred, not both at once.")
        diff = intention_revisions.approve_inferred(settings, now=SystemClock().now())
        _print_approved("confirmed" if diff else "nothing to do", diff, format)
    else:
        diff = intention_revisions.approve_revision(settings, revision_id).diff
        _print_approved("approved", diff, format)
    if diff:
        say(f"It takes effect with a commit.\n  next: {_COMMIT}")


# Asking


def _ask_all(situation: Situation) -> Answers:
    """Ask every question, one line each; returns what was answered. Prompts go to stderr."""
    from dataclasses import replace

    from autopack.intention_anchor.questions import QUESTIONS
    from autopack.intention_anchor.v2 import PivotIntentions, ScopeBoundaries
    from autopack.intention_anchor.written import Answers

    say(f'{len(QUESTIONS)} questions. Enter takes what stands in brackets; "none" says that there is nothing.')
    stated: dict[str, Artifact] = {}
    for number, question in enumerate(QUESTIONS, start=1):
        pivot = _ask(question, f"{number} of {len(QUESTIONS)}", situation)
        if pivot is not None:
            stated[question.pivot] = pivot
        if isinstance(pivot, ScopeBoundaries):
            situation = replace(situation, write_roots=pivot.allowed_write_roots)
    return Answers(PivotIntentions.model_validate(stated))


def _ask(question: Question, count: str, situation: Situation) -> Artifact | None:
    from autopack.intention_anchor.answers import default_answer, understand

    default = default_answer(question.pivot, situation)
    say(f"\n{count}  {question.text}\n        e.g. {question.example}")
    while True:
        print(f"        [{default or 'leave open'}] > ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            raise UsageError(
                "The input ended before the last question; nothing was written.",
                hint="Without a terminal use: autopack init --no-input, or --answers FILE",
            )
        answer = line.strip() or default
        if not answer:
            return None
        try:
            return understand(question.pivot, answer, situation)
        except UsageError as fault:
            say(f"        {fault.message} {fault.hint}".rstrip())


def _standard_input(path: Path) -> bytes | None:
    return sys.stdin.buffer.read(2_000_000) if str(path) == "-" else None


# Printing


def _started_document(started: Started) -> dict[str, object]:
    return {
        "outcome": "written",
        "path": ".autopack/intention.yaml",
        "project_id": started.anchor.project_id,
        "anchor_id": started.anchor.anchor_id,
        "inferred": [value.document() for value in started.anchor.metadata.inferred],
        "notes": list(started.inference.notes),
        "open_questions": [question.document() for question in started.questions],
    }


def _report_start(started: Started) -> None:
    say(f"Wrote .autopack/intention.yaml for project {started.anchor.project_id}.")
    for note in started.inference.notes:
        say(f"  note: {note}")
    _say_what_is_open(len(started.questions), len(started.anchor.unconfirmed))
    say(f"  next: read it, then {_COMMIT}")


def _say_what_is_open(question_count: int, unconfirmed_count: int) -> None:
    if question_count:
        say(f"Open questions: {question_count}. See them with: autopack anchor questions")
    if unconfirmed_count:
        say(f"Inferred and not confirmed: {unconfirmed_count}. Confirm with: autopack anchor approve --inferred")


def _where(source: str) -> str:
    if source == "commit":
        return "In effect: it stands in the last commit."
    return f"Not in effect yet: it differs from the last commit.\n  next: {_COMMIT}"


def _print_revision(revision: Revision, format: Format | None) -> None:
    if chosen_format(format) is Format.JSON:
        print_json(revision.document())
    else:
        print(revision.diff, end="")


def _print_approved(outcome: str, diff: str, format: Format | None) -> None:
    if chosen_format(format) is Format.JSON:
        print_json({"outcome": outcome, "diff": diff})
    else:
        print(diff or "Nothing was left to confirm.\n", end="")
