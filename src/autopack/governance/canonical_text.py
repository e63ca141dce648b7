"""The words in which a request is put to people: the same on every channel, and nothing in them that hides anything.

Titles, paths and edits come from the repository or from an agent. Characters that a terminal or a browser would not
show, or would show elsewhere, are written out as `<U+202E>`: see UTS #36 (Unicode Security Considerations) and the
Trojan Source paper (CVE-2021-42574).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from autopack.actions.models import Action, Interval
from autopack.artifacts.canonical import digest
from autopack.artifacts.redaction import redact
from autopack.errors import DeniedByPolicy
from autopack.gaps.remedies import (
    DeleteFile,
    MoveFile,
    Operation,
    ReplaceBlock,
    ReplaceText,
    RewriteFile,
    Transcode,
)
from autopack.governance.models import ApprovalBinding

MAX_TEXT = 20_000
"""Characters of a request; what cannot be shown cannot be approved."""

_MAX_OPERATIONS_TEXT = 10_000
_MAX_EXCERPT = 400
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_HIDDEN_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
"""Characters that are drawn as nothing although their category says letter, mark or symbol."""


def neutralise(text: str) -> str:
    """Return TEXT with every control, bidirectional, zero-width and otherwise invisible character written out."""
    return "".join(character if _is_visible(character) else f"<U+{ord(character):04X}>" for character in text)


def canonical_text(action: Action, binding: ApprovalBinding, run_id: str, measured: Sequence[str] = ()) -> str:
    """Return the request for ACTION in plain text, with the lines MEASURED where it was done once and undone.

    Every path is shown; edits are shown up to a bound that is stated. Raises DeniedByPolicy for an action with more
    paths than a person could be shown.
    """
    lines = [
        f"Approval of {action.action_id} (digest {binding.action_digest[:8]})",
        f"Kind: {neutralise(action.kind)}",
        f"Title: {_excerpt(action.title)}",
        f"Paths ({len(action.target_paths)}):",
        *(f"  {_path(path)}" for path in action.target_paths),
        f"What would be done ({len(action.operations)}):",
        *_operations(action.operations),
        *(f"  | {_excerpt(line)}" for line in (action.brief or "").splitlines()),
        f"Closes: {', '.join(action.gap_ids) or 'no gap'}",
        f"Risk: {action.risk_score} of 100, {action.risk_classification}",
        *(f"  {factor.name} {factor.points:+d}: {_excerpt(factor.detail)}" for factor in action.risk_factors),
        f"Cost: {_cost(action)}",
        f"Way back: {_excerpt(action.rollback)}",
        *(f"! {_excerpt(line)}" for line in measured),
        f"Asked because of: {', '.join(action.decided_by)}",
        f"Run {run_id}, base commit {binding.base_commit[:12]}",
        "Valid for this action on this base, once; void when action, base, intention, plan or policy changes.",
    ]
    text = redact("\n".join(lines))
    if len(text) > MAX_TEXT:
        raise DeniedByPolicy(
            f"{action.action_id} is too large to be shown to a person ({len(action.target_paths)} paths).",
            hint="Lower max_files in .autopack/intention.yaml, so that plans are cut into smaller actions.",
        )
    return text


def _is_visible(character: str) -> bool:
    if character == " ":
        return True
    category = unicodedata.category(character)
    variation = "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
    return not (category in _HIDDEN_CATEGORIES or category == "Zs" or character in _HIDDEN_LETTERS or variation)


def _path(path: str) -> str:
    """Return PATH in quotes, so that blanks at its ends show, with the code points of letters that may pass for
    others."""
    foreign = sorted({character for character in path if ord(character) > 126 and _is_visible(character)})
    named = " ".join(f"U+{ord(character):04X}" for character in foreign[:8])
    return f'"{neutralise(path)}"' + (f"  (not ASCII: {named}{' …' if len(foreign) > 8 else ''})" if foreign else "")


def _excerpt(text: str) -> str:
    """Return TEXT neutralised, cut where it is long, with the size and digest of the whole."""
    if len(text) <= _MAX_EXCERPT:
        return neutralise(text)
    return f"{neutralise(text[:_MAX_EXCERPT])} … ({len(text)} characters in all, digest {digest(text)[:8]})"


def _operations(operations: tuple[Operation, ...]) -> Iterator[str]:
    length = 0
    for number, operation in enumerate(operations, 1):
        lines = [f"  {number}. {line}" if first else f"     {line}" for first, line in _described(operation)]
        length += sum(map(len, lines))
        if length > _MAX_OPERATIONS_TEXT:
            documents = [each.document() for each in operations]
            more = len(operations) - number + 1
            yield f"  … and {more} more operations on the paths above; digest of all: {digest(documents)[:8]}"
            return
        yield from lines


def _described(operation: Operation) -> list[tuple[bool, str]]:
    """Return the lines that describe OPERATION, each with whether it is the first."""
    path = _path(operation.path)
    match operation:
        case ReplaceText():
            lines = [f"in {path}, line {operation.line}, replace", f"- {_excerpt(operation.old)}"]
            lines.append(f"+ {_excerpt(operation.new)}")
        case ReplaceBlock():
            between = f"{_excerpt(operation.start)!r} and {_excerpt(operation.end)!r}"
            lines = [f"in {path}, replace what stands between {between} by", *_added(operation.new)]
        case MoveFile():
            lines = [f"move {path} to {_path(operation.destination)}"]
        case DeleteFile():
            lines = [f"delete {path}"]
        case RewriteFile():
            lines = [f"replace all that {path} holds by", *_added(operation.new)]
        case Transcode():
            mark = ", drop the byte-order mark" if operation.strip_bom else ""
            lines = [f"rewrite {path} from {operation.source} to utf-8{mark}, line endings: {operation.line_ending}"]
    return [(number == 0, line) for number, line in enumerate(lines)]


def _added(text: str, most: int = 40) -> list[str]:
    lines = text.splitlines()
    shown = [f"+ {_excerpt(line)}" for line in lines[:most]]
    return [*shown, f"… and {len(lines) - most} more lines, digest {digest(text)[:8]}"] if len(lines) > most else shown


def _cost(action: Action) -> str:
    cost = action.cost_estimate
    return "; ".join(
        f"{name} {_interval(interval)}"
        for name, interval in (("lines", cost.lines), ("seconds", cost.seconds), ("tokens", cost.tokens))
    )


def _interval(interval: Interval) -> str:
    if interval.high is None:
        return f"{interval.low} or more (unknown)"
    return str(interval.low) if interval.low == interval.high else f"{interval.low} to {interval.high}"
