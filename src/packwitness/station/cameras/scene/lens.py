"""Where a point of the bench falls in the picture: a camera that looks straight down.

Bench units are the pixels of the overhead view on the table top: x to the right, y towards the packer, z up.
"""

from dataclasses import dataclass
from typing import Literal

View = Literal["overhead", "label"]

WIDTH = 1280
HEIGHT = 720


@dataclass(frozen=True)
class Lens:
    """`scale` pixels a unit on the table top under `centre`; `height` units from table to camera."""

    view: View
    centre: tuple[float, float]
    scale: float
    height: float

    def zoom(self, z: float = 0.0) -> float:
        """Pixels a unit at height `z`: what is nearer to the camera looks larger."""
        return self.scale * self.height / (self.height - z)

    def pixel(self, x: float, y: float, z: float = 0.0) -> tuple[float, float]:
        zoom = self.zoom(z)
        return WIDTH / 2 + (x - self.centre[0]) * zoom, HEIGHT / 2 + (y - self.centre[1]) * zoom

    def shows(self, x: float, y: float, extent: float) -> bool:
        """Whether something reaching `extent` around the point can be in the picture: asked before it is
        drawn.
        """
        half_w, half_h = WIDTH / 2 / self.scale + extent, HEIGHT / 2 / self.scale + extent
        return abs(x - self.centre[0]) < half_w and abs(y - self.centre[1]) < half_h


LENSES: dict[View, Lens] = {
    "overhead": Lens("overhead", (640.0, 360.0), 1.0, 1500.0),
    "label": Lens("label", (986.0, 388.0), 3.2, 900.0),
}
