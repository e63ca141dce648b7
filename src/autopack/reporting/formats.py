"""The formats for programs, by name."""

from __future__ import annotations

from collections.abc import Mapping

from autopack.reporting import github, junit, markdown, ndjson, sarif
from autopack.reporting.view import Renderer

RENDERERS: Mapping[str, Renderer] = {
    "github": github.render,
    "junit": junit.render,
    "markdown": markdown.render,
    "ndjson": ndjson.render,
    "sarif": sarif.render,
}
"""Each returns one whole document that ends in a line feed."""
