"""Which sandbox this machine really has: the strongest one that stood its proof, found once per process."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from autopack.execution.sandbox.box import Sandbox
from autopack.execution.sandbox.bubblewrap import Bubblewrap
from autopack.execution.sandbox.canaries import Proof, prove
from autopack.execution.sandbox.confined import Confined
from autopack.execution.sandbox.unconfined import Unconfined
from autopack.policy.facts import SandboxTier

NO_BUBBLEWRAP = "bubblewrap (the command bwrap) is not installed"
NOT_LINUX = "it needs Linux"


@dataclass(frozen=True)
class Examination:
    """What stood the proof, and how each candidate did, the strongest first, up to the one that was chosen."""

    sandbox: Sandbox
    proofs: tuple[Proof, ...]


@lru_cache(maxsize=1)
def examine() -> Examination:
    """Try the candidates from the strongest on and take the first that stands."""
    proofs = []
    for candidate, proof in _candidates():
        proofs.append(proof)
        if candidate is not None and proof.stands:
            return Examination(candidate, tuple(proofs))
    why = "; ".join(f"{proof.tier}: {proof.objection}" for proof in proofs)
    return Examination(Unconfined(why), tuple(proofs))


def find_sandbox() -> Sandbox:
    """Return the strongest sandbox that stood the proof on this machine; `Unconfined` says why if there is none."""
    return examine().sandbox


def sandbox_tier() -> SandboxTier:
    """Return the proven tier of this machine."""
    return find_sandbox().tier


def _candidates() -> Iterator[tuple[Sandbox | None, Proof]]:
    """Yield each candidate with its proof, or None and why it cannot even be tried."""
    if not sys.platform.startswith("linux"):
        yield None, Proof("isolated", (), NOT_LINUX)
        yield None, Proof("confined", (), NOT_LINUX)
        return
    executable = shutil.which("bwrap")
    if executable is None:
        yield None, Proof("isolated", (), NO_BUBBLEWRAP)
    else:
        isolated = Bubblewrap(executable)
        yield isolated, prove(isolated)
    confined = Confined()
    yield confined, prove(confined)
