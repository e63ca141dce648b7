"""Boxes in which code of the repository runs, behind one interface with honest tiers."""
