"""Ways to ask a person; each is a thin adapter over the same approval records."""
