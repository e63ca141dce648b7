"""One module for each gap type; each exports `DETECTOR` and knows nothing of the others."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import cast

from autopack.gaps.detector import Detector


@cache
def all_detectors() -> tuple[Detector, ...]:
    """Return every detector of this package, by name; nothing outside the package is ever looked at."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(cast(Detector, importlib.import_module(f"{__name__}.{name}").DETECTOR) for name in names)
