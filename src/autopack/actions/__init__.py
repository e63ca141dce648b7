"""Typed changes that Autopack can carry out by itself, and the ones that it can only describe."""
