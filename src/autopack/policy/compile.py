"""The shipped policy, the owner's rules and the owner's extra forbids, made into one checked Cedar policy set.

Owner rules become Cedar's JSON form, never text, so that nothing in them can be read as policy. Cedar skips a policy
whose evaluation fails, so whatever can fail at run time is refused here (source: Cedar's semantics of errors,
docs.cedarpolicy.com/auth/authorization.html).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

from autopack.artifacts.canonical import digest
from autopack.config import DEFAULT_LEDGERS, POLICY_FILE
from autopack.errors import UsageError
from autopack.intention_anchor.v2 import AutoApproveRule, IntentionAnchorV2
from autopack.policy.engine import Compiled, Json, PolicyDefect, reference
from autopack.policy.paths import ALWAYS_PROTECTED, NEVER_AUTO_APPROVED, PathList, folded, granting, protecting

NOT_DETERMINISTIC = ("advice", "agent_task")
"""Kinds that the shipped policy names: nobody but a person or an agent carries them out."""

MAX_LOCAL_POLICY_BYTES = 65_536

CANARY_KIND = "canary"
"""A kind that no action has, for the self-test."""

_SAFE_OPERATORS = frozenset(
    (
        *("Var", "Value", "Set", ".", "has", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "!", "is", "in"),
        *("contains", "containsAll", "containsAny", "isEmpty", "if-then-else"),
    )
)
"""What cannot fail once it is validated. Left out: arithmetic (overflow), extension functions, tags, `like`."""


@dataclass(frozen=True)
class Labels:
    """The path lists of one anchor; a path's labels are the names of the lists that it is on."""

    any_path: Mapping[str, PathList]
    """Label -> protecting list: carried when any path is on it."""
    all_paths: Mapping[str, PathList]
    """Label -> granting list: carried when every path is on it."""

    @property
    def names(self) -> list[str]:
        return sorted((*self.any_path, *self.all_paths))

    def of(self, paths: Sequence[str]) -> list[str]:
        """Return the labels of an action on PATHS (normal), sorted; none for no paths."""
        carried = [name for name, listed in self.any_path.items() if any(map(listed.matches, paths))]
        if paths:
            carried += [name for name, listed in self.all_paths.items() if all(map(listed.matches, paths))]
        return sorted(carried)


@dataclass(frozen=True)
class Sources:
    """Everything that decides, before the engine sees it."""

    policies: Mapping[str, Json]
    """Policy id -> Cedar JSON, owner rules included."""
    schema: str
    labels: Labels
    never_allow_kinds: tuple[str, ...]
    requires_approval_kinds: tuple[str, ...]
    digest: str


def shipped_policy() -> str:
    """Return the text of the policy that Autopack ships."""
    return resources.files("autopack.policy").joinpath("policy.cedar").read_text(encoding="utf-8")


def gather(
    anchor: IntentionAnchorV2,
    kinds: Sequence[str],
    *,
    local_policy: str,
    ledgers: Iterable[str],
    shipped: str,
) -> Sources:
    """Return what decides under ANCHOR. Raises UsageError for owner rules or extra forbids that cannot stand."""
    rules = anchor.governance_review.auto_approve_rules
    _check_rules(rules, kinds)
    labels = _labels(anchor, kinds, ledgers)
    schema = schema_text(sorted({*kinds, *NOT_DETERMINISTIC, CANARY_KIND}), labels.names)
    policies = {**_shipped_policies(shipped), **_local_policies(local_policy)}
    policies |= {f"owner.{rule.rule_id}": owner_permit(rule) for rule in rules}
    return Sources(
        policies=policies,
        schema=schema,
        labels=labels,
        never_allow_kinds=_only_kinds(anchor.safety_risk.never_allow, kinds),
        requires_approval_kinds=_only_kinds(anchor.safety_risk.requires_approval, kinds),
        digest=digest(
            {
                "policies": json.dumps(policies, sort_keys=True),
                "schema": schema,
                "lists": {name: list(listed.patterns) for name, listed in labels.any_path.items()},
                "anchor": anchor.document(),
            }
        ),
    )


def schema_text(kinds: Sequence[str], labels: Sequence[str]) -> str:
    """Return the Cedar schema: kinds and labels are enumerations, so that a misspelt one is an error and not a rule
    that never fires."""
    return f"""entity Proposer;
entity Kind enum {json.dumps(list(kinds))};
entity Label enum {json.dumps(list(labels))};
entity Escalation enum ["block", "request_approval", "warn"];
entity Sandbox enum ["isolated", "confined", "none"];
entity Proposal = {{ kind: Kind, labels: Set<Label>, files: Long, lines?: Long, risk?: Long, tokens?: Long,
  seconds?: Long, reversible: Bool, hosts: Long, hosts_allowed: Bool }};
action attempt, auto_approve appliesTo {{ principal: [Proposer], resource: [Proposal], context: {{
  remaining_tokens?: Long, remaining_seconds?: Long, moment_seconds: Long, escalation: Escalation, sandbox: Sandbox,
  max_risk: Long, max_lines: Long, max_files: Long, never_allow: Set<Kind>, requires_approval: Set<Kind>,
  intention_confirmed: Bool, default_allow: Bool }} }};
"""


def owner_permit(rule: AutoApproveRule) -> Json:
    """Return RULE as a Cedar permit in JSON form: every limit narrows, and an unknown fact never satisfies one."""
    conditions: list[Json] = [
        {"contains": {"left": {"Set": [_entity("Kind", kind) for kind in rule.kinds]}, "right": _fact("kind")}},
        {"contains": {"left": _fact("labels"), "right": _entity("Label", rule_label(rule))}},
        *_at_most("lines", rule.max_lines, optional=True),
    ]
    if rule.max_risk is not None:
        conditions += _at_most("risk", rule.max_risk, optional=True)
    if rule.max_files is not None:
        conditions += _at_most("files", rule.max_files, optional=False)
    body = conditions[0]
    for condition in conditions[1:]:
        body = {"&&": {"left": body, "right": condition}}
    return {
        "effect": "permit",
        "principal": {"op": "All"},
        "action": {"op": "==", "entity": {"type": "Action", "id": "auto_approve"}},
        "resource": {"op": "All"},
        "conditions": [{"kind": "when", "body": body}],
        "annotations": {"id": f"owner.{rule.rule_id}"},
    }


def rule_label(rule: AutoApproveRule) -> str:
    """Return the label of actions whose every path RULE names."""
    return f"all:rule:{rule.rule_id}"


def cedar_text(policies: Mapping[str, Json]) -> str:
    """Return POLICIES (JSON form) as people read Cedar."""
    import cedarpy

    document = json.dumps({"staticPolicies": policies, "templates": {}, "templateLinks": []})
    return cedarpy.format_policies(str(cedarpy.PolicySet.from_json_str(document))) if policies else ""


def compile_sources(sources: Sources) -> Compiled:
    """Return SOURCES parsed and strictly validated by the engine.

    Raises ImportError where the engine is not installed, UsageError for a mistake in the owner's extra forbids,
    PolicyDefect for one in the shipped policy.
    """
    import cedarpy

    document = json.dumps({"staticPolicies": sources.policies, "templates": {}, "templateLinks": []})
    policies = cedarpy.PolicySet.from_json_str(document)
    schema = cedarpy.Schema.from_str(sources.schema)
    if len(policies) != len(sources.policies):
        raise PolicyDefect("engine.policies-lost")
    answer = cedarpy.validate_policies(str(policies), schema)
    if not answer.validation_passed:
        faults = "; ".join(str(error) for error in answer.errors)
        if any(name.startswith("local.") for name in sources.policies):
            raise UsageError(
                f"{POLICY_FILE} does not fit the policy: {faults}",
                hint="`autopack policy show --format json` prints the schema.",
            )
        raise PolicyDefect("engine.policy-invalid", faults)
    return Compiled(policies, schema)


def _entity(entity_type: str, name: str) -> Json:
    return {"Value": reference(entity_type, name)}


def _fact(name: str) -> Json:
    return {".": {"left": {"Var": "resource"}, "attr": name}}


def _at_most(name: str, limit: int, *, optional: bool) -> list[Json]:
    known: list[Json] = [{"has": {"left": {"Var": "resource"}, "attr": name}}] if optional else []
    return [*known, {"<=": {"left": _fact(name), "right": {"Value": limit}}}]


def _check_rules(rules: Sequence[AutoApproveRule], kinds: Sequence[str]) -> None:
    seen: set[str] = set()
    for rule in rules:
        if rule.rule_id in seen or rule.rule_id == "default-allow":
            raise UsageError(
                f"governance_review.auto_approve_rules: the id {rule.rule_id!r} is taken.",
                hint="Give every rule an id of its own.",
            )
        seen.add(rule.rule_id)
        for kind in rule.kinds:
            if kind in NOT_DETERMINISTIC:
                raise UsageError(
                    f"Rule {rule.rule_id!r}: {kind} is never done without asking, so no rule may name it.",
                    hint="Remove it from the rule's kinds.",
                )
            if kind not in kinds:
                raise UsageError(
                    f"Rule {rule.rule_id!r}: there is no kind of action {kind!r}.",
                    hint=f"Known kinds: {', '.join(sorted(set(kinds) - set(NOT_DETERMINISTIC)))}.",
                )


def _only_kinds(entries: Iterable[str], kinds: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted({entry for entry in entries if entry in {*kinds, *NOT_DETERMINISTIC}}))


def _only_patterns(entries: Iterable[str], kinds: Sequence[str]) -> list[str]:
    return [entry for entry in entries if entry not in {*kinds, *NOT_DETERMINISTIC}]


def _labels(anchor: IntentionAnchorV2, kinds: Sequence[str], ledgers: Iterable[str]) -> Labels:
    safety, scope = anchor.safety_risk, anchor.scope_boundaries
    never_auto = [pattern for group in NEVER_AUTO_APPROVED.values() for pattern in group]
    never_auto += [f"/{folded(path)}" for path in {*ledgers, *DEFAULT_LEDGERS.values()}]
    any_path = {
        "any:protected": (*ALWAYS_PROTECTED, *scope.protected_paths),
        "any:never-allow": _only_patterns(safety.never_allow, kinds),
        "any:never-auto": sorted(never_auto),
        "any:requires-approval": _only_patterns(safety.requires_approval, kinds),
    }
    all_paths = {
        "all:write-roots": scope.allowed_write_roots,
        **{rule_label(rule): rule.paths for rule in anchor.governance_review.auto_approve_rules},
    }
    try:
        return Labels(
            {name: protecting(patterns) for name, patterns in any_path.items()},
            {name: granting(patterns) for name, patterns in all_paths.items()},
        )
    except ValueError as fault:
        raise UsageError(f"The intention holds a path pattern that cannot be used: {fault}.") from fault


def _shipped_policies(text: str) -> dict[str, Json]:
    policies = dict(_parsed(text))
    if not policies:
        raise PolicyDefect("engine.policy-empty")
    return policies


def _local_policies(text: str) -> dict[str, Json]:
    """Return the owner's extra forbids by id. Raises UsageError for anything but forbids called `local.*`."""
    if not text.strip():
        return {}
    if len(text.encode("utf-8", "replace")) > MAX_LOCAL_POLICY_BYTES:
        raise UsageError(f"{POLICY_FILE} is larger than {MAX_LOCAL_POLICY_BYTES} bytes.")
    try:
        policies = dict(_parsed(text))
    except (ValueError, RecursionError, PolicyDefect) as fault:
        raise UsageError(f"{POLICY_FILE}: {fault}", hint="It holds forbids only, each with its own @id.") from fault
    for name, policy in policies.items():
        if not name.startswith("local."):
            raise UsageError(f"{POLICY_FILE}: {name!r} is not an id of yours.", hint="Use ids such as local.no-friday.")
        if not isinstance(policy, dict) or policy.get("effect") != "forbid":
            raise UsageError(
                f"{POLICY_FILE}: {name} permits something; only forbids may stand here.",
                hint="Write auto-approval as governance_review.auto_approve_rules in the intention.",
            )
    return policies


def _parsed(text: str) -> Iterator[tuple[str, Json]]:
    """Yield id and JSON form of the policies in TEXT. Raises PolicyDefect for what the rules of the house refuse."""
    import cedarpy

    document = json.loads(cedarpy.policies_to_json_str(text))
    if document["templates"] or document["templateLinks"]:
        raise PolicyDefect("engine.policy-invalid", "policy templates are not used here")
    seen: set[str] = set()
    for policy in document["staticPolicies"].values():
        name = policy.get("annotations", {}).get("id")
        if not name or name in seen:
            raise PolicyDefect("engine.policy-invalid", f"every policy has an @id of its own; found {name!r}")
        seen.add(name)
        unsafe = sorted(set(_operators(policy["conditions"])) - _SAFE_OPERATORS)
        if unsafe:
            raise PolicyDefect(
                "engine.policy-invalid",
                f"{name} uses {unsafe[0]!r}, which may fail at run time; Cedar skips a policy that fails",
            )
        yield name, policy


def _operators(conditions: list[dict[str, Json]]) -> Iterator[str]:
    """Yield every operator in the conditions of a policy in JSON form (one key per expression)."""
    pending: list[Json] = [condition["body"] for condition in conditions]
    while pending:
        expression = pending.pop()
        if not isinstance(expression, dict):
            continue
        for operator, arguments in expression.items():
            yield operator
            if operator == "Value":
                continue
            if isinstance(arguments, dict):
                pending += [value for name, value in arguments.items() if name not in {"attr", "entity_type"}]
            elif isinstance(arguments, list):
                pending += arguments
