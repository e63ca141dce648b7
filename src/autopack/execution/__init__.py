"""Carrying out granted actions in the run's own worktree, and running checks in a sandbox."""
