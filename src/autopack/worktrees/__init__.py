"""Isolated checkouts: locks, leases, worktrees and the refs that keep work from being lost."""
