"""Harmonic prediction: height(t) = mean + sum of amplitude * cos(speed * t - phase)."""

import json
import math
from datetime import date

MINUTES = 24 * 60


def load_stations(path):
    """Return station name -> {mean, constituents: [{amplitude, speed, phase}]}."""
    with open(path) as handle:
        text = handle.read()
    return json.loads(text.lstrip("\ufeff"))


def height(station, minute):
    """Return the height in metres MINUTE minutes after 2000-01-01T00:00Z."""
    return station["mean"] + sum(
        part["amplitude"] * math.cos(math.radians(part["speed"] * minute / 60 - part["phase"]))
        for part in station["constituents"]
    )


def table(station, day):
    """Return [(HH:MM, metres)] of the turning points on DAY (ISO date)."""
    start = (date.fromisoformat(day) - date(2000, 1, 1)).days * MINUTES
    points = []
    for minute in range(start, start + MINUTES):
        before, here, after = (height(station, minute + step) for step in (-1, 0, 1))
        if (here - before) * (after - here) < 0:
            points.append((f"{minute % MINUTES // 60:02}:{minute % 60:02}", here))
    return points
