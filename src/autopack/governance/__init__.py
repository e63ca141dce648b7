"""People: approval requests, decisions, and the gate that alone makes grants."""
