"""Attempts to get something approved that no person approved, one line each: after every one the gate lets nothing
through. The other half shows that the same questions, answered properly, are let through."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from asked import NOW, Question, a_review, an_approver, database_at
from autopack.artifacts.canonical import digest
from autopack.artifacts.events import read_events
from autopack.clock import timestamp
from autopack.errors import AutopackError
from autopack.file_layout import RunFileLayout
from autopack.governance.approvals import consume, use_of
from autopack.governance.channels.channel import Heard, short_digest
from autopack.governance.channels.intake import take
from autopack.governance.decisions import revoke
from autopack.governance.models import ApprovalRequestV1
from autopack.governance.signatures import sign
from autopack.intention_anchor.v2 import GovernanceReview
from autopack.store.database import Database, open_database
from governed import an_action
from plans import edit

_TWO = a_review(an_approver("ada", "cli:ada", "github:ada-gh", "telegram:1"), an_approver("bob"), min_approvers=2)
_STRICT = a_review(
    an_approver("ada"), an_approver("grace", "cli:grace", "github:grace-gh"), requester_may_approve=False
)
_STANDING = a_review(standing_grant_days=7)
_SIGNED = a_review(allowed_signers="/.autopack/allowed_signers")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(database_at(tmp_path)) as opened:
        yield opened


def _asked(database: Database, review: GovernanceReview | None = None, **others: object) -> Question:
    question = Question(database, review or GovernanceReview(), **others)  # type: ignore[arg-type]
    _meant[:] = [question]
    question.ask()
    return question


_meant: list[Question] = []
"""The question that an attack asked last: its gate is looked at where the attack ends in an error."""


def _heard(question: Question, **others: object) -> None:
    """Let an answer come in over the channel telegram, proper in all that OTHERS does not change."""
    request = question.request
    proper = {
        "event_id": "1",
        "who": "1",
        "may_decide": True,
        "decision": "allow_once",
        "nonce": request.nonce,
        "digest": short_digest(request),
    }
    heard = Heard(**{**proper, **others})  # type: ignore[arg-type]
    take(question.database, "telegram", heard, find=question.find, present=question.present, now=question.now)


def _key(folder: Path, name: str) -> Path:
    path = folder / name
    made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)]
    subprocess.run(made, check=True, stdin=subprocess.DEVNULL)
    return path


def _signers(*keys: Path) -> bytes:
    lines = (f"{key.name}@test.invalid {key.with_suffix('.pub').read_text().strip()}\n" for key in keys)
    return "".join(lines).encode()


def _edit_document(question: Question, change: Callable[[dict[str, object]], None], *, reseal: bool) -> None:
    document = json.loads(question.database.rows("SELECT document FROM approval_requests")[0][0])
    change(document)
    if reseal:
        document = ApprovalRequestV1.from_document(document).sealed().document()
    with question.database.change() as connection:
        text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        connection.execute("UPDATE approval_requests SET document = ?", (text,))


# --- attacks: each gets a database and a folder, tries, and returns the question whose gate must stay shut -----------


def _unknown_decision(database: Database, folder: Path) -> Question:
    question = _asked(database)
    question.answer("yes")  # type: ignore[arg-type]
    return question


def _selected_but_unknown_option(database: Database, folder: Path) -> Question:
    question = _asked(database)
    _heard(question, decision="selected")
    return question


def _cancelled(database: Database, folder: Path) -> Question:
    question = _asked(database)
    _heard(question, decision="cancelled")
    return question


def _late(database: Database, folder: Path) -> Question:
    question = _asked(database)
    question.now = NOW + timedelta(hours=168)
    question.answer()
    return question


def _clock_moved_back(database: Database, folder: Path) -> Question:
    question = _asked(database)
    question.now = NOW + timedelta(days=30)
    _heard(question, event_id="late")
    question.now = NOW + timedelta(hours=1)
    question.answer()
    return question


def _clock_moved_back_after_approval(database: Database, folder: Path) -> Question:
    question = _asked(database)
    question.answer()
    other = Question(database, run_id="run-2", now=NOW + timedelta(days=30))
    other.ask()
    question.now = NOW + timedelta(hours=1)
    consume(database, question.request.request_id, use_of("run-1", question.actions[0].action_id), question.now)
    return question


def _clock_moved_back_beyond_the_question(database: Database, folder: Path) -> Question:
    question = _asked(database, a_review(approval_ttl_hours=1))
    question.now = NOW + timedelta(hours=2)
    question.ask()
    question.answer("reject_once")
    question.now = NOW - timedelta(days=365)
    question.answer()
    return question


def _expired_between_approval_and_use(database: Database, folder: Path) -> Question:
    question = _asked(database)
    question.answer()
    question.now = NOW + timedelta(hours=169)
    return question


def _revoked_question(database: Database, folder: Path) -> Question:
    question = _asked(database)
    revoke(database, question.record, revoked_by="bob", now=NOW)
    question.answer()
    return question


def _revoked_approval(database: Database, folder: Path) -> Question:
    question = _asked(database)
    question.answer()
    revoke(database, question.record, revoked_by="bob", now=NOW)
    return question


def _revoked_then_used(database: Database, folder: Path) -> Question:
    question = _asked(database)
    question.answer()
    revoke(database, question.record, revoked_by="bob", now=NOW)
    consume(database, question.request.request_id, use_of("run-1", question.actions[0].action_id), NOW)
    return question


def _used_elsewhere(database: Database, folder: Path) -> Question:
    question = _asked(database)
    question.answer()
    consume(database, question.request.request_id, "run-9/action-000000000000", NOW)
    return question


def _approval_of_another_run(database: Database, folder: Path) -> Question:
    _asked(database, run_id="run-0").answer()
    return _asked(database)


def _changed_edit(database: Database, folder: Path) -> Question:
    question = _asked(database)
    question.answer()
    question.actions = (an_action("a.md", operations=[edit("a.md", new="rm -rf")]),)
    return question


def _changed_title_same_id(database: Database, folder: Path) -> Question:
    question = _asked(database)
    question.answer()
    question.actions = (question.actions[0].model_copy(update={"title": "Something else"}),)
    return question


def _blocked_meanwhile(database: Database, folder: Path) -> Question:
    question = _asked(database)
    question.answer(blocked_by=("block.protected-path",))
    return question


def _blocked_meanwhile_over_a_channel(database: Database, folder: Path) -> Question:
    question = _asked(database)
    request = question.request
    heard = Heard("1", "1", True, "allow_once", str(request.nonce), short_digest(request))
    blocked = lambda record: question.present(record, blocked_by=("block.never-allow",))  # noqa: E731
    take(database, "telegram", heard, find=question.find, present=blocked, now=NOW)
    return question


def _one_of_two(database: Database, folder: Path) -> Question:
    question = _asked(database, _TWO)
    question.answer()
    return question


def _one_person_twice(database: Database, folder: Path) -> Question:
    question = _asked(database, _TWO)
    question.answer()
    question.answer()
    return question


def _one_person_on_two_channels(database: Database, folder: Path) -> Question:
    question = _asked(database, _TWO)
    question.answer()
    question.answer(by="ada-gh", channel="github")
    _heard(question)
    return question


def _one_person_in_capitals(database: Database, folder: Path) -> Question:
    question = _asked(database, _TWO)
    question.answer()
    question.answer(by="ADA")
    return question


def _a_stranger_as_second(database: Database, folder: Path) -> Question:
    question = _asked(database, _TWO)
    question.answer()
    question.answer(by="eve")
    return question


def _a_listed_name_on_another_channel(database: Database, folder: Path) -> Question:
    question = _asked(database, _TWO)
    question.answer()
    question.answer(by="bob", channel="github")
    return question


def _two_needed_nobody_listed(database: Database, folder: Path) -> Question:
    return _asked(database, a_review(min_approvers=2))


def _two_needed_one_listed_twice(database: Database, folder: Path) -> Question:
    return _asked(database, a_review(an_approver("ada"), an_approver("Ada", "cli:a2"), min_approvers=2))


def _the_requester(database: Database, folder: Path) -> Question:
    question = _asked(database, _STRICT)
    question.answer(by="grace")
    return question


def _the_requester_elsewhere(database: Database, folder: Path) -> Question:
    question = _asked(database, _STRICT)
    question.answer(by="gg", channel="github")
    return question


def _the_requester_in_capitals(database: Database, folder: Path) -> Question:
    question = _asked(database, a_review(requester_may_approve=False))
    question.answer(by="GRACE")
    return question


def _the_requesters_name_elsewhere(database: Database, folder: Path) -> Question:
    question = _asked(database, a_review(requester_may_approve=False))
    question.answer(by="grace", channel="github")
    return question


def _no_signature(database: Database, folder: Path) -> Question:
    question = _asked(database, _SIGNED)
    question.answer(allowed_signers=_signers(_key(folder, "ada")))
    return question


def _a_foreign_signature(database: Database, folder: Path) -> Question:
    question = _asked(database, _SIGNED)
    eve = sign(question.request, "allow_once", _key(folder, "eve"))
    question.answer(signature=eve, allowed_signers=_signers(_key(folder, "ada")))
    return question


def _a_signature_under_a_rejection(database: Database, folder: Path) -> Question:
    question = _asked(database, _SIGNED)
    ada = _key(folder, "ada")
    question.answer(signature=sign(question.request, "reject_once", ada), allowed_signers=_signers(ada))
    return question


def _a_signature_under_another_request(database: Database, folder: Path) -> Question:
    ada = _key(folder, "ada")
    other = _asked(database, _SIGNED, run_id="run-0")
    signature = sign(other.request, "allow_once", ada)
    question = _asked(database, _SIGNED)
    question.answer(signature=signature, allowed_signers=_signers(ada))
    return question


def _a_signature_in_another_namespace(database: Database, folder: Path) -> Question:
    from autopack.governance.signatures import signed_text

    question = _asked(database, _SIGNED)
    ada, text = _key(folder, "ada"), folder / "text"
    text.write_bytes(signed_text(question.request, "allow_once"))
    made = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(ada), "-n", "git", str(text)]
    subprocess.run(made, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    question.answer(signature=(folder / "text.sig").read_text(), allowed_signers=_signers(ada))
    return question


def _an_expired_key(database: Database, folder: Path) -> Question:
    question = _asked(database, _SIGNED)
    ada = _key(folder, "ada")
    expired = _signers(ada).replace(b" ", b' valid-before="20200101" ', 1)
    question.answer(signature=sign(question.request, "allow_once", ada), allowed_signers=expired)
    return question


def _garbage_for_a_signature(database: Database, folder: Path) -> Question:
    question = _asked(database, _SIGNED)
    question.answer(signature="-----BEGIN SSH SIGNATURE-----\nAAAA\n", allowed_signers=_signers(_key(folder, "ada")))
    return question


def _no_file_of_signers(database: Database, folder: Path) -> Question:
    question = _asked(database, _SIGNED)
    question.answer(signature=sign(question.request, "allow_once", _key(folder, "ada")), allowed_signers=None)
    return question


def _an_empty_file_of_signers(database: Database, folder: Path) -> Question:
    question = _asked(database, _SIGNED)
    question.answer(signature=sign(question.request, "allow_once", _key(folder, "ada")), allowed_signers=b"")
    return question


def _unsigned_over_a_channel(database: Database, folder: Path) -> Question:
    question = _asked(database, _SIGNED)
    signers = _signers(_key(folder, "ada"))
    request = question.request
    heard = Heard("1", "1", True, "allow_once", str(request.nonce), short_digest(request))
    present = lambda record: question.present(record, allowed_signers=signers)  # noqa: E731
    take(database, "telegram", heard, find=question.find, present=present, now=NOW)
    return question


def _grants_are_not_allowed(database: Database, folder: Path) -> Question:
    question = _asked(database)
    question.answer("allow_always")
    return question


def _granted(database: Database, **others: object) -> Question:
    """Return another run's question after somebody answered the same one for good."""
    first = _asked(database, _STANDING, run_id="run-0")
    first.answer("allow_always")
    return _asked(database, _STANDING, **others)


def _grant_for_another_path(database: Database, folder: Path) -> Question:
    return _granted(database, actions=(an_action("b.md"),))


def _grant_for_another_kind(database: Database, folder: Path) -> Question:
    return _granted(database, actions=(an_action("a.md", kind="file_move"),))


def _grant_for_more_lines(database: Database, folder: Path) -> Question:
    action = an_action("a.md")
    cost = action.cost_estimate.model_copy(update={"lines": action.cost_estimate.lines.model_copy(update={"high": 3})})
    return _granted(database, actions=(action.model_copy(update={"cost_estimate": cost}),))


def _grant_for_unknown_lines(database: Database, folder: Path) -> Question:
    action = an_action("a.md")
    lines = action.cost_estimate.lines.model_copy(update={"high": None})
    cost = action.cost_estimate.model_copy(update={"lines": lines})
    return _granted(database, actions=(action.model_copy(update={"cost_estimate": cost}),))


def _grant_for_more_risk(database: Database, folder: Path) -> Question:
    return _granted(database, actions=(an_action("a.md").model_copy(update={"risk_score": 11}),))


def _grant_under_another_intention(database: Database, folder: Path) -> Question:
    first = _asked(database, _STANDING, run_id="run-0")
    first.answer("allow_always")
    return _asked(database, a_review(standing_grant_days=8))


def _grant_for_a_protected_rule(database: Database, folder: Path) -> Question:
    return _granted(database, actions=(an_action("a.md").model_copy(update={"decided_by": ("never.path",)}),))


def _grant_for_a_local_forbid(database: Database, folder: Path) -> Question:
    rules = ("default.no-rule-auto-approves", "local.no-friday")
    return _granted(database, actions=(an_action("a.md").model_copy(update={"decided_by": rules}),))


def _grant_that_expired(database: Database, folder: Path) -> Question:
    return _granted(database, now=NOW + timedelta(days=7))


def _grant_that_expired_with_the_clock_moved_back(database: Database, folder: Path) -> Question:
    first = _asked(database, _STANDING, run_id="run-0")
    first.answer("allow_always")
    _asked(database, _STANDING, run_id="run-9", actions=(an_action("z.md"),), now=NOW + timedelta(days=30))
    return _asked(database, _STANDING)


def _grant_that_was_revoked(database: Database, folder: Path) -> Question:
    from autopack.store.grants import revoke_grant

    first = _asked(database, _STANDING, run_id="run-0")
    grant = first.answer("allow_always").grant
    assert grant is not None
    assert revoke_grant(database, grant.grant_id, revoked_by="bob", revoked_at=timestamp(NOW))
    return _asked(database, _STANDING)


def _grant_that_was_edited(database: Database, folder: Path) -> Question:
    first = _asked(database, _STANDING, run_id="run-0")
    first.answer("allow_always")
    with database.change() as connection:
        connection.execute("UPDATE standing_grants SET document = replace(document, '/a.md', '/b.md')")
    return _asked(database, _STANDING, actions=(an_action("b.md"),))


def _grant_of_everything(database: Database, folder: Path) -> Question:
    question = _asked(database, _STANDING)
    question.answer("allow_always", grant_paths=("/**",))
    return question


def _grant_of_a_star(database: Database, folder: Path) -> Question:
    question = _asked(database, _STANDING)
    question.answer("allow_always", grant_paths=("/*",))
    return question


def _grant_for_the_requester(database: Database, folder: Path) -> Question:
    review = a_review(standing_grant_days=7, requester_may_approve=False)
    first = _asked(database, review, run_id="run-0", requested_by="cli:bob")
    first.answer("allow_always", by="grace")
    return _asked(database, review)


def _rejected_before(database: Database, folder: Path) -> Question:
    question = _asked(database)
    question.answer("reject_once")
    question.answer()
    return question


def _rejected_in_another_run(database: Database, folder: Path) -> Question:
    _asked(database, run_id="run-0").answer("reject_once")
    return _asked(database)


def _rejected_for_good_other_evidence(database: Database, folder: Path) -> Question:
    _asked(database, run_id="run-0").answer("reject_always")
    return _asked(database, actions=(an_action("a.md", operations=[edit("a.md", new="third")]),))


def _forged_nonce(database: Database, folder: Path) -> Question:
    question = _asked(database)
    _heard(question, nonce="0" * 32)
    return question


def _empty_nonce(database: Database, folder: Path) -> Question:
    question = _asked(database)
    _heard(question, nonce="")
    return question


def _beginning_of_the_nonce(database: Database, folder: Path) -> Question:
    question = _asked(database)
    _heard(question, nonce=str(question.request.nonce)[:31])
    return question


def _nonce_of_another_request(database: Database, folder: Path) -> Question:
    other = _asked(database, run_id="run-0", actions=(an_action("b.md"),))
    nonce = other.request.nonce
    question = _asked(database)
    _heard(question, nonce=nonce)
    return question


def _stale_digest(database: Database, folder: Path) -> Question:
    question = _asked(database)
    _heard(question, digest="00000000")
    return question


def _no_digest(database: Database, folder: Path) -> Question:
    question = _asked(database)
    _heard(question, digest="")
    return question


def _one_digit_of_the_digest(database: Database, folder: Path) -> Question:
    question = _asked(database)
    _heard(question, digest=short_digest(question.request)[:1])
    return question


def _a_stranger_on_a_channel(database: Database, folder: Path) -> Question:
    question = _asked(database)
    _heard(question, may_decide=False)
    return question


def _an_unlisted_user_of_a_channel(database: Database, folder: Path) -> Question:
    question = _asked(database, a_review(an_approver("ada", "telegram:1")))
    _heard(question, who="2")
    return question


def _no_event_id(database: Database, folder: Path) -> Question:
    question = _asked(database)
    _heard(question, event_id=" ")
    return question


def _the_same_event_again(database: Database, folder: Path) -> Question:
    question = _asked(database)
    _heard(question, event_id="7", digest="00000000")
    _heard(question, event_id="7")
    return question


def _a_document_that_was_edited(database: Database, folder: Path) -> Question:
    question = _asked(database)
    _edit_document(question, lambda document: document.update(canonical_text="Nothing to see"), reseal=False)
    question.answer()
    return question


def _a_document_that_never_ends(database: Database, folder: Path) -> Question:
    question = _asked(database)
    _edit_document(question, lambda document: document.update(expires_at="9999-12-31T23:59:59Z"), reseal=True)
    question.answer()
    return question


def _a_row_that_never_ends(database: Database, folder: Path) -> Question:
    question = _asked(database)
    with database.change() as connection:
        connection.execute("UPDATE approval_requests SET expires_at = '9999-12-31T23:59:59Z'")
    question.now = NOW + timedelta(days=30)
    question.answer()
    return question


def _a_document_with_blanks(database: Database, folder: Path) -> Question:
    question = _asked(database)
    with database.change() as connection:
        connection.execute("UPDATE approval_requests SET document = replace(document, ',\"run_id\"', ', \"run_id\"')")
    question.answer()
    return question


def _an_id_inside_the_text(database: Database, folder: Path) -> Question:
    question = _asked(database)
    member = f',"request_id":"{question.request.request_id}"'
    with database.change() as connection:
        connection.execute("UPDATE approval_requests SET document = document || ?", (member,))
    question.answer()
    return question


def _a_needed_number_that_was_lowered(database: Database, folder: Path) -> Question:
    question = _asked(database, _TWO)
    _edit_document(question, lambda document: document.update(min_approvers=1), reseal=True)
    question.answer()
    return question


def _hostile_name(database: Database, folder: Path) -> Question:
    question = _asked(database, _TWO)
    question.answer()
    question.answer(by="bob\u200b")
    question.answer(by="bob\n")
    question.answer(by="cli:bob")
    return question


_ATTACKS = {
    "a decision that is none": _unknown_decision,
    "an outcome of a newer protocol": _selected_but_unknown_option,
    "a dialogue that was closed": _cancelled,
    "an answer after the end": _late,
    "a clock moved back after the end was seen": _clock_moved_back,
    "a clock moved back after an approval ended": _clock_moved_back_after_approval,
    "a clock moved back by a year": _clock_moved_back_beyond_the_question,
    "an approval that ended before its use": _expired_between_approval_and_use,
    "an answer to a question that was taken back": _revoked_question,
    "an approval that was taken back": _revoked_approval,
    "using an approval that was taken back": _revoked_then_used,
    "an approval that was used for something else": _used_elsewhere,
    "an approval that another run got": _approval_of_another_run,
    "another edit after the approval": _changed_edit,
    "another title under the same id": _changed_title_same_id,
    "approving what is blocked meanwhile": _blocked_meanwhile,
    "the same over a channel": _blocked_meanwhile_over_a_channel,
    "one approval where two are needed": _one_of_two,
    "one person twice": _one_person_twice,
    "one person on three channels": _one_person_on_two_channels,
    "one person in capitals": _one_person_in_capitals,
    "a stranger as the second": _a_stranger_as_second,
    "a listed name on a channel where it is not listed": _a_listed_name_on_another_channel,
    "two needed, nobody listed": _two_needed_nobody_listed,
    "two needed, one listed twice": _two_needed_one_listed_twice,
    "the requester": _the_requester,
    "the requester on another channel": _the_requester_elsewhere,
    "the requester in capitals": _the_requester_in_capitals,
    "the requester's name on another channel": _the_requesters_name_elsewhere,
    "no signature where one is needed": _no_signature,
    "a signature by a foreign key": _a_foreign_signature,
    "a signature under a rejection": _a_signature_under_a_rejection,
    "a signature under another request": _a_signature_under_another_request,
    "a signature made for another purpose": _a_signature_in_another_namespace,
    "a key that is no longer valid": _an_expired_key,
    "garbage for a signature": _garbage_for_a_signature,
    "a file of signers that is not committed": _no_file_of_signers,
    "an empty file of signers": _an_empty_file_of_signers,
    "a channel that cannot sign": _unsigned_over_a_channel,
    "a standing grant where none is allowed": _grants_are_not_allowed,
    "a grant for another path": _grant_for_another_path,
    "a grant for another kind": _grant_for_another_kind,
    "a grant for fewer lines": _grant_for_more_lines,
    "a grant for an unknown size": _grant_for_unknown_lines,
    "a grant for less risk": _grant_for_more_risk,
    "a grant under another intention": _grant_under_another_intention,
    "a grant against the built-in list": _grant_for_a_protected_rule,
    "a grant against an owner's forbid": _grant_for_a_local_forbid,
    "a grant that ended": _grant_that_expired,
    "a grant that ended, with the clock moved back": _grant_that_expired_with_the_clock_moved_back,
    "a grant that was taken back": _grant_that_was_revoked,
    "a grant that was edited in the store": _grant_that_was_edited,
    "a grant of everything": _grant_of_everything,
    "a grant of a star": _grant_of_a_star,
    "a grant that answers its giver": _grant_for_the_requester,
    "an approval after a rejection": _rejected_before,
    "asking again in another run": _rejected_in_another_run,
    "asking again with other evidence after a rejection for good": _rejected_for_good_other_evidence,
    "a nonce that was made up": _forged_nonce,
    "no nonce": _empty_nonce,
    "the beginning of the nonce": _beginning_of_the_nonce,
    "the nonce of another request": _nonce_of_another_request,
    "the digest of an older action": _stale_digest,
    "no digest": _no_digest,
    "one digit of the digest": _one_digit_of_the_digest,
    "a stranger on a channel": _a_stranger_on_a_channel,
    "a user of the channel who is no approver": _an_unlisted_user_of_a_channel,
    "an answer without an event": _no_event_id,
    "a refused event sent again, corrected": _the_same_event_again,
    "a document edited in the store": _a_document_that_was_edited,
    "a document that never ends, sealed anew": _a_document_that_never_ends,
    "a row that never ends": _a_row_that_never_ends,
    "a document with a blank more": _a_document_with_blanks,
    "a document with its id a second time": _an_id_inside_the_text,
    "a document that needs fewer people, sealed anew": _a_needed_number_that_was_lowered,
    "a name with what cannot be seen": _hostile_name,
}


@pytest.mark.parametrize("attack", _ATTACKS.values(), ids=_ATTACKS)
def test_nothing_is_approved(attack: Callable[[Database, Path], Question], database: Database, tmp_path: Path) -> None:
    """Whatever the attempt ends in, an error or a shrug: the gate of the question that it is about grants nothing."""
    question = None
    with contextlib.suppress(AutopackError):
        question = attack(database, tmp_path)
    question = question or _meant[0]
    granted: tuple[object, ...] = ()
    with contextlib.suppress(AutopackError):
        granted = question.gate().granted
    assert granted == ()


# --- the same, answered properly --------------------------------------------------------------------------------------


def _approved(database: Database, folder: Path) -> Question:
    question = _asked(database)
    question.answer()
    return question


def _two_people(database: Database, folder: Path) -> Question:
    question = _asked(database, _TWO)
    question.answer(by="ada-gh", channel="github")
    question.answer(by="bob")
    return question


def _not_the_requester(database: Database, folder: Path) -> Question:
    question = _asked(database, _STRICT)
    question.answer()
    return question


def _signed(database: Database, folder: Path) -> Question:
    question = _asked(database, _SIGNED)
    ada = _key(folder, "ada")
    question.answer(signature=sign(question.request, "allow_once", ada), allowed_signers=_signers(ada))
    assert question.record.decision is not None
    assert (question.record.decision.decided_by, question.record.decision.channel) == ("ada@test.invalid", "ssh")
    return question


def _standing(database: Database, folder: Path) -> Question:
    question = _granted(database)
    assert question.record.decision is not None
    assert question.record.decision.channel == "grant"
    return question


def _standing_by_pattern(database: Database, folder: Path) -> Question:
    first = _asked(database, _STANDING, run_id="run-0", actions=(an_action("docs/a.md"),))
    first.answer("allow_always", grant_paths=("/docs/**",))
    return _asked(database, _STANDING, actions=(an_action("docs/b/c.md"),))


def _on_a_channel(database: Database, folder: Path) -> Question:
    question = _asked(database)
    _heard(question)
    return question


def _a_rejection_taken_back(database: Database, folder: Path) -> Question:
    question = _asked(database)
    question.answer("reject_always")
    revoke(database, question.record, revoked_by="bob", now=NOW)
    question.ask()
    question.answer()
    return question


def _asked_anew_after_the_end(database: Database, folder: Path) -> Question:
    question = _asked(database)
    question.now = NOW + timedelta(days=8)
    question.ask()
    question.answer()
    return question


def _used_here_and_ended_since(database: Database, folder: Path) -> Question:
    question = _asked(database)
    question.answer()
    consume(database, question.request.request_id, use_of("run-1", question.actions[0].action_id), NOW)
    question.now = NOW + timedelta(days=30)
    return question


_PROPER = {
    "approved": _approved,
    "by two people on two channels": _two_people,
    "by another than the requester": _not_the_requester,
    "signed": _signed,
    "beforehand": _standing,
    "beforehand, by a pattern": _standing_by_pattern,
    "over a channel": _on_a_channel,
    "after a rejection was taken back": _a_rejection_taken_back,
    "asked anew after the first question ended": _asked_anew_after_the_end,
    "used by this very action before a kill": _used_here_and_ended_since,
}


@pytest.mark.parametrize("answer", _PROPER.values(), ids=_PROPER)
def test_a_proper_answer_counts(
    answer: Callable[[Database, Path], Question], database: Database, tmp_path: Path
) -> None:
    """What a person did approve is let through: no valid answer is lost."""
    question = answer(database, tmp_path)
    assert len(question.gate().granted) == 1


def test_the_digest_that_people_see_is_that_of_the_whole_action(database: Database) -> None:
    """The digits on every channel are the first of the digest to which the approval binds."""
    question = _asked(database)
    assert digest(question.actions[0].document()).startswith(short_digest(question.request))
    assert f"(digest {short_digest(question.request)})" in question.request.canonical_text


def test_what_was_granted_beforehand_and_taken_back_stands_in_the_event_log(database: Database) -> None:
    """Whoever reads the log of the run that asked sees the standing grant, and who took the approval back, in order."""
    question = _asked(database, _STANDING)
    grant = question.answer("allow_always").grant
    assert grant is not None
    revoke(database, question.record, revoked_by="bob", reason="not before the release", now=NOW)
    log = read_events(RunFileLayout(database.path.parent, "sample", question.run_id).event_log)
    assert [one.event for one in log.events] == ["approval_requested", "decision", "standing_grant", "revocation"]
    granted, revoked = (one.details for one in log.events[2:])
    assert (granted["grant_id"], granted["paths"]) == (grant.grant_id, list(grant.paths))
    assert (revoked["revoked_by"], revoked["reason"]) == ("bob", "not before the release")
