"""The channel GitHub: a pull request for the run's branch, with a check-box for each action and commands in comments.

Who may decide is whoever GitHub says may write to the repository, asked anew for every answer; never the account that
Autopack itself uses, never an edited comment, never a tick whose author is not certain. Spoken through PyGithub, so
that GitHub Enterprise (and Gitea or Forgejo, where their interface is the same) is reached by `base_url`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from autopack.errors import EnvironmentFault
from autopack.governance.channels.channel import DIGEST_DIGITS, ChannelDown, Heard, Memory, Telling, short_digest
from autopack.governance.models import ApprovalRequestV1

if TYPE_CHECKING:
    from github import Github
    from github.IssueComment import IssueComment
    from github.PullRequest import PullRequest
    from github.Repository import Repository

STATUS_CONTEXT = "autopack/approvals"
_WRITERS = frozenset({"admin", "maintain", "write"})
_VERBS = {
    "approve": "allow_once",
    "approve-always": "allow_always",
    "reject": "reject_once",
    "reject-for-good": "reject_always",
}
_COMMAND = re.compile(
    r"^/autopack (?P<verb>[a-z-]{1,20}) (?P<action>action-[0-9a-f]{12})@(?P<digest>[0-9a-f]{8,64})"
    r"(?: (?P<reason>.*))?$",
    re.MULTILINE,
)
_TICK = re.compile(
    r"^- \[[xX]\] <!-- autopack:approve=(?P<nonce>[0-9a-f]{32})@(?P<digest>[0-9a-f]{8}) -->", re.MULTILINE
)
_EDITS = """
query($owner: String!, $name: String!, $number: Int!) {
  viewer { login }
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      body
      userContentEdits(first: 100) { nodes { editedAt editor { login } } }
    }
  }
}
"""
_MOST_COMMENTS = 1_000


@dataclass(frozen=True)
class Standing:
    """One request of a run as the pull request shows it; `settled` is a sentence, or empty while it waits."""

    request: ApprovalRequestV1
    settled: str
    approved: bool


class GitHubChannel:
    """One repository on one server. STANDING_OF gives all requests of a run, for the body of its pull request."""

    name = "github"

    def __init__(
        self,
        *,
        base_url: str,
        token: str,
        repository: str,
        base_branch: str | None,
        memory: Memory,
        standing_of: Callable[[str], Sequence[Standing]],
    ) -> None:
        self._base_url = base_url
        self._token = token
        self._full_name = repository
        self._base_branch = base_branch
        self._memory = memory
        self._standing_of = standing_of
        self._connected: Repository | None = None

    def deliver(self, tellings: Sequence[Telling]) -> Iterator[str]:
        """Show the plan in the body, put each request in full into a comment, and set the commit's status."""
        for run_id in dict.fromkeys(telling.request.run_id for telling in tellings):
            mine = [telling for telling in tellings if telling.request.run_id == run_id]
            with self._explained():
                pull = self._pull(mine[0].request)
            for telling in mine:
                with self._explained():
                    reference = self._tell(pull, telling)
                yield reference
            with self._explained():
                self._show(pull, run_id)

    def hear(self, waiting: Sequence[ApprovalRequestV1]) -> Iterable[Heard]:
        """Yield commands in comments, then ticks, of the pull requests whose runs have something WAITING."""
        for run_id in dict.fromkeys(request.run_id for request in waiting):
            number = self._memory.get(f"pull/{run_id}")
            if not number:
                continue
            mine = [request for request in waiting if request.run_id == run_id]
            with self._explained():
                heard = [*self._commands(int(number), mine), *self._ticks(int(number), run_id)]
            yield from heard

    def acknowledge(self, heard: Heard, outcome: str) -> None:
        """Nothing is written: the event counts once, and the body is drawn anew when a request is settled."""

    def _tell(self, pull: PullRequest, telling: Telling) -> str:
        if telling.settled:
            return telling.reference
        return str(pull.create_issue_comment(_question(telling)).id)

    def _show(self, pull: PullRequest, run_id: str) -> None:
        standing = self._standing_of(run_id)
        pull.edit(body=_body(run_id, standing))
        waiting = sum(1 for one in standing if not one.settled)
        refused = any(one.settled and not one.approved for one in standing)
        state = "pending" if waiting else "failure" if refused else "success"
        told = f"{waiting} of {len(standing)} actions wait" if waiting else "Everything is decided"
        self._repository().get_commit(pull.head.sha).create_status(state, description=told, context=STATUS_CONTEXT)

    def _pull(self, request: ApprovalRequestV1) -> PullRequest:
        """Return the pull request of the run that REQUEST belongs to, made if there is none yet."""
        repository, run_id = self._repository(), request.run_id
        number = self._memory.get(f"pull/{run_id}")
        if number:
            return repository.get_pull(int(number))
        head = f"autopack/{run_id}"
        owner = self._full_name.split("/", 1)[0]
        pull = next(iter(repository.get_pulls(state="open", head=f"{owner}:{head}")), None)
        if pull is None:
            self._make_branch(head, request)
            base = self._base_branch or repository.default_branch
            title = f"Autopack: {run_id} asks for approval"
            body = _body(run_id, self._standing_of(run_id))
            pull = repository.create_pull(base, head, title=title, body=body, draft=True)
        self._memory.keep(f"pull/{run_id}", str(pull.number))
        return pull

    def _make_branch(self, head: str, request: ApprovalRequestV1) -> None:
        """Make the branch on the server, with one commit that changes nothing, unless it is there."""
        from github import UnknownObjectException

        repository = self._repository()
        try:
            repository.get_branch(head)
            return
        except UnknownObjectException:
            pass
        base = repository.get_git_commit(request.binding.base_commit)
        commit = repository.create_git_commit(f"Plan of {request.run_id}\n", base.tree, [base])
        repository.create_git_ref(f"refs/heads/{head}", commit.sha)

    def _commands(self, number: int, waiting: Sequence[ApprovalRequestV1]) -> list[Heard]:
        own = self._own_login()
        found: list[Heard] = []
        for count, comment in enumerate(self._repository().get_issue(number).get_comments()):
            if count >= _MOST_COMMENTS:
                break
            for order, command in enumerate(_COMMAND.finditer((comment.body or "").replace("\r\n", "\n"))):
                found.append(self._command(comment, order, command, waiting, own))
        return found

    def _command(
        self,
        comment: IssueComment,
        order: int,
        command: re.Match[str],
        waiting: Sequence[ApprovalRequestV1],
        own: str,
    ) -> Heard:
        """Return what one command says. A comment that was edited, or is older than the question, decides nothing."""
        login = comment.user.login
        meant = [one for one in waiting if one.binding.action_id == command["action"] and _asked_before(one, comment)]
        untouched = comment.updated_at == comment.created_at
        return Heard(
            event_id=f"comment-{comment.id}-{order}",
            who=login,
            may_decide=untouched and self._may_write(login, own),
            decision=_VERBS.get(command["verb"], command["verb"]),
            nonce=(meant[-1].nonce or "") if meant else "",
            digest=command["digest"],
            reason=command["reason"] or "",
        )

    def _ticks(self, number: int, run_id: str) -> list[Heard]:
        """Return the ticked boxes, if it is certain who ticked them: since Autopack last wrote the body, one person
        alone edited it. Otherwise the body is drawn anew, without the ticks."""
        from github import GithubException

        repository = self._repository()
        owner, name = self._full_name.split("/", 1)
        asked = {"owner": owner, "name": name, "number": number}
        try:
            _, answer = repository.requester.graphql_query(_EDITS, asked)
            pull = answer["data"]["repository"]["pullRequest"]
            own = str(answer["data"]["viewer"]["login"])
            body, edits = str(pull["body"]), pull["userContentEdits"]["nodes"]
        except (GithubException, KeyError, TypeError):
            # A server without GraphQL does not say who edited a body: there, only commands in comments decide.
            return []
        ticked = list(_TICK.finditer(body.replace("\r\n", "\n")))
        if not ticked:
            return []
        editors, latest = _editors_since(edits, own)
        if len(editors) != 1:
            self._show(repository.get_pull(number), run_id)
            return []
        (login,) = editors
        may = self._may_write(login, own)
        return [
            Heard(f"tick-{one['nonce']}-{latest}", login, may, "allow_once", one["nonce"], one["digest"])
            for one in ticked
        ]

    def _may_write(self, login: str, own: str) -> bool:
        """Return whether LOGIN may write to the repository and is not Autopack's own account."""
        from github import GithubException

        if not login or login.casefold() == own.casefold():
            return False
        try:
            return self._repository().get_collaborator_permission(login) in _WRITERS
        except GithubException as fault:
            if fault.status in {403, 404}:
                return False
            raise

    def _own_login(self) -> str:
        own = self._memory.get("login")
        if not own:
            own = self._github().get_user().login
            self._memory.keep("login", own)
        return own

    def _repository(self) -> Repository:
        if self._connected is None:
            self._connected = self._github().get_repo(self._full_name)
        return self._connected

    def _github(self) -> Github:
        from github import Auth, Github

        return Github(
            auth=Auth.Token(self._token),
            base_url=self._base_url,
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
        )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn whatever the server or the network refuses into ChannelDown; raise EnvironmentFault without PyGithub."""
        try:
            from github import GithubException
            from requests import RequestException
        except ImportError as fault:
            raise EnvironmentFault(
                "The channel github needs PyGithub.", hint="pip install 'autopack[github]'"
            ) from fault
        try:
            yield
            return
        except GithubException as fault:
            told = fault.data.get("message") if isinstance(fault.data, dict) else fault.data
            said = f"GitHub answered {fault.status}: {told}"
        except (RequestException, OSError) as fault:
            said = f"GitHub cannot be reached: {fault}"
        raise ChannelDown(said.replace(self._token, "***")[:500], hint="Is the base commit pushed? It is tried again.")


def _asked_before(request: ApprovalRequestV1, comment: IssueComment) -> bool:
    return datetime.fromisoformat(request.requested_at) <= comment.created_at


def _editors_since(edits: object, own: str) -> tuple[frozenset[str], str]:
    """Return who edited the body since OWN last did, and when the last of them did."""
    told = [
        (str(one["editedAt"]), str((one.get("editor") or {}).get("login") or ""))
        for one in (edits if isinstance(edits, list) else [])
        if isinstance(one, dict)
    ]
    mine = [instant for instant, login in told if login.casefold() == own.casefold()]
    if not mine:
        return frozenset(), ""
    later = [(instant, login) for instant, login in told if instant >= max(mine) and login.casefold() != own.casefold()]
    return frozenset(login for _, login in later), max((instant for instant, _ in later), default="")


def _body(run_id: str, standing: Sequence[Standing]) -> str:
    lines = [
        f"The run `{run_id}` asks for {len(standing)} actions. Every one is described in full in a comment below.",
        "",
        *(_line(one) for one in standing),
        "",
        "Tick a box to approve an action once, or write a comment (people with write access only):",
        "",
        "    /autopack approve ACTION@DIGEST",
        "    /autopack reject ACTION@DIGEST why",
        "",
        "The digest is part of the answer: when an action changes, what was said about it before does not count.",
    ]
    return "\n".join(lines)


def _line(one: Standing) -> str:
    request = one.request
    told = f"`{request.binding.action_id}@{short_digest(request)}` {_quoted(request.title or '')}"
    if one.settled:
        return f"- {'✅' if one.approved else '❌'} {told} {_quoted(one.settled)}"
    return f"- [ ] <!-- autopack:approve={request.nonce}@{short_digest(request)} --> {told}"


def _question(telling: Telling) -> str:
    text = telling.request.canonical_text
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text)), 3)
    action = telling.request.binding.action_id
    answer = f"/autopack approve {action}@{telling.request.binding.action_digest[:DIGEST_DIGITS]}"
    return f"{fence}text\n{text}\n{fence}\n\nDigest `{telling.digest}`. To approve it once, write:\n\n    {answer}\n"


def _quoted(text: str) -> str:
    """Return TEXT as code, so that nothing in it is a link, a mention or a mark."""
    shown = " ".join(text.replace("`", "'").split())
    return f"`{shown[:300]}`" if shown else ""
