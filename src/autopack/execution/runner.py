"""Carries out one granted action in the run's worktree and measures what it did. Takes a `Grant` and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from autopack.actions.models import Kind
from autopack.errors import DeniedByPolicy, EnvironmentFault
from autopack.execution.agents.bounds import path_objection, size_objection
from autopack.execution.diff import FileChange, change_digest, ignored_files, measure, stage_everything
from autopack.execution.tree import GrantedTree
from autopack.git import Git
from autopack.governance.models import Grant
from autopack.policy.decide import Policy
from autopack.policy.facts import ActionFacts, Circumstances, Verdict

Perform = Callable[[Grant, Git, str], str]
"""Carries a task out elsewhere, from the commit named, and returns the tree that came of it."""

_SEVERITY = {"auto_approved": 0, "requires_approval": 1, "blocked": 2}
_NO_FILE = "000000"


@dataclass(frozen=True)
class Outcome:
    """What an action did to the tree, and the policy's second verdict on it.

    `refusal` is empty when the change may be kept; otherwise it says why it must be undone.
    """

    tree: str
    changes: tuple[FileChange, ...]
    second_verdict: Verdict
    refusal: str
    askable: bool = False
    """A refused change that a person may still approve, having seen what was measured."""

    @property
    def measured_digest(self) -> str:
        return change_digest(self.changes)

    @property
    def lines(self) -> int:
        return sum(change.lines_added + change.lines_removed for change in self.changes)


def carry_out(
    grant: Grant,
    *,
    kind: Kind,
    git: Git,
    parent: str,
    policy: Policy,
    where: Circumstances,
    perform: Perform | None = None,
) -> Outcome:
    """Apply the action of GRANT to the worktree of GIT, whose tip is PARENT, and judge the real diff.

    What Autopack's own code does not carry out is left to PERFORM, and reaches the worktree only if it may be kept.
    Raises DeniedByPolicy for a kind without hands, and whatever the action itself raises (a stale file, for
    example); the caller undoes the tree in every case but a clean outcome.
    """
    if kind.apply is None:
        if perform is None:
            raise DeniedByPolicy(f"{grant.action.kind} is not carried out by Autopack itself.")
        return _taken_over(grant, kind, git, parent, perform(grant, git, parent), policy, where)
    hands = GrantedTree(git.work_tree, frozenset(grant.action.target_paths))
    hidden = ignored_files(git)
    kind.apply(hands, grant.action)
    tree = stage_everything(git)
    _refuse_hidden(git, ignored_files(git) - hidden)
    changes = measure(git, parent, tree)
    verdict = policy.decide(measured_facts(grant, kind, changes), where)
    integrity = _beyond_grant(grant, changes)
    if integrity or grant.measured_digest == change_digest(changes):
        refusal = integrity or _worse(grant, verdict)
        return Outcome(tree, changes, verdict, refusal)
    refusal = _more_lines(grant, changes) or _worse(grant, verdict)
    return Outcome(tree, changes, verdict, refusal, askable=bool(refusal) and verdict.outcome != "blocked")


def _taken_over(
    grant: Grant, kind: Kind, git: Git, parent: str, tree: str, policy: Policy, where: Circumstances
) -> Outcome:
    """Judge TREE, which somebody else made, and put it into the worktree of GIT if it may be kept.

    Raises EnvironmentFault where nothing was changed. Nobody is asked about more than was approved: another attempt
    would not make the same change.
    """
    changes = measure(git, parent, tree)
    if not changes:
        raise EnvironmentFault("the agent changed nothing")
    facts = measured_facts(grant, kind, changes)
    verdict = policy.decide(facts, where)
    refusal = (
        _odd_entry(changes)
        or _worse(grant, verdict)
        or path_objection(grant.action, facts.paths, policy)
        or size_objection(len(facts.paths), facts.lines or 0, policy)
    )
    if not refusal:
        git.run("read-tree", "--reset", "-u", tree)
    return Outcome(tree, changes, verdict, refusal)


def _refuse_hidden(git: Git, left_behind: frozenset[str]) -> None:
    """Raise DeniedByPolicy for files that git would neither measure nor clean away; they are removed."""
    for path in left_behind:
        (git.work_tree / path).unlink(missing_ok=True)
    if left_behind:
        raise DeniedByPolicy(f"the change left {min(left_behind)} behind, which git ignores")


def measured_facts(grant: Grant, kind: Kind, changes: tuple[FileChange, ...]) -> ActionFacts:
    """Return the facts of GRANT's action with paths and lines as measured, not as claimed."""
    cost = grant.action.cost_estimate
    return ActionFacts(
        kind=grant.action.kind,
        paths=tuple(sorted({path for change in changes for path in change.paths})),
        lines=sum(change.lines_added + change.lines_removed for change in changes),
        risk=grant.action.risk_score,
        tokens=cost.tokens.high,
        seconds=cost.seconds.high,
        reversible=kind.reversible,
        hosts=kind.hosts,
        link_targets=tuple(sorted({change.link_target for change in changes if change.link_target is not None})),
    )


def _beyond_grant(grant: Grant, changes: tuple[FileChange, ...]) -> str:
    """Return what the change did that no approval of this action can cover, or an empty string."""
    granted = set(grant.action.target_paths)
    beyond = sorted({path for change in changes for path in change.paths} - granted)
    if beyond:
        return f"the change touched {beyond[0]}, which was not granted"
    return _odd_entry(changes)


def _odd_entry(changes: tuple[FileChange, ...]) -> str:
    """Return which entry of the change is no plain file, or an empty string.

    No kind of action makes links or sets modes: where one appears, the action is not what it said it was.
    """
    for change in changes:
        if change.link_target is not None:
            return f"the change makes {change.path} a symbolic link to {change.link_target}"
        came, gone = change.previous_mode == _NO_FILE, change.mode == _NO_FILE
        usual = change.mode == "100644" if came else gone or change.mode == change.previous_mode
        if not usual:
            return f"the change gives {change.path} the mode {change.mode}"
    return ""


def _more_lines(grant: Grant, changes: tuple[FileChange, ...]) -> str:
    lines = sum(change.lines_added + change.lines_removed for change in changes)
    most = grant.action.cost_estimate.lines.high
    return f"the change has {lines} lines, granted were at most {most}" if most is not None and lines > most else ""


def _worse(grant: Grant, verdict: Verdict) -> str:
    if _SEVERITY[verdict.outcome] <= _SEVERITY[grant.verdict.outcome]:
        return ""
    rules = ", ".join(verdict.rules)
    return f"the real diff is judged {verdict.outcome} ({rules}), granted as {grant.verdict.outcome}"


def undo(git: Git, tip: str) -> None:
    """Put the worktree back to TIP: tracked files restored, files that the action left behind removed."""
    git.run("read-tree", "--reset", "-u", tip)
    git.run("clean", "--force", "-d", "--quiet")
