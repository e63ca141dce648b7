"""Signed answers: `ssh-keygen -Y` against an allowed-signers file (see ssh-keygen(1), ALLOWED SIGNERS).

What is signed names the request, its nonce, the action's digest and the decision, so that a signature answers nothing
else. The namespace keeps signatures that were made for other purposes out.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from autopack.artifacts.canonical import canonical_bytes
from autopack.errors import DeniedByPolicy, EnvironmentFault, UsageError
from autopack.governance.models import ApprovalRequestV1, Decision

NAMESPACE = "autopack-approval"
_SECONDS = 30
_LONGEST = 16_384


def signed_text(request: ApprovalRequestV1, decision: Decision) -> bytes:
    """Return the bytes that a signature on DECISION covers."""
    return canonical_bytes(
        {
            "purpose": NAMESPACE,
            "request_id": request.request_id,
            "nonce": request.nonce,
            "action_digest": request.binding.action_digest,
            "base_commit": request.binding.base_commit,
            "decision": decision,
        }
    )


def sign(request: ApprovalRequestV1, decision: Decision, key: Path) -> str:
    """Return the signature by the private (or agent-held public) KEY; ssh-keygen may ask for its passphrase.

    Raises UsageError where the key cannot sign, EnvironmentFault without ssh-keygen.
    """
    with tempfile.TemporaryDirectory(prefix="autopack-sign-") as folder:
        text = Path(folder) / "answer"
        text.write_bytes(signed_text(request, decision))
        done = _ssh_keygen("sign", "-f", str(key), "-n", NAMESPACE, str(text), interactive=True)
        written = text.with_name("answer.sig")
        if done.returncode != 0 or not written.is_file():
            raise UsageError(f"{key} cannot sign: {_said(done)}.", hint="Name a private key of yours with --sign-with.")
        return written.read_text(encoding="ascii")


def verified_signer(request: ApprovalRequestV1, decision: Decision, signature: str, allowed_signers: bytes) -> str:
    """Return the principal of ALLOWED_SIGNERS whose valid SIGNATURE stands under DECISION on REQUEST.

    Raises DeniedByPolicy for a missing, forged, foreign or expired signature, EnvironmentFault without ssh-keygen.
    """
    if not signature.strip() or len(signature) > _LONGEST:
        raise _refusal("it is not signed")
    with tempfile.TemporaryDirectory(prefix="autopack-verify-") as folder:
        signers, stored = Path(folder) / "allowed_signers", Path(folder) / "answer.sig"
        signers.write_bytes(allowed_signers)
        stored.write_text(signature, encoding="utf-8")
        found = _ssh_keygen("find-principals", "-s", str(stored), "-f", str(signers))
        principals = found.stdout.decode(errors="replace").split("\n")[0].strip()
        if found.returncode != 0 or not principals:
            raise _refusal("its key is none of the allowed signers")
        principal = principals.split(",")[0]
        named = ("-I", principal, "-n", NAMESPACE, "-s", str(stored), "-f", str(signers))
        done = _ssh_keygen("verify", *named, stdin=signed_text(request, decision))
        if done.returncode != 0:
            raise _refusal(f"the signature of {principal} does not stand under this answer")
    return principal


def _refusal(why: str) -> DeniedByPolicy:
    return DeniedByPolicy(
        f"The approval does not count: {why}, and governance_review.allowed_signers asks for a signature.",
        hint="autopack approvals approve ID --sign-with ~/.ssh/id_ed25519",
    )


def _ssh_keygen(
    operation: str, *arguments: str, stdin: bytes | None = None, interactive: bool = False
) -> subprocess.CompletedProcess[bytes]:
    """Run `ssh-keygen -Y OPERATION`, waiting for a person where it is INTERACTIVE."""
    program = shutil.which("ssh-keygen")
    if program is None:
        raise EnvironmentFault(
            "ssh-keygen is not installed, so that no signature can be made or checked; nothing is approved without.",
            hint="Install OpenSSH's client (Debian and Ubuntu: openssh-client).",
        )
    try:
        return subprocess.run(
            [program, "-Y", operation, *arguments],
            input=None if interactive else stdin or b"",
            capture_output=True,
            timeout=None if interactive else _SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as fault:
        raise EnvironmentFault(f"ssh-keygen failed: {fault}.", hint="Repeat the command.") from fault


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"exit code {done.returncode}"
