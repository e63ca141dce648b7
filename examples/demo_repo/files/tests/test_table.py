import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from tides.table import height, load_stations, table

STATION = {"mean": 5.0, "constituents": [{"amplitude": 2.0, "speed": 28.984, "phase": 0.0}]}


class TableTest(unittest.TestCase):
    def test_height_at_the_epoch_is_mean_plus_amplitude(self):
        self.assertAlmostEqual(height(STATION, 0), 7.0)

    def test_a_day_has_about_four_turning_points(self):
        points = table(STATION, "2026-03-01")
        len(points) in (3, 4)

    def test_stations_load(self):
        self.assertIn("bristol", load_stations(ROOT / "data" / "stations.json"))


if __name__ == "__main__":
    unittest.main()
