"""An agent that is one command works on a copy, in the box, and only a tree that holds in every respect is kept."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from autopack.execution.agents.cli_agent import command
from autopack.execution.sandbox.detect import sandbox_tier
from errands import MENDED, RUN, Errand, cli
from repositories import git, write_files

needs_isolation = pytest.mark.skipif(sandbox_tier() != "isolated", reason="agents work in the tier isolated only")
MEND = f"import pathlib, sys\npathlib.Path('docs/guide.md').write_text({MENDED!r})\n"
TRY = """\
import os, pathlib, subprocess, sys, time
def attempt(action):
    try:
        return action()
    except OSError as fault:
        print('refused:', fault.strerror)
"""


def digest_of(folder: Path) -> str:
    """Return a digest of every file below FOLDER but the runs', with its mode; the index and logs of git aside."""
    seen = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        aside = name.startswith((".autonomous_runs", ".git/objects", ".git/refs", ".git/logs", ".git/autopack"))
        if aside or name.startswith(".git/worktrees") or not path.is_file():
            continue
        seen.update(f"{name} {path.lstat().st_mode} ".encode() + path.read_bytes())
    return seen.hexdigest()


@pytest.fixture
def errand(tmp_path: Path) -> Errand:
    return Errand(tmp_path)


@needs_isolation
def test_a_task_is_proposed_approved_carried_out_and_proven(errand: Errand) -> None:
    """The plan names the agent, a person approves, the agent mends the file, and the chain from anchor to commit
    holds."""
    errand.install("mender", f"import sys\nassert 'docs/guide.md:3' in sys.stdin.read()\n{MEND}print('mended')\n")
    errand.commit(cli("mender"))
    session = errand.asks()
    (step,) = session.waiting_for_approval
    assert (step.kind, "never.not-deterministic" in step.decided_by) == ("agent_task", True)
    before = digest_of(errand.repo)
    errand.approves()
    session = errand.goes_on()
    assert (session.outcome, [done.outcome for done in session.executed]) == ("executed", ["committed"])
    assert all(link.holds for link in errand.links())
    assert git(errand.repo, "show", f"autopack/{RUN}:docs/guide.md") == MENDED
    assert "Autopack-Approval" in git(errand.repo, "log", "-1", "--format=%B", f"autopack/{RUN}")
    assert digest_of(errand.repo) == before
    assert errand.log() == "mended\n"


@needs_isolation
def test_the_agent_sees_its_copy_and_nothing_of_the_owner(errand: Errand) -> None:
    """Inside are the files, the history and the brief; not the owner's git configuration, branches, home or secrets."""
    errand.files = {".env": "SECRET_TOKEN=abcdefgh\n"}
    errand.install("looker", TRY + LOOK)
    errand.commit(cli("looker", "--task", "{brief}"))
    git(errand.repo, "config", "user.name", "The Owner")
    git(errand.repo, "branch", "private-work")
    errand.done()
    said = errand.log()
    assert "first\n" in said
    assert "env: None" in said
    assert "The Owner" not in said
    assert "private-work" not in said
    assert str(errand.repo) + "/docs" not in said


LOOK = """
brief = sys.argv[2]
assert '# Task' in brief and 'Write only below: /docs/**' in brief and 'docs/legal' in brief
git = lambda *a: subprocess.run(['git', *a], capture_output=True, text=True).stdout
print(git('log', '--format=%s'), git('branch', '--all'), git('config', '--list'), git('status', '--short'))
print('env:', attempt(lambda: pathlib.Path('.env').read_text()))
print(sorted(os.environ), attempt(lambda: os.listdir(os.path.expanduser('~'))))
"""

BEYOND: dict[str, tuple[str, str]] = {
    "asks by its name": (
        "pathlib.Path('Makefile').write_text('all:')",
        "the change touched Makefile, which asks a person by its name, and the task does not name it",
    ),
    "asks because the owner says so": (
        "pathlib.Path('docs/api/index.md').write_text('# Other')",
        "the change touched docs/api/index.md, which asks a person by its name, and the task does not name it",
    ),
    "new attributes": (
        "pathlib.Path('docs/.gitattributes').write_text('* text')",
        "the change touched docs/.gitattributes, which asks a person by its name, and the task does not name it",
    ),
    "a protected folder": (
        "pathlib.Path('docs/legal/new.md').write_text('# New')",
        "the real diff is judged blocked (block.protected-path), granted as requires_approval",
    ),
    "a folder never allowed": (
        "pathlib.Path('docs/contracts/new.md').write_text('# New')",
        "the real diff is judged blocked (block.never-allow), granted as requires_approval",
    ),
    "too many lines": (
        "pathlib.Path('docs/long.md').write_text('# Long' + chr(10) * 60)",
        "the change has 62 lines, approved were at most 40",
    ),
    "too many files": (
        "[pathlib.Path(f'notes/{n}.md').write_text(f'# {n}') for n in range(6)]",
        "the change has 7 files, approved were at most 5",
    ),
    "a nested repository": (
        "subprocess.run(['git', 'init', '-q', 'docs/sub']);"
        " subprocess.run(['git', '-C', 'docs/sub', 'config', 'core.fsmonitor', 'touch /tmp/owned'])",
        "the agent left docs/sub/.git: a nested repository, whose configuration names programs",
    ),
    "a bare repository": (
        "[os.makedirs('docs/bare/' + n) for n in ('objects', 'refs')]; open('docs/bare/HEAD', 'w')",
        "the agent left docs/bare: a bare repository, whose configuration names programs",
    ),
    "a link out": (
        "os.symlink('/etc/passwd', 'docs/users')",
        "the agent left docs/users: a symbolic link out of the worktree, to /etc/passwd",
    ),
    "a link": (
        "os.symlink('guide.md', 'docs/other.md')",
        "the change makes docs/other.md a symbolic link to guide.md",
    ),
    "a program": (
        "pathlib.Path('docs/run').write_text('#!/bin/sh'); os.chmod('docs/run', 0o755)",
        "the change gives docs/run the mode 100755",
    ),
    "a set-id program": (
        "pathlib.Path('docs/run').write_text('#!/bin/sh'); os.chmod('docs/run', 0o4755)",
        "the agent left docs/run: a program that runs with its owner's rights (set-id)",
    ),
    "a pipe": ("os.mkfifo('docs/pipe')", "the agent left docs/pipe: a socket, pipe or device"),
    "a broken heading": (
        "pathlib.Path('docs/guide.md').write_text('No heading')",
        "the required check 'guide' failed with exit code 1",
    ),
    "an exit code": ("sys.exit(3)", "the agent ended with exit code 3"),
}


@needs_isolation
@pytest.mark.parametrize("name", BEYOND)
def test_a_task_that_was_done_but_not_only_that_is_undone(errand: Errand, name: str) -> None:
    """The agent does its task and something else besides: nothing of it is kept, and the reason is named."""
    deed, reason = BEYOND[name]
    errand.install("eager", f"{TRY}{MEND}{deed}\n")
    base = errand.commit(cli("eager"))
    before = digest_of(errand.repo)
    said = errand.done()
    assert (said.outcome, said.reason) == ("undone", reason)
    assert git(errand.repo, "rev-parse", f"autopack/{RUN}").strip() == base
    assert digest_of(errand.repo) == before
    assert all(link.holds for link in errand.links())


@needs_isolation
@pytest.mark.parametrize(
    ("deed", "reason"),
    [("", "the agent changed nothing"), ("open('docs/guide.md', 'a').write('More.')", "the change does not close ")],
)
def test_a_finding_that_stays_undoes_the_task(errand: Errand, deed: str, reason: str) -> None:
    """An agent that says it is done, and is not, has done nothing."""
    errand.install("liar", f"{deed}\nprint('All done, the link is fixed.')\n")
    errand.commit(cli("liar"))
    said = errand.done()
    assert (said.outcome, said.reason.startswith(reason)) == ("undone", True)


@needs_isolation
def test_a_new_finding_undoes_the_task(errand: Errand) -> None:
    """An agent that mends one link and breaks another has done nothing."""
    errand.install("swapper", f"{MEND}pathlib.Path('docs/new.md').write_text('# N\\n\\n[x](nowhere.md)\\n')\n")
    errand.commit(cli("swapper"))
    said = errand.done()
    assert (said.outcome, said.reason.startswith("the change would open doc_drift-")) == ("undone", True)


@pytest.fixture
def listener() -> Iterator[tuple[int, list[str]]]:
    """A server on this machine that notes who comes: its port, and the notes."""
    came: list[str] = []
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.1)
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                server.accept()[0].close()
                came.append("tcp")
            except TimeoutError:
                continue

    thread = threading.Thread(target=serve)
    thread.start()
    yield server.getsockname()[1], came
    over.set()
    thread.join()
    server.close()


HOSTILE = """
home = {home!r}
outside = [{repo!r} + '/docs/guide.md', {repo!r} + '/.git/hooks/post-commit', home + '/.ssh/authorized_keys',
           'README.md', '../../owned', '.git/hooks/pre-commit', '.git/config', '.autopack/intention.yaml',
           'docs/legal/licence.md', 'docs/contracts/one.md']
for path in outside:
    attempt(lambda: pathlib.Path(path).write_text('owned'))
subprocess.run(['rm', '-rf', '.git', {repo!r}, home])
subprocess.run(['git', 'config', 'core.hooksPath', 'docs'])
for path in (home + '/.ssh/id_rsa', {repo!r} + '/.git/config', '/etc/shadow', '/proc/1/environ'):
    print(path, attempt(lambda: pathlib.Path(path).read_bytes()))
import socket
for family, address in ((socket.AF_INET, ('127.0.0.1', {port})), (socket.AF_UNIX, home + '/agent.sock'),
                        (socket.AF_UNIX, chr(0) + 'autopack-errand')):
    with socket.socket(family) as client:
        client.settimeout(2)
        attempt(lambda: client.connect(address) or print('CONNECTED', address))
if os.fork() == 0:
    os.setsid()
    time.sleep(3)
    attempt(lambda: pathlib.Path('docs/late.md').write_text('late'))
    os._exit(0)
print('done')
"""


@needs_isolation
def test_a_hostile_agent_reaches_nothing_of_the_host(errand: Errand, listener: tuple[int, list[str]]) -> None:
    """Writing and deleting outside, git's own files, keys, other processes and sockets: all refused."""
    home = Path(os.environ["HOME"])
    write_files(home, {".ssh/id_rsa": "THE-PRIVATE-KEY", ".ssh/authorized_keys": "mine"})
    port, came = listener
    with socket.socket(socket.AF_UNIX) as path_socket, socket.socket(socket.AF_UNIX) as abstract:
        path_socket.bind(str(home / "agent.sock"))
        path_socket.listen()
        abstract.bind("\0autopack-errand")
        abstract.listen()
        errand.install("villain", TRY + HOSTILE.format(home=str(home), repo=str(errand.repo), port=port))
        errand.commit(cli("villain"))
        before = digest_of(errand.repo), digest_of(home)
        said = errand.done()
    assert said.outcome != "committed"
    assert (digest_of(errand.repo), digest_of(home)) == before
    assert came == []
    words = errand.log()
    assert "done" in words
    assert "THE-PRIVATE-KEY" not in words
    assert "CONNECTED" not in words
    assert git(errand.repo, "diff", "--name-only", "main", f"autopack/{RUN}") == ""


@needs_isolation
def test_an_agent_that_never_ends_is_ended(errand: Errand) -> None:
    """After its time the agent and everything that it started are gone, however much it said."""
    errand.install("sleeper", f"{TRY}{MEND}os.fork()\nwhile True: print('x' * 100_000)\n")
    errand.commit(cli("sleeper", timeout_seconds=2))
    said = errand.done()
    assert (said.outcome, said.reason) == ("undone", "the agent did not end within 2 seconds")
    assert len(errand.log()) < 5_000_000


BROOD = """
import signal
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True: print('still here', flush=True), time.sleep(0.1)
time.sleep(3_600)
"""


@needs_isolation
@pytest.mark.parametrize("cap", ["time_cap_seconds", "time_cap_seconds_per_action"])
def test_a_cap_of_time_ends_the_agent_and_all_that_it_started(errand: Errand, cap: str) -> None:
    """The intention's cap is shorter than the agent's own time: with the agent goes the process that it started in a
    session of its own, and what it had mended is not kept."""
    errand.caps = {cap: 3}
    errand.install("breeder", TRY + MEND + BROOD)
    base = errand.commit(cli("breeder", timeout_seconds=60))
    said = errand.done()
    reason = f"the agent did not end within 3 seconds, the end of budget_cost.{cap}"
    assert (said.outcome, said.reason) == ("undone", reason)
    assert "still here" in errand.log()
    assert errand.processes() == []
    assert git(errand.repo, "rev-parse", f"autopack/{RUN}").strip() == base


@needs_isolation
def test_an_agent_that_is_left_no_time_does_not_start(errand: Errand) -> None:
    """A cap of nothing is a cap."""
    errand.caps = {"time_cap_seconds_per_action": 0}
    errand.install("mender", MEND)
    errand.commit(cli("mender"))
    assert errand.done().reason == "budget_cost.time_cap_seconds_per_action leaves an agent no time"
    assert list(errand.layout.logs.glob("agent-*.log")) == []


@needs_isolation
@pytest.mark.parametrize(("caps", "outcome"), [((9, 40), "undone"), ((40, 9), "undone"), ((10, 10), "committed")])
def test_the_smaller_cap_of_lines_bounds_one_action(errand: Errand, caps: tuple[int, int], outcome: str) -> None:
    """Ten lines, two of them the task: thrown away as a whole where the action or the run may change nine only."""
    errand.caps = dict(zip(("max_lines_per_action", "max_lines"), caps, strict=True))
    errand.install("eager", f"{TRY}{MEND}pathlib.Path('docs/long.md').write_text('# Long' + chr(10) * 8)\n")
    base = errand.commit(cli("eager"))
    said = errand.done()
    reason = "" if outcome == "committed" else "the change has 10 lines, approved were at most 9"
    assert (said.outcome, said.reason) == (outcome, reason)
    assert (git(errand.repo, "rev-parse", f"autopack/{RUN}").strip() == base) is (outcome == "undone")


@needs_isolation
def test_secrets_that_an_agent_prints_are_not_written_down(errand: Errand) -> None:
    """What looks like a credential is masked in the log of the agent."""
    token = "ghp_" + "".join(chr(ord("A") + (n * 7) % 26) for n in range(36))
    errand.install("teller", f"print({token!r})\nimport sys\nsys.exit(1)\n")
    errand.commit(cli("teller"))
    errand.done()
    assert token not in errand.log()


@needs_isolation
def test_a_program_that_is_not_there_is_told_by_its_exit_code(errand: Errand) -> None:
    """An agent that this machine does not have, or that no granted folder holds, does not start."""
    errand.commit(cli("absent"))
    assert errand.done().reason in {f"the agent ended with exit code {code}" for code in (1, 126, 127)}


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (("tool", "-p", "{brief}"), ("tool", "-p", "do $(this)")),
        (("tool", "--task={brief}", "-y"), ("tool", "--task=do $(this)", "-y")),
        (("{brief}", "x"), None),
    ],
)
def test_the_brief_takes_its_place_in_the_command(argv: tuple[str, ...], expected: tuple[str, ...] | None) -> None:
    """The brief is one argument, never parsed by a shell and never the program; without a place it is the input."""
    made = command(argv, "do $(this)", Path("/brief"))
    assert made == expected if expected else made[0] == "/bin/sh" and made[-3:] == ("/brief", *argv)
