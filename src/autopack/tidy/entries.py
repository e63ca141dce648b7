"""What is worth remembering of a run: pure, from its results to entries of the three ledgers.

Texts come from the repository, from agents and from people; in a ledger they are plain words on one line, so that
none of them can pass for a heading, a marker or a link. Paths are not put in backticks: a ledger names files that are
gone on purpose.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from autopack.artifacts.canonical import content_id
from autopack.artifacts.redaction import redact
from autopack.governance.canonical_text import neutralise
from autopack.proofs.models import CheckResult, PhasePredicate
from autopack.tidy.ledgers import Entry
from autopack.tidy.results import KeptDecision, KeptProof, RunResults

MAX_TITLE = 120
MAX_WORDS = 600
MAX_LISTED = 20

_MARKUP = re.compile(r"[\\`*<>\[\]|]")


def entries_of(runs: Sequence[RunResults]) -> dict[str, tuple[Entry, ...]]:
    """Return the entries of every ledger, by its name, in the order of RUNS and of the phases in their plans."""
    return {
        "architecture_decisions": tuple(entry for run in runs for entry in _decisions(run)),
        "build_history": tuple(entry for run in runs for entry in _changes(run)),
        "debug_log": tuple(entry for run in runs for entry in _failures(run)),
    }


def plain(text: str, limit: int = MAX_WORDS) -> str:
    """Return TEXT as words on one line without secrets, hidden characters or markup, at most LIMIT characters."""
    words = _MARKUP.sub(lambda match: "'" if match[0] == "`" else "\\" + match[0], neutralise(_one_line(redact(text))))
    return words if len(words) <= limit else words[: limit - 1].rstrip("\\ ") + "…"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _changes(run: RunResults) -> Iterator[Entry]:
    for kept in _in_plan_order(run):
        predicate = kept.proof.predicate
        if predicate.outcome != "committed":
            continue
        yield Entry(
            _phase_entry_id(kept),
            _title(run, predicate),
            (
                *_where(run, predicate),
                f"Commit {predicate.commit} on branch autopack/{plain(run.run_id)}",
                *_files(predicate),
                *_gap_lines(run, "Closes", predicate.gaps_closed),
                *_check_lines(predicate.checks),
                f"Proof {plain(kept.path)}, sha256 {kept.sha256}",
            ),
        )


def _failures(run: RunResults) -> Iterator[Entry]:
    for kept in _in_plan_order(run):
        predicate = kept.proof.predicate
        if predicate.outcome != "undone":
            continue
        yield Entry(
            _phase_entry_id(kept),
            plain(f"Undone: {_title(run, predicate)}", MAX_TITLE),
            (
                *_where(run, predicate),
                f"Why: {plain(predicate.reason) or 'not said'}",
                *_gap_lines(run, "Would have opened", predicate.gaps_opened),
                *_check_lines(check for check in predicate.checks if check.outcome != "passed"),
                f"Proof {plain(kept.path)}, sha256 {kept.sha256}",
            ),
        )
    session = run.session
    if session is not None and session["outcome"] == "failed":
        yield Entry(
            content_id("entry", [run.project_id, run.run_id, session["session_id"]]),
            plain(f"Run {run.run_id} failed", MAX_TITLE),
            (f"Why: {plain(session['reason'])}", *_day(run)),
        )


def _decisions(run: RunResults) -> Iterator[Entry]:
    for kept in sorted(run.decisions, key=lambda each: (each.decision.decided_at, each.decision.request_id)):
        yield _decision_entry(run, kept)


def _decision_entry(run: RunResults, kept: KeptDecision) -> Entry:
    request, decision = kept.request, kept.decision
    action_id = request.binding.action_id
    word = "Approved" if decision.decision in {"allow_once", "allow_always"} else "Rejected"
    return Entry(
        content_id("entry", vars(decision)),
        plain(f"{word}: {_titles(run).get(action_id, action_id)}", MAX_TITLE),
        (
            f"By {plain(decision.decided_by)} via {plain(decision.channel)}, {decision.decided_at}",
            f"Why: {plain(decision.reason) or 'not said'}",
            f"Run {plain(run.run_id)}, action {action_id}, base commit {request.binding.base_commit}",
            f"Asked because of {plain(', '.join(request.asked_because))}",
        ),
    )


def _in_plan_order(run: RunResults) -> list[KeptProof]:
    planned = [action.action_id for action in run.plan.actions] if run.plan else []
    order = {action_id: position for position, action_id in enumerate(planned)}
    return sorted(run.proofs, key=lambda kept: (order.get(kept.proof.predicate.action_id, len(order)), kept.path))


def _phase_entry_id(kept: KeptProof) -> str:
    """Return an id that nobody can put into a ledger beforehand: it is made from the digest of the proof."""
    return content_id("entry", [kept.path, kept.sha256])


def _title(run: RunResults, predicate: PhasePredicate) -> str:
    title = _titles(run).get(predicate.action_id, predicate.action_id)
    return plain(f"{predicate.kind.replace('_', ' ')}: {title}", MAX_TITLE)


def _titles(run: RunResults) -> dict[str, str]:
    return {action.action_id: action.title for action in run.plan.actions} if run.plan else {}


def _where(run: RunResults, predicate: PhasePredicate) -> Iterator[str]:
    yield (
        f"Run {plain(run.run_id)}, action {predicate.action_id} ({plain(predicate.kind)}),"
        f" allowed by {plain(predicate.approved_by)}"
    )
    yield from _day(run)


def _day(run: RunResults) -> Iterator[str]:
    if run.run is not None and run.run.created_at:
        yield f"Started {run.run.created_at}"


def _files(predicate: PhasePredicate) -> Iterator[str]:
    changes = sorted(predicate.files_changed, key=lambda change: change.path)
    for change in changes[:MAX_LISTED]:
        moved = f" (was {plain(change.previous_path)})" if change.previous_path else ""
        lines = f"+{change.lines_added} -{change.lines_removed}"
        yield f"File {plain(change.path)}{moved}: {change.change}, {lines}"
    if len(changes) > MAX_LISTED:
        yield f"And {len(changes) - MAX_LISTED} more files"


def _gap_lines(run: RunResults, word: str, gap_ids: Sequence[str]) -> Iterator[str]:
    titles = {gap.gap_id: gap.title for gap in run.report.gaps} if run.report else {}
    for gap_id in gap_ids[:MAX_LISTED]:
        yield f"{word} {gap_id}" + (f": {plain(titles[gap_id])}" if gap_id in titles else "")
    if len(gap_ids) > MAX_LISTED:
        yield f"{word} {len(gap_ids) - MAX_LISTED} more gaps"


def _check_lines(checks: Iterator[CheckResult] | Sequence[CheckResult]) -> Iterator[str]:
    for check in checks:
        counted = check.tests_passed is not None or check.tests_failed is not None
        tests = f" ({check.tests_passed or 0} tests passed, {check.tests_failed or 0} failed)" if counted else ""
        detail = f": {plain(check.detail)}" if check.detail and check.outcome != "passed" else ""
        yield f"Check {plain(check.name)} {check.outcome.replace('_', ' ')}{tests}{detail}"
