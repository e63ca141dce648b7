"""Tide tables from harmonic constants."""
