"""Where the repository falls short of what it is meant to be."""
