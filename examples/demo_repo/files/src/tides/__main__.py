"""Print the tide table of one station for one day."""

import sys

from tides.table import load_stations, table


def main() -> None:
    station, day = sys.argv[1:3]
    for time, height in table(load_stations("data/stations.json")[station], day):
        print(f"{time}  {height:4.1f} m")


if __name__ == "__main__":
    main()
