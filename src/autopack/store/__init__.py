"""Product state that many processes share: runs, approvals, events, budgets."""
