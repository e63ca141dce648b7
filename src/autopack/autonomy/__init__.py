"""The opt-in loop over one run, and the supervisor of many."""
