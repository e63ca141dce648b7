"""Hold the policy against its independent table on many generated actions: `python tools/oracle.py [actions]`.

The table is `tests/policy/oracle.py`; outcome and set of rules have to be equal. Exit code 1 at the first difference.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from autopack.policy.decide import Policy
from policy.anchors import KINDS
from policy.generated import generated_action, generated_anchor
from policy.oracle import Oracle

ACTIONS_PER_ANCHOR = 500


def main(actions: int) -> int:
    """Compare ACTIONS judgements and return the exit code."""
    begun = time.monotonic()
    for seed in range(1_000, 1_000 + -(-actions // ACTIONS_PER_ANCHOR)):
        random = Random(seed)
        anchor = generated_anchor(random)
        policy, oracle = Policy.build(anchor, kinds=KINDS), Oracle(anchor, KINDS)
        for _ in range(ACTIONS_PER_ANCHOR):
            facts, run = generated_action(random)
            verdict = policy.decide(facts, run)
            expected = oracle.answer(facts, run)
            if (verdict.outcome, verdict.rules) != expected:
                print(f"seed {seed}: {facts} {run}: {verdict} instead of {expected}", file=sys.stderr)
                return 1
    print(f"{actions} actions: outcome and rules equal ({time.monotonic() - begun:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
