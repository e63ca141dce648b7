"""Every failure has a message, a hint and the exit code of one table."""

from __future__ import annotations

import pytest
from inline_snapshot import snapshot

from autopack import errors
from autopack.errors import EXIT_CODES, AutopackError


def _classes(root: type[AutopackError]) -> list[type[AutopackError]]:
    return [root, *(inner for child in root.__subclasses__() for inner in _classes(child))]


def test_the_table_of_exit_codes() -> None:
    """The codes that scripts rely on, and what they mean."""
    assert (
        snapshot(
            {
                0: "done, or nothing to do (the JSON `outcome` tells which)",
                1: "findings at or above `--fail-on`",
                2: "usage or configuration",
                3: "waiting for approval (resumable)",
                4: "denied by policy",
                5: "stale: base commit, policy, anchor or finding moved",
                6: "a lock or lease is held",
                7: "budget exhausted",
                8: "unsafe repository state",
                30: "environment: git, disk, permissions, system package",
                31: "internal error",
                130: "interrupted (SIGINT)",
                143: "terminated (SIGTERM)",
            }
        )
        == EXIT_CODES
    )


def test_each_kind_of_failure_has_its_code() -> None:
    """The tree of errors at the top of the module, with its codes."""
    own = [cls for cls in _classes(AutopackError) if cls.__module__ == errors.__name__]
    assert {cls.__name__: cls.exit_code for cls in own} == snapshot(
        {
            "AutopackError": 31,
            "UsageError": 2,
            "ArtifactError": 2,
            "WaitingForApproval": 3,
            "DeniedByPolicy": 4,
            "StaleError": 5,
            "LockHeld": 6,
            "BudgetExhausted": 7,
            "UnsafeRepository": 8,
            "EnvironmentFault": 30,
            "InternalError": 31,
        }
    )


def test_no_failure_ends_with_a_code_outside_the_table() -> None:
    """Subclasses elsewhere in Autopack keep to the table too, and none reports success."""
    assert {cls.exit_code for cls in _classes(AutopackError)} <= set(EXIT_CODES) - {0, 1, 130, 143}


@pytest.mark.parametrize("cls", _classes(AutopackError))
def test_a_failure_carries_message_and_hint(cls: type[AutopackError]) -> None:
    """The message is what `str` shows; the hint is empty unless given."""
    fault = cls("Something is wrong.", hint="Do this.")
    assert (str(fault), fault.message, fault.hint) == ("Something is wrong.", "Something is wrong.", "Do this.")
    assert cls("x").hint == ""
