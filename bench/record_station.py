"""The process that stands for the station in `bench.record`.

`python -m bench.record_station FOLDER URL…` prints the take and the recorder's process id, and films until
its standard input closes. As in `packwitness.cli`, the app is imported only when it runs: the recorder
process imports this module.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    from bench.recording_app import film_until_told

    film_until_told(Path(sys.argv[1]), sys.argv[2:])
