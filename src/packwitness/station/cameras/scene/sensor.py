"""From a drawn picture to what a camera's chip delivers: I420 with a breath of noise."""

import cv2
import numpy as np
import numpy.typing as npt

from packwitness.station.cameras.scene.lens import HEIGHT, WIDTH
from packwitness.station.cameras.scene.relief import Pixels
from packwitness.station.cameras.scene.timing import FPS

TILES = 3  # noise patterns that take turns
STRENGTH = 0.75  # standard deviation in grey levels: seen, but too weak for the encoder to spend bits on
SHIFT = 37  # from one pattern to the next: all are cut from one field


class Sensor:
    """One noise pattern a GOP: between keyframes an encoder smooths it away, and takes its time."""

    def __init__(self, seed: int = 1) -> None:
        size = (HEIGHT + SHIFT * (TILES - 1), WIDTH + SHIFT * (TILES - 1))
        grain = np.random.default_rng(seed).standard_normal(size, np.float32) * np.float32(STRENGTH)
        brighter = np.clip(np.round(grain), 0, 9).astype(np.uint8)
        darker = np.clip(np.round(-grain), 0, 9).astype(np.uint8)
        cuts = [(slice(k, k + HEIGHT), slice(k, k + WIDTH)) for k in range(0, SHIFT * TILES, SHIFT)]
        self._tiles = [
            (np.ascontiguousarray(brighter[cut]), np.ascontiguousarray(darker[cut])) for cut in cuts
        ]

    def expose(self, picture: Pixels, number: int) -> npt.NDArray[np.uint8]:
        """Frame `number` of the cycle: BGR in, I420 (1080 x 1280) out."""
        planes = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420)
        luma = planes[:HEIGHT]
        brighter, darker = self._tiles[number // FPS % TILES]
        cv2.add(luma, brighter, dst=luma)
        cv2.subtract(luma, darker, dst=luma)
        return np.asarray(planes, np.uint8)
