"""The policy of a repository as a base commit holds it, never as the working copy or a branch under judgement does."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypedDict

from autopack.actions.registry import all_kinds
from autopack.artifacts.model import printable
from autopack.config import CONFIG_FILE, DEFAULT_LEDGERS, POLICY_FILE, Settings, configured_ledgers
from autopack.errors import UsageError
from autopack.git import Git
from autopack.intention_anchor.answers import misspelt_kind
from autopack.intention_anchor.v2 import IntentionAnchorV2
from autopack.policy.decide import Policy


def policy_for(settings: Settings, anchor: IntentionAnchorV2, base_commit: str | None) -> Policy:
    """Return the policy of ANCHOR in this repository, with the extra forbids that BASE_COMMIT holds.

    Every judgement of a repository goes by this one, so that digests agree. Raises UsageError for rules that cannot
    stand.
    """
    return Policy.build(anchor, **judged_by(settings, base_commit))


def require_policy(settings: Settings, anchor: IntentionAnchorV2) -> None:
    """Raise UsageError where no policy can be made of ANCHOR here (a rule names no known kind, ids are taken), and
    where an entry is a slip that would forbid nothing or keep nothing."""
    policy_for(settings, anchor, Git(settings.workspace).head())
    safety = anchor.pivot_intentions.safety_risk
    for entry in (*safety.never_allow, *safety.requires_approval) if safety is not None else ():
        meant = misspelt_kind(entry, all_kinds())
        if meant is not None:
            raise UsageError(
                f"safety_risk: {entry!r} is no kind of action, so it forbids nothing; did you mean {meant!r}?",
                hint=f"Correct it; a file of that name is written '/{entry}'.",
            )
    memory = anchor.pivot_intentions.memory_continuity
    for entry in memory.persist_to_sot if memory is not None else ():
        if entry.removeprefix("/") not in {*settings.ledgers, *settings.ledgers.values()}:
            raise UsageError(
                f"memory_continuity.persist_to_sot: {entry!r} is no ledger, so nothing would be kept in it.",
                hint=f"Ledgers here: {', '.join(sorted(settings.ledgers))}.",
            )


class Judged(TypedDict):
    kinds: tuple[str, ...]
    local_policy: str
    ledgers: tuple[str, ...]
    links: dict[str, str]


def judged_by(settings: Settings, base_commit: str | None) -> Judged:
    """Return what a policy is built from besides the anchor, all of it as BASE_COMMIT holds it."""
    return {
        "kinds": tuple(all_kinds()),
        "local_policy": local_policy(settings, base_commit),
        "ledgers": _ledgers(settings, base_commit),
        "links": tree_links(Git(settings.workspace), base_commit) if base_commit else {},
    }


def _ledgers(settings: Settings, base_commit: str | None) -> tuple[str, ...]:
    """Return the ledgers that the configuration in BASE_COMMIT names; the working copy's count before there is a
    commit."""
    if base_commit is None:
        return tuple(settings.ledgers.values())
    written = Git(settings.workspace).show(base_commit, CONFIG_FILE)
    return tuple(sorted({**DEFAULT_LEDGERS, **configured_ledgers(written or b"")}.values()))


def tree_links(git: Git, commit: str) -> dict[str, str]:
    """Return every symbolic link in COMMIT: path -> what it holds, sorted by path."""
    links = []
    for entry in filter(None, git.run("ls-tree", "-r", "-z", "--full-tree", commit).text.split("\0")):
        head, path = entry.split("\t", 1)
        mode, _, oid = head.split(" ")
        if mode == "120000":
            links.append((printable(path), oid))
    held = _blobs(git, [oid for _, oid in links])
    return {path: printable(os.fsdecode(target)) for (path, _), target in sorted(zip(links, held, strict=True))}


def _blobs(git: Git, oids: Sequence[str]) -> list[bytes]:
    """Return the bytes of the blobs OIDS, in their order, from one process (format: git-cat-file(1), `--batch`)."""
    answer = git.run("cat-file", "--batch", stdin="".join(f"{oid}\n" for oid in oids).encode()).stdout if oids else b""
    found, place = [], 0
    for _ in oids:
        end = answer.index(b"\n", place)
        size = int(answer[place:end].rsplit(b" ", 1)[1])
        found.append(answer[end + 1 : end + 1 + size])
        place = end + 2 + size
    return found


def local_policy(settings: Settings, base_commit: str | None) -> str:
    """Return the owner's extra forbids as BASE_COMMIT holds them, never as the working copy does."""
    written = Git(settings.workspace).show(base_commit, POLICY_FILE) if base_commit else None
    try:
        return (written or b"").decode()
    except UnicodeDecodeError as fault:
        raise UsageError(f"{POLICY_FILE} is not UTF-8 text.", hint="Save it as UTF-8 and commit it.") from fault
