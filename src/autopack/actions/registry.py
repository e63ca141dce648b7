"""The kinds of action that exist: whatever stands in `actions/kinds/`, in name order."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from autopack.actions import kinds
from autopack.actions.models import Kind
from autopack.errors import InternalError


@lru_cache(maxsize=1)
def all_kinds() -> Mapping[str, Kind]:
    """Return every kind by name, sorted. Raises InternalError where a module and its kind have different names."""
    found: dict[str, Kind] = {}
    for name in sorted(module.name for module in pkgutil.iter_modules(kinds.__path__)):
        kind = getattr(importlib.import_module(f"{kinds.__name__}.{name}"), "KIND", None)
        if not isinstance(kind, Kind) or kind.name != name:
            raise InternalError(f"actions/kinds/{name}.py does not export a KIND called {name!r}.")
        found[name] = kind
    return MappingProxyType(found)
