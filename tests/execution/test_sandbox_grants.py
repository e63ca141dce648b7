"""A job writes what is granted to it, sees what is not hidden, and reaches the hosts on its list."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from autopack.execution.egress import Connection
from autopack.execution.sandbox import seccomp
from autopack.execution.sandbox.box import Job, JobResult, Sandbox
from autopack.execution.sandbox.bubblewrap import Bubblewrap
from autopack.execution.sandbox.canaries import prove
from autopack.execution.sandbox.confined import Confined
from repositories import MakeRepository

STANDING: list[Sandbox] = [box for box in (Bubblewrap(), Confined()) if prove(box).stands]
if not STANDING:
    pytest.skip("no sandbox stands on this machine; test_sandbox.py shows the lower tier", allow_module_level=True)

ISOLATED = pytest.mark.skipif(
    STANDING[0].tier != "isolated", reason="needs the tier isolated; test_sandbox.py shows the lower one"
)


@pytest.fixture(params=STANDING, ids=lambda box: box.tier)
def box(request: pytest.FixtureRequest) -> Sandbox:
    return request.param


@pytest.fixture
def tree(make_repository: MakeRepository) -> Path:
    """A repository with sources, documents and a secret."""
    root = make_repository({"src/a.py": "A = 1\n", "docs/b.md": "# B\n"}).resolve()
    (root / ".env").write_text("KEY=hidden-value\n")
    return root


def sh(box: Sandbox, tree: Path, script: str, **wishes: object) -> JobResult:
    return box.run(Job(("sh", "-c", script), tree, **wishes))  # type: ignore[arg-type]


def test_only_the_granted_folder_can_be_written(box: Sandbox, tree: Path) -> None:
    """New files, changes and removals stay in the grant; everything else of the repository is read-only."""
    script = "echo x > src/new; rm docs/b.md; echo x > docs/new; echo x > new; echo x >> .git/config; cat docs/b.md"
    config = (tree / ".git/config").read_bytes()
    result = sh(box, tree, script, write=(tree / "src",))
    assert result.output.endswith(b"# B\n")
    assert sorted(path.name for path in (tree / "src").iterdir()) == ["a.py", "new"]
    assert [path.name for path in (tree / "docs").iterdir()] == ["b.md"]
    assert not (tree / "new").exists()
    assert (tree / ".git/config").read_bytes() == config


def test_one_file_can_be_granted(box: Sandbox, tree: Path) -> None:
    """A grant may be as narrow as a file."""
    sh(box, tree, "echo 2 > src/a.py; echo x > src/b.py", write=(tree / "src/a.py",))
    assert (tree / "src/a.py").read_text() == "2\n"
    assert not (tree / "src/b.py").exists()


def test_a_job_without_a_grant_changes_nothing(box: Sandbox, tree: Path) -> None:
    """Nothing is writable by default but private temporary folders."""
    result = sh(box, tree, "echo x > src/new; echo x > ${TMPDIR}/mine && cat ${TMPDIR}/mine", write=())
    assert result.output.endswith(b"x\n")
    assert not (tree / "src/new").exists()


def test_hidden_files_cannot_be_read(box: Sandbox, tree: Path) -> None:
    """Secrets of the worktree, and whatever the caller names, do not show."""
    result = sh(box, tree, "cat .env docs/b.md src/a.py", write=(), hidden=(".env", "docs/*.md"))
    assert b"hidden-value" not in result.output
    assert b"# B" not in result.output
    assert result.output.endswith(b"A = 1\n")


@ISOLATED
def test_git_stays_protected_in_a_writable_worktree(tree: Path) -> None:
    """Granting everything does not grant what git executes."""
    before = {path: path.read_bytes() for path in (tree / ".git").rglob("*") if path.is_file()}
    sh(Bubblewrap(), tree, "echo x > .git/hooks/pre-commit; mv .git g; rm -rf .git; git config a.b c; echo x > new")
    assert {path: path.read_bytes() for path in (tree / ".git").rglob("*") if path.is_file()} == before
    assert (tree / "new").exists()


def test_the_lower_tier_says_what_it_cannot_hide_or_protect(tree: Path) -> None:
    """Landlock cannot take away inside what it grants, so such a job is refused and not run half-protected."""
    result = sh(Confined(), tree, "true", write=(tree,), hidden=())
    assert (result.outcome, result.exit_code) == ("not_started", None)
    assert f"{tree}/.git" in result.detail
    assert "tier confined" in result.detail


def test_an_unsafe_folder_starts_nothing(box: Sandbox, tree: Path) -> None:
    """A hard link, a link as root, or a root elsewhere is a result with its reason, and nothing was run."""
    os.link(tree / "docs/b.md", tree / "src/linked")
    result = sh(box, tree, "echo x > src/new", write=(tree / "src",))
    assert result.outcome == "not_started"
    assert "hard link" in result.detail
    assert not (tree / "src/new").exists()


def test_a_throw_away_copy_is_all_its_own(box: Sandbox, tree: Path) -> None:
    """In a disposable folder the job may do what it likes, with git's files too."""
    (tree / ".env").unlink()
    sh(box, tree, "rm -rf .git; ln src/a.py src/again", disposable=True)
    assert not (tree / ".git").exists()


def test_variables_are_added_and_nothing_else_enters(box: Sandbox, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller passes by name what a job needs."""
    monkeypatch.setenv("NODE_OPTIONS", "--require /tmp/evil.js")
    result = sh(box, tree, 'echo "$STATED $NODE_OPTIONS"', write=(), variables=(("STATED", "yes"),))
    assert result.output == b"yes \n"


def test_the_limits_hold(box: Sandbox, tree: Path) -> None:
    """Memory and the size of files end where the job says."""
    script = "python3 -c 'x = bytearray(400_000_000)'; head -c 3000000 /dev/zero > src/big; ls -l src/big"
    result = sh(box, tree, script, write=(tree / "src",), memory_bytes=200_000_000, file_bytes=1_000_000)
    assert b"MemoryError" in result.output
    assert (tree / "src/big").stat().st_size == 1_000_000


def test_a_job_can_be_talked_to(box: Sandbox, tree: Path) -> None:
    """A caller may start the job itself and speak with it over its standard streams."""
    with box.ready(Job(("cat",), tree, write=())) as launch:
        done = subprocess.run(
            launch.argv,
            env=launch.environment,
            cwd=launch.folder,
            pass_fds=launch.pass_fds,
            input=b"ping",
            capture_output=True,
            check=True,
        )
    assert done.stdout == b"ping"


@contextmanager
def a_server(answer: bytes) -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def serve() -> None:
            with contextlib.suppress(OSError), listener.accept()[0] as client:
                client.recv(100)
                client.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


_TUNNEL = """
import socket, sys
client = socket.create_connection(("127.0.0.1", 3128))
client.sendall(f"CONNECT {sys.argv[1]} HTTP/1.1\\r\\n\\r\\n".encode())
print(client.recv(100).split(b"\\r\\n")[0].decode())
client.sendall(b"ping")
print(client.recv(100).decode())
"""


@ISOLATED
def test_a_named_host_is_reached_through_the_proxy_and_no_other_way(tree: Path) -> None:
    """The list opens exactly its entries, each decision is told, and without the proxy there is still no network."""
    decisions: list[Connection] = []
    with a_server(b"pong") as port:
        allowed = (f"localhost:{port}",)
        tunnel = f"python3 -c '{_TUNNEL}' localhost:{port}; python3 -c '{_TUNNEL}' localhost:1 | head -1"
        direct = f"python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}))' 2>&1 | tail -1"
        result = sh(
            Bubblewrap(),
            tree,
            f"{tunnel}; {direct}",
            write=(),
            private_network=allowed,
            on_connection=decisions.append,
        )
    lines = result.output.decode().splitlines()
    assert lines[:3] == ["HTTP/1.1 200 OK", "pong", "HTTP/1.1 403 Forbidden"]
    assert "ConnectionRefusedError" in lines[-1]
    assert [(each.target, each.allowed) for each in decisions] == [
        (f"localhost:{port}", True),
        ("localhost:1", False),
    ]


@ISOLATED
def test_a_public_entry_does_not_open_a_private_address(tree: Path) -> None:
    """A name on the anchor's list that leads into the owner's network is refused."""
    decisions: list[Connection] = []
    with a_server(b"pong") as port:
        network = (f"localhost:{port}",)
        script = f"python3 -c '{_TUNNEL}' localhost:{port} | head -1"
        result = sh(Bubblewrap(), tree, script, write=(), network=network, on_connection=decisions.append)
    assert result.output == b"HTTP/1.1 403 Forbidden\n"
    assert decisions == [Connection(f"localhost:{port}", False, "the name leads to a private address")]


def test_both_tables_of_system_calls_agree_in_shape() -> None:
    """The filter for the other processor differs in numbers only (and in what x86 alone has)."""
    families = (seccomp.UNIX, seccomp.INET)
    ours, theirs = (seccomp.program(families, machine) for machine in ("x86_64", "aarch64"))
    only_on_x86 = 2 + 2 * 6
    assert len(ours) // 8 - len(theirs) // 8 == only_on_x86
    assert len(ours) // 8 < 4096
    with pytest.raises(KeyError):
        seccomp.program(families, "riscv64")
