"""Draws one parcel's clips of the demo's bench ahead, while the hub is being set up.

Run as ``python -m packwitness.demo.drawing FOLDER CYCLE``. It may be killed at any moment: what is not whole
is drawn again by the station.
"""

import sys
from pathlib import Path
from typing import get_args

from packwitness.station.cameras.scene import ClipStore, View


def draw(folder: Path, cycle: int) -> None:
    """Draw what every view sees of a cycle, unless it is there."""
    store = ClipStore(folder)
    for view in get_args(View):
        store.clip(cycle, view)


if __name__ == "__main__":
    draw(Path(sys.argv[1]), int(sys.argv[2]))
