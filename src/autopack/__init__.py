"""Autopack: the governed autonomy layer for any git repository."""

__version__ = "0.1.0"
