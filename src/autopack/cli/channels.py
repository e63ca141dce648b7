"""`autopack channels`: delivering requests to people elsewhere, and hearing what they answer."""

from __future__ import annotations

from typing import Annotated

import typer

from autopack.cli.options import FormatOption, WorkspaceOption
from autopack.cli.output import Format, chosen_format, console, print_json, say
from autopack.cli.workspace import settings_for

channels = typer.Typer(
    rich_markup_mode=None, no_args_is_help=True, help="Ask people elsewhere, and hear their answers."
)


def register(app: typer.Typer) -> None:
    """Add the commands to APP."""
    app.add_typer(channels, name="channels")


@channels.command("deliver")
def deliver(workspace: WorkspaceOption = None, format: FormatOption = None) -> None:
    """Deliver the requests that are due, over the channels that the intention names.

    Example: autopack channels deliver
    """
    from autopack.operations import channels as operations

    done = operations.deliver(settings_for(workspace))
    if chosen_format(format) is Format.JSON:
        outcome = "failed" if any(one.error for one in done) else "done" if done else "nothing_to_do"
        print_json({"outcome": outcome, "channels": [vars(one) for one in done]})
        return
    for one in done:
        error = f"; it is tried again: {one.error}" if one.error else ""
        console().print(f"{one.channel}: {one.delivered} delivered{error}", markup=False)
    if not done:
        say("Nothing to deliver: the intention names no channel but cli, or nothing was asked.")


@channels.command("poll")
def poll(workspace: WorkspaceOption = None, format: FormatOption = None) -> None:
    """Hear what people answered; what counts is decided, all of it is recorded.

    Example: autopack channels poll
    """
    from autopack.operations import channels as operations

    done = operations.poll(settings_for(workspace))
    if chosen_format(format) is Format.JSON:
        heard = [{**vars(one), "answers": [vars(each) for each in one.answers]} for one in done]
        print_json({"outcome": "done" if any(one.answers for one in done) else "nothing_to_do", "channels": heard})
        return
    for one in done:
        for answer in one.answers:
            told = f"{one.channel}: {answer.identity}: {answer.outcome}: {answer.detail}"
            console().print(told, markup=False)
        if one.error:
            console().print(f"{one.channel}: {one.error}", markup=False)
    if not any(one.answers for one in done):
        say("Nobody answered anything new.")


@channels.command("serve")
def serve(
    workspace: WorkspaceOption = None,
    host: Annotated[str, typer.Option("--host", help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65_535, help="Port to listen at.")] = 8_765,
) -> None:
    """Receive signed answers of the channel webhook (POST /answers) until interrupted.

    Example: autopack channels serve --port 8765
    """
    from autopack.operations.channels import serve_answers

    say(f"Receiving answers at http://{host}:{port}/answers")
    serve_answers(settings_for(workspace), host=host, port=port)


@channels.command("status")
def status(workspace: WorkspaceOption = None, format: FormatOption = None) -> None:
    """Show what each channel still has to deliver, and every answer that came in, refused or not.

    Example: autopack channels status
    """
    from autopack.operations.channels import answers_on_record, channel_statuses

    settings = settings_for(workspace)
    found, answered = channel_statuses(settings), answers_on_record(settings)
    if chosen_format(format) is Format.JSON:
        outcome = "waiting" if any(one.waiting for one in found) else "done"
        print_json(
            {"outcome": outcome, "channels": [vars(one) for one in found], "answers": [vars(one) for one in answered]}
        )
        return
    for one in found:
        error = f"; last error: {one.last_error}" if one.last_error else ""
        when = f", next attempt {one.next_attempt_at}" if one.waiting else ""
        console().print(f"{one.name}: {one.waiting} to deliver{when}{error}", markup=False)
    for answer in answered:
        told = f"{answer.received_at}  {answer.channel}:{answer.identity}  {answer.decision}"
        console().print(f"{told}  {answer.outcome}: {answer.detail}", markup=False)
