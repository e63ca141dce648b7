"""The rules that the written intention implies; pure functions from facts to a verdict."""
