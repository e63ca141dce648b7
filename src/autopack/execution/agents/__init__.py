"""External coding agents: programs that work on a copy of the run's worktree, in the sandbox, for a bounded task."""
