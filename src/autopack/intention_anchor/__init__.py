"""What people intend, written down once: the eight pivot intentions."""
