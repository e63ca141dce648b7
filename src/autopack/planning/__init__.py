"""From gaps to a bounded, ordered, judged plan."""
