"""The use-cases of the policy: explain a verdict, show it, try the owner's examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autopack.actions.claims import claimed_facts
from autopack.actions.models import Action
from autopack.actions.registry import all_kinds
from autopack.artifacts.store import read_artifact
from autopack.config import Settings
from autopack.errors import ArtifactError, EnvironmentFault, UsageError
from autopack.execution.sandbox.detect import sandbox_tier
from autopack.git import Git
from autopack.intention_anchor.v2 import IntentionAnchorV2
from autopack.operations.base_policy import judged_by, local_policy, policy_for
from autopack.operations.crew import crew_of
from autopack.operations.intention import load_intention
from autopack.operations.planning import propose_plan
from autopack.planning.models import PlanProposalV1
from autopack.policy.compile import cedar_text, shipped_policy
from autopack.policy.decide import ExampleResult, Policy
from autopack.policy.explain import describe
from autopack.policy.facts import ActionFacts, Circumstances, Verdict
from autopack.policy.paths import UnsafePath, normal


@dataclass(frozen=True)
class Explanation:
    """A verdict with the facts it is about; `planned` is the action as a plan holds it, if one was named."""

    facts: ActionFacts
    circumstances: Circumstances
    verdict: Verdict
    sentences: tuple[str, ...]
    """One for each rule of the verdict: what it lets pass, or what would have to hold."""
    intention_source: str
    planned: Action | None = None


@dataclass(frozen=True)
class ShownPolicy:
    """Everything that decides in one repository."""

    shipped: str
    owner: str
    """The owner's rules as Cedar text."""
    local: str
    schema: str
    digest: str
    lists: dict[str, tuple[str, ...]]
    """Label -> patterns."""


def explain_facts(settings: Settings, facts: ActionFacts) -> Explanation:
    """Return the verdict on FACTS in this repository and why; links among the paths are followed on disk. Raises
    UsageError for a kind that does not exist, which no action could be of."""
    kind = all_kinds().get(facts.kind)
    if kind is None:
        raise UsageError(
            f"{facts.kind!r} is no kind of action.", hint=f"Name one of these: {', '.join(sorted(all_kinds()))}."
        )
    anchor, source = _intention(settings)
    policy = policy_for(settings, anchor, Git(settings.workspace).head())
    led = link_targets(settings.workspace, facts.paths)
    judged = ActionFacts(
        **{
            **vars(facts),
            "link_targets": tuple(sorted({*facts.link_targets, *led})),
            "reversible": facts.reversible and kind.reversible,
        }
    )
    circumstances = Circumstances(sandbox=sandbox_tier())
    verdict = policy.decide(judged, circumstances)
    return Explanation(judged, circumstances, verdict, _sentences(verdict, anchor), source)


def explain_action(settings: Settings, identifier: str, run_id: str | None = None) -> Explanation:
    """Return the verdict on the planned action whose id is, or begins with, IDENTIFIER, judged now.

    Plans kept by runs are looked through, the newest first (RUN_ID: only that run's), then the plan that would be
    proposed now. Raises UsageError where no plan holds it.
    """
    action = _kept_action(settings, identifier, run_id)
    if action is None and run_id is None:
        action = _proposed_action(settings, identifier)
    if action is None:
        raise UsageError(f"No plan holds the action {identifier!r}.", hint="autopack propose lists the actions.")
    anchor, _ = _intention(settings)
    kinds = crew_of(settings, anchor, Git(settings.workspace).head()).kinds
    explanation = explain_facts(settings, claimed_facts(action, kinds[action.kind]))
    return replace(explanation, planned=action)


def show_policy(settings: Settings) -> ShownPolicy:
    """Return the shipped policy, the owner's rules and extra forbids, and every path list. Raises EnvironmentFault
    where the engine cannot be used."""
    anchor, _ = _intention(settings)
    base = Git(settings.workspace).head()
    policy = policy_for(settings, anchor, base)
    sources = policy.sources
    if sources is None:
        raise _engine_fault(policy)
    owner = {name: each for name, each in sources.policies.items() if name.startswith("owner.")}
    listed = {**sources.labels.any_path, **sources.labels.all_paths}
    return ShownPolicy(
        shipped=shipped_policy(),
        owner=cedar_text({name: each for name, each in owner.items() if name != "owner.default-allow"}),
        local=local_policy(settings, base),
        schema=sources.schema,
        digest=policy.digest,
        lists={name: each.patterns for name, each in sorted(listed.items())},
    )


def try_examples(settings: Settings) -> tuple[ExampleResult, ...]:
    """Return what every example that the owner wrote beside a rule comes to. Raises EnvironmentFault where the engine
    cannot be used."""
    anchor, _ = _intention(settings)
    policy = Policy.untested(
        anchor,
        **judged_by(settings, Git(settings.workspace).head()),
    )
    if policy.fault:
        raise _engine_fault(policy)
    return policy.example_results()


def link_targets(workspace: Path, paths: Sequence[str]) -> tuple[str, ...]:
    """Return where symbolic links among PATHS, or among the folders above them, lead: relative to WORKSPACE, or
    absolute outside of it."""
    root = workspace.resolve()
    found = set()
    for path in filter(_is_normal, paths):
        real = (root / path).resolve()
        if real != root / path:
            found.add(real.relative_to(root).as_posix() if real.is_relative_to(root) else real.as_posix())
    return tuple(sorted(found))


def _is_normal(path: str) -> bool:
    """Tell whether PATH is worth following; the policy blocks any other."""
    try:
        return bool(normal(path))
    except UnsafePath:
        return False


def _intention(settings: Settings) -> tuple[IntentionAnchorV2, str]:
    anchor, source = load_intention(settings)
    if anchor is None:
        raise UsageError("There is no written intention, so there is no policy.", hint="autopack init")
    return anchor, source


def _sentences(verdict: Verdict, anchor: IntentionAnchorV2) -> tuple[str, ...]:
    return tuple(describe(rule, anchor) for rule in verdict.rules)


def _engine_fault(policy: Policy) -> EnvironmentFault:
    return EnvironmentFault(
        f"The policy engine cannot be used ({policy.fault}); until it can, every action is blocked.",
        hint="Install Autopack again; it needs the package cedarpy.",
    )


def _kept_action(settings: Settings, identifier: str, run_id: str | None) -> Action | None:
    plans = settings.runs_root.glob(f"*/runs/*/{run_id or '*'}/plans/plan_proposal_v1.json")
    for path in sorted(plans, key=lambda each: each.stat().st_mtime, reverse=True):
        try:
            plan = read_artifact(path, PlanProposalV1)
        except ArtifactError:
            continue
        for action in plan.actions:
            if _is_meant(identifier, action):
                return action
    return None


def _proposed_action(settings: Settings, identifier: str) -> Action | None:
    return next((each for each in propose_plan(settings).plan.actions if _is_meant(identifier, each)), None)


def _is_meant(identifier: str, action: Action) -> bool:
    return len(identifier) >= len("action-") + 4 and action.action_id.startswith(identifier)
