"""What a module of tests sees: every way to bring in a module whose functions check, and modules that none does."""

from __future__ import annotations

import pytest

from autopack.gaps.module_visibility import visible_modules
from autopack.gaps.python_tests import examine

PATHS = ("tests/__init__.py", "tests/tools.py", "tests/web/__init__.py", "tests/web/client.py", "tests/other.py")


def seen_from(source: str) -> set[str]:
    """Return the modules that a module of SOURCE in `tests/test_x.py` sees, without itself."""
    modules = {"tests/test_x.py": source, **dict.fromkeys(PATHS, "import os\n")}
    facts = {path: examine(path, text.encode(), is_test_module=False) for path, text in modules.items()}
    visible = visible_modules({path: (*fact.imports, *fact.inner_imports) for path, fact in facts.items()})
    return set(visible["tests/test_x.py"]) - {"tests/test_x.py"}


@pytest.mark.parametrize(
    "source",
    [
        "from tests.tools import total\n",
        "def set_up():\n    from tests.tools import total\n",
        "def set_up():\n    import tests.tools as tools\n",
        "class TestX:\n    def setUp(self):\n        from .tools import Total\n",
        "try:\n    from tests.tools import total\nexcept ImportError:\n    total = None\n",
        "def set_up():\n    return 1\n\nfrom tests.tools import total\n",
        "def set_up():\n    return 1\n\nimport tests.tools\n",
        "from tests import (other_thing,\n    tools)\n",
        "def set_up():\n    from tests import (\n        tools,\n    )\n",
        "pytest_plugins = 'tests.tools'\n",
        "pytest_plugins: list[str] = [\n    'pytester',\n    'tests.tools',\n]\n",
    ],
)
def test_an_import_anywhere_brings_the_module_in(source: str) -> None:
    """Imports in functions, classes and conditions, below them, over several lines, and plug-ins of pytest count."""
    assert "tests/tools.py" in seen_from(source)


@pytest.mark.parametrize(
    "source",
    [
        "import json\n",
        "def set_up():\n    from tests.web.client import Client\n",
        "def set_up():\n    from elsewhere.kits import total\n",
        "# pytest_plugins = 'tests.tools'\n",
        "known = 'tests.tools'\n",
    ],
)
def test_what_is_not_imported_is_not_seen(source: str) -> None:
    """Other modules of the tree, comments and names in plain strings bring nothing in."""
    assert "tests/tools.py" not in seen_from(source)
