"""Folding run-local results into the ledgers, on explicit command alone."""
