"""All commands, as the library for command lines wants them."""

from __future__ import annotations

import typer

from autopack.cli import (
    approvals,
    baseline,
    channels,
    explain,
    intention,
    planning,
    policy,
    runs,
    sandbox,
    scanning,
    status,
    tidying,
    worktrees,
)

app = typer.Typer(
    name="autopack",
    help="Governed autonomy for any git repository: intention, gaps, plan, governed change, proof, ledger.",
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


for _group in (
    status,
    intention,
    scanning,
    explain,
    baseline,
    planning,
    approvals,
    channels,
    runs,
    policy,
    tidying,
    sandbox,
    worktrees,
):
    _group.register(app)
