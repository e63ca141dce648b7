"""The use-cases; every front end calls these and renders what they return."""
