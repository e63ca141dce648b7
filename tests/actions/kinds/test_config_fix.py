"""`config_fix` removes a setting that names what does not exist."""

from __future__ import annotations

from autopack.actions.kinds.config_fix import KIND
from carrying_out import carried_out, replace_text
from plans import gap

SETTINGS = b'[tool.pytest.ini_options]\ntestpaths = ["tests", "gone"]  # both\n'


def test_the_dead_setting_goes() -> None:
    """The entry that does not exist is removed; comments and layout stay."""
    dead = gap("a", kind="config_fix", operations=[replace_text("pyproject.toml", SETTINGS, ', "gone"', "")])
    assert carried_out(KIND, [dead], {"pyproject.toml": SETTINGS}) == {
        "pyproject.toml": b'[tool.pytest.ini_options]\ntestpaths = ["tests"]  # both\n'
    }
