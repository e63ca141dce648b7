"""`autopack policy`: which rule decides what, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from autopack.cli.options import FormatOption, RunIdOption, WorkspaceOption
from autopack.cli.output import Format, chosen_format, console, print_json, say
from autopack.cli.workspace import settings_for

if TYPE_CHECKING:
    from autopack.operations.policy import Explanation

policy = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="See which rule decides what, and why.")


def register(app: typer.Typer) -> None:
    """Add the commands to APP."""
    app.add_typer(policy, name="policy")


@policy.command("explain")
def explain(
    action_id: Annotated[str | None, typer.Argument(metavar="ACTION_ID", help="An action of a plan.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Kind of action, instead of an ACTION_ID.")] = None,
    paths: Annotated[list[str] | None, typer.Option("--path", help="A path it touches; may be repeated.")] = None,
    lines: Annotated[int | None, typer.Option("--lines", min=0, max=10**9, help="Lines added plus removed.")] = None,
    risk: Annotated[int | None, typer.Option("--risk", min=0, max=100, help="Risk score, 0 to 100.")] = None,
    tokens: Annotated[int | None, typer.Option("--tokens", min=0, max=10**12, help="Tokens of a model.")] = None,
    seconds: Annotated[int | None, typer.Option("--seconds", min=0, max=10**9, help="Seconds of wall time.")] = None,
    hosts: Annotated[list[str] | None, typer.Option("--host", help="A host it reaches; may be repeated.")] = None,
    irreversible: Annotated[bool, typer.Option("--irreversible", help="It cannot be undone.")] = False,
    run_id: RunIdOption = None,
    workspace: WorkspaceOption = None,
    format: FormatOption = None,
) -> None:
    """Say whether an action would be auto_approved, requires_approval or blocked, by which rules. Changes nothing.

    What is not stated counts as unknown, and an unknown is never small.

    Example: autopack policy explain --kind link_fix --path docs/guide.md --lines 2 --risk 5 --tokens 0 --seconds 5
    """
    from autopack.errors import UsageError
    from autopack.operations.policy import explain_action, explain_facts
    from autopack.policy.facts import ActionFacts

    if (action_id is None) == (kind is None):
        raise UsageError("Name either an action of a plan or a --kind.", hint="autopack policy explain --help")
    settings = settings_for(workspace)
    if action_id is not None:
        if paths or hosts or irreversible or any(each is not None for each in (lines, risk, tokens, seconds)):
            raise UsageError(
                "An action of a plan has its own facts.", hint="Leave out the other options, or use --kind."
            )
        explanation = explain_action(settings, action_id, run_id)
    else:
        facts = ActionFacts(
            kind=kind or "",
            paths=tuple(paths or ()),
            lines=lines,
            risk=risk,
            tokens=tokens,
            seconds=seconds,
            reversible=not irreversible,
            hosts=tuple(hosts or ()),
        )
        explanation = explain_facts(settings, facts)
    if chosen_format(format) is Format.JSON:
        print_json(_document(explanation))
    else:
        _render(explanation)


@policy.command("show")
def show(workspace: WorkspaceOption = None, format: FormatOption = None) -> None:
    """Show everything that decides here: the shipped policy, the owner's rules and forbids, and the path lists.

    Example: autopack policy show
    """
    from autopack.operations.policy import show_policy

    shown = show_policy(settings_for(workspace))
    if chosen_format(format) is Format.JSON:
        print_json({**vars(shown), "lists": {name: list(patterns) for name, patterns in shown.lists.items()}})
        return
    lists = [f"// {name}\n" + "".join(f"//   {pattern}\n" for pattern in each) for name, each in shown.lists.items()]
    parts = (
        shown.shipped,
        f"// The owner's rules, from the intention.\n{shown.owner}" if shown.owner else "// The owner wrote no rules.",
        f"// The owner's extra forbids.\n{shown.local}" if shown.local else "",
        "// The path lists.\n" + "".join(lists),
        f"// Policy digest: {shown.digest}",
    )
    console().print("\n\n".join(part.strip("\n") for part in parts if part), markup=False)


@policy.command("test")
def test(workspace: WorkspaceOption = None, format: FormatOption = None) -> None:
    """Try the examples that the owner wrote beside the rules; exit 2 if one does not come out as expected.

    Example: autopack policy test
    """
    from autopack.errors import EXIT_USAGE
    from autopack.operations.policy import try_examples

    results = try_examples(settings_for(workspace))
    failed = [result for result in results if not result.held]
    if chosen_format(format) is Format.JSON:
        print_json(
            {
                "outcome": "failed" if failed else "passed",
                "examples": [
                    {
                        "rule_id": result.rule_id,
                        "example": result.example,
                        "held": result.held,
                        "outcome": result.verdict.outcome,
                        "rules": list(result.verdict.rules),
                    }
                    for result in results
                ],
            }
        )
    else:
        for result in results:
            word = "holds" if result.held else f"FAILS: it is {result.verdict.outcome}"
            line = f"{result.rule_id}: {result.example} {word} ({', '.join(result.verdict.rules)})"
            console().print(line, markup=False)
    say(f"{len(results)} examples, {len(failed)} failed.")
    if failed:
        raise typer.Exit(EXIT_USAGE)


def _document(explanation: Explanation) -> dict[str, object]:
    facts, planned = explanation.facts, explanation.planned
    return {
        "outcome": explanation.verdict.outcome,
        "rules": list(explanation.verdict.rules),
        "because": dict(zip(explanation.verdict.rules, explanation.sentences, strict=True)),
        "policy_digest": explanation.verdict.policy_digest,
        "intention_source": explanation.intention_source,
        "sandbox": explanation.circumstances.sandbox,
        "facts": {
            "kind": _text(facts.kind),
            **{name: getattr(facts, name) for name in ("lines", "risk", "tokens", "seconds", "reversible")},
            **{name: [_text(each) for each in getattr(facts, name)] for name in ("paths", "link_targets", "hosts")},
        },
        "planned": None
        if planned is None
        else {
            "action_id": planned.action_id,
            "title": planned.title,
            "outcome": planned.approval_status,
            "rules": list(planned.decided_by),
        },
    }


def _render(explanation: Explanation) -> None:
    out, facts, planned = console(), explanation.facts, explanation.planned
    stated = {"lines": facts.lines, "risk": facts.risk, "tokens": facts.tokens, "seconds": facts.seconds}
    figures = ", ".join(f"{name} {'unknown' if value is None else value}" for name, value in stated.items())
    what = f"{planned.action_id}  {planned.kind}: {planned.title}" if planned else facts.kind
    out.print(what, style="bold", markup=False)
    for path in (*facts.paths, *(f"-> {target}" for target in facts.link_targets)):
        out.print(f"  {path}", style="dim", markup=False)
    out.print(f"  {figures}", style="dim", markup=False)
    out.print(explanation.verdict.outcome, style="bold", markup=False)
    held = explanation.verdict.outcome == "auto_approved" or explanation.verdict.rules[0].startswith("default.")
    for rule, sentence in zip(explanation.verdict.rules, explanation.sentences, strict=True):
        out.print(f"  {rule}: {sentence if held else f'this does not hold: {sentence}'}", markup=False)
    if planned is not None and planned.approval_status != explanation.verdict.outcome:
        out.print(f"  (when it was planned: {planned.approval_status})", markup=False)


def _text(name: str) -> str:
    """Return NAME with bytes that are no text escaped."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
