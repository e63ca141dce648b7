"""Where a snapshot's facts come from: git's answers, the files' bytes, locks and databases. Reads, never writes."""
