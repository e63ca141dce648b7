"""Strict JSON schemas of the artifacts and a validator that names what is wrong and where."""
